#include "analysis/dominators.h"

#include "base/buf.h"
#include "base/banned.h"

/* A column with an arena of its own: it goes as soon as it has served. */
typedef struct column {
	gs_arena *mem;
	gs_packed ids;
} column;

/*
 * Temporary; numbers from 1 in the order of a depth-first walk, the root is 1. What is needed at a time stays at few columns:
 *
 * Much of a heap hangs on by one edge only, with all that is below it: lists, trees, values. The dominator of such a node is what points to it, and it changes nothing for the
 * others. Most of these are found before the walk, from the leaves up; of the rest each is done when the walk leaves it, and gives its number back.
 *
 * Of edges beside those of the walk's tree, those to a higher number and those to the parent need not be remembered: their share in a semi-dominator is known
 * when it is asked for.
 */
typedef struct graph {
	const gs_heap *h;
	gs_dominators *d;
	gs_arena *mem; /* of the answer */
	column number;	 /* node -> number, 0 not reached; of a node that is done its dominator + 1 */
	column node;	 /* number -> node */
	column above;	 /* parent; later a node further up; in the end the dominator */
	column semi;	 /* semi-dominators, as far as known */
	column least;	 /* of the semi-dominators between a node and above it */
	column pred;	 /* by pred_rows */
	gs_heap_rows pred_rows;
	gs_arena *rows_mem, *ups_mem, *bits_mem;
	uint64_t *ups;	   /* the walk in bits: 0 one up, 1 a new node */
	uint64_t n_ups;
	uint64_t *is_done; /* bits by node */
	uint64_t *has_many; /* bits by object: more than one edge leads to it */
	uint64_t *leads_back; /* bits by number: to its parent */
	uint32_t *span_at; /* for each 64th object its span */
	uint32_t last_other; /* number of the last node that has an edge beside those of the tree */
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

/* ---- nodes and edges ---- */

static bool take(column *c, uint64_t n, uint64_t max)
{
	c->mem = gs_arena_create((uint64_t)1 << 40);
	return gs_packed_init(&c->ids, c->mem, n, max);
}

static void drop(column *c)
{
	gs_arena_free(c->mem);
	*c = (column){ 0 };
}

static inline uint32_t get(const column *c, uint64_t i)
{
	return (uint32_t)gs_packed_get(&c->ids, i);
}

static inline void set(const column *c, uint64_t i, uint32_t value)
{
	gs_packed_set(&c->ids, i, value);
}

static inline bool has_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i & 63) & 1;
}

static inline void set_bit(uint64_t *bits, uint32_t i)
{
	bits[i / 64] |= (uint64_t)1 << (i & 63);
}

typedef struct row {
	uint32_t node, at, end;
	bool is_long;
} row;

enum { FEW = 8 }; /* edges: where the walk was among them is found again by looking */

static inline row row_of(const graph *g, uint32_t node)
{
	const gs_heap *h = g->h;
	const gs_dominators *d = g->d;
	row r = { .node = node, .end = d->n_holders };

	if (node < h->n_objects) {
		r.at = gs_heap_edge_at(h, node);
		r.end = gs_heap_edge_at(h, node + 1);
	} else if (node - h->n_objects < d->n_holders) {
		r.at = d->holder_at[node - h->n_objects];
		r.end = d->holder_at[node - h->n_objects + 1];
	}
	r.is_long = r.end - r.at > FEW;
	return r;
}

/* As gs_dominators_successor. */
static inline uint32_t target(const graph *g, uint32_t node, uint32_t k)
{
	const gs_heap *h = g->h;
	uint32_t to;

	if (node < h->n_objects) {
		to = gs_heap_edge_to(h, k);
		return node == h->all_goroutines && (g->d->is_goroutine[to / 32] >> (to & 31) & 1) ? GS_DOMINATORS_SKIP : to;
	}
	return node - h->n_objects < g->d->n_holders ? g->d->holder_to[k] : h->n_objects + k;
}

static void count_edge(const graph *g, uint64_t *has_one, uint32_t to)
{
	uint64_t bit = (uint64_t)1 << (to & 63);

	g->has_many[to / 64] |= has_one[to / 64] & bit;
	has_one[to / 64] |= bit;
}

static void count_edges(graph *g, uint64_t *has_one)
{
	for (uint32_t k = 0; k < g->h->n_edges; k++) /* those that are skipped as well: goroutines are few */
		count_edge(g, has_one, gs_heap_edge_to(g->h, k));
	for (uint32_t k = 0; k < g->d->holder_at[g->d->n_holders]; k++)
		count_edge(g, has_one, g->d->holder_to[k]);
}

