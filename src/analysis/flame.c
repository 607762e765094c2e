#include "analysis/flame.h"

#include <math.h>

#include "analysis/names.h"
#include "base/map.h"

/* A stack tree: the view's own, or one made around a pivot. Parents come before children. */
typedef struct tree {
	uint32_t n;
	const gs_view_node *nodes; /* the view's; else NULL and the columns below */
	uint32_t *parent, *key, *flags; /* node 0 is the root */
	uint32_t *first, *child;	/* children as runs of `child` */
	const int64_t *self, *base_self; /* base_self may be NULL */
	const double *raw;		 /* raw samples that end at each node; the view's own tree has it when a pivot needs it */
	/* Sums over subtrees. */
	const int64_t *total, *base_total, *weight;
	const double *raw_total;
} tree;

/* What a tree around a pivot is grown in. */
typedef struct columns {
	int64_t *self, *base_self;
	double *raw;
} columns;

static uint32_t parent_of(const tree *t, uint32_t i)
{
	return t->nodes ? t->nodes[i].parent : t->parent[i];
}

static uint32_t key_of(const tree *t, uint32_t i)
{
	return t->nodes ? t->nodes[i].key : t->key[i];
}

static uint32_t flags_of(const tree *t, uint32_t i)
{
	return t->nodes ? t->nodes[i].flags : t->flags[i];
}

/* The k-th child. */
static uint32_t child_of(const tree *t, uint32_t i, uint32_t k)
{
	return t->nodes ? t->nodes[i].first_child + k : t->child[t->first[i] + k];
}

static uint32_t n_children(const tree *t, uint32_t i)
{
	return t->nodes ? t->nodes[i].n_children : t->first[i + 1] - t->first[i];
}

static bool out_of_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a flame graph");
}

static int64_t magnitude(int64_t v)
{
	return v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
}

/* False when memory is out. */
static bool tree_alloc(gs_arena *mem, tree *t, columns *c, uint32_t cap, bool has_base)
{
	t->parent = gs_try_new(mem, uint32_t, cap);
	t->key = gs_try_new(mem, uint32_t, cap);
	t->flags = gs_try_new(mem, uint32_t, cap);
	t->self = c->self = gs_try_new(mem, int64_t, cap);
	t->base_self = c->base_self = has_base ? gs_try_new(mem, int64_t, cap) : NULL;
	t->raw = c->raw = gs_try_new(mem, double, cap);
	return t->parent && t->key && t->flags && t->self && t->raw && (t->base_self || !has_base);
}

static bool tree_sum(gs_arena *mem, tree *t)
{
	int64_t *total = gs_try_new(mem, int64_t, t->n), *weight = gs_try_new(mem, int64_t, t->n);
	int64_t *base_total = t->base_self ? gs_try_new(mem, int64_t, t->n) : NULL;
	double *raw_total = gs_try_new(mem, double, t->n);
	uint32_t *fill = gs_try_new(mem, uint32_t, t->n);

	t->first = gs_try_new(mem, uint32_t, (size_t)t->n + 1);
	t->child = gs_try_new(mem, uint32_t, t->n);
	if (!total || !weight || (t->base_self && !base_total) || !raw_total || !t->first || !t->child || !fill)
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		int64_t w = magnitude(t->self[i]);

		total[i] = t->self[i];
		raw_total[i] = t->raw[i];
		if (t->base_self) {
			int64_t b = magnitude(t->base_self[i]);

			base_total[i] = t->base_self[i];
			w = w > b ? w : b;
		}
		weight[i] = w;
	}
	for (uint32_t i = t->n; i-- > 1;) {
		uint32_t p = t->parent[i];

		/* Values are an input's: sums may wrap, and must not be undefined. */
		total[p] = (int64_t)((uint64_t)total[p] + (uint64_t)total[i]);
		if (__builtin_add_overflow(weight[p], weight[i], &weight[p]))
			weight[p] = INT64_MAX;
		raw_total[p] += raw_total[i];
		if (base_total)
			base_total[p] = (int64_t)((uint64_t)base_total[p] + (uint64_t)base_total[i]);
		t->first[p + 1]++;
	}
	for (uint32_t i = 0; i < t->n; i++)
		t->first[i + 1] += t->first[i];
	for (uint32_t i = 1; i < t->n; i++)
		t->child[t->first[t->parent[i]] + fill[t->parent[i]]++] = i;
	t->total = total;
	t->weight = weight;
	t->base_total = base_total;
	t->raw_total = raw_total;
	return true;
}

