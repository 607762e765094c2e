/*
 * What would be freed if several things were gone at once: more than the sum of what each retains, as what two of them hold is retained by neither.
 */
#ifndef GS_ANALYSIS_HEAP_TOGETHER_H
#define GS_ANALYSIS_HEAP_TOGETHER_H

#include "analysis/dominators.h"

typedef struct gs_heap_gone {
	uint64_t *nodes; /* a bit for each node of the dominators: objects and holders */
	uint64_t *roots; /* a bit for each root: of what a frame holds only these */
} gs_heap_gone;

static inline void gs_heap_gone_node(gs_heap_gone *g, uint32_t node)
{
	g->nodes[node / 64] |= (uint64_t)1 << (node & 63);
}

static inline void gs_heap_gone_root(gs_heap_gone *g, uint32_t root)
{
	g->roots[root / 64] |= (uint64_t)1 << (root & 63);
}

/* Nothing is gone. In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_heap_gone_start(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_gone *out, gs_err *err);
/* Objects and bytes that would be freed, those of `gone` included. GS_ERR_LIMIT: out of memory. */
bool gs_heap_together(const gs_heap *h, const gs_dominators *d, const gs_heap_gone *gone, uint64_t *count, uint64_t *bytes, gs_err *err);

#endif