static bool find_spans(graph *g)
{
	const gs_heap *h = g->h;
	uint32_t n = h->n_objects / 64 + 2, span = 0;

	g->span_at = gs_try_new(g->bits_mem, uint32_t, n);
	if (!g->span_at)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		while (span + 1 < h->n_spans && h->spans[span + 1].first <= (uint64_t)i * 64)
			span++;
		g->span_at[i] = span;
	}
	return true;
}

/* As gs_heap_size. */
static uint64_t size_of(const graph *g, uint32_t object)
{
	uint32_t lo = g->span_at[object / 64], hi = g->span_at[object / 64 + 1] + 1;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (g->h->spans[mid].first <= object)
			lo = mid;
		else
			hi = mid;
	}
	return g->h->spans[lo].elem_bytes;
}

static void add_retained(const gs_dominators *d, uint32_t node, uint64_t units)
{
	gs_packed_set(&d->retained, node, gs_packed_get(&d->retained, node) + units);
}

/* ---- what hangs on by one edge ---- */

static inline uint64_t lone(const graph *g, const uint64_t *has_one, uint32_t word)
{
	return has_one[word] & ~g->has_many[word];
}

/* Of objects with one edge where that comes from, + 1, instead of their numbers. Returns whether most lead to what lies before them. */
static bool note_origins(graph *g, const uint64_t *has_one)
{
	uint32_t n_down = 0, n_up = 0;

	for (uint32_t node = 0; node < g->d->n_nodes - 1; node++)
		for (row r = row_of(g, node); r.at < r.end; r.at++) {
			uint32_t to = target(g, node, r.at);

			if (to == GS_DOMINATORS_SKIP || !(lone(g, has_one, to / 64) >> (to & 63) & 1))
				continue;
			set(&g->number, to, node + 1);
			n_down += to < node;
			n_up += to > node;
		}
	return n_down >= n_up;
}

/* Is all that the object points to done? Then it is as well. */
static bool peel(graph *g, uint32_t object)
{
	uint32_t at = gs_heap_edge_at(g->h, object), end = gs_heap_edge_at(g->h, object + 1);
	uint64_t units;

	for (uint32_t k = at; k < end; k++)
		if (!has_bit(g->is_done, gs_heap_edge_to(g->h, k)))
			return false;
	units = size_of(g, object) >> g->d->retained_shift;
	for (uint32_t k = at; k < end; k++)
		units += gs_packed_get(&g->d->retained, gs_heap_edge_to(g->h, k));
	gs_packed_set(&g->d->retained, object, units);
	set_bit(g->is_done, object);
	return true;
}

/*
 * In the order of addresses: things lie as they were made, and what an object leads to was mostly made before it, or after it. What is found to lie the other way
 * round is caught up with.
 */
static void peel_all(graph *g, const uint64_t *has_one, bool is_upward)
{
	uint32_t n_words = g->h->n_objects / 64 + 1;

	for (uint32_t i = 0; i < n_words; i++) {
		uint32_t w = is_upward ? i : n_words - 1 - i;

		for (uint64_t bits = lone(g, has_one, w) & ~g->is_done[w]; bits;) {
			unsigned bit = is_upward ? (unsigned)__builtin_ctzll(bits) : 63 - (unsigned)__builtin_clzll(bits);
			uint32_t object = w * 64 + bit, next = object;

			bits &= ~((uint64_t)1 << bit);
			while (!has_bit(g->is_done, next) && peel(g, next)) {
				next = get(&g->number, next) - 1;
				if (next >= g->h->n_objects || !(lone(g, has_one, next / 64) >> (next & 63) & 1) || (is_upward ? next > object : next < object))
					break;
			}
		}
	}
}

/* What is done adds to what its dominator retains; the others have no numbers yet. */
static void end_peeling(graph *g, const uint64_t *has_one)
{
	for (uint32_t w = 0; w <= g->h->n_objects / 64; w++)
		for (uint64_t bits = lone(g, has_one, w) & ~g->is_done[w]; bits; bits &= bits - 1)
			set(&g->number, w * 64 + (uint32_t)__builtin_ctzll(bits), 0);
	for (uint32_t node = 0; node < g->d->n_nodes - 1; node++) {
		uint64_t units = 0;

		if (has_bit(g->is_done, node))
			continue;
		for (row r = row_of(g, node); r.at < r.end; r.at++) {
			uint32_t to = target(g, node, r.at);

			if (to != GS_DOMINATORS_SKIP && has_bit(g->is_done, to))
				units += gs_packed_get(&g->d->retained, to);
		}
		if (units)
			add_retained(g->d, node, units);
	}
}

