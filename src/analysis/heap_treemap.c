#include "analysis/heap_treemap.h"

#include <stdlib.h>

#include "base/banned.h"

/* Pixels: what is smaller is not worth a box, or does not show what is in it. */
#define LEAST_AREA 40.0
#define LEAST_SIDE 9.0
#define HEAD_WIDTH 34.0

typedef struct tree {
	const gs_heap_index *x;
	bool by_object;
	uint32_t n, root;
	uint64_t least_bytes;
	uint32_t *count; /* children of each node */
	uint32_t *first; /* of each node the place of its first large child in `large`; GS_HEAP_NONE without */
	uint32_t *large; /* nodes worth a box, by parent, the largest first */
	uint32_t n_large;
} tree;

typedef struct layout {
	const tree *t;
	const gs_heap_map_query *q;
	gs_heap_map *out;
	uint32_t *queue; /* boxes to open, the largest area on top: a heap */
	uint32_t n_queue;
	double *values;
	gs_tile_box *places;
} layout;

static bool no_memory(gs_err *err, const gs_heap_index *x)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a picture of %u objects", x->heap->n_objects);
}

uint32_t gs_heap_map_above(const gs_heap_index *x, bool by_object, uint32_t node)
{
	if (by_object)
		return gs_dominators_above(&x->dominators, node);
	return node ? x->held.steps[node].parent : GS_HEAP_NONE;
}

gs_str gs_heap_map_name(const gs_heap_index *x, bool by_object, uint32_t node)
{
	const gs_dominators *d = &x->dominators;

	if (by_object ? node == gs_dominators_root(d) : node == 0)
		return GS_S("heap");
	if (!by_object)
		return gs_strtab_get(&x->names->strings, x->held.steps[node].name);
	return gs_strtab_get(&x->names->strings, node < d->n_objects ? x->names->of_type[gs_heap_type_of(x->heap, node)] :
								       x->names->of_holder[node - d->n_objects]);
}

static uint64_t bytes_of(const tree *t, uint32_t node)
{
	return t->by_object ? gs_dominators_retained(&t->x->dominators, node) : t->x->held.steps[node].bytes;
}

static uint64_t own_bytes_of(const tree *t, uint32_t node)
{
	if (!t->by_object)
		return t->x->held.steps[node].own_bytes;
	return node < t->x->heap->n_objects ? gs_heap_size(t->x->heap, node) : 0;
}

static int by_parent(const void *a, const void *b, void *ctx)
{
	const tree *t = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint32_t px = gs_heap_map_above(t->x, t->by_object, x), py = gs_heap_map_above(t->x, t->by_object, y);

	if (px != py)
		return px < py ? -1 : 1;
	if (bytes_of(t, x) != bytes_of(t, y))
		return bytes_of(t, x) > bytes_of(t, y) ? -1 : 1;
	return x < y ? -1 : 1;
}

static bool find_children(gs_arena *scratch, tree *t)
{
	uint32_t n = 0;

	t->count = gs_try_new(scratch, uint32_t, t->n);
	t->first = gs_try_new(scratch, uint32_t, t->n);
	if (!t->count || !t->first)
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t up = gs_heap_map_above(t->x, t->by_object, i);

		if (up != GS_HEAP_NONE)
			t->count[up]++;
		n += bytes_of(t, i) >= t->least_bytes;
	}
	t->large = gs_try_new(scratch, uint32_t, n);
	if (!t->large)
		return false;
	for (uint32_t i = 0; i < t->n; i++)
		if (bytes_of(t, i) >= t->least_bytes && gs_heap_map_above(t->x, t->by_object, i) != GS_HEAP_NONE)
			t->large[t->n_large++] = i;
	if (t->n_large)
		qsort_r(t->large, t->n_large, sizeof(*t->large), by_parent, t);
	memset(t->first, 0xff, t->n * sizeof(*t->first));
	for (uint32_t i = t->n_large; i-- > 0;)
		t->first[gs_heap_map_above(t->x, t->by_object, t->large[i])] = i;
	return true;
}

static double area(const layout *l, uint32_t box)
{
	return l->out->boxes[box].at.w * l->out->boxes[box].at.h;
}

static void push(layout *l, uint32_t box)
{
	uint32_t i = l->n_queue++;

	for (; i && area(l, l->queue[(i - 1) / 2]) < area(l, box); i = (i - 1) / 2)
		l->queue[i] = l->queue[(i - 1) / 2];
	l->queue[i] = box;
}

static uint32_t pop(layout *l)
{
	uint32_t top = l->queue[0], last = l->queue[--l->n_queue], i = 0;

	for (;;) {
		uint32_t k = 2 * i + 1;

		if (k >= l->n_queue)
			break;
		if (k + 1 < l->n_queue && area(l, l->queue[k + 1]) > area(l, l->queue[k]))
			k++;
		if (area(l, l->queue[k]) <= area(l, last))
			break;
		l->queue[i] = l->queue[k];
		i = k;
	}
	l->queue[i] = last;
	return top;
}

