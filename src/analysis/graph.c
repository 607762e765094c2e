#include "analysis/graph.h"

#include "analysis/graph_internal.h"
#include "analysis/walk.h"

typedef struct build {
	gs_graph *g;
	const gs_view *v;
	gs_arena *mem; /* working columns */
	const gs_graph_options *o;
	const int64_t *total, *total_div;
	const double *raw_self, *raw_total; /* options.has_raw */
	const uint8_t *kept; /* by key; NULL: all */
	gs_map edge_index;
	uint32_t cap_edges;
	uint32_t *last_src, *last_edge; /* by node: the edge found last */
	uint32_t *on_path, *edge_on_path;
	bool lacks_edges; /* the graph was filled without */
} build;

static uint32_t find_edge(build *b, uint32_t src, uint32_t dest)
{
	gs_graph *g = b->g;
	uint32_t *slot;
	bool is_new;

	if (b->last_src[dest] == src)
		return b->last_edge[dest];
	slot = gs_map_put(&b->edge_index, (uint64_t)src << 32 | dest, &is_new);
	if (!slot)
		return GS_NO_ID;
	if (is_new) {
		if (g->n_edges == b->cap_edges) {
			uint32_t cap = b->cap_edges ? b->cap_edges * 2 : 1024;
			gs_edge *edges = gs_try_new(g->mem, gs_edge, cap);
			uint32_t *on_path = gs_try_new(b->mem, uint32_t, cap);

			if (!edges || !on_path)
				return GS_NO_ID;
			if (g->n_edges) {
				memcpy(edges, g->edges, g->n_edges * sizeof(*edges));
				memcpy(on_path, b->edge_on_path, g->n_edges * sizeof(*on_path));
			}
			g->edges = edges;
			b->edge_on_path = on_path;
			b->cap_edges = cap;
		}
		g->edges[g->n_edges] = (gs_edge){ .src = src, .dest = dest, .is_inline = true };
		*slot = g->n_edges++;
	}
	b->last_src[dest] = src;
	b->last_edge[dest] = *slot;
	return *slot;
}

typedef struct level {
	uint32_t node, next_child;
	uint32_t caller; /* nearest kept node above this one's children */
	uint32_t edge;	 /* entered through, GS_NO_ID for none */
	bool residual;	 /* nodes were left out below the caller */
} level;

static bool enter(build *b, level *at, const level *above, uint32_t node)
{
	gs_graph *g = b->g;
	const gs_view_node *vn = &b->v->nodes[node];
	uint32_t key = vn->key;
	gs_graph_node *n;

	*at = (level){ .node = node, .caller = above->caller, .edge = GS_NO_ID, .residual = above->residual };
	if (b->kept && !b->kept[key]) {
		at->residual = true;
		return true;
	}
	n = &g->nodes[key];
	if (b->on_path[key]++ == 0) {
		n->cum = (int64_t)((uint64_t)n->cum + (uint64_t)b->total[node]);
		if (b->total_div)
			n->cum_div += b->total_div[node];
		if (b->raw_total)
			n->raw_cum += b->raw_total[node];
	}
	if (above->caller != GS_NO_ID && above->caller != key) {
		uint32_t e = find_edge(b, above->caller, key);

		if (e == GS_NO_ID)
			return false;
		at->edge = e;
		if (b->edge_on_path[e]++ == 0) {
			gs_edge *edge = &g->edges[e];

			edge->weight = (int64_t)((uint64_t)edge->weight + (uint64_t)b->total[node]);
			if (b->total_div)
				edge->weight_div += b->total_div[node];
			if (b->raw_total)
				edge->raw += b->raw_total[node];
			edge->is_residual |= above->residual;
			edge->is_inline &= (vn->flags & GS_VIEW_INLINED) != 0;
		}
	}
	n->flat = (int64_t)((uint64_t)n->flat + (uint64_t)b->v->self[node]);
	if (b->v->self_div)
		n->flat_div += b->v->self_div[node];
	if (b->raw_self)
		n->raw_flat += b->raw_self[node];
	at->caller = key;
	at->residual = false;
	return true;
}

