#include "analysis/heap_topology.h"

#include <stdlib.h>

#include "base/map.h"

#include "base/banned.h"

enum { MAX_PATH = 14, MAX_FOCUS_TYPES = 6 };

/* A graph to take a piece of: either one. Neighbours are asked for in rounds, many nodes at once: who points to a node is known only by looking at all edges. */
typedef struct arc {
	uint32_t from, to; /* ids */
	uint64_t count, weight;
} arc;

typedef struct around {
	const gs_heap_index *x;
	const gs_topology_query *q;
	gs_topology *out;
	gs_arena *scratch;
	gs_map index; /* id -> node + 1 */
	uint32_t n;
	/* By type: all arcs there are, and what is known of the types by name. */
	arc *arcs;
	uint32_t n_arcs;
	uint64_t *count, *bytes;
} around;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a picture of references");
}

/* Index of the node, GS_HEAP_NONE when there is no room for it. */
static uint32_t add(around *a, uint32_t id)
{
	bool is_new;
	uint32_t *at;

	if (a->n >= a->q->max_nodes && !gs_map_get(&a->index, id)) {
		a->out->is_cut = true;
		return GS_HEAP_NONE;
	}
	at = gs_map_put(&a->index, id, &is_new);
	if (!at)
		return GS_HEAP_NONE;
	if (is_new) {
		*at = a->n;
		a->out->nodes[a->n++] = (gs_topology_node){ .id = id };
	}
	return *at;
}

/* ---- objects ---- */

typedef struct ranked {
	uint32_t id;
	uint64_t weight;
} ranked;

/* The heaviest few that were offered. */
typedef struct best {
	ranked *list;
	uint32_t n, max;
} best;

static void offer(best *b, uint32_t id, uint64_t weight)
{
	uint32_t at = b->n;

	for (uint32_t i = 0; i < b->n; i++)
		if (b->list[i].id == id)
			return;
	if (b->n == b->max && b->list[b->n - 1].weight >= weight)
		return;
	if (at == b->max)
		at--;
	else
		b->n++;
	for (; at && b->list[at - 1].weight < weight; at--)
		b->list[at] = b->list[at - 1];
	b->list[at] = (ranked){ id, weight };
}

static bool best_init(gs_arena *mem, best *b, uint32_t max)
{
	*b = (best){ .list = gs_try_new(mem, ranked, max), .max = max };
	return b->list;
}

/* Both sides of each of `ids`, the heaviest `fan` of each. One look at all edges. */
static bool open_objects(around *a, const uint32_t *ids, uint32_t n, gs_err *err)
{
	const gs_dominators *d = &a->x->dominators;
	const gs_heap *h = a->x->heap;
	uint64_t *wanted = gs_try_new(a->scratch, uint64_t, d->n_nodes / 64 + 1);
	best *in = gs_try_new(a->scratch, best, n), to_add;
	GS_AUTO(map) at = { 0 };
	bool ok = wanted && in && best_init(a->scratch, &to_add, a->q->fan);

	for (uint32_t i = 0; ok && i < n; i++) {
		bool is_new;
		uint32_t *slot = gs_map_put(&at, ids[i], &is_new);

		ok = slot && best_init(a->scratch, &in[i], a->q->fan);
		if (ok)
			*slot = i;
		if (ok)
			wanted[ids[i] / 64] |= (uint64_t)1 << (ids[i] & 63);
	}
	if (!ok)
		return no_memory(err);
	for (uint32_t from = 0; from + 1 < d->n_nodes; from++) {
		uint32_t to;

		for (uint32_t k = 0; (to = gs_dominators_successor(h, d, from, k)) != GS_HEAP_NONE; k++)
			if (to != GS_DOMINATORS_SKIP && wanted[to / 64] >> (to & 63) & 1)
				offer(&in[*gs_map_get(&at, to)], from, gs_dominators_retained(d, from));
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to, node = add(a, ids[i]);

		if (node == GS_HEAP_NONE)
			continue;
		a->out->nodes[node].is_open = true;
		to_add.n = 0;
		for (uint32_t k = 0; (to = gs_dominators_successor(h, d, ids[i], k)) != GS_HEAP_NONE; k++)
			if (to != GS_DOMINATORS_SKIP)
				offer(&to_add, to, gs_dominators_retained(d, to));
		for (uint32_t k = 0; k < to_add.n; k++)
			add(a, to_add.list[k].id);
		for (uint32_t k = 0; k < in[i].n; k++)
			add(a, in[i].list[k].id);
	}
	return true;
}

/* Why the focus is alive: the shortest way to it. Of a long one both ends. */
static bool add_path(around *a, gs_err *err)
{
	const gs_dominators *d = &a->x->dominators;
	gs_packed up;
	uint32_t n = 0, k = 0;

	if (!gs_heap_shortest(a->scratch, a->x->heap, d, &up, err))
		return false;
	for (uint32_t v = a->q->focus; v != GS_HEAP_NONE && v != gs_dominators_root(d); v = gs_packed_id(&up, v))
		n++;
	for (uint32_t v = a->q->focus; v != GS_HEAP_NONE && v != gs_dominators_root(d); v = gs_packed_id(&up, v), k++) {
		uint32_t node = k < MAX_PATH - 2 || k + 2 >= n ? add(a, v) : GS_HEAP_NONE;

		if (node != GS_HEAP_NONE)
			a->out->nodes[node].is_on_path = true;
	}
	return true;
}

