#include "analysis/graph_internal.h"

#include <inttypes.h>
#include <math.h>

#include "analysis/units.h"

/* How interesting the edges on one side of a node are (entropy of their weights). */
static double edge_entropy(const gs_graph *g, const uint32_t *edges, uint32_t n, int64_t self)
{
	int64_t total = self;
	double score = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!g->edges[edges[i]].is_gone && g->edges[edges[i]].weight > 0)
			total += g->edges[edges[i]].weight;
	if (total == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (!g->edges[edges[i]].is_gone) {
			double part = (double)gs_abs64(g->edges[edges[i]].weight) / (double)total;

			score += -part * log2(part);
		}
	if (self > 0) {
		double part = (double)self / (double)total;

		score += -part * log2(part);
	}
	return score;
}

static bool has_edges(const gs_graph *g, const uint32_t *edges, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!g->edges[edges[i]].is_gone)
			return true;
	return false;
}

static int64_t entropy_score(const gs_graph *g, uint32_t node)
{
	const gs_graph_node *n = &g->nodes[node];
	double score = has_edges(g, n->in, n->n_in) ? edge_entropy(g, n->in, n->n_in, 0) : 1;

	score += has_edges(g, n->out, n->n_out) ? edge_entropy(g, n->out, n->n_out, n->flat) : 1;
	return (int64_t)((uint64_t)gs_f64_to_i64(score * (double)n->cum) + (uint64_t)n->flat);
}

typedef struct order {
	gs_graph *g;
	const int64_t *score; /* by node; NULL: flat */
} order;

/* All of a node's identity as one text, in the form Go prints such a struct: only the last tie breaker. */
static gs_str identity(gs_arena *mem, const gs_graph *g, uint32_t node)
{
	const gs_key *k = gs_graph_key(g, node);
	const gs_view *v = g->view;

	return gs_strf(mem, "{%.*s  %" PRIu64 " %.*s %" PRId64 " %" PRId64 " %" PRId64 " %.*s}",
		       GS_FMT(gs_view_str(v, k->name)), k->address, GS_FMT(gs_view_str(v, k->file)), k->start_line,
		       k->line, k->column, GS_FMT(gs_view_str(v, k->object)));
}

static int compare_nodes(const void *a, const void *b, void *ctx)
{
	const order *o = ctx;
	gs_graph *g = o->g;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int64_t vx = gs_abs64(o->score ? o->score[x] : g->nodes[x].flat);
	int64_t vy = gs_abs64(o->score ? o->score[y] : g->nodes[y].flat);
	const gs_key *kx = gs_graph_key(g, x), *ky = gs_graph_key(g, y);
	int c;

	if (vx != vy)
		return vx > vy ? -1 : 1;
	if (kx != ky) {
		if (kx->address && ky->address && kx->address != ky->address)
			return kx->address < ky->address ? -1 : 1;
		c = gs_str_cmp(gs_graph_name(g, x), gs_graph_name(g, y));
		if (c)
			return c;
	}
	vx = gs_abs64(o->score ? g->nodes[x].flat : g->nodes[x].cum);
	vy = gs_abs64(o->score ? g->nodes[y].flat : g->nodes[y].cum);
	if (vx != vy)
		return vx > vy ? -1 : 1;
	if (kx != ky) {
		gs_arena *mem = gs_arena_create(UINT64_MAX);

		c = gs_str_cmp(identity(mem, g, x), identity(mem, g, y));
		gs_arena_free(mem);
		if (c)
			return c;
	}
	return x < y ? -1 : x > y;
}

void gs_graph_sort(gs_graph *g, bool cum, bool entropy)
{
	order o = { .g = g };
	int64_t *score;

	if (cum || entropy) {
		score = gs_try_new(g->mem, int64_t, g->n_nodes);
		if (!score)
			return;
		for (uint32_t i = 0; i < g->n_shown; i++)
			score[g->shown[i]] = entropy ? entropy_score(g, g->shown[i]) : g->nodes[g->shown[i]].cum;
		o.score = score;
	}
	qsort_r(g->shown, g->n_shown, sizeof(*g->shown), compare_nodes, &o);
}

void gs_graph_sort_by_cum(gs_graph *g)
{
	gs_graph_sort(g, true, false);
}

static int compare_edges(const void *a, const void *b, void *ctx)
{
	gs_graph *g = ctx;
	const gs_edge *x = &g->edges[*(const uint32_t *)a], *y = &g->edges[*(const uint32_t *)b];
	int c;

	if (x->weight != y->weight && gs_abs64(x->weight) != gs_abs64(y->weight))
		return gs_abs64(x->weight) > gs_abs64(y->weight) ? -1 : 1;
	c = x->weight == y->weight ? gs_str_cmp(gs_graph_name(g, x->src), gs_graph_name(g, y->src)) : 0;
	if (!c && x->weight == y->weight)
		c = gs_str_cmp(gs_graph_name(g, x->dest), gs_graph_name(g, y->dest));
	return c ? c : *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

uint32_t *gs_graph_sort_edges(gs_graph *g, gs_arena *mem, const uint32_t *edges, uint32_t n, uint32_t *n_out)
{
	uint32_t *list = gs_try_new(mem, uint32_t, n);

	*n_out = 0;
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		if (!g->edges[edges[i]].is_gone)
			list[(*n_out)++] = edges[i];
	qsort_r(list, *n_out, sizeof(*list), compare_edges, g);
	return list;
}
