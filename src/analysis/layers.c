#include "analysis/layers.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

enum { SWEEPS = 12, DUMMY_ROW = 4, MAX_SPOTS = 60000 };

/* A node, or the place where an edge passes a layer. */
typedef struct spot {
	uint32_t layer;
	uint32_t order; /* in its layer */
	double y, want;
	bool is_dummy;
} spot;

typedef struct link {
	uint32_t from, to; /* spots in neighbouring layers */
} link;

typedef struct drawing {
	gs_layers *l;
	gs_arena *mem; /* scratch */
	uint32_t *out_at, *out; /* edges by their node */
	/* depth first search: */
	uint32_t *index, *low, *stack, n_stack, n_seen;
	bool *on_stack;
	spot *spots;
	uint32_t n_spots, n_layers;
	link *links;
	uint32_t n_links;
	uint32_t *left_at, *left, *right_at, *right; /* neighbours of each spot */
	uint32_t *row_at, *row;			     /* spots of each layer, in order */
	uint32_t *chain;			     /* of each edge its first dummy; they follow each other */
} drawing;

static bool has_room(const drawing *d)
{
	return d->out_at && d->out && d->index && d->low && d->stack && d->on_stack && d->spots && d->chain;
}

static void index_edges(drawing *d)
{
	const gs_layers *l = d->l;

	for (uint32_t i = 0; i < l->n_edges; i++)
		d->out_at[l->edges[i].from]++;
	for (uint32_t i = 0, n = 0; i <= l->n_nodes; i++)
		d->out_at[i] = n += i < l->n_nodes ? d->out_at[i] : 0;
	for (uint32_t i = l->n_edges; i-- > 0;)
		d->out[--d->out_at[l->edges[i].from]] = i;
}

/* Tarjan's strongly connected parts. As deep as there are nodes: GS_LAYERS_MAX_NODES. */
static void visit(drawing *d, uint32_t v)
{
	gs_layers *l = d->l;
	uint32_t n = 0, w, top = d->n_stack;
	bool has_loop = false;

	d->index[v] = d->low[v] = ++d->n_seen;
	d->stack[d->n_stack++] = v;
	d->on_stack[v] = true;
	for (uint32_t k = d->out_at[v]; k < d->out_at[v + 1]; k++) {
		gs_layers_edge *e = &l->edges[d->out[k]];

		has_loop |= e->to == v;
		if (!d->index[e->to]) {
			visit(d, e->to);
			if (d->low[e->to] < d->low[v])
				d->low[v] = d->low[e->to];
		} else if (d->on_stack[e->to] && d->index[e->to] < d->low[v]) {
			d->low[v] = d->index[e->to];
		}
	}
	if (d->low[v] != d->index[v])
		return;
	n = d->n_stack - top;
	if (n > 1 || has_loop)
		l->n_cycles++;
	do {
		w = d->stack[--d->n_stack];
		d->on_stack[w] = false;
		l->cycle[w] = n > 1 || has_loop ? l->n_cycles : 0;
	} while (w != v);
}

/* Edges to a node that the search is still in close a cycle: they are turned round. */
static void turn(drawing *d, uint32_t v)
{
	d->index[v] = 1;
	for (uint32_t k = d->out_at[v]; k < d->out_at[v + 1]; k++) {
		gs_layers_edge *e = &d->l->edges[d->out[k]];

		if (d->index[e->to] == 1)
			e->is_back = true;
		else if (d->index[e->to] == 0)
			turn(d, e->to);
	}
	d->index[v] = 2;
}

static void find_cycles(drawing *d)
{
	gs_layers *l = d->l;
	bool *has_in = d->on_stack;

	for (uint32_t i = 0; i < l->n_nodes; i++)
		if (!d->index[i])
			visit(d, i);
	memset(d->index, 0, l->n_nodes * sizeof(*d->index));
	memset(has_in, 0, l->n_nodes * sizeof(*has_in));
	for (uint32_t i = 0; i < l->n_edges; i++) {
		gs_layers_edge *e = &l->edges[i];

		e->in_cycle = l->cycle[e->from] && l->cycle[e->from] == l->cycle[e->to];
		has_in[e->to] |= e->from != e->to;
	}
	/* From where nothing leads to first, so that cycles are cut where one comes into them. */
	for (unsigned round = 0; round < 2; round++)
		for (uint32_t i = 0; i < l->n_nodes; i++)
			if (!d->index[i] && (round || !has_in[i]))
				turn(d, i);
}

