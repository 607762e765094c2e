/*
 * Where memory piles up: the last single thing (a map, a slice, a cache's struct) on the way down from a holder below which there are many small
 * ones and no single large one: the accumulation point, as Eclipse's Memory Analyzer calls it. Each byte counts at one of them.
 */
#ifndef GS_ANALYSIS_HEAP_SUSPECTS_H
#define GS_ANALYSIS_HEAP_SUSPECTS_H

#include "analysis/heap_allocated.h"
#include "analysis/heap_paths.h"

typedef struct gs_heap_suspect {
	uint32_t step;	    /* the point, in gs_heap_paths.steps */
	uint32_t elements;  /* the step below it, or itself, that has most bytes of its own */
	uint64_t bytes;	    /* piled up here: retained without what lies in other points below */
	uint64_t count;	    /* objects of `elements` */
	uint64_t retained, retained_before; /* by the point with all that is below; and by the same at an earlier moment */
	uint64_t key;	    /* names on the way, the same in other heaps of the program */
} gs_heap_suspect;

typedef struct gs_heap_suspects {
	gs_heap_suspect *rows; /* most bytes first; with an earlier moment the most growth first */
	uint32_t n;
	bool has_before;
} gs_heap_suspects;

/* What the same ways led to in an earlier heap. `index` is to be released. */
typedef struct gs_heap_before {
	gs_map index; /* key -> row in bytes */
	uint64_t *bytes;
} gs_heap_before;
bool gs_heap_before_make(gs_arena *mem, const gs_heap_paths *held, const gs_heap_names *names, gs_heap_before *out, gs_err *err);

/* Points with at least min_bytes. `before` may be NULL. In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_suspects_find(gs_arena *mem, const gs_heap_paths *held, const gs_dominators *d, const gs_heap_names *names,
			   uint64_t min_bytes, const gs_heap_before *before, gs_heap_suspects *out, gs_err *err);

/* The lines that allocated what lies in each point, as far as it was sampled: groups are indexes in suspects->rows. In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_suspects_allocators(gs_arena *mem, const gs_heap *h, const gs_heap_paths *held, const gs_dominators *d, const gs_heap_names *names,
				 const gs_heap_suspects *suspects, const gs_heap_places *places, gs_heap_allocators *out, gs_err *err);

#endif
