/*
 * What holds how much: the dominator tree of a heap. A node dominates another when every path from the roots to that one leads through it: let it go, and all that it
 * dominates goes with it. That sum is its retained size.
 *
 * Nodes: the heap's objects by their numbers, then one for each holder (a package-level variable, a goroutine, finalizers ...),
 * then the root of all. Semi-NCA (Georgiadis, Tarjan, Werneck: Finding dominators in practice).
 */
#ifndef GS_ANALYSIS_DOMINATORS_H
#define GS_ANALYSIS_DOMINATORS_H

#include "base/err.h"
#include "model/heap.h"

/* One thing outside the heap that keeps objects alive. */
typedef struct gs_heap_holder {
	uint32_t kind;	    /* gs_heap_root_kind; GS_HEAP_ROOT_GOROUTINE for all that a goroutine has */
	uint32_t name;	    /* of a variable: string id, 0 without a name */
	uint32_t goroutine; /* index, GS_HEAP_NONE */
	uint64_t at;	    /* first root's address */
} gs_heap_holder;

typedef struct gs_dominators {
	uint32_t n_objects, n_holders, n_nodes; /* n_nodes = n_objects + n_holders + 1; the last is the root */
	gs_heap_holder *holders;
	gs_packed above;    /* ids, see gs_dominators_above */
	gs_packed retained; /* see gs_dominators_retained */
	unsigned retained_shift;
	/* What each holder points to: rows in compressed form, and by which root (GS_HEAP_NONE: a goroutine's own record). */
	uint32_t *holder_at, *holder_to, *holder_root;
	uint32_t *is_goroutine; /* bits: objects that are records of goroutines that live */
} gs_dominators;

static inline uint32_t gs_dominators_root(const gs_dominators *d)
{
	return d->n_nodes - 1;
}

/* A node's parent in the tree; GS_HEAP_NONE for the root. */
static inline uint32_t gs_dominators_above(const gs_dominators *d, uint32_t node)
{
	return gs_packed_id(&d->above, node);
}

/* Bytes, its own included. */
static inline uint64_t gs_dominators_retained(const gs_dominators *d, uint32_t node)
{
	return gs_packed_get(&d->retained, node) << d->retained_shift;
}

/* The k-th successor of a node; GS_HEAP_NONE behind the last, GS_DOMINATORS_SKIP for an edge that does not count. */
#define GS_DOMINATORS_SKIP (UINT32_MAX - 1)
static inline uint32_t gs_dominators_successor(const gs_heap *h, const gs_dominators *d, uint32_t node, uint32_t k)
{
	uint32_t to;

	if (node < h->n_objects) {
		if (k >= gs_heap_edge_at(h, node + 1) - gs_heap_edge_at(h, node))
			return GS_HEAP_NONE;
		to = gs_heap_edge_to(h, gs_heap_edge_at(h, node) + k);
		/* That all goroutines are listed is not why they are there. */
		if (node == h->all_goroutines && (d->is_goroutine[to / 32] >> (to & 31) & 1))
			return GS_DOMINATORS_SKIP;
		return to;
	}
	node -= h->n_objects;
	if (node < d->n_holders)
		return k < d->holder_at[node + 1] - d->holder_at[node] ? d->holder_to[d->holder_at[node] + k] : GS_HEAP_NONE;
	return k < d->n_holders ? h->n_objects + k : GS_HEAP_NONE;
}

/* In `mem`. GS_ERR_LIMIT: out of memory. */
bool gs_dominators_build(gs_arena *mem, const gs_heap *h, gs_dominators *out, gs_err *err);

#endif
