/*
 * Places of a recording: an address in the map of a process that held it. Each is met many times and gets a number; what is there
 * is asked when all are known: many at once, in the order of addresses, on all processors.
 */
#ifndef GS_LOAD_PERF_PLACES_H
#define GS_LOAD_PERF_PLACES_H

#include "format/perfdata/perfdata.h"
#include "load/load.h"
#include "load/perf_process.h"
#include "load/slice_map.h"
#include "load/symbolize.h"

typedef struct gs_perf_place {
	uint64_t address;
	uint32_t mapping; /* of the profile */
	uint32_t name;	  /* string id: the kernel made this code at run time, and told its name; 0: no such thing */
	bool is_kernel;
} gs_perf_place;

/* What a process had at an address not long ago. */
typedef struct gs_perf_recent {
	uint64_t address;
	int32_t pid; /* GS_PERF_KERNEL_PID for the kernel's */
	uint32_t epoch, place;
} gs_perf_recent;

typedef struct gs_perf_places {
	const gs_load_source *src;
	gs_str path;
	gs_arena *scratch;
	gs_profile_builder *b;
	const gs_perfdata *d;
	gs_perf_processes *processes;
	gs_digest_key *key;
	gs_symbolizer *symbols; /* NULL: keep addresses, or nobody asked yet */
	gs_slice_map mappings;  /* packed key -> mapping */
	GS_VEC(gs_symbol_map) symbol_maps; /* by mapping; [0] is none */
	GS_VEC(gs_perf_place) list;
	gs_digest_map index;	/* -> place, from 1 */
	gs_perf_recent *recent; /* by address and pid */
	uint32_t epoch;		/* goes up when maps change: older ones in `recent` no longer hold; from 1 */
	bool has_kernel;	/* places of the kernel that wait for their names */
	bool is_kernel_moved;	/* the kernel of this boot lies elsewhere: its symbols would lie */
} gs_perf_places;

/* All that `places` points to must outlive it. Release in any case. False when memory is out, here and below. */
bool gs_perf_places_init(gs_perf_places *places, const gs_load_source *src, gs_str path, gs_arena *scratch, gs_profile_builder *b,
			 const gs_perfdata *d, gs_perf_processes *processes, gs_digest_key *key);
void gs_perf_places_release(gs_perf_places *places);
/* The number of the place, from 1; 0: memory is out. */
uint32_t gs_perf_places_at(gs_perf_places *places, int32_t pid, uint64_t address, bool is_kernel);
/* The processes' maps changed. */
void gs_perf_places_changed(gs_perf_places *places);
/* Make the profile's locations: `out` is by place, one more than there are. */
bool gs_perf_places_name(gs_perf_places *places, uint32_t *out);
/* The path of a regular file of that name beside the file at `path`; NULL when there is none. */
const char *gs_perf_places_beside(gs_arena *mem, gs_str path, const char *name);
/* Which binaries of the recording were not to be had. */
void gs_perf_places_warn(gs_perf_places *places);

#endif
