/* Objects that lead back to themselves: strongly connected parts of the heap, those of equal types together. */
#ifndef GS_ANALYSIS_HEAP_CYCLES_H
#define GS_ANALYSIS_HEAP_CYCLES_H

#include "analysis/heap_paths.h"

typedef struct gs_heap_cycle_row {
	uint32_t name;	  /* in gs_heap_names.strings: the types, "main.a, main.b" */
	uint32_t n_cycles; /* parts, each of objects that all reach each other */
	uint64_t count, bytes; /* objects in them, their own bytes */
	uint32_t largest;      /* an object of the part with the most objects */
	uint64_t largest_count;
} gs_heap_cycle_row;

typedef struct gs_heap_cycles {
	gs_heap_cycle_row *rows; /* most bytes first */
	uint32_t n;
} gs_heap_cycles;

/* Names are added to `names`. In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_cycles_find(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, gs_heap_cycles *out, gs_err *err);

#endif
