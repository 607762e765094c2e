#include "analysis/dominators.h"

#include "base/banned.h"

typedef struct graph { /* temporary; numbers from 1 in the order of a depth-first walk, the root is 1 */
	const gs_heap *h;
	gs_dominators *d;
	uint32_t *number;	/* node -> number, 0 not reached */
	uint32_t *node;		/* number -> node */
	uint32_t *parent, *label, *semi, *idom;
	uint32_t *pred_at, *pred;
	uint32_t n_numbers;
} graph;

/* ---- holders ---- */

static uint64_t holder_key(const gs_heap_root *r)
{
	switch (r->kind) {
	case GS_HEAP_ROOT_GLOBAL:
		return r->name ? (uint64_t)1 << 40 | r->name : (uint64_t)1 << 63 | r->at;
	case GS_HEAP_ROOT_STACK:
	case GS_HEAP_ROOT_REGISTER:
	case GS_HEAP_ROOT_GOROUTINE:
		return (uint64_t)2 << 40 | r->goroutine;
	default:
		return (uint64_t)3 << 40 | r->kind;
	}
}

static bool is_of_goroutine(const gs_heap_root *r)
{
	return r->kind == GS_HEAP_ROOT_STACK || r->kind == GS_HEAP_ROOT_REGISTER || r->kind == GS_HEAP_ROOT_GOROUTINE;
}

/* Holders, and the holder of each root and goroutine in `of` (roots, then goroutines). */
static bool list_holders(gs_arena *mem, const gs_heap *h, gs_dominators *d, uint32_t *of)
{
	GS_AUTO(map) seen = { 0 };
	uint32_t n = 0;

	d->holders = gs_try_new(mem, gs_heap_holder, (size_t)h->n_roots + h->n_goroutines);
	if (!d->holders)
		return false;
	for (uint32_t i = 0; i < h->n_roots + h->n_goroutines; i++) {
		gs_heap_root own = { .kind = GS_HEAP_ROOT_GOROUTINE, .goroutine = i - h->n_roots };
		const gs_heap_root *r = i < h->n_roots ? &h->roots[i] : &own;
		bool is_new;
		uint32_t *at = gs_map_put(&seen, holder_key(r), &is_new);

		if (!at)
			return false;
		if (is_new) {
			*at = n;
			d->holders[n++] = (gs_heap_holder){
				.kind = is_of_goroutine(r) ? GS_HEAP_ROOT_GOROUTINE : r->kind,
				.name = r->kind == GS_HEAP_ROOT_GLOBAL ? r->name : 0,
				.goroutine = is_of_goroutine(r) ? r->goroutine : GS_HEAP_NONE,
				.at = r->at,
			};
		}
		of[i] = *at;
	}
	d->n_holders = n;
	return true;
}

