#include <math.h>

#include "present/printable.h"
#include "present/tables.h"

/* Costs of nodes with all below. `div`: what they are divided by (query->mean), or NULL. */
typedef struct costs {
	const int64_t *total, *div;
} costs;

static bool costs_of(gs_arena *mem, const gs_view *v, costs *c)
{
	c->total = gs_view_totals(mem, v, v->self);
	c->div = v->self_div ? gs_view_totals(mem, v, v->self_div) : NULL;
	return c->total && (!v->self_div || c->div);
}

static int64_t cost(const costs *c, uint32_t node)
{
	return gs_div(c->total[node], c->div ? c->div[node] : 0);
}

typedef struct child_order {
	const int64_t *total;
	const gs_view *v;
} child_order;

static int compare_children(const void *a, const void *b, void *ctx)
{
	const child_order *o = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int64_t vx = gs_abs64(o->total[x]), vy = gs_abs64(o->total[y]);

	return vx != vy ? (vx > vy ? -1 : 1) : x < y ? -1 : x > y;
}

/* Which nodes are worth showing: those of `least` and more, and of them the first ones in the order of what they cost. */
typedef struct worth {
	double least;
	bool has_last;
	uint32_t last; /* the last of the first ones */
} worth;

static bool is_worth(const worth *w, const int64_t *total, uint32_t node)
{
	int64_t value = gs_abs64(total[node]), bound;

	if (fabs((double)total[node]) < w->least)
		return false;
	bound = w->has_last ? gs_abs64(total[w->last]) : 0;
	return !w->has_last || value > bound || (value == bound && node <= w->last);
}

/* *n_left: how many are left out for there is a limit. Nodes come after their parents, so that these are in first when both cost the same. */
static worth worth_of(gs_arena *mem, const gs_view *v, const int64_t *total, double least, uint32_t limit, uint32_t *n_left)
{
	worth w = { .least = least };
	uint32_t *list, n = 0;
	child_order o = { total, v };

	*n_left = 0;
	if (!limit)
		return w;
	list = gs_new(mem, uint32_t, v->n_nodes);
	for (uint32_t i = 1; i < v->n_nodes; i++)
		if (is_worth(&w, total, i))
			list[n++] = i;
	if (n <= limit)
		return w;
	qsort_r(list, n, sizeof(*list), compare_children, &o);
	*n_left = n - limit;
	w.has_last = true;
	w.last = list[limit - 1];
	return w;
}

/* Children that are worth showing, heaviest first. */
static uint32_t big_children(gs_arena *mem, const gs_view *v, const int64_t *total, uint32_t node, const worth *w,
			     uint32_t **out)
{
	const gs_view_node *n = &v->nodes[node];
	uint32_t *list = gs_new(mem, uint32_t, n->n_children), count = 0;
	child_order o = { total, v };

	for (uint32_t c = n->first_child; c < n->first_child + n->n_children; c++)
		if (is_worth(w, total, c))
			list[count++] = c;
	qsort_r(list, count, sizeof(*list), compare_children, &o);
	*out = list;
	return count;
}

/* Stacks may be as deep as their maker likes; ours is not. */
enum { MAX_LEVELS = 2000 };

static void tree_text_level(gs_arena *mem, const gs_view *v, const costs *c, uint32_t node, const worth *w,
			    uint32_t depth, uint32_t level, uint32_t max_depth, const gs_table_style *s, gs_buf *out)
{
	uint32_t *list, n = big_children(mem, v, c->total, node, w, &list);

	if (max_depth && depth >= max_depth)
		return;
	if (level == MAX_LEVELS) {
		if (n)
			gs_buf_z(out, "                     (deeper frames are left out)\n");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		const gs_key *k = &v->keys[v->nodes[list[i]].key];

		gs_table_value_padded(v, s, out, cost(c, list[i]), 10);
		gs_buf_f(out, " %6.2f%%  ", gs_table_percent(cost(c, list[i]), v->total));
		/* A single child stays on its parent's level: deep stacks stay readable. */
		gs_buf_fill(out, ' ', (size_t)depth * 2);
		gs_printable(out, gs_key_text(mem, v, k));
		gs_buf_z(out, v->nodes[list[i]].flags & GS_VIEW_INLINED ? " (inlined)\n" : "\n");
		tree_text_level(mem, v, c, list[i], w, n == 1 ? depth : depth + 1, level + 1, max_depth, s,
				out);
	}
}

void gs_tree_text(gs_arena *mem, const gs_view *v, uint32_t root, double min, uint32_t max_depth, const gs_table_style *s,
		  gs_buf *out)
{
	uint32_t n_left;
	costs c;
	worth w;

	if (!costs_of(mem, v, &c))
		return;
	w = worth_of(mem, v, c.total, fabs((double)c.total[root]) * min, (uint32_t)s->limit, &n_left);
	tree_text_level(mem, v, &c, root, &w, 0, 0, max_depth, s, out);
	if (n_left)
		gs_buf_f(out, "%u more (-n 0 shows all)\n", n_left);
}

static void tree_json_level(gs_arena *mem, const gs_view *v, const costs *c, uint32_t node, const worth *w,
			    uint32_t depth, uint32_t max_depth, const gs_table_style *s, gs_json *j)
{
	uint32_t *list, n = big_children(mem, v, c->total, node, w, &list);

	gs_json_key(j, "children");
	gs_json_array(j);
	for (uint32_t i = 0; i < n && depth < MAX_LEVELS && (!max_depth || depth < max_depth); i++) {
		gs_json_object(j);
		gs_table_name_json(j, v, &v->keys[v->nodes[list[i]].key]);
		gs_json_ki64(j, "total", gs_table_scaled(s, cost(c, list[i])));
		gs_json_ki64(j, "self", gs_table_scaled(s, gs_div(v->self[list[i]], v->self_div ? v->self_div[list[i]] : 0)));
		tree_json_level(mem, v, c, list[i], w, depth + 1, max_depth, s, j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_tree_json(gs_arena *mem, const gs_view *v, uint32_t root, double min, uint32_t max_depth, const gs_table_style *s,
		  gs_buf *out)
{
	gs_json j = gs_json_to(out);
	uint32_t n_left;
	costs c;
	worth w;

	if (!costs_of(mem, v, &c))
		return;
	w = worth_of(mem, v, c.total, fabs((double)c.total[root]) * min, (uint32_t)s->limit, &n_left);
	gs_json_object(&j);
	gs_table_type_json(&j, v);
	gs_json_ki64(&j, "total", gs_table_scaled(s, cost(&c, root)));
	tree_json_level(mem, v, &c, root, &w, 0, max_depth, s, &j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
