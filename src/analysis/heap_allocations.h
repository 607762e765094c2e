/*
 * Where memory was allocated: the runtime's own heap profile as a profile, and live sampled objects joined to the stacks that allocated them.
 * Authority: runtime/pprof/protomem.go.
 */
#ifndef GS_ANALYSIS_HEAP_ALLOCATIONS_H
#define GS_ANALYSIS_HEAP_ALLOCATIONS_H

#include "model/heap.h"
#include "model/profile.h"

enum { GS_HEAP_ALLOCATION_TYPES = 4 };

/* What `count` samples of one size stand for: the sampling rate makes small objects rarer than large ones. */
typedef struct gs_heap_estimate {
	int64_t count, bytes;
} gs_heap_estimate;
gs_heap_estimate gs_heap_estimate_of(int64_t count, int64_t bytes, int64_t rate);

/* What pprof.WriteHeapProfile would write at this moment: alloc_objects, alloc_space, inuse_objects, inuse_space; empty when nothing was sampled. In `mem`. NULL with
 * GS_ERR_LIMIT. */
gs_profile *gs_heap_allocations(gs_arena *mem, const gs_heap *h, gs_err *err);
/* The same types and samples added to a profile that has `n_before` types of its own, period and all. False: memory is out, the builder knows. */
void gs_heap_allocation_types(gs_profile_builder *b, const gs_heap *h);
bool gs_heap_allocation_samples(gs_profile_builder *b, const gs_heap *h, unsigned n_before);

/* The stack of a site as a node below the root, without the runtime's allocator. GS_NO_ID: memory is out. */
typedef struct gs_heap_stacks {
	gs_profile_builder *b;
	const gs_heap *h;
	uint32_t mapping;
} gs_heap_stacks;
void gs_heap_stacks_start(gs_heap_stacks *s, gs_profile_builder *b, const gs_heap *h);
uint32_t gs_heap_stacks_push(const gs_heap_stacks *s, uint32_t site);

#endif
