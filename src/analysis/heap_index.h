/* What every question about a heap needs, found out once: who dominates whom, how things are called, and both together as a tree. */
#ifndef GS_ANALYSIS_HEAP_INDEX_H
#define GS_ANALYSIS_HEAP_INDEX_H

#include "analysis/heap_paths.h"

typedef struct gs_heap_index {
	const gs_heap *heap;
	gs_dominators dominators;
	gs_heap_names *names; /* has all names of `held`; nothing is added any more, so that threads may share it */
	gs_heap_paths held;   /* the dominator tree, equal ways merged */
} gs_heap_index;

/* In `mem`. `known`: its dominators, if they are known; else NULL. NULL: out of memory. */
gs_heap_index *gs_heap_index_build(gs_arena *mem, const gs_heap *h, const gs_dominators *known, gs_err *err);

#endif