/* Nodes are keys. Depth first with counters, so that recursion counts once. */
static bool fill_by_key(build *b)
{
	gs_graph *g = b->g;
	const gs_view *v = b->v;
	uint32_t cap = 256, depth = 0;
	level *stack = gs_try_new(b->mem, level, cap);

	g->n_nodes = v->n_keys;
	g->nodes = gs_try_new(g->mem, gs_graph_node, g->n_nodes);
	b->last_src = gs_try_new(b->mem, uint32_t, v->n_keys);
	b->last_edge = gs_try_new(b->mem, uint32_t, v->n_keys);
	b->on_path = gs_try_new(b->mem, uint32_t, v->n_keys);
	if (!stack || !g->nodes || !b->last_src || !b->last_edge || !b->on_path)
		return false;
	for (uint32_t k = 0; k < v->n_keys; k++) {
		g->nodes[k].key = k;
		b->last_src[k] = GS_NO_ID;
	}
	stack[0] = (level){ .caller = GS_NO_ID, .edge = GS_NO_ID };
	for (;;) {
		level *at = &stack[depth];
		const gs_view_node *vn = &v->nodes[at->node];

		if (at->next_child == vn->n_children) {
			if (depth == 0)
				return true;
			if (!b->kept || b->kept[vn->key])
				b->on_path[vn->key]--;
			if (at->edge != GS_NO_ID)
				b->edge_on_path[at->edge]--;
			depth--;
			continue;
		}
		if (depth + 1 == cap) {
			level *more = gs_try_new(b->mem, level, (size_t)cap * 2);

			if (!more)
				return false;
			memcpy(more, stack, cap * sizeof(*stack));
			stack = more;
			cap *= 2;
			at = &stack[depth];
		}
		if (!enter(b, &stack[depth + 1], at, vn->first_child + at->next_child++))
			return false;
		depth++;
	}
}

/* Nodes are keys, straight from the samples. */
static bool fill_by_walk(build *b, bool with_edges)
{
	gs_graph *g = b->g;
	gs_walk w;

	if (!gs_walk_run(g->mem, b->v, b->kept, (with_edges ? GS_WALK_EDGES : 0) | (b->o->has_raw ? GS_WALK_RAW : 0), &w))
		return false;
	g->n_nodes = b->v->n_keys;
	g->nodes = gs_try_new(g->mem, gs_graph_node, g->n_nodes);
	if (!g->nodes)
		return false;
	for (uint32_t k = 0; k < g->n_nodes; k++)
		g->nodes[k] = (gs_graph_node){ .key = k,
					       .flat = w.nodes[k].flat,
					       .flat_div = w.nodes[k].flat_div,
					       .cum = w.nodes[k].cum,
					       .cum_div = w.nodes[k].cum_div,
					       .raw_flat = w.nodes[k].raw_flat,
					       .raw_cum = w.nodes[k].raw_cum };
	g->raw_total = w.raw_total;
	g->edges = w.edges;
	g->n_edges = w.n_edges;
	return true;
}

/* Nodes are the view's, numbered without its root. */
static bool fill_by_stack(build *b)
{
	gs_graph *g = b->g;
	const gs_view *v = b->v;

	g->n_nodes = v->n_nodes - 1;
	g->nodes = gs_try_new(g->mem, gs_graph_node, g->n_nodes);
	g->edges = gs_try_new(g->mem, gs_edge, g->n_nodes);
	if (!g->nodes || !g->edges)
		return false;
	for (uint32_t i = 1; i < v->n_nodes; i++) {
		gs_graph_node *n = &g->nodes[i - 1];
		uint32_t parent = v->nodes[i].parent;

		n->key = v->nodes[i].key;
		n->cum = b->total[i];
		n->flat = v->self[i];
		n->cum_div = b->total_div ? b->total_div[i] : 0;
		n->flat_div = v->self_div ? v->self_div[i] : 0;
		n->raw_cum = b->raw_total ? b->raw_total[i] : 0;
		n->raw_flat = b->raw_self ? b->raw_self[i] : 0;
		if (parent)
			g->edges[g->n_edges++] = (gs_edge){ .src = parent - 1,
							    .dest = i - 1,
							    .weight = n->cum,
							    .weight_div = n->cum_div,
							    .raw = n->raw_cum,
							    .is_inline = v->nodes[i].flags & GS_VIEW_INLINED };
	}
	return true;
}