static bool link_holders(gs_arena *mem, gs_arena *scratch, const gs_heap *h, gs_dominators *d)
{
	uint32_t n = h->n_roots + h->n_goroutines, *of = gs_try_new(scratch, uint32_t, n), *fill;

	if (!of || !list_holders(mem, h, d, of))
		return false;
	d->holder_at = gs_try_new(mem, uint32_t, (size_t)d->n_holders + 1);
	d->holder_to = gs_try_new(mem, uint32_t, n);
	d->holder_root = gs_try_new(mem, uint32_t, n);
	fill = gs_try_new(scratch, uint32_t, d->n_holders);
	d->is_goroutine = gs_try_new(mem, uint32_t, h->n_objects / 32 + 1);
	if (!d->holder_at || !d->holder_to || !d->holder_root || !fill || !d->is_goroutine)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (i < h->n_roots || h->goroutines[i - h->n_roots].object != GS_HEAP_NONE)
			d->holder_at[of[i] + 1]++;
	for (uint32_t i = 0; i < d->n_holders; i++) {
		d->holder_at[i + 1] += d->holder_at[i];
		fill[i] = d->holder_at[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = i < h->n_roots ? h->roots[i].object : h->goroutines[i - h->n_roots].object;

		if (to == GS_HEAP_NONE)
			continue;
		d->holder_root[fill[of[i]]] = i < h->n_roots ? i : GS_HEAP_NONE;
		d->holder_to[fill[of[i]]++] = to;
		if (i >= h->n_roots)
			d->is_goroutine[to / 32] |= (uint32_t)1 << (to & 31);
	}
	return true;
}

/* ---- edges ---- */

static inline uint32_t successor(const graph *g, uint32_t node, uint32_t k)
{
	return gs_dominators_successor(g->h, g->d, node, k);
}

/* Number the nodes; `semi` serves as the place in each node's list meanwhile. */
static void walk(graph *g)
{
	uint32_t at = 1, n = 1;

	g->node[1] = gs_dominators_root(g->d);
	g->number[g->node[1]] = 1;
	while (at) {
		uint32_t to = successor(g, g->node[at], g->semi[at]++);

		if (to == GS_HEAP_NONE) {
			at = g->parent[at];
			continue;
		}
		if (to == GS_DOMINATORS_SKIP || g->number[to])
			continue;
		g->number[to] = ++n;
		g->node[n] = to;
		g->parent[n] = at;
		at = n;
	}
	g->n_numbers = n;
}

static bool link_back(gs_arena *scratch, graph *g)
{
	uint64_t n_edges = 0;
	uint32_t to, *at;

	g->pred_at = at = gs_try_new(scratch, uint32_t, (size_t)g->n_numbers + 3);
	if (!at)
		return false;
	for (uint32_t i = 1; i <= g->n_numbers; i++)
		for (uint32_t k = 0; (to = successor(g, g->node[i], k)) != GS_HEAP_NONE; k++)
			if (to != GS_DOMINATORS_SKIP) {
				at[g->number[to] + 2]++;
				n_edges++;
			}
	g->pred = n_edges < UINT32_MAX ? gs_try_new(scratch, uint32_t, n_edges) : NULL;
	if (!g->pred)
		return false;
	for (uint32_t i = 2; i < g->n_numbers + 3; i++)
		at[i] += at[i - 1];
	/* at[v + 1] is where the next one of v goes; in the end it is where v + 1 begins. */
	for (uint32_t i = 1; i <= g->n_numbers; i++)
		for (uint32_t k = 0; (to = successor(g, g->node[i], k)) != GS_HEAP_NONE; k++)
			if (to != GS_DOMINATORS_SKIP)
				g->pred[at[g->number[to] + 1]++] = i;
	return true;
}

/* ---- semi-dominators ---- */

/* The label with the least semi-dominator on the way from v up to what is not linked yet; shortens that way. The way is kept in `path`. */
static uint32_t evaluate(graph *g, uint32_t v, uint32_t last_linked, uint32_t *path)
{
	uint32_t n = 0, top, top_label;

	if (g->parent[v] < last_linked)
		return g->label[v];
	do {
		path[n++] = v;
		v = g->parent[v];
	} while (g->parent[v] >= last_linked);
	top = v;
	top_label = g->label[top];
	while (n) {
		v = path[--n];
		g->parent[v] = g->parent[top];
		if (g->semi[top_label] < g->semi[g->label[v]])
			g->label[v] = top_label;
		else
			top_label = g->label[v];
		top = v;
	}
	return g->label[v];
}

static void find_dominators(graph *g, uint32_t *path)
{
	uint32_t n = g->n_numbers;

	for (uint32_t i = 1; i <= n; i++) {
		g->idom[i] = g->parent[i];
		g->label[i] = g->semi[i] = i;
	}
	for (uint32_t i = n; i >= 2; i--) {
		uint32_t semi = g->idom[i];

		for (uint32_t k = g->pred_at[i]; k < g->pred_at[i + 1]; k++) {
			uint32_t s = g->semi[evaluate(g, g->pred[k], i + 1, path)];

			if (s < semi)
				semi = s;
		}
		g->semi[i] = semi;
	}
	for (uint32_t i = 2; i <= n; i++) {
		uint32_t d = g->idom[i];

		while (d > g->semi[i])
			d = g->idom[d];
		g->idom[i] = d;
	}
}

static void sum_up(graph *g)
{
	gs_dominators *d = g->d;

	for (gs_heap_walk w = gs_heap_walk_start(g->h); gs_heap_walk_next(&w);)
		d->retained[w.object] = w.size_bytes;
	for (uint32_t i = 0; i < d->n_nodes; i++)
		d->idom[i] = gs_dominators_root(d); /* what no holder leads to */
	d->idom[gs_dominators_root(d)] = GS_HEAP_NONE;
	for (uint32_t i = g->n_numbers; i >= 2; i--) {
		uint32_t node = g->node[i], up = g->node[g->idom[i]];

		d->idom[node] = up;
		d->retained[up] += d->retained[node];
	}
}

bool gs_dominators_build(gs_arena *mem, const gs_heap *h, gs_dominators *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	graph g = { .h = h, .d = out };
	uint32_t *path;
	uint64_t n;
	bool ok;

	*out = (gs_dominators){ .n_objects = h->n_objects };
	ok = link_holders(mem, scratch, h, out);
	n = (uint64_t)h->n_objects + out->n_holders + 1;
	ok = ok && n < GS_DOMINATORS_SKIP - 1;
	out->n_nodes = (uint32_t)n;
	if (ok) {
		out->idom = gs_try_new(mem, uint32_t, n);
		out->retained = gs_try_new(mem, uint64_t, n);
		g.number = gs_try_new(scratch, uint32_t, n);
		g.node = gs_try_new(scratch, uint32_t, n + 1);
		g.parent = gs_try_new(scratch, uint32_t, n + 1);
		g.semi = gs_try_new(scratch, uint32_t, n + 1);
		ok = out->idom && out->retained && g.number && g.node && g.parent && g.semi;
	}
	if (ok) {
		walk(&g);
		ok = link_back(scratch, &g);
		g.label = gs_try_new(scratch, uint32_t, n + 1);
		path = g.number; /* not needed any more */
		g.idom = gs_try_new(scratch, uint32_t, n + 1);
		ok = ok && g.label && g.idom;
		if (ok) {
			find_dominators(&g, path);
			sum_up(&g);
		}
	}
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the dominators of %u objects", h->n_objects);
}