static bool take_objects(around *a, gs_err *err)
{
	const gs_dominators *d = &a->x->dominators;
	uint32_t *ids = gs_try_new(a->scratch, uint32_t, (size_t)a->q->n_open + 1), n = 0;

	if (!ids)
		return no_memory(err);
	ids[n++] = a->q->focus;
	for (uint32_t i = 0; i < a->q->n_open; i++)
		if (a->q->open[i] < gs_dominators_root(d))
			ids[n++] = a->q->open[i];
	if (!add_path(a, err) || !open_objects(a, ids, n, err))
		return false;
	a->out->nodes[*gs_map_get(&a->index, a->q->focus)].is_focus = true;
	for (uint32_t i = 0; i < a->n; i++) {
		gs_topology_node *v = &a->out->nodes[i];

		v->is_holder = v->id >= d->n_objects;
		v->retained_bytes = gs_dominators_retained(d, v->id);
		v->own_bytes = v->is_holder ? 0 : gs_heap_size(a->x->heap, v->id);
		v->count = 1;
	}
	return true;
}

/* Edges between the nodes there are, and how many others each node has. */
static bool link_objects(around *a, gs_err *err)
{
	const gs_dominators *d = &a->x->dominators;
	const gs_heap *h = a->x->heap;
	uint64_t *here = gs_try_new(a->scratch, uint64_t, d->n_nodes / 64 + 1);
	GS_AUTO(map) pairs = { 0 };
	gs_layers *p = &a->out->picture;

	if (!here)
		return no_memory(err);
	for (uint32_t i = 0; i < a->n; i++)
		here[a->out->nodes[i].id / 64] |= (uint64_t)1 << (a->out->nodes[i].id & 63);
	for (uint32_t from = 0; from + 1 < d->n_nodes; from++) {
		bool is_here = here[from / 64] >> (from & 63) & 1;
		uint32_t to, source = is_here ? *gs_map_get(&a->index, from) : GS_HEAP_NONE;

		for (uint32_t k = 0; (to = gs_dominators_successor(h, d, from, k)) != GS_HEAP_NONE; k++) {
			uint32_t target, *at;
			bool is_new;

			if (to == GS_DOMINATORS_SKIP)
				continue;
			if (is_here)
				a->out->nodes[source].n_out++;
			if (!(here[to / 64] >> (to & 63) & 1))
				continue;
			target = *gs_map_get(&a->index, to);
			a->out->nodes[target].n_in++;
			if (!is_here)
				continue;
			a->out->nodes[source].out_shown++;
			a->out->nodes[target].in_shown++;
			at = gs_map_put(&pairs, (uint64_t)source << 32 | target, &is_new);
			if (!at)
				return no_memory(err);
			if (is_new && p->n_edges == GS_LAYERS_MAX_EDGES) {
				*at = GS_HEAP_NONE;
				a->out->is_cut = true;
			} else if (is_new) {
				*at = p->n_edges;
				p->edges[p->n_edges++] = (gs_layers_edge){ .from = source, .to = target };
			}
			if (*at != GS_HEAP_NONE)
				a->out->edges[*at].count++;
		}
	}
	return true;
}

/* ---- types ---- */

static uint32_t name_of(const gs_heap_index *x, uint32_t node)
{
	return node < x->dominators.n_objects ? x->names->of_type[gs_heap_type_of(x->heap, node)] : x->names->of_holder[node - x->dominators.n_objects];
}

/* All pointers by the names of both ends. */
static bool find_arcs(around *a, gs_err *err)
{
	const gs_heap_index *x = a->x;
	const gs_dominators *d = &x->dominators;
	uint32_t cap = 1024, last = GS_HEAP_NONE;
	GS_AUTO(map) pairs = { 0 };
	uint64_t last_pair = UINT64_MAX;

	a->arcs = gs_try_new(a->scratch, arc, cap);
	a->count = gs_try_new(a->scratch, uint64_t, x->names->strings.n);
	a->bytes = gs_try_new(a->scratch, uint64_t, x->names->strings.n);
	if (!a->arcs || !a->count || !a->bytes)
		return no_memory(err);
	for (gs_heap_walk w = gs_heap_walk_start(x->heap); gs_heap_walk_next(&w);) {
		a->count[name_of(x, w.object)]++;
		a->bytes[name_of(x, w.object)] += w.size_bytes;
	}
	for (uint32_t i = 0; i < d->n_holders; i++)
		a->count[x->names->of_holder[i]]++;
	for (uint32_t from = 0; from + 1 < d->n_nodes; from++) {
		uint32_t to, source = name_of(x, from);

		for (uint32_t k = 0; (to = gs_dominators_successor(x->heap, d, from, k)) != GS_HEAP_NONE; k++) {
			uint64_t pair;

			if (to == GS_DOMINATORS_SKIP)
				continue;
			pair = (uint64_t)source << 32 | name_of(x, to);
			if (pair != last_pair) {
				bool is_new;
				uint32_t *at = gs_map_put(&pairs, pair, &is_new);

				if (at && is_new && a->n_arcs == cap) {
					arc *more = gs_try_new(a->scratch, arc, (size_t)cap * 2);

					if (!more)
						return no_memory(err);
					memcpy(more, a->arcs, cap * sizeof(*more));
					a->arcs = more;
					cap *= 2;
				}
				if (!at)
					return no_memory(err);
				if (is_new) {
					*at = a->n_arcs;
					a->arcs[a->n_arcs++] = (arc){ .from = source, .to = (uint32_t)pair };
				}
				last = *at;
				last_pair = pair;
			}
			a->arcs[last].count++;
		}
	}
	return true;
}