static bool find_private(graph *g)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	uint64_t n = g->h->n_objects / 64 + 1, *has_one = gs_try_new(scratch, uint64_t, n);

	g->has_many = gs_try_new(g->bits_mem, uint64_t, n);
	if (!g->has_many || !has_one)
		return false;
	count_edges(g, has_one);
	peel_all(g, has_one, note_origins(g, has_one));
	end_peeling(g, has_one);
	return true;
}

/* ---- the walk ---- */

/* Memory on its way while the walk is still elsewhere. */
static void ask_for(const graph *g, row r)
{
	enum { AHEAD = 4 };

	if (r.node >= g->h->n_objects)
		return;
	for (unsigned i = 0; i < AHEAD && r.at < r.end; i++, r.at++) {
		uint32_t to = gs_heap_edge_to(g->h, r.at);

		if (has_bit(g->is_done, to))
			continue;
		gs_packed_prefetch(&g->number.ids, to);
		__builtin_prefetch(&g->h->edge_rows.blocks[to / GS_HEAP_ROWS_BLOCK]);
	}
}

static uint32_t enter(graph *g, uint32_t node, uint32_t above)
{
	uint32_t n = ++g->n_numbers;

	set(&g->number, node, n);
	set(&g->node, n, node);
	set(&g->above, n, above);
	g->ups[g->n_ups / 64] |= (uint64_t)1 << (g->n_ups & 63);
	g->n_ups++;
	return n;
}

/* It holds nothing back: its dominator is known, and what it retains. */
static void finish(graph *g, uint32_t node, uint32_t dominator)
{
	uint64_t own = node < g->h->n_objects ? size_of(g, node) >> g->d->retained_shift : 0;

	add_retained(g->d, node, own);
	add_retained(g->d, dominator, gs_packed_get(&g->d->retained, node));
	set(&g->number, node, dominator + 1);
	set_bit(g->is_done, node);
}

static void leave(graph *g, uint32_t n, uint32_t node, uint32_t parent)
{
	if (n != g->n_numbers || n == g->last_other || node >= g->h->n_objects || has_bit(g->has_many, node)) {
		g->n_ups++;
		return;
	}
	finish(g, node, parent);
	g->n_numbers--;
	g->n_ups--;
	g->ups[g->n_ups / 64] &= ~((uint64_t)1 << (g->n_ups & 63));
}

/* The row of `node` behind its first edge to `child`. */
static row back_in(graph *g, uint32_t node, uint32_t child)
{
	row r = row_of(g, node);

	if (r.is_long) {
		r.at = g->stack.p[--g->stack.n];
		return r;
	}
	while (target(g, node, r.at++) != child)
		;
	return r;
}

static void walk(graph *g)
{
	uint32_t root = gs_dominators_root(g->d), at = enter(g, root, 0);
	row r = row_of(g, root);

	for (;;) {
		uint32_t to, known;

		if (r.at == r.end) {
			uint32_t child = r.node, above = get(&g->above, at), parent;

			if (at == 1)
				break;
			parent = get(&g->node, above);
			leave(g, at, child, parent);
			r = back_in(g, parent, child);
			at = above;
			continue;
		}
		to = target(g, r.node, r.at++);
		if (to == GS_DOMINATORS_SKIP || has_bit(g->is_done, to))
			continue;
		known = get(&g->number, to);
		if (known) {
			if (known != at && get(&g->above, known) != at)
				g->last_other = at;
			continue;
		}
		if (r.is_long) {
			uint32_t *place = gs_vec_push(&g->stack, UINT32_MAX);

			if (!place) {
				g->is_out_of_memory = true;
				return;
			}
			*place = r.at;
		}
		at = enter(g, to, at);
		r = row_of(g, to);
		ask_for(g, r);
	}
	for (uint32_t i = 0; i < root; i++) /* what no holder leads to */
		if (!get(&g->number, i))
			finish(g, i, root);
}