static uint32_t start_of(const gs_layers_edge *e)
{
	return e->is_back ? e->to : e->from;
}

static uint32_t end_of(const gs_layers_edge *e)
{
	return e->is_back ? e->from : e->to;
}

/* The longest way from the left; then what nothing leads to moves as near to what it leads to as it can. */
static void find_layers(drawing *d)
{
	gs_layers *l = d->l;
	bool moved = true;

	for (uint32_t round = 0; moved && round <= l->n_nodes; round++) {
		moved = false;
		for (uint32_t i = 0; i < l->n_edges; i++) {
			const gs_layers_edge *e = &l->edges[i];
			uint32_t a = start_of(e), b = end_of(e);

			if (a != b && l->layer[b] < l->layer[a] + 1) {
				l->layer[b] = l->layer[a] + 1;
				moved = true;
			}
		}
	}
	for (uint32_t i = 0; i < l->n_nodes; i++) {
		uint32_t nearest = UINT32_MAX;
		bool has_in = false;

		for (uint32_t k = 0; k < l->n_edges; k++) {
			const gs_layers_edge *e = &l->edges[k];

			if (start_of(e) == end_of(e))
				continue;
			has_in |= end_of(e) == i;
			if (start_of(e) == i && l->layer[end_of(e)] < nearest)
				nearest = l->layer[end_of(e)];
		}
		if (!has_in && nearest != UINT32_MAX)
			l->layer[i] = nearest - 1;
	}
	for (uint32_t i = 0; i < l->n_nodes; i++) {
		d->spots[i] = (spot){ .layer = l->layer[i] };
		if (l->layer[i] + 1 > d->n_layers)
			d->n_layers = l->layer[i] + 1;
	}
	d->n_spots = l->n_nodes;
}

static bool put_links(drawing *d)
{
	gs_layers *l = d->l;
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n_edges; i++)
		n += l->layer[end_of(&l->edges[i])] - l->layer[start_of(&l->edges[i])];
	d->links = gs_try_new(d->mem, link, n);
	if (!d->links)
		return false;
	for (uint32_t i = 0; i < l->n_edges; i++) {
		uint32_t a = start_of(&l->edges[i]), b = end_of(&l->edges[i]), from = a;

		d->chain[i] = d->n_spots;
		if (a == b)
			continue;
		/* Where there are too many, edges go straight. */
		for (uint32_t layer = l->layer[a] + 1; layer < l->layer[b] && d->n_spots < MAX_SPOTS; layer++) {
			d->spots[d->n_spots] = (spot){ .layer = layer, .is_dummy = true };
			d->links[d->n_links++] = (link){ from, d->n_spots };
			from = d->n_spots++;
		}
		if (d->spots[from].layer + 1 == l->layer[b])
			d->links[d->n_links++] = (link){ from, b };
	}
	return true;
}

static bool index_links(drawing *d)
{
	uint32_t n = d->n_spots;

	d->left_at = gs_try_new(d->mem, uint32_t, (size_t)n + 1);
	d->right_at = gs_try_new(d->mem, uint32_t, (size_t)n + 1);
	d->left = gs_try_new(d->mem, uint32_t, d->n_links);
	d->right = gs_try_new(d->mem, uint32_t, d->n_links);
	d->row_at = gs_try_new(d->mem, uint32_t, (size_t)d->n_layers + 1);
	d->row = gs_try_new(d->mem, uint32_t, n);
	if (!d->left_at || !d->right_at || !d->left || !d->right || !d->row_at || !d->row)
		return false;
	for (uint32_t i = 0; i < d->n_links; i++) {
		d->left_at[d->links[i].to]++;
		d->right_at[d->links[i].from]++;
	}
	for (uint32_t i = 0, a = 0, b = 0; i <= n; i++) {
		uint32_t x = i < n ? d->left_at[i] : 0, y = i < n ? d->right_at[i] : 0;

		a += x;
		b += y;
		d->left_at[i] = a;
		d->right_at[i] = b;
	}
	for (uint32_t i = d->n_links; i-- > 0;) {
		d->left[--d->left_at[d->links[i].to]] = d->links[i].from;
		d->right[--d->right_at[d->links[i].from]] = d->links[i].to;
	}
	for (uint32_t i = 0; i < n; i++)
		d->row_at[d->spots[i].layer + 1]++;
	for (uint32_t i = 0; i < d->n_layers; i++)
		d->row_at[i + 1] += d->row_at[i];
	return true;
}