/* Where the children of a box go. */
static gs_tile_box inside(gs_heap_box *b)
{
	double head = GS_TREEMAP_PAD_PX;

	if (b->has_head)
		head = GS_TREEMAP_HEAD_PX;
	return (gs_tile_box){ b->at.x + GS_TREEMAP_PAD_PX, b->at.y + head, b->at.w - 2 * GS_TREEMAP_PAD_PX,
			      b->at.h - head - GS_TREEMAP_PAD_PX };
}

static bool can_open(const gs_tile_box *in)
{
	return in->w >= LEAST_SIDE && in->h >= LEAST_SIDE;
}

static void add(layout *l, uint32_t parent, uint32_t node, uint32_t n_children, uint64_t bytes, gs_tile_box at)
{
	gs_heap_box *b = &l->out->boxes[l->out->n];

	*b = (gs_heap_box){ .node = node, .parent = parent, .n_children = n_children, .bytes = bytes, .at = at,
			    .depth = l->out->n ? l->out->boxes[parent].depth + 1 : 0,
			    .own_bytes = node == GS_HEAP_NONE ? 0 : own_bytes_of(l->t, node) };
	if (node != GS_HEAP_NONE && n_children) {
		b->has_head = at.w >= HEAD_WIDTH && at.h >= GS_TREEMAP_HEAD_PX + LEAST_SIDE;
		push(l, l->out->n);
	}
	l->out->n++;
}

/* The children of a box get places in it; what is its own, and what is too small, get theirs in order of size. */
static void open(layout *l, uint32_t at)
{
	gs_heap_box *b = &l->out->boxes[at];
	const tree *t = l->t;
	gs_tile_box in = inside(b);
	double per_byte = b->bytes ? in.w * in.h / (double)b->bytes : 0;
	uint32_t first = t->first[b->node], n = 0, total = 0, own_at = UINT32_MAX, rest_at = UINT32_MAX, k = 0;
	uint64_t shown = 0, rest;

	if (!can_open(&in) || first == GS_HEAP_NONE)
		return;
	while (first + n < t->n_large && gs_heap_map_above(t->x, t->by_object, t->large[first + n]) == b->node &&
	       (double)bytes_of(t, t->large[first + n]) * per_byte >= LEAST_AREA && l->out->n + n + 2 < l->q->max_boxes)
		shown += bytes_of(t, t->large[first + n++]);
	if (!n)
		return;
	rest = b->bytes - b->own_bytes - shown;
	for (uint32_t i = 0; i <= n; i++) {
		uint64_t next = i < n ? bytes_of(t, t->large[first + i]) : 0;

		if (own_at == UINT32_MAX && b->own_bytes >= next) {
			own_at = total;
			l->values[total++] = (double)b->own_bytes;
		}
		if (rest_at == UINT32_MAX && rest >= next) {
			rest_at = total;
			l->values[total++] = (double)rest;
		}
		if (i < n)
			l->values[total++] = (double)next;
	}
	/* The two that were put in at one place may stand the wrong way round. */
	if (own_at + 1 == rest_at && l->values[own_at] < l->values[rest_at]) {
		double other = l->values[own_at];

		l->values[own_at] = l->values[rest_at];
		l->values[rest_at] = other;
		own_at = rest_at--;
	}
	gs_treemap_squarify(l->values, total, in, l->places);
	for (uint32_t i = 0; i < total; i++) {
		if (i == own_at)
			continue;
		if (i != rest_at) {
			uint32_t child = t->large[first + k++];

			add(l, at, child, t->count[child], bytes_of(t, child), l->places[i]);
		} else if (rest && t->count[b->node] > n) {
			add(l, at, GS_HEAP_NONE, t->count[b->node] - n, rest, l->places[i]);
		}
	}
	l->out->boxes[at].is_open = true;
}

bool gs_heap_map_lay_out(gs_arena *mem, const gs_heap_index *x, const gs_heap_map_query *q, gs_heap_map *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	tree t = { .x = x, .by_object = q->by_object, .n = q->by_object ? x->dominators.n_nodes : x->held.n, .root = q->root };
	layout l = { .t = &t, .q = q, .out = out };

	if (q->by_object && q->root == GS_HEAP_NONE)
		t.root = gs_dominators_root(&x->dominators);
	if (t.root >= t.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "the tree has no node %u, it has %u", t.root, t.n);
	t.least_bytes = (uint64_t)(LEAST_AREA / (q->width * q->height) * (double)bytes_of(&t, t.root)) + 1;
	*out = (gs_heap_map){ .boxes = gs_try_new(mem, gs_heap_box, q->max_boxes) };
	l.queue = gs_try_new(scratch, uint32_t, q->max_boxes);
	l.values = gs_try_new(scratch, double, (size_t)q->max_boxes + 2);
	l.places = gs_try_new(scratch, gs_tile_box, (size_t)q->max_boxes + 2);
	if (!out->boxes || !l.queue || !l.values || !l.places || !find_children(scratch, &t))
		return no_memory(err, x);
	add(&l, 0, t.root, t.count[t.root], bytes_of(&t, t.root), (gs_tile_box){ 0, 0, q->width, q->height });
	while (l.n_queue && out->n + 2 < q->max_boxes)
		open(&l, pop(&l));
	return true;
}