static void open_type(around *a, uint32_t id, best *b)
{
	uint32_t node = add(a, id);

	if (node == GS_HEAP_NONE)
		return;
	a->out->nodes[node].is_open = true;
	for (unsigned side = 0; side < 2; side++) {
		b->n = 0;
		for (uint32_t i = 0; i < a->n_arcs; i++)
			if ((side ? a->arcs[i].to : a->arcs[i].from) == id)
				offer(b, side ? a->arcs[i].from : a->arcs[i].to, a->arcs[i].count);
		for (uint32_t i = 0; i < b->n; i++)
			add(a, b->list[i].id);
	}
}

static bool take_types(around *a, gs_err *err)
{
	const gs_strtab *names = &a->x->names->strings;
	best focus, b;

	if (!find_arcs(a, err))
		return false;
	if (!best_init(a->scratch, &focus, MAX_FOCUS_TYPES) || !best_init(a->scratch, &b, a->q->fan))
		return no_memory(err);
	for (uint32_t i = 0; i < names->n; i++)
		if (a->bytes[i] && gs_re_match(a->q->types, gs_strtab_get(names, i)))
			offer(&focus, i, a->bytes[i]);
	if (!focus.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no live object has a type that matches");
	for (uint32_t i = 0; i < focus.n; i++)
		add(a, focus.list[i].id);
	for (uint32_t i = 0; i < a->n; i++)
		a->out->nodes[i].is_focus = true;
	for (uint32_t i = 0; i < focus.n; i++)
		open_type(a, focus.list[i].id, &b);
	for (uint32_t i = 0; i < a->q->n_open; i++)
		if (a->q->open[i] < names->n && a->count[a->q->open[i]])
			open_type(a, a->q->open[i], &b);
	for (uint32_t i = 0; i < a->n; i++) {
		gs_topology_node *v = &a->out->nodes[i];

		v->count = a->count[v->id];
		v->own_bytes = a->bytes[v->id];
		v->is_holder = !a->bytes[v->id];
	}
	return true;
}

static void link_types(around *a)
{
	gs_layers *p = &a->out->picture;

	for (uint32_t i = 0; i < a->n_arcs; i++) {
		const uint32_t *from = gs_map_get(&a->index, a->arcs[i].from), *to = gs_map_get(&a->index, a->arcs[i].to);

		if (from)
			a->out->nodes[*from].n_out++;
		if (to)
			a->out->nodes[*to].n_in++;
		if (!from || !to)
			continue;
		a->out->nodes[*from].out_shown++;
		a->out->nodes[*to].in_shown++;
		if (p->n_edges == GS_LAYERS_MAX_EDGES) {
			a->out->is_cut = true;
			continue;
		}
		a->out->edges[p->n_edges].count = a->arcs[i].count;
		p->edges[p->n_edges++] = (gs_layers_edge){ .from = *from, .to = *to };
	}
}

bool gs_heap_topology(gs_arena *mem, const gs_heap_index *x, const gs_topology_query *q, gs_topology *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	around a = { .x = x, .q = q, .out = out, .scratch = scratch };
	gs_layers *p = &out->picture;
	bool ok;

	*out = (gs_topology){ .nodes = gs_try_new(mem, gs_topology_node, q->max_nodes), .edges = gs_try_new(mem, gs_topology_edge, GS_LAYERS_MAX_EDGES) };
	p->edges = gs_try_new(mem, gs_layers_edge, GS_LAYERS_MAX_EDGES);
	if (!out->nodes || !out->edges || !p->edges)
		return no_memory(err);
	ok = q->by_type ? take_types(&a, err) : take_objects(&a, err) && link_objects(&a, err);
	if (ok && q->by_type)
		link_types(&a);
	gs_map_release(&a.index);
	p->n_nodes = a.n;
	p->node_w = q->node_w;
	p->node_h = q->node_h;
	p->gap_x = q->node_w / 3;
	p->gap_y = q->node_h / 3;
	return ok && gs_layers_lay_out(mem, p, err);
}
