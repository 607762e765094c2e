#include "analysis/dominators.h"

#include "base/buf.h"
#include "base/banned.h"

typedef struct edge {
	uint32_t from, to;
} edge;

/*
 * Temporary; numbers from 1 in the order of a depth-first walk, the root is 1. Each array has an arena of its own: it goes as soon as it has served, so that
 * what is needed at a time stays at four to five words of 32 bits for a node.
 */
typedef struct graph {
	const gs_heap *h;
	gs_dominators *d;
	gs_arena *number_mem, *node_mem, *above_mem, *least_mem, *pred_at_mem, *pred_mem, *ups_mem;
	uint32_t *number;  /* node -> number, 0 not reached */
	uint32_t *node;	   /* number -> node */
	uint32_t *above;   /* parent; later a node further up; in the end the dominator */
	uint32_t *least;   /* of the semi-dominators between a node and above it */
	uint32_t *pred_at; /* rows of pred; of a node that is done, pred_at[i + 1] is its semi-dominator */
	uint32_t *pred;	   /* other than the parent */
	uint64_t *ups;	   /* the walk in bits: 0 one up, 1 a new node */
	uint64_t n_ups;
	GS_VEC(edge) others; /* edges beside those of the tree */
	GS_VEC(uint32_t) stack;
	uint32_t n_numbers;
	bool is_out_of_memory;
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

static uint32_t *take(gs_arena **mem, uint64_t n)
{
	*mem = gs_arena_create((uint64_t)1 << 40);
	return gs_try_new(*mem, uint32_t, n);
}

static void drop(gs_arena **mem)
{
	gs_arena_free(*mem);
	*mem = NULL;
}

/* Memory on its way while the walk is still elsewhere. */
static void ask_for(const graph *g, uint32_t node)
{
	enum { AHEAD = 4 };
	const gs_heap *h = g->h;

	if (node >= h->n_objects)
		return;
	for (uint32_t k = h->edge_at[node]; k < h->edge_at[node + 1] && k < h->edge_at[node] + AHEAD; k++) {
		__builtin_prefetch(&g->number[h->edge_to[k]]);
		__builtin_prefetch(&h->edge_at[h->edge_to[k]]);
	}
}

static void enter(graph *g, uint32_t node, uint32_t above)
{
	uint32_t n = ++g->n_numbers, *place = gs_vec_push(&g->stack, UINT32_MAX);

	g->number[node] = n;
	g->node[n] = node;
	g->above[n] = above;
	g->ups[g->n_ups / 64] |= (uint64_t)1 << (g->n_ups & 63);
	g->n_ups++;
	if (!place)
		g->is_out_of_memory = true;
	ask_for(g, node);
}

static void leave(graph *g)
{
	g->stack.n--;
	g->n_ups++;
}

static void walk(graph *g)
{
	uint32_t root = gs_dominators_root(g->d), at = 1;

	enter(g, root, 0);
	while (!g->is_out_of_memory) {
		uint32_t to = successor(g, g->node[at], g->stack.p[g->stack.n - 1]++);
		edge *e;

		if (to == GS_HEAP_NONE) {
			if (at == 1)
				break;
			leave(g);
			at = g->above[at];
			continue;
		}
		if (to == GS_DOMINATORS_SKIP)
			continue;
		if (!g->number[to]) {
			enter(g, to, at);
			at = g->n_numbers;
			continue;
		}
		if (g->number[to] == at || g->above[g->number[to]] == at)
			continue;
		e = gs_vec_push(&g->others, UINT32_MAX);
		if (!e)
			g->is_out_of_memory = true;
		else
			*e = (edge){ at, g->number[to] };
	}
	for (uint32_t i = 0; i < root && !g->is_out_of_memory; i++) /* what no holder leads to */
		if (!g->number[i]) {
			enter(g, i, 1);
			leave(g);
		}
}

static bool number_nodes(graph *g, uint32_t n)
{
	uint64_t *ups;

	g->number = take(&g->number_mem, n);
	g->node = take(&g->node_mem, (uint64_t)n + 1);
	g->above = take(&g->above_mem, (uint64_t)n + 1);
	g->ups_mem = gs_arena_create((uint64_t)1 << 40);
	g->ups = ups = gs_try_new(g->ups_mem, uint64_t, (uint64_t)n / 32 + 1);
	if (!g->number || !g->node || !g->above || !ups)
		return false;
	walk(g);
	drop(&g->number_mem);
	gs_vec_release(&g->stack);
	return !g->is_out_of_memory;
}

static bool link_back(graph *g)
{
	uint32_t *at = take(&g->pred_at_mem, (uint64_t)g->n_numbers + 3);

	g->pred_at = at;
	g->pred = take(&g->pred_mem, g->others.n);
	if (!at || !g->pred)
		return false;
	for (size_t i = 0; i < g->others.n; i++)
		at[g->others.p[i].to + 2]++;
	for (uint32_t i = 2; i < g->n_numbers + 3; i++)
		at[i] += at[i - 1];
	/* at[v + 1] is where the next one of v goes; in the end it is where v + 1 begins. */
	for (size_t i = 0; i < g->others.n; i++)
		g->pred[at[g->others.p[i].to + 1]++] = g->others.p[i].from;
	gs_vec_release(&g->others);
	return true;
}

/* ---- semi-dominators ---- */

/* The least semi-dominator on the way from v up to what is not linked yet; shortens that way. */
static uint32_t evaluate(graph *g, uint32_t v, uint32_t last_linked)
{
	uint32_t top, least;

	if (g->above[v] < last_linked)
		return g->least[v];
	do {
		uint32_t *place = gs_vec_push(&g->stack, UINT32_MAX);

		if (!place) {
			g->is_out_of_memory = true;
			g->stack.n = 0;
			return g->least[v];
		}
		*place = v;
		v = g->above[v];
	} while (g->above[v] >= last_linked);
	top = v;
	least = g->least[top];
	while (g->stack.n) {
		v = g->stack.p[--g->stack.n];
		g->above[v] = g->above[top];
		if (least < g->least[v])
			g->least[v] = least;
		else
			least = g->least[v];
		top = v;
	}
	return least;
}

static bool find_semi_dominators(graph *g)
{
	uint32_t n = g->n_numbers;

	g->least = take(&g->least_mem, (uint64_t)n + 1);
	if (!g->least)
		return false;
	for (uint32_t i = 1; i <= n; i++)
		g->least[i] = i;
	for (uint32_t i = n; i >= 2; i--) {
		uint32_t semi = g->above[i];

		for (uint32_t k = g->pred_at[i]; k < g->pred_at[i + 1]; k++) {
			uint32_t s = evaluate(g, g->pred[k], i + 1);

			if (s < semi)
				semi = s;
		}
		g->least[i] = semi;
		g->pred_at[i + 1] = semi;
	}
	drop(&g->least_mem);
	drop(&g->pred_mem);
	return !g->is_out_of_memory;
}

/* From the top down. Parents were lost on the way: the walk is gone through again. */
static bool find_dominators(graph *g)
{
	uint64_t at = 0;

	for (uint32_t i = 1; i <= g->n_numbers; i++) {
		uint32_t d, *place;

		while (!(g->ups[at / 64] >> (at & 63) & 1)) {
			g->stack.n--;
			at++;
		}
		at++;
		if (i > 1) {
			d = g->stack.p[g->stack.n - 1];
			while (d > g->pred_at[i + 1])
				d = g->above[d];
			g->above[i] = d;
		}
		place = gs_vec_push(&g->stack, UINT32_MAX);
		if (!place)
			return false;
		*place = i;
	}
	drop(&g->pred_at_mem);
	drop(&g->ups_mem);
	gs_vec_release(&g->stack);
	return true;
}

static bool sum_up(gs_arena *mem, graph *g)
{
	gs_dominators *d = g->d;

	d->idom = gs_try_new(mem, uint32_t, d->n_nodes);
	if (!d->idom)
		return false;
	for (uint32_t i = 2; i <= g->n_numbers; i++)
		d->idom[g->node[i]] = g->node[g->above[i]];
	d->idom[gs_dominators_root(d)] = GS_HEAP_NONE;
	drop(&g->above_mem);
	d->retained = gs_try_new(mem, uint64_t, d->n_nodes);
	if (!d->retained)
		return false;
	for (gs_heap_walk w = gs_heap_walk_start(g->h); gs_heap_walk_next(&w);)
		d->retained[w.object] = w.size_bytes;
	for (uint32_t i = g->n_numbers; i >= 2; i--)
		d->retained[d->idom[g->node[i]]] += d->retained[g->node[i]];
	return true;
}

bool gs_dominators_build(gs_arena *mem, const gs_heap *h, gs_dominators *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	graph g = { .h = h, .d = out };
	uint64_t n;
	bool ok;

	*out = (gs_dominators){ .n_objects = h->n_objects };
	ok = link_holders(mem, scratch, h, out);
	n = (uint64_t)h->n_objects + out->n_holders + 1;
	ok = ok && n < GS_DOMINATORS_SKIP - 1;
	out->n_nodes = (uint32_t)n;
	ok = ok && number_nodes(&g, (uint32_t)n) && link_back(&g) && find_semi_dominators(&g) && find_dominators(&g) && sum_up(mem, &g);
	gs_vec_release(&g.others);
	gs_vec_release(&g.stack);
	for (gs_arena **a = (gs_arena *[]){ g.number_mem, g.node_mem, g.above_mem, g.least_mem, g.pred_at_mem, g.pred_mem, g.ups_mem }, **end = a + 7; a < end; a++)
		gs_arena_free(*a);
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the dominators of %u objects", h->n_objects);
}