static bool index_edges(gs_graph *g)
{
	uint32_t *lists = gs_try_new(g->mem, uint32_t, (size_t)g->n_edges * 2), *at = lists;

	if (!lists)
		return false;
	for (uint32_t e = 0; e < g->n_edges; e++) {
		g->nodes[g->edges[e].dest].n_in++;
		g->nodes[g->edges[e].src].n_out++;
	}
	for (uint32_t n = 0; n < g->n_nodes; n++) {
		g->nodes[n].in = at;
		at += g->nodes[n].n_in;
		g->nodes[n].out = at;
		at += g->nodes[n].n_out;
		g->nodes[n].n_in = g->nodes[n].n_out = 0;
	}
	for (uint32_t e = 0; e < g->n_edges; e++) {
		gs_graph_node *src = &g->nodes[g->edges[e].src], *dest = &g->nodes[g->edges[e].dest];

		dest->in[dest->n_in++] = e;
		src->out[src->n_out++] = e;
	}
	return true;
}

static bool is_negative(const gs_graph_node *n)
{
	return n->flat < 0 || (n->flat == 0 && n->cum < 0);
}

static bool fill(build *b, bool tree, bool with_edges)
{
	gs_graph *g = b->g;
	uint32_t *node_of_view = NULL;
	bool ok;

	g->n_nodes = g->n_edges = g->n_shown = 0;
	g->edges = NULL;
	b->cap_edges = 0;
	gs_map_release(&b->edge_index);
	ok = (tree	    ? fill_by_stack(b) :
	      b->v->nodes ? fill_by_key(b) :
			    fill_by_walk(b, with_edges)) &&
	     index_edges(g);
	gs_map_release(&b->edge_index);
	g->shown = ok ? gs_try_new(g->mem, uint32_t, g->n_nodes) : NULL;
	if (!g->shown)
		return false;
	for (uint32_t n = 0; n < g->n_nodes; n++)
		if ((g->nodes[n].cum || g->nodes[n].flat) &&
		    !(b->v->query->drop_negative && is_negative(&g->nodes[n])))
			g->shown[g->n_shown++] = n;
	if (!b->o->for_drawing)
		return true;
	if (tree) {
		node_of_view = gs_try_new(b->mem, uint32_t, b->v->n_nodes);
		if (!node_of_view)
			return false;
		for (uint32_t i = 1; i < b->v->n_nodes; i++)
			node_of_view[i] = i - 1;
	}
	return gs_graph_add_tags(g, b->mem, b->kept, b->o, node_of_view);
}

/* Keep only what has `keep` set; the graph is made again from the stacks so that values stay exact. */
static bool refill_with(build *b, const uint8_t *keep_node)
{
	uint8_t *kept = gs_try_new(b->mem, uint8_t, b->v->n_keys);

	if (!kept)
		return false;
	for (uint32_t n = 0; n < b->g->n_nodes; n++)
		if (keep_node[n])
			kept[b->g->nodes[n].key] = 1;
	b->kept = kept;
	return fill(b, false, true);
}

static void remove_edge(gs_edge *e)
{
	e->is_gone = true;
}

static uint32_t left_in(const gs_graph *g, uint32_t node)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->nodes[node].n_in; i++)
		n += !g->edges[g->nodes[node].in[i]].is_gone;
	return n;
}

static void trim_edges(gs_graph *g, int64_t cutoff, uint32_t *dropped)
{
	*dropped = 0;
	for (uint32_t i = 0; i < g->n_shown; i++) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];

		for (uint32_t k = 0; k < n->n_in; k++) {
			gs_edge *e = &g->edges[n->in[k]];

			if (!e->is_gone && gs_abs64(e->weight) < cutoff) {
				remove_edge(e);
				++*dropped;
			}
		}
	}
}