static bool number_nodes(graph *g, uint32_t n)
{
	gs_dominators *d = g->d;
	uint64_t total = 0, odd = 0;

	for (uint32_t i = 0; i < g->h->n_spans; i++) {
		odd |= g->h->spans[i].elem_bytes;
		total += (gs_heap_span_end(g->h, i) - g->h->spans[i].first) * g->h->spans[i].elem_bytes;
	}
	d->retained_shift = odd & 7 ? 0 : 3;
	g->ups_mem = gs_arena_create((uint64_t)1 << 40);
	g->bits_mem = gs_arena_create((uint64_t)1 << 40);
	g->ups = gs_try_new(g->ups_mem, uint64_t, (uint64_t)n / 32 + 1);
	g->is_done = gs_try_new(g->bits_mem, uint64_t, (uint64_t)n / 64 + 1);
	if (!g->ups || !g->is_done || !gs_packed_init(&d->retained, g->mem, n, total >> d->retained_shift) || !find_spans(g) ||
	    !take(&g->number, n, (uint64_t)n + 1) || !find_private(g) || !take(&g->node, (uint64_t)n + 1, (uint64_t)n + 1) || !take(&g->above, (uint64_t)n + 1, (uint64_t)n + 1))
		return false;
	walk(g);
	drop(&g->node);
	gs_vec_release(&g->stack);
	return !g->is_out_of_memory;
}

/* ---- edges beside those of the walk ---- */

typedef void take_edge(graph *g, uint32_t from, uint32_t to, uint32_t above);

/* Between nodes that have numbers; `above` is the parent of `from`. */
__attribute__((always_inline)) static inline void each_edge(graph *g, take_edge *give)
{
	for (uint32_t node = 0; node < g->d->n_nodes; node++) {
		row r = row_of(g, node);
		uint32_t from, above;

		if (r.at == r.end || has_bit(g->is_done, node))
			continue;
		from = get(&g->number, node);
		above = get(&g->above, from);
		for (; r.at < r.end; r.at++) {
			uint32_t to = target(g, node, r.at);

			if (to != GS_DOMINATORS_SKIP && !has_bit(g->is_done, to))
				give(g, from, get(&g->number, to), above);
		}
	}
}

/* To be remembered are those from a higher number to a lower one that is not its parent. Of the others here is their share in the semi-dominator; nothing of those to
 * a parent, but that they are there. */
static void share_or_count(graph *g, uint32_t from, uint32_t to, uint32_t above)
{
	if (to == above)
		set_bit(g->leads_back, from);
	else if (to < from)
		set(&g->least, to, get(&g->least, to) + 1);
	else if (from < to && from < get(&g->semi, to))
		set(&g->semi, to, from);
}

static void fill_pred(graph *g, uint32_t from, uint32_t to, uint32_t above)
{
	uint32_t left;

	if (to >= from || to == above)
		return;
	left = get(&g->least, to);
	set(&g->pred, gs_heap_rows_at(&g->pred_rows, to) + left - 1, from);
	set(&g->least, to, left - 1);
}

static bool link_back(graph *g)
{
	uint64_t n = g->n_numbers, n_preds = 0;

	g->rows_mem = gs_arena_create((uint64_t)1 << 40);
	g->leads_back = gs_try_new(g->ups_mem, uint64_t, n / 64 + 1);
	if (!g->leads_back || !take(&g->least, n + 1, g->h->n_edges + (uint64_t)g->h->n_roots + g->h->n_goroutines + n + 1) || !take(&g->semi, n + 1, n + 1))
		return false;
	for (uint32_t i = 1; i <= n; i++)
		set(&g->semi, i, get(&g->above, i));
	each_edge(g, share_or_count);
	for (uint32_t i = 0; i <= n; i++)
		n_preds += get(&g->least, i);
	if (n_preds > UINT32_MAX || !gs_heap_rows_init(&g->pred_rows, g->rows_mem, (uint32_t)n + 1, (uint32_t)n_preds) || !take(&g->pred, n_preds, n + 1))
		return false;
	for (uint32_t i = 0; i <= n; i++)
		gs_heap_rows_add(&g->pred_rows, get(&g->least, i));
	each_edge(g, fill_pred);
	drop(&g->least);
	return true;
}

/* ---- semi-dominators ---- */

/* The least semi-dominator on the way from v up to what is not linked yet; shortens that way. */
static uint32_t evaluate(graph *g, uint32_t v, uint32_t last_linked)
{
	uint32_t top = get(&g->above, v), least;

	if (top < last_linked)
		return get(&g->least, v);
	for (;;) {
		uint32_t *place = gs_vec_push(&g->stack, UINT32_MAX), next = get(&g->above, top);

		if (!place) {
			g->is_out_of_memory = true;
			g->stack.n = 0;
			return get(&g->least, v);
		}
		*place = v;
		v = top;
		if (next < last_linked)
			break;
		top = next;
	}
	least = get(&g->least, v);
	top = get(&g->above, v);
	while (g->stack.n) {
		uint32_t mine;

		v = g->stack.p[--g->stack.n];
		set(&g->above, v, top);
		mine = get(&g->least, v);
		if (least < mine)
			set(&g->least, v, least);
		else
			least = mine;
	}
	return least;
}