/* A spot behind all that lead to it; a first order that follows the edges. */
static void place_after(drawing *d, uint32_t s, uint32_t *next, bool *is_placed)
{
	if (is_placed[s])
		return;
	is_placed[s] = true;
	d->spots[s].order = next[d->spots[s].layer]++;
	for (uint32_t k = d->right_at[s]; k < d->right_at[s + 1]; k++)
		place_after(d, d->right[k], next, is_placed);
}

static void set_rows(drawing *d)
{
	for (uint32_t i = 0; i < d->n_spots; i++)
		d->row[d->row_at[d->spots[i].layer] + d->spots[i].order] = i;
}

static int by_want(const void *a, const void *b, void *ctx)
{
	const spot *spots = ctx, *x = &spots[*(const uint32_t *)a], *y = &spots[*(const uint32_t *)b];

	if (x->want < y->want)
		return -1;
	if (x->want > y->want)
		return 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static double mean_order(const drawing *d, const uint32_t *list, uint32_t n, double otherwise)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += d->spots[list[i]].order;
	return n ? sum / n : otherwise;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Crossings between all neighbouring layers, by counting inversions with a Fenwick tree. */
static uint64_t crossings(const drawing *d, uint32_t *tree, uint32_t *ends)
{
	uint64_t sum = 0;

	for (uint32_t layer = 0; layer + 1 < d->n_layers; layer++) {
		uint32_t width = d->row_at[layer + 2] - d->row_at[layer + 1], seen = 0;

		memset(tree, 0, (size_t)(width + 1) * sizeof(*tree));
		for (uint32_t i = d->row_at[layer]; i < d->row_at[layer + 1]; i++) {
			uint32_t s = d->row[i], n = 0;

			for (uint32_t k = d->right_at[s]; k < d->right_at[s + 1]; k++)
				ends[n++] = d->spots[d->right[k]].order;
			if (n)
				qsort(ends, n, sizeof(*ends), by_number);
			for (uint32_t k = 0; k < n; k++) {
				uint32_t before = 0;

				for (uint32_t at = ends[k] + 1; at; at &= at - 1)
					before += tree[at];
				sum += seen - before;
			}
			for (uint32_t k = 0; k < n; k++, seen++)
				for (uint32_t at = ends[k] + 1; at <= width; at += at & (0u - at))
					tree[at]++;
		}
	}
	return sum;
}

static void sort_layer(drawing *d, uint32_t layer, bool by_left)
{
	uint32_t from = d->row_at[layer], n = d->row_at[layer + 1] - from;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t s = d->row[from + i];
		const uint32_t *at = by_left ? d->left_at : d->right_at, *list = by_left ? d->left : d->right;

		d->spots[s].want = mean_order(d, list + at[s], at[s + 1] - at[s], d->spots[s].order);
	}
	qsort_r(d->row + from, n, sizeof(*d->row), by_want, d->spots);
	for (uint32_t i = 0; i < n; i++)
		d->spots[d->row[from + i]].order = i;
}