/* There is another way from the edge's source to its destination. */
static bool is_redundant(const gs_graph *g, uint32_t edge, uint8_t *seen, uint32_t *queue)
{
	uint32_t n = 0, at = 0;
	bool found = false;

	queue[n++] = g->edges[edge].dest;
	seen[g->edges[edge].dest] = 1;
	while (at < n && !found) {
		const gs_graph_node *node = &g->nodes[queue[at++]];

		for (uint32_t i = 0; i < node->n_in && !found; i++) {
			const gs_edge *e = &g->edges[node->in[i]];

			if (e->is_gone || node->in[i] == edge || seen[e->src])
				continue;
			found = e->src == g->edges[edge].src;
			seen[e->src] = 1;
			queue[n++] = e->src;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		seen[queue[i]] = 0;
	return found;
}

static bool remove_redundant(build *b)
{
	gs_graph *g = b->g;
	uint8_t *seen = gs_try_new(b->mem, uint8_t, g->n_nodes);
	uint32_t *queue = gs_try_new(b->mem, uint32_t, g->n_nodes);

	if (!seen || !queue)
		return false;
	for (uint32_t i = g->n_shown; i-- > 0;) {
		const gs_graph_node *n = &g->nodes[g->shown[i]];
		uint32_t n_in;
		uint32_t *in = gs_graph_sort_edges(g, b->mem, n->in, n->n_in, &n_in);

		if (!in)
			return false;
		for (uint32_t k = n_in; k-- > 0 && g->edges[in[k]].is_residual;)
			if (is_redundant(g, in[k], seen, queue))
				remove_edge(&g->edges[in[k]]);
	}
	return true;
}

/* Only for trees: a node that goes hands its children to its caller. */
static bool trim_tree(build *b, const uint8_t *keep)
{
	gs_graph *g = b->g;
	uint32_t n = 0;
	/* The way in of each node; the trimmed children's edges move up, so the lists are made again at the end. */
	uint32_t *in = gs_try_new(b->mem, uint32_t, g->n_nodes);

	if (!in)
		return false;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		in[i] = GS_NO_ID;
	for (uint32_t e = 0; e < g->n_edges; e++)
		if (!g->edges[e].is_gone)
			in[g->edges[e].dest] = e;
	/* Callers come first in the edges: a caller that went has already been replaced in its children's edges. */
	for (uint32_t e = 0; e < g->n_edges; e++) {
		gs_edge *edge = &g->edges[e];

		while (!edge->is_gone && !keep[edge->src]) {
			uint32_t up = in[edge->src];

			if (up == GS_NO_ID) {
				remove_edge(edge);
				in[edge->dest] = GS_NO_ID;
				break;
			}
			edge->is_inline = edge->is_inline && g->edges[up].is_inline;
			edge->is_residual = true;
			edge->src = g->edges[up].src;
		}
	}
	for (uint32_t e = 0; e < g->n_edges; e++)
		if (!keep[g->edges[e].dest])
			remove_edge(&g->edges[e]);
	for (uint32_t i = 0; i < g->n_shown; i++)
		if (keep[g->shown[i]])
			g->shown[n++] = g->shown[i];
	g->n_shown = n;
	for (uint32_t i = 0; i < g->n_nodes; i++)
		g->nodes[i].n_in = g->nodes[i].n_out = 0;
	return index_edges(g) && remove_redundant(b);
}

static bool keep_only(build *b, bool tree, const uint8_t *keep)
{
	return tree ? trim_tree(b, keep) : refill_with(b, keep);
}

/* How many nodes of the sorted list to keep: in drawings, tags take places too. */
static uint32_t top_count(const gs_graph *g, uint32_t limit, bool drawing)
{
	uint32_t count = 0;

	for (uint32_t i = 0; drawing && i < g->n_shown; i++) {
		uint32_t tags = gs_graph_count_tags(&g->nodes[g->shown[i]]);

		count += (tags < 4 ? tags : 4) + 1;
		if (count >= limit)
			return i + 1;
	}
	return limit < g->n_shown ? limit : g->n_shown;
}

static bool trim(build *b, bool tree)
{
	gs_graph *g = b->g;
	const gs_query *q = b->v->query;
	int64_t total = 0, node_cutoff, edge_cutoff;
	uint8_t *keep;
	uint32_t n = 0, ignored;

	for (uint32_t i = 0; i < g->n_shown; i++)
		total = (int64_t)((uint64_t)total + (uint64_t)g->nodes[g->shown[i]].flat);
	node_cutoff = gs_abs64((int64_t)((double)total * q->node_fraction));
	edge_cutoff = gs_abs64((int64_t)((double)total * q->edge_fraction));
	keep = gs_try_new(b->mem, uint8_t, g->n_nodes);
	if (!keep)
		return false;
	if (node_cutoff > 0) {
		for (uint32_t i = 0; i < g->n_shown; i++) {
			keep[g->shown[i]] = gs_abs64(g->nodes[g->shown[i]].cum) >= node_cutoff;
			n += keep[g->shown[i]];
		}
		if (n != g->n_shown) {
			g->n_dropped_nodes = g->n_shown - n;
			if (!keep_only(b, tree, keep))
				return false;
			b->lacks_edges = false;
		}
	}
	if (b->lacks_edges && !fill(b, false, true))
		return false;
	g->n_original = g->n_shown;
	gs_graph_sort(g, q->cum_sort, b->o->for_drawing);
	if (q->node_count > 0) {
		gs_graph_trim_tags(g, node_cutoff);
		trim_edges(g, edge_cutoff, &ignored);
		n = top_count(g, q->node_count > INT32_MAX ? INT32_MAX : (uint32_t)q->node_count,
			      b->o->for_drawing);
		if (n != g->n_shown) {
			memset(keep, 0, g->n_nodes);
			for (uint32_t i = 0; i < n; i++)
				keep[g->shown[i]] = 1;
			if (!keep_only(b, tree, keep))
				return false;
			gs_graph_sort(g, q->cum_sort, b->o->for_drawing);
		}
	}
	gs_graph_trim_tags(g, node_cutoff);
	trim_edges(g, edge_cutoff, &g->n_dropped_edges);
	return !b->o->for_drawing || remove_redundant(b);
}

/* Nodes of one function (in one place of a call tree) have the same number. */
static bool number_functions(build *b, bool tree)
{
	gs_graph *g = b->g;
	GS_AUTO(map) by_hash = { 0 };

	for (uint32_t n = 0; n < g->n_nodes; n++) {
		const gs_key *k = gs_graph_key(g, n);
		uint64_t h = gs_hash_u64((uint64_t)k->name << 32 | k->file) ^
			     gs_hash_u64(((uint64_t)k->object << 32) ^ (uint64_t)k->start_line ^ 0x51ed27u);
		uint32_t *slot;
		bool is_new;

		if (tree && left_in(g, n))
			h = gs_hash_u64(h ^ ((uint64_t)g->edges[g->nodes[n].in[0]].src + 1) << 20);
		slot = gs_map_put(&by_hash, h, &is_new);
		if (!slot)
			return false;
		if (is_new)
			*slot = n;
		g->nodes[n].function = *slot;
	}
	return true;
}

static bool sum_raw(build *b)
{
	const gs_view *v = b->v;
	double *total = gs_try_new(b->mem, double, v->n_nodes);

	b->raw_self = gs_view_raw_self(b->mem, v, false);
	b->raw_total = total;
	if (!total || !b->raw_self)
		return false;
	memcpy(total, b->raw_self, v->n_nodes * sizeof(*total));
	for (uint32_t n = v->n_nodes; n-- > 1;)
		total[v->nodes[n].parent] += total[n];
	b->g->raw_total = total[0];
	return true;
}

gs_graph *gs_graph_build(gs_arena *mem, const gs_view *v, const gs_graph_options *o, gs_err *err)
{
	gs_graph *g = gs_new(mem, gs_graph, 1);
	gs_arena *scratch = gs_arena_create(UINT64_MAX);
	build b = { .g = g, .v = v, .mem = scratch, .o = o };
	bool tree = o->has_call_tree && v->query->call_tree, ok;

	g->view = v;
	g->mem = mem;
	g->names = gs_try_new(mem, gs_str, v->n_keys);
	b.total = v->nodes ? gs_view_totals(scratch, v, v->self) : NULL;
	if (v->nodes && v->self_div)
		b.total_div = gs_view_totals(scratch, v, v->self_div);
	/* The first graph over samples is only to see what to keep. */
	ok = g->names && (!v->nodes || !o->has_raw || sum_raw(&b)) && (!v->nodes || (b.total && (!v->self_div || b.total_div))) &&
	     fill(&b, tree, o->is_whole || o->for_drawing) && number_functions(&b, tree);
	b.lacks_edges = !v->nodes && !o->is_whole && !o->for_drawing;
	if (ok && !o->is_whole)
		ok = trim(&b, tree) && (tree || number_functions(&b, false));
	gs_map_release(&b.edge_index);
	gs_arena_free(scratch);
	if (!ok) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a call graph");
		return NULL;
	}
	return g;
}

gs_str gs_graph_name(gs_graph *g, uint32_t node)
{
	gs_str *name = &g->names[g->nodes[node].key];

	if (!name->p)
		*name = gs_key_text(g->mem, g->view, gs_graph_key(g, node));
	return *name;
}

void gs_graph_inlined(const gs_graph *g, uint32_t node, bool *some, bool *others)
{
	const gs_graph_node *n = &g->nodes[node];

	*some = *others = false;
	for (uint32_t i = 0; i < n->n_in; i++) {
		const gs_edge *e = &g->edges[n->in[i]];

		if (e->is_gone)
			continue;
		*some |= e->is_inline;
		*others |= !e->is_inline;
	}
}
