#include "analysis/heap_summary.h"

#include "base/banned.h"

/*
 * An object adds to what its type retains unless one of the same type is above it in the tree. The tree is walked from the top with a count
 * for each type of how many are open above.
 */
typedef struct tree {
	uint32_t *child_at, *child; /* children by node */
	uint32_t *place;	    /* of each node: its next child */
	uint32_t *open;		    /* of each type */
} tree;

static bool make_tree(gs_arena *scratch, const gs_dominators *d, uint32_t n_types, tree *t)
{
	t->child_at = gs_try_new(scratch, uint32_t, (size_t)d->n_nodes + 2);
	t->child = gs_try_new(scratch, uint32_t, d->n_nodes);
	t->place = gs_try_new(scratch, uint32_t, d->n_nodes);
	t->open = gs_try_new(scratch, uint32_t, n_types);
	if (!t->child_at || !t->child || !t->place || !t->open)
		return false;
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (d->idom[i] != GS_HEAP_NONE)
			t->child_at[d->idom[i] + 1]++;
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		t->child_at[i + 1] += t->child_at[i];
		t->place[i] = t->child_at[i];
	}
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (d->idom[i] != GS_HEAP_NONE)
			t->child[t->place[d->idom[i]]++] = i;
	memcpy(t->place, t->child_at, d->n_nodes * sizeof(uint32_t));
	return true;
}

static void walk(const gs_heap *h, const gs_dominators *d, tree *t, gs_heap_type_row *by_type)
{
	uint32_t at = gs_dominators_root(d);

	for (;;) {
		if (t->place[at] < t->child_at[at + 1]) {
			at = t->child[t->place[at]++];
			if (at < d->n_objects && t->open[h->type_of[at]]++ == 0)
				by_type[h->type_of[at]].retained_bytes += d->retained[at];
			continue;
		}
		if (at < d->n_objects)
			t->open[h->type_of[at]]--;
		at = d->idom[at];
		if (at == GS_HEAP_NONE)
			return;
	}
}

static int by_retained(const void *a, const void *b)
{
	const gs_heap_type_row *x = a, *y = b;

	if (x->retained_bytes != y->retained_bytes)
		return x->retained_bytes > y->retained_bytes ? -1 : 1;
	if (x->shallow_bytes != y->shallow_bytes)
		return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

bool gs_heap_summarize(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_summary *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	gs_heap_type_row *rows = gs_try_new(mem, gs_heap_type_row, h->n_types);
	tree t;

	*out = (gs_heap_summary){ 0 };
	if (!rows || !make_tree(scratch, d, h->n_types, &t))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a summary of %u objects", h->n_objects);
	for (uint32_t i = 0; i < h->n_types; i++)
		rows[i].type = i;
	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		rows[h->type_of[w.object]].count++;
		rows[h->type_of[w.object]].shallow_bytes += w.size_bytes;
	}
	walk(h, d, &t, rows);
	for (uint32_t i = 0; i < h->n_types; i++)
		if (rows[i].count)
			rows[out->n_rows++] = rows[i];
	if (out->n_rows)
		qsort(rows, out->n_rows, sizeof(*rows), by_retained);
	out->rows = rows;
	return true;
}