static bool find_order(drawing *d)
{
	uint32_t *next = gs_try_new(d->mem, uint32_t, d->n_layers), *best = gs_try_new(d->mem, uint32_t, d->n_spots);
	uint32_t *tree = gs_try_new(d->mem, uint32_t, (size_t)d->n_spots + 1), *ends = gs_try_new(d->mem, uint32_t, d->n_links);
	bool *is_placed = gs_try_new(d->mem, bool, d->n_spots);
	uint64_t fewest;

	if (!next || !best || !tree || !ends || !is_placed)
		return false;
	for (uint32_t i = 0; i < d->n_spots; i++)
		if (d->left_at[i] == d->left_at[i + 1])
			place_after(d, i, next, is_placed);
	set_rows(d);
	fewest = crossings(d, tree, ends);
	for (uint32_t i = 0; i < d->n_spots; i++)
		best[i] = d->spots[i].order;
	for (unsigned sweep = 0; sweep < SWEEPS && fewest; sweep++) {
		uint64_t now;

		for (uint32_t i = 1; i < d->n_layers; i++)
			sort_layer(d, sweep % 2 ? d->n_layers - 1 - i : i, sweep % 2 == 0);
		now = crossings(d, tree, ends);
		if (now >= fewest)
			continue;
		fewest = now;
		for (uint32_t i = 0; i < d->n_spots; i++)
			best[i] = d->spots[i].order;
	}
	for (uint32_t i = 0; i < d->n_spots; i++)
		d->spots[i].order = best[i];
	set_rows(d);
	return true;
}

static double room(const drawing *d, uint32_t a, uint32_t b)
{
	double half = d->l->node_h / 2, x = d->spots[a].is_dummy ? DUMMY_ROW : half, y = d->spots[b].is_dummy ? DUMMY_ROW : half;

	return x + y + d->l->gap_y;
}

typedef struct block {
	double sum, weight; /* of wanted places, less the offsets in the block */
	uint32_t first;
} block;

/* Places in a layer as near to the wanted ones as order and room allow: blocks that collide are joined at their mean. */
static void spread(drawing *d, uint32_t layer, block *blocks, double *offset)
{
	uint32_t from = d->row_at[layer], n = d->row_at[layer + 1] - from, n_blocks = 0;

	for (uint32_t i = 0; i < n; i++) {
		const spot *s = &d->spots[d->row[from + i]];
		double weight = s->is_dummy ? 0.5 : 1;

		offset[i] = i ? offset[i - 1] + room(d, d->row[from + i - 1], d->row[from + i]) : 0;
		blocks[n_blocks++] = (block){ (s->want - offset[i]) * weight, weight, i };
		while (n_blocks > 1 && blocks[n_blocks - 2].sum * blocks[n_blocks - 1].weight >=
					       blocks[n_blocks - 1].sum * blocks[n_blocks - 2].weight) {
			n_blocks--;
			blocks[n_blocks - 1].sum += blocks[n_blocks].sum;
			blocks[n_blocks - 1].weight += blocks[n_blocks].weight;
		}
	}
	for (uint32_t b = 0; b < n_blocks; b++)
		for (uint32_t i = blocks[b].first; i < (b + 1 < n_blocks ? blocks[b + 1].first : n); i++)
			d->spots[d->row[from + i]].y = blocks[b].sum / blocks[b].weight + offset[i];
}

static double mean_y(const drawing *d, uint32_t s, bool left, bool right)
{
	double sum = 0;
	uint32_t n = 0;

	for (uint32_t k = d->left_at[s]; left && k < d->left_at[s + 1]; k++, n++)
		sum += d->spots[d->left[k]].y;
	for (uint32_t k = d->right_at[s]; right && k < d->right_at[s + 1]; k++, n++)
		sum += d->spots[d->right[k]].y;
	return n ? sum / n : d->spots[s].y;
}

static bool find_places(drawing *d)
{
	block *blocks = gs_try_new(d->mem, block, d->n_spots);
	double *offset = gs_try_new(d->mem, double, d->n_spots);

	if (!blocks || !offset)
		return false;
	for (uint32_t i = 0; i < d->n_spots; i++)
		d->spots[i].want = d->spots[i].y = d->spots[i].order * (d->l->node_h + d->l->gap_y);
	for (unsigned sweep = 0; sweep < SWEEPS; sweep++)
		for (uint32_t i = 0; i < d->n_layers; i++) {
			uint32_t layer = sweep % 2 ? d->n_layers - 1 - i : i;

			for (uint32_t k = d->row_at[layer]; k < d->row_at[layer + 1]; k++) {
				uint32_t s = d->row[k];
				bool is_last = sweep + 2 >= SWEEPS;

				d->spots[s].want = mean_y(d, s, is_last || sweep % 2 == 0, is_last || sweep % 2);
			}
			spread(d, layer, blocks, offset);
		}
	return true;
}

