/*
 * Live objects by who allocated them and who keeps them: those that were sampled when they were allocated, each standing for as many as the sampling rate says.
 */
#ifndef GS_ANALYSIS_HEAP_ALLOCATED_H
#define GS_ANALYSIS_HEAP_ALLOCATED_H

#include "analysis/dominators.h"
#include "analysis/heap_allocations.h"
#include "analysis/heap_paths.h"
#include "base/re.h"

/* The line that allocates: the innermost call that is not in the standard library; where all are, the innermost. String ids of the heap. */
typedef struct gs_heap_place {
	uint32_t function, file, line;
	uint32_t library; /* the function of the standard library in which it happened, 0 none */
} gs_heap_place;

typedef struct gs_heap_places {
	gs_heap_place *list;
	uint32_t n;
	uint32_t *of_site; /* index in list */
} gs_heap_places;

/* Of all sites. In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_places_find(gs_arena *mem, const gs_heap *h, gs_heap_places *out, gs_err *err);

/* What one sample of a site stands for. */
typedef struct gs_heap_weight {
	double count, bytes;
} gs_heap_weight;
gs_heap_weight gs_heap_site_weight(const gs_heap *h, uint32_t site);
/* Rounded; what a damaged image makes of it is cut at 2^60. */
uint64_t gs_heap_whole(double estimate);

/* Samples of `object`: h->samples[first] and on; how many. */
uint32_t gs_heap_samples_of(const gs_heap *h, uint32_t object, uint32_t *first);

/* For each site whether a function of its stack matches. In `mem`; NULL: out of memory. */
bool *gs_heap_sites_matching(gs_arena *mem, const gs_heap *h, const gs_re *re, gs_err *err);
/* A bit for each object with a sample of one of these sites. */
uint64_t *gs_heap_objects_of_sites(gs_arena *mem, const gs_heap *h, const bool *sites, gs_err *err);

typedef struct gs_heap_allocated {
	uint32_t group, site, type; /* type: index in gs_heap.types */
	uint32_t n_samples;
	double count, bytes; /* estimated */
} gs_heap_allocated;

typedef struct gs_heap_allocated_list {
	gs_heap_allocated *rows; /* by group, most bytes first */
	uint32_t n;
} gs_heap_allocated_list;

/*
 * Group of an object: that of its nearest ancestor in the dominator tree, itself included, with one in `groups` (of each node, GS_HEAP_NONE: none; the root has one).
 * `groups` is filled up on the way. In `mem`. GS_ERR_LIMIT: out of memory.
 */
bool gs_heap_allocated_by(gs_arena *mem, const gs_heap *h, const gs_dominators *d, uint32_t *groups, gs_heap_allocated_list *out, gs_err *err);

/* The holder that retains them, or that several do: groups are ids in names->strings. */
bool gs_heap_allocated_by_holder(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_allocated_list *out, gs_err *err);
/* These rows as a profile: stacks of the allocations, types live_objects and live_space, labels "type" and "holder". In `mem`. NULL with GS_ERR_LIMIT. */
gs_profile *gs_heap_allocated_profile(gs_arena *mem, const gs_heap *h, const gs_heap_allocated_list *rows, const gs_heap_names *names, gs_err *err);

/* Part of a place's bytes. */
typedef struct gs_heap_share {
	uint32_t id; /* of a group, or a type */
	double bytes;
} gs_heap_share;

enum { GS_HEAP_N_SHARES = 3 };

typedef struct gs_heap_allocator {
	uint32_t group; /* that it is of */
	uint32_t place, site; /* site: its stack with most bytes */
	uint32_t n_samples;
	double count, bytes;
	gs_heap_share keepers[GS_HEAP_N_SHARES], types[GS_HEAP_N_SHARES]; /* most bytes first; 0 bytes: no more */
} gs_heap_allocator;

typedef struct gs_heap_allocators {
	gs_heap_allocator *rows; /* most bytes first; with keep_groups by group before */
	uint32_t n;
	double bytes;
	uint32_t n_samples;
} gs_heap_allocators;

/* The rows by place, of all groups (which are the keepers then) or of each. In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_allocators_list(gs_arena *mem, const gs_heap *h, const gs_heap_places *places, const gs_heap_allocated_list *rows, bool keep_groups,
			     gs_heap_allocators *out, gs_err *err);

#endif