static bool tree_of_view(gs_arena *mem, const gs_view *v, bool needs_raw, tree *t)
{
	const gs_view_sums *s = gs_view_sums_of(v);

	if (!s)
		return false;
	*t = (tree){
		.n = v->n_nodes,
		.nodes = v->nodes,
		.self = v->self,
		.base_self = v->base_self,
		.raw = needs_raw ? gs_view_raw_self(mem, v, false) : NULL,
		.total = s->total,
		.base_total = s->base_total,
		.weight = s->weight,
		.raw_total = s->raw_total,
	};
	return t->raw || !needs_raw;
}

/* A tree under construction: nodes found again by (parent, key). */
typedef struct grower {
	tree *t;
	gs_map index;
	uint32_t cap;
} grower;

static uint32_t grow(grower *g, uint32_t parent, uint32_t key, uint32_t flags)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&g->index, (uint64_t)parent << 32 | key, &is_new);

	if (!slot || (is_new && g->t->n == g->cap))
		return GS_NO_ID;
	if (is_new) {
		*slot = g->t->n++;
		g->t->parent[*slot] = parent;
		g->t->key[*slot] = key;
		g->t->flags[*slot] = flags;
	}
	return *slot;
}

static void add_value(columns *to, uint32_t at, const tree *from, uint32_t i, bool whole_subtree)
{
	to->self[at] += whole_subtree ? from->total[i] : from->self[i];
	to->raw[at] += whole_subtree ? from->raw_total[i] : from->raw[i];
	if (to->base_self)
		to->base_self[at] += whole_subtree ? from->base_total[i] : from->base_self[i];
}

/* Every outermost call of the pivot laid on top of each other: what it calls, or who calls it. */
static bool tree_around(gs_arena *mem, const gs_view *v, const tree *whole, gs_str pivot, bool to_callers, tree *out,
			gs_err *err)
{
	grower g = { .t = out };
	columns c = { 0 };
	uint32_t *place = gs_try_new(mem, uint32_t, whole->n); /* node of `out`, GS_NO_ID outside the pivot */
	uint64_t cap = 1;
	uint32_t pivot_key = GS_NO_ID;

	if (!place)
		return out_of_memory(err);
	place[0] = GS_NO_ID;
	for (uint32_t i = 1; i < whole->n; i++) {
		bool is_pivot = gs_str_eq(gs_view_str(v, v->keys[key_of(whole, i)].name), pivot);
		bool is_inside = place[parent_of(whole, i)] != GS_NO_ID;

		place[i] = is_inside ? 1 : is_pivot ? 0 : GS_NO_ID; /* refined below; now: inside, start, outside */
		if (place[i] == 0) {
			pivot_key = key_of(whole, i);
			for (uint32_t a = parent_of(whole, i); to_callers && a; a = parent_of(whole, a))
				cap++;
		} else if (place[i] == 1 && !to_callers) {
			cap++;
		}
	}
	if (pivot_key == GS_NO_ID)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no function is called %.*s here", GS_FMT(pivot));
	if (cap > INT32_MAX || !tree_alloc(mem, out, &c, (uint32_t)cap, whole->base_self != NULL))
		return out_of_memory(err);
	g.cap = (uint32_t)cap;
	out->n = 1;
	out->key[0] = pivot_key;
	for (uint32_t i = 1; i < whole->n; i++) {
		uint32_t at = 0;

		if (place[i] == GS_NO_ID)
			continue;
		if (to_callers) {
			if (place[i] != 0)
				continue;
			for (uint32_t a = parent_of(whole, i); a && at != GS_NO_ID; a = parent_of(whole, a))
				at = grow(&g, at, key_of(whole, a), flags_of(whole, a));
		} else if (place[i] != 0) {
			at = grow(&g, place[parent_of(whole, i)], key_of(whole, i), flags_of(whole, i));
		}
		if (at == GS_NO_ID)
			break;
		if (!to_callers)
			place[i] = at;
		add_value(&c, at, whole, i, to_callers);
	}
	gs_map_release(&g.index);
	return true;
}

typedef struct order {
	const gs_view *v;
	const tree *t;
	bool by_name;
} order;

static int compare_children(const void *a, const void *b, void *ctx)
{
	const order *o = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int64_t wx = o->t->weight[x], wy = o->t->weight[y];
	int c;

	if (!o->by_name && wx != wy)
		return wx > wy ? -1 : 1;
	c = gs_str_cmp(gs_view_str(o->v, o->v->keys[key_of(o->t, x)].name),
		       gs_view_str(o->v, o->v->keys[key_of(o->t, y)].name));
	return c ? c : x < y ? -1 : 1;
}

