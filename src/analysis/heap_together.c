#include "analysis/heap_together.h"

#include "base/banned.h"

typedef struct walk {
	const gs_heap *h;
	const gs_dominators *d;
	uint64_t *seen; /* nodes; those that are gone from the start */
	uint32_t *todo, n;
} walk;

static bool no_memory(const gs_heap *h, gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for what %u objects hold", h->n_objects);
}

bool gs_heap_gone_start(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_gone *out, gs_err *err)
{
	out->nodes = gs_try_new(mem, uint64_t, d->n_nodes / 64 + 1);
	out->roots = gs_try_new(mem, uint64_t, h->n_roots / 64 + 1);
	return (out->nodes && out->roots) || no_memory(h, err);
}

static void reach(walk *w, uint32_t node)
{
	if (w->seen[node / 64] >> (node & 63) & 1)
		return;
	w->seen[node / 64] |= (uint64_t)1 << (node & 63);
	w->todo[w->n++] = node;
}

static void start(walk *w, const gs_heap_gone *gone)
{
	const gs_dominators *d = w->d;

	for (uint32_t i = 0; i < d->n_holders; i++) {
		uint32_t node = d->n_objects + i;

		if (gone->nodes[node / 64] >> (node & 63) & 1)
			continue;
		for (uint32_t k = d->holder_at[i]; k < d->holder_at[i + 1]; k++) {
			uint32_t root = d->holder_root[k];

			if (root == GS_HEAP_NONE || !(gone->roots[root / 64] >> (root & 63) & 1))
				reach(w, d->holder_to[k]);
		}
	}
}

bool gs_heap_together(const gs_heap *h, const gs_dominators *d, const gs_heap_gone *gone, uint64_t *count, uint64_t *bytes, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	size_t n_words = d->n_nodes / 64 + 1;
	walk w = { .h = h, .d = d, .seen = gs_try_new(scratch, uint64_t, n_words), .todo = gs_try_new(scratch, uint32_t, h->n_objects) };
	uint64_t *reached = gs_try_new(scratch, uint64_t, n_words);

	if (!w.seen || !w.todo || !reached)
		return no_memory(h, err);
	memcpy(w.seen, gone->nodes, n_words * sizeof(*w.seen));
	start(&w, gone);
	while (w.n) {
		uint32_t node = w.todo[--w.n], to;

		reached[node / 64] |= (uint64_t)1 << (node & 63);
		for (uint32_t k = 0; (to = gs_dominators_successor(h, d, node, k)) != GS_HEAP_NONE; k++)
			if (to != GS_DOMINATORS_SKIP)
				reach(&w, to);
	}
	*count = *bytes = 0;
	for (gs_heap_walk i = gs_heap_walk_start(h); gs_heap_walk_next(&i);)
		if (!(reached[i.object / 64] >> (i.object & 63) & 1)) {
			++*count;
			*bytes += i.size_bytes;
		}
	return true;
}