static bool put_points(gs_arena *mem, drawing *d)
{
	gs_layers *l = d->l;
	double least = 1e300, most = -1e300;
	size_t max = (size_t)l->n_edges * 2 + d->n_spots;

	l->points = gs_try_new(mem, gs_layers_point, max + (size_t)l->n_edges * 2);
	if (!l->points)
		return false;
	for (uint32_t i = 0; i < d->n_spots; i++) {
		double half = d->spots[i].is_dummy ? DUMMY_ROW : l->node_h / 2;

		least = d->spots[i].y - half < least ? d->spots[i].y - half : least;
		most = d->spots[i].y + half > most ? d->spots[i].y + half : most;
	}
	for (uint32_t i = 0; i < l->n_nodes; i++)
		l->at[i] = (gs_layers_point){ l->layer[i] * (l->node_w + l->gap_x), d->spots[i].y - l->node_h / 2 - least };
	for (uint32_t i = 0; i < l->n_edges; i++) {
		gs_layers_edge *e = &l->edges[i];
		uint32_t a = start_of(e), b = end_of(e), n = 0;
		gs_layers_point *p = l->points + l->n_points;
		/* What goes back has ends of its own: it may be the other half of an edge that goes on. */
		double port = l->node_h * (e->is_back ? 0.75 : 0.5);

		e->first_point = l->n_points;
		if (a == b) { /* a loop at the right side */
			double x = l->at[a].x + l->node_w, y = l->at[a].y + l->node_h / 2;

			p[n++] = (gs_layers_point){ x, y - l->node_h / 4 };
			p[n++] = (gs_layers_point){ x + l->gap_x / 3, y - l->node_h / 4 };
			p[n++] = (gs_layers_point){ x + l->gap_x / 3, y + l->node_h / 4 };
			p[n++] = (gs_layers_point){ x, y + l->node_h / 4 };
		} else {
			p[n++] = (gs_layers_point){ l->at[a].x + l->node_w, l->at[a].y + port };
			for (uint32_t s = d->chain[i]; s < (i + 1 < l->n_edges ? d->chain[i + 1] : d->n_spots); s++)
				p[n++] = (gs_layers_point){ d->spots[s].layer * (l->node_w + l->gap_x) + l->node_w / 2, d->spots[s].y - least };
			p[n++] = (gs_layers_point){ l->at[b].x, l->at[b].y + port };
		}
		for (uint32_t k = 0; e->is_back && a != b && k < n / 2; k++) {
			gs_layers_point other = p[k];

			p[k] = p[n - 1 - k];
			p[n - 1 - k] = other;
		}
		e->n_points = n;
		l->n_points += n;
	}
	l->width = d->n_layers ? d->n_layers * (l->node_w + l->gap_x) - l->gap_x : 0;
	l->height = d->n_spots ? most - least : 0;
	return true;
}

bool gs_layers_lay_out(gs_arena *mem, gs_layers *l, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 30);
	drawing d = { .l = l, .mem = scratch };
	size_t n = l->n_nodes;

	assert(l->n_nodes <= GS_LAYERS_MAX_NODES && l->n_edges <= GS_LAYERS_MAX_EDGES);
	l->at = gs_try_new(mem, gs_layers_point, n);
	l->layer = gs_try_new(mem, uint32_t, n);
	l->cycle = gs_try_new(mem, uint32_t, n);
	d.out_at = gs_try_new(scratch, uint32_t, n + 2);
	d.out = gs_try_new(scratch, uint32_t, l->n_edges);
	d.index = gs_try_new(scratch, uint32_t, n);
	d.low = gs_try_new(scratch, uint32_t, n);
	d.stack = gs_try_new(scratch, uint32_t, n);
	d.on_stack = gs_try_new(scratch, bool, n);
	d.spots = gs_try_new(scratch, spot, MAX_SPOTS + n);
	d.chain = gs_try_new(scratch, uint32_t, l->n_edges);
	if (l->at && l->layer && l->cycle && has_room(&d)) {
		index_edges(&d);
		find_cycles(&d);
		find_layers(&d);
		if (put_links(&d) && index_links(&d) && find_order(&d) && find_places(&d) && put_points(mem, &d))
			return true;
	}
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a drawing of %u nodes", l->n_nodes);
}