typedef struct output {
	gs_flame *f;
	uint32_t cap;
	uint32_t *name_of_key;
	uint32_t cap_names;
} output;

static uint32_t name_of(gs_arena *mem, const gs_view *v, output *o, uint32_t key)
{
	const gs_key *k = &v->keys[key];
	gs_flame_name *n;
	gs_str name;

	if (o->name_of_key[key])
		return o->name_of_key[key];
	n = &o->f->names[o->f->n_names];
	name = gs_view_str(v, k->name);
	n->name = name.n ? name : gs_key_text(mem, v, k);
	n->package = gs_name_package(n->name);
	n->short_name = n->package.n && n->name.n > n->package.n + 1 ? gs_str_skip(n->name, n->package.n + 1) : n->name;
	n->file = gs_view_str(v, k->file ? k->file : k->at_file);
	n->line = k->line ? k->line : k->at_line;
	return o->name_of_key[key] = o->f->n_names++;
}

static void emit(gs_arena *mem, const gs_view *v, const tree *t, output *o, uint32_t node, uint32_t parent)
{
	gs_flame *f = o->f;
	uint32_t i = f->n++;

	f->id[i] = node;
	f->parent[i] = parent;
	f->name[i] = key_of(t, node) == GS_NO_ID ? 0 : name_of(mem, v, o, key_of(t, node));
	f->flags[i] = flags_of(t, node) | (key_of(t, node) == GS_NO_ID ? 0 : v->keys[key_of(t, node)].flags);
	f->self[i] = t->self[node];
	f->total[i] = t->total[node];
	f->weight[i] = t->weight[node];
	f->samples[i] = t->raw_total[node] > 0 ? (uint64_t)llround(t->raw_total[node]) : 0;
	if (t->base_self) {
		f->base_self[i] = t->base_self[node];
		f->base_total[i] = t->base_total[node];
	}
}

/* One frame that stands for the siblings that are too small to see. */
static void emit_smaller(const tree *t, output *o, const uint32_t *left_out, uint32_t n, uint32_t parent)
{
	gs_flame *f = o->f;
	uint32_t i = f->n++;
	double raw = 0;

	f->id[i] = GS_NO_ID;
	f->parent[i] = parent;
	f->name[i] = 1;
	f->flags[i] = GS_FLAME_SMALLER;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t node = left_out[k];

		f->self[i] += t->total[node];
		f->weight[i] += t->weight[node];
		raw += t->raw_total[node];
		if (t->base_self)
			f->base_self[i] += t->base_total[node];
	}
	f->total[i] = f->self[i];
	f->samples[i] = raw > 0 ? (uint64_t)llround(raw) : 0;
	if (t->base_self)
		f->base_total[i] = f->base_self[i];
}

static bool output_alloc(gs_arena *mem, const gs_view *v, const tree *t, output *o, uint32_t cap)
{
	gs_flame *f = o->f;

	o->cap = cap;
	f->id = gs_try_new(mem, uint32_t, cap);
	f->parent = gs_try_new(mem, uint32_t, cap);
	f->name = gs_try_new(mem, uint32_t, cap);
	f->flags = gs_try_new(mem, uint32_t, cap);
	f->self = gs_try_new(mem, int64_t, cap);
	f->total = gs_try_new(mem, int64_t, cap);
	f->weight = gs_try_new(mem, int64_t, cap);
	f->samples = gs_try_new(mem, uint64_t, cap);
	f->base_self = t->base_self ? gs_try_new(mem, int64_t, cap) : NULL;
	f->base_total = t->base_self ? gs_try_new(mem, int64_t, cap) : NULL;
	o->cap_names = (cap < v->n_keys ? cap : v->n_keys) + 2;
	f->names = gs_try_new(mem, gs_flame_name, o->cap_names);
	o->name_of_key = gs_try_new(mem, uint32_t, (size_t)v->n_keys + 1);
	return f->id && f->parent && f->name && f->flags && f->self && f->total && f->weight && f->samples &&
	       f->names && o->name_of_key && (!t->base_self || (f->base_self && f->base_total));
}

/*
 * The nodes of the subtree that will be shown: those that weigh at least `least`, and a "smaller" frame beside each. Walks what is
 * shown only: `queue` has room for all nodes.
 */
