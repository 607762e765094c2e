/*
 * Heaps of one program at several moments, by name: what holders retain, how much there is of each type, and how much of it objects of which type
 * point to: where that grows, the first is the container and the second what gathers in it. Objects have no identity over
 * time (the addresses do, the objects do not), names do. Heaps are added one after the other and may go afterwards.
 */
#ifndef GS_ANALYSIS_HEAP_DIFF_H
#define GS_ANALYSIS_HEAP_DIFF_H

#include "analysis/heap_paths.h"

enum { GS_HEAP_DIFF_MAX = 3 };

typedef enum gs_heap_diff_kind {
	GS_HEAP_DIFF_HOLDER, /* "var main.cache" */
	GS_HEAP_DIFF_TYPE,   /* "main.node" */
	GS_HEAP_DIFF_EDGE,   /* "main.node -> []uint8" */
} gs_heap_diff_kind;

typedef struct gs_heap_diff_value {
	uint64_t count; /* objects of the type; objects that are retained; objects that are pointed to, each once */
	uint64_t own_bytes; /* of types and edges */
	uint64_t retained_bytes;
} gs_heap_diff_value;

typedef struct gs_heap_diff_row {
	uint32_t name; /* in gs_heap_diff.strings */
	gs_heap_diff_kind kind;
	gs_heap_diff_value at[GS_HEAP_DIFF_MAX];
	/* Of a holder's retained bytes or the others' own. Of three heaps the lesser of the two steps: what grew in both comes before what
	 * grew once. */
	int64_t growth_bytes;
} gs_heap_diff_row;

typedef struct gs_heap_diff_side {
	uint64_t live_bytes;
	uint32_t n_objects, n_goroutines;
} gs_heap_diff_side;

typedef struct gs_heap_diff {
	gs_arena *mem;
	gs_strtab strings;
	gs_map index; /* name and kind -> row */
	gs_heap_diff_row *rows;
	uint32_t n, cap;
	gs_heap_diff_side sides[GS_HEAP_DIFF_MAX];
	unsigned n_sides;
} gs_heap_diff;

/* In `mem`, which frees it. NULL with GS_ERR_LIMIT. */
gs_heap_diff *gs_heap_diff_create(gs_arena *mem, gs_err *err);
/* The next moment. GS_ERR_LIMIT: out of memory. */
bool gs_heap_diff_add(gs_heap_diff *diff, const gs_heap *h, gs_err *err);
/* Growth, and rows in order: holders, types, edges, of each the most growth first. */
void gs_heap_diff_finish(gs_heap_diff *diff);

#endif
