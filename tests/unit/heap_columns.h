/* Columns of a heap made by hand. */
#ifndef GS_TESTS_HEAP_COLUMNS_H
#define GS_TESTS_HEAP_COLUMNS_H

#include "model/heap.h"
#include "tap.h"

static inline gs_packed packed_of(gs_arena *mem, const uint32_t *values, uint32_t n)
{
	gs_packed p;

	CHECK(gs_packed_init(&p, mem, n, UINT32_MAX));
	for (uint32_t i = 0; i < n; i++)
		gs_packed_set(&p, i, values[i]);
	return p;
}

/* `at` has one more than there are objects. */
static inline void set_edges(gs_arena *mem, gs_heap *h, const uint32_t *at, const uint32_t *to)
{
	CHECK(gs_heap_rows_init(&h->edge_rows, mem, h->n_objects, at[h->n_objects]));
	for (uint32_t i = 0; i < h->n_objects; i++)
		gs_heap_rows_add(&h->edge_rows, at[i + 1] - at[i]);
	h->n_edges = at[h->n_objects];
	h->edge_ids = packed_of(mem, to, h->n_edges);
}

#endif