static uint32_t count_shown(const tree *t, int64_t least, uint32_t root, uint32_t *queue)
{
	uint64_t n = 3;
	uint32_t n_queue = 1;

	for (uint32_t a = root; a; a = parent_of(t, a))
		n++;
	queue[0] = root;
	for (uint32_t at = 0; at < n_queue; at++) {
		uint32_t children = n_children(t, queue[at]);

		for (uint32_t k = 0; k < children; k++) {
			uint32_t child = child_of(t, queue[at], k);

			if (t->weight[child] >= least)
				queue[n_queue++] = child;
		}
	}
	n += 2 * (uint64_t)n_queue;
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static bool set_depth(gs_arena *scratch, gs_flame *f)
{
	uint32_t *level = gs_try_new(scratch, uint32_t, f->n);

	if (!level)
		return false;
	for (uint32_t i = 1; i < f->n; i++) {
		level[i] = level[f->parent[i]] + 1;
		if (level[i] > f->max_depth)
			f->max_depth = level[i];
	}
	return true;
}

gs_flame *gs_flame_build(gs_arena *mem, const gs_view *v, const gs_flame_options *options, gs_err *err)
{
	tree whole, around = { 0 }, *t = &whole;
	gs_flame *f = gs_try_new(mem, gs_flame, 1);
	output o = { .f = f };
	order by = { v, NULL, options->by_name };
	uint32_t *sorted;
	int64_t least;
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(mem));

	if (!f || !tree_of_view(scratch, v, options->pivot.n > 0, &whole))
		return out_of_memory(err), NULL;
	if (options->pivot.n) {
		if (!tree_around(scratch, v, &whole, options->pivot, options->to_callers, &around, err))
			return NULL;
		if (!tree_sum(scratch, &around))
			return out_of_memory(err), NULL;
		t = &around;
	}
	if (options->root >= t->n)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no node %u in this flame graph: ids hold for one query only",
			       options->root),
		       NULL;
	least = (int64_t)ceil(options->min_ratio * (double)t->weight[options->root]);
	if (least < 1)
		least = options->min_ratio > 0 ? 1 : 0;
	sorted = gs_try_new(scratch, uint32_t, (size_t)t->n + 1);
	if (!sorted || !output_alloc(mem, v, t, &o, count_shown(t, least, options->root, sorted)))
		return out_of_memory(err), NULL;

	f->names[0] = (gs_flame_name){ .name = GS_S("root"), .short_name = GS_S("root") };
	f->names[1] = (gs_flame_name){ .name = GS_S("(smaller frames)"), .short_name = GS_S("(smaller frames)") };
	f->n_names = 2;
	f->type = v->type;
	f->unit = v->unit;
	f->root_total = v->total;
	f->root_base_total = v->base_total;
	f->samples_total = t->raw_total[0] > 0 ? (uint64_t)llround(t->raw_total[0]) : 0;
	f->view_nodes = t->n;
	by.t = t;

	/* The way from the root to the node zoomed to, then its subtree level by level: the output is its own queue. */
	uint32_t depth = 0;
	for (uint32_t a = options->root; a; a = parent_of(t, a))
		sorted[depth++] = a;
	emit(mem, v, t, &o, 0, GS_FLAME_NO_PARENT);
	while (depth > 0) {
		emit(mem, v, t, &o, sorted[--depth], f->n - 1);
		f->flags[f->n - 2] |= GS_FLAME_HAS_MORE;
	}
	for (uint32_t at = f->n - 1; at < f->n; at++) {
		uint32_t node = f->id[at], n = 0, n_left = 0, last;
		int64_t left_weight = 0;

		if (node == GS_NO_ID)
			continue;
		for (uint32_t k = 0; k < n_children(t, node); k++) {
			uint32_t child = child_of(t, node, k);

			if (t->weight[child] >= least)
				sorted[n++] = child;
		}
		qsort_r(sorted, n, sizeof(*sorted), compare_children, &by);
		for (uint32_t k = 0; k < n; k++)
			emit(mem, v, t, &o, sorted[k], at);
		last = n;
		for (uint32_t k = 0; k < n_children(t, node); k++) {
			uint32_t child = child_of(t, node, k);

			if (t->weight[child] < least) {
				sorted[last + n_left++] = child;
				left_weight += t->weight[child];
			}
		}
		if (n_left) {
			f->flags[at] |= GS_FLAME_HAS_MORE;
			if (left_weight >= least)
				emit_smaller(t, &o, sorted + last, n_left, at);
		}
	}
	return set_depth(scratch, f) ? f : (out_of_memory(err), NULL);
}