static bool find_semi_dominators(graph *g)
{
	uint32_t n = g->n_numbers;

	if (!take(&g->least, (uint64_t)n + 1, (uint64_t)n + 1))
		return false;
	for (uint32_t i = n; i >= 2; i--) {
		uint32_t semi = get(&g->semi, i), end = gs_heap_rows_at(&g->pred_rows, i + 1);

		for (uint32_t k = gs_heap_rows_at(&g->pred_rows, i); k < end; k++) {
			uint32_t s = evaluate(g, get(&g->pred, k), i + 1);

			if (s < semi)
				semi = s;
		}
		set(&g->least, i, semi);
		set(&g->semi, i, semi);
		if (has_bit(g->leads_back, i)) {
			uint32_t parent = get(&g->above, i);

			if (semi < get(&g->semi, parent))
				set(&g->semi, parent, semi);
		}
	}
	drop(&g->least);
	drop(&g->pred);
	gs_arena_free(g->rows_mem);
	g->rows_mem = NULL;
	return !g->is_out_of_memory;
}

/* From the top down. Parents were lost on the way: the walk is gone through again. */
static bool find_dominators(graph *g)
{
	uint64_t at = 0;

	for (uint32_t i = 1; i <= g->n_numbers; i++) {
		uint32_t d, semi, *place;

		while (!(g->ups[at / 64] >> (at & 63) & 1)) {
			g->stack.n--;
			at++;
		}
		at++;
		if (i > 1) {
			d = g->stack.p[g->stack.n - 1];
			semi = get(&g->semi, i);
			while (d > semi)
				d = get(&g->above, d);
			set(&g->above, i, d);
		}
		place = gs_vec_push(&g->stack, UINT32_MAX);
		if (!place)
			return false;
		*place = i;
	}
	drop(&g->semi);
	gs_arena_free(g->ups_mem);
	g->ups_mem = NULL;
	gs_vec_release(&g->stack);
	return true;
}

/* The column of numbers becomes that of dominators, in place. */
static bool sum_up(graph *g)
{
	gs_dominators *d = g->d;

	if (!take(&g->node, (uint64_t)g->n_numbers + 1, (uint64_t)d->n_nodes + 1))
		return false;
	for (uint32_t s = 0; s < g->h->n_spans; s++)
		for (uint32_t i = g->h->spans[s].first; i < gs_heap_span_end(g->h, s); i++)
			if (!has_bit(g->is_done, i))
				add_retained(d, i, g->h->spans[s].elem_bytes >> d->retained_shift);
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (!has_bit(g->is_done, i))
			set(&g->node, get(&g->number, i), i);
	for (uint32_t i = g->n_numbers; i >= 2; i--) {
		uint32_t node = get(&g->node, i), above = get(&g->node, get(&g->above, i));

		add_retained(d, above, gs_packed_get(&d->retained, node));
	}
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		uint32_t n = get(&g->number, i);

		set(&g->number, i, has_bit(g->is_done, i) ? n - 1 : get(&g->node, get(&g->above, n)));
	}
	gs_packed_set(&g->number.ids, gs_dominators_root(d), g->number.ids.mask);
	d->above = g->number.ids;
	if (!gs_arena_adopt(g->mem, g->number.mem))
		return false;
	g->number.mem = NULL;
	return true;
}

bool gs_dominators_build(gs_arena *mem, const gs_heap *h, gs_dominators *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	graph g = { .h = h, .d = out, .mem = mem };
	uint64_t n;
	bool ok;

	*out = (gs_dominators){ .n_objects = h->n_objects };
	ok = link_holders(mem, scratch, h, out);
	n = (uint64_t)h->n_objects + out->n_holders + 1;
	ok = ok && n < GS_DOMINATORS_SKIP - 1;
	out->n_nodes = (uint32_t)n;
	ok = ok && number_nodes(&g, (uint32_t)n) && link_back(&g) && find_semi_dominators(&g) && find_dominators(&g) && sum_up(&g);
	gs_vec_release(&g.stack);
	for (column **c = (column *[]){ &g.number, &g.node, &g.above, &g.semi, &g.least, &g.pred }, **end = c + 6; c < end; c++)
		drop(*c);
	gs_arena_free(g.rows_mem);
	gs_arena_free(g.ups_mem);
	gs_arena_free(g.bits_mem);
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the dominators of %u objects", h->n_objects);
}
