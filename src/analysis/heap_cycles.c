#include "analysis/heap_cycles.h"

#include "base/buf.h"
#include "base/banned.h"

enum { MAX_TYPES_NAMED = 6 };

/* Tarjan's algorithm with a stack of its own. A node's `low` is DONE once its part is known. */
#define DONE UINT32_MAX

typedef struct at_node {
	uint32_t node, edge;
} at_node;

typedef struct finder {
	const gs_heap *h;
	const gs_dominators *d;
	gs_heap_names *names;
	uint32_t *number, *low; /* number 0: not seen */
	uint32_t n_numbers;
	GS_VEC(at_node) way;
	GS_VEC(uint32_t) open; /* parts that are not complete */
	GS_VEC(uint32_t) types;
	GS_VEC(gs_heap_cycle_row) rows;
	gs_map row_of; /* name -> row */
} finder;

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool enter(finder *f, uint32_t node)
{
	at_node *w = gs_vec_push(&f->way, UINT32_MAX);
	uint32_t *o = gs_vec_push(&f->open, UINT32_MAX);

	if (!w || !o)
		return false;
	*w = (at_node){ node, 0 };
	*o = node;
	f->number[node] = f->low[node] = ++f->n_numbers;
	return true;
}

/* That an array's elements point to others of it says nothing: a map's spare buckets do. */
static bool leads_to_itself(const finder *f, uint32_t node)
{
	uint32_t to;

	if (f->h->types[gs_heap_type_of(f->h, node)].is_array)
		return false;
	for (uint32_t k = 0; (to = gs_dominators_successor(f->h, f->d, node, k)) != GS_HEAP_NONE; k++)
		if (to == node)
			return true;
	return false;
}

/* Id of the name of the types of a part. UINT32_MAX: out of memory. */
static uint32_t name_of(finder *f, const uint32_t *objects, size_t n)
{
	gs_buf text;
	uint32_t id;
	size_t unique = 0;

	f->types.n = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t type = f->names->of_type[gs_heap_type_of(f->h, objects[i])], *place;

		if (f->types.n && f->types.p[f->types.n - 1] == type)
			continue;
		place = gs_vec_push(&f->types, UINT32_MAX);
		if (!place)
			return UINT32_MAX;
		*place = type;
	}
	qsort(f->types.p, f->types.n, sizeof(*f->types.p), by_number);
	gs_buf_init(&text, 1 << 20);
	for (size_t i = 0; i < f->types.n; i++) {
		if (i && f->types.p[i] == f->types.p[i - 1])
			continue;
		if (unique++ >= MAX_TYPES_NAMED)
			continue;
		gs_buf_z(&text, unique > 1 ? ", " : "");
		gs_buf_str(&text, gs_strtab_get(&f->names->strings, f->types.p[i]));
	}
	if (unique > MAX_TYPES_NAMED)
		gs_buf_f(&text, " and %zu more types", unique - MAX_TYPES_NAMED);
	id = gs_strtab_id(&f->names->strings, gs_buf_view(&text));
	gs_buf_release(&text);
	return id;
}

static bool add_part(finder *f, const uint32_t *objects, size_t n)
{
	uint32_t name = name_of(f, objects, n), *at;
	gs_heap_cycle_row *r;
	bool is_new;

	at = name == UINT32_MAX ? NULL : gs_map_put(&f->row_of, name, &is_new);
	if (!at)
		return false;
	if (is_new) {
		r = gs_vec_push(&f->rows, UINT32_MAX);
		if (!r)
			return false;
		r->name = name;
		*at = (uint32_t)f->rows.n - 1;
	}
	r = &f->rows.p[*at];
	r->n_cycles++;
	r->count += n;
	for (size_t i = 0; i < n; i++)
		r->bytes += gs_heap_size(f->h, objects[i]);
	if (n > r->largest_count) {
		r->largest_count = n;
		r->largest = objects[0];
	}
	return true;
}

/* All of the part that `node` was the first one of. */
static bool leave(finder *f, uint32_t node)
{
	size_t from = f->open.n;

	if (f->low[node] != f->number[node])
		return true;
	do
		f->low[f->open.p[--from]] = DONE;
	while (f->open.p[from] != node);
	if ((f->open.n - from > 1 || leads_to_itself(f, node)) && !add_part(f, f->open.p + from, f->open.n - from))
		return false;
	f->open.n = from;
	return true;
}

static bool walk(finder *f, uint32_t start)
{
	if (!enter(f, start))
		return false;
	while (f->way.n) {
		at_node *w = &f->way.p[f->way.n - 1];
		uint32_t node = w->node, to = gs_dominators_successor(f->h, f->d, node, w->edge++);

		if (to == GS_HEAP_NONE) {
			if (!leave(f, node))
				return false;
			if (--f->way.n && f->low[node] < f->low[f->way.p[f->way.n - 1].node])
				f->low[f->way.p[f->way.n - 1].node] = f->low[node];
		} else if (to != GS_DOMINATORS_SKIP && !f->number[to]) {
			if (!enter(f, to))
				return false;
		} else if (to != GS_DOMINATORS_SKIP && f->low[to] != DONE && f->number[to] < f->low[node]) {
			f->low[node] = f->number[to];
		}
	}
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const gs_heap_cycle_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->largest < y->largest ? -1 : x->largest > y->largest;
}

bool gs_heap_cycles_find(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, gs_heap_cycles *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	finder f = { .h = h, .d = d, .names = names };
	bool ok;

	*out = (gs_heap_cycles){ 0 };
	f.number = gs_try_new(scratch, uint32_t, h->n_objects);
	f.low = gs_try_new(scratch, uint32_t, h->n_objects);
	ok = f.number && f.low;
	for (uint32_t i = 0; ok && i < h->n_objects; i++)
		ok = f.number[i] || walk(&f, i);
	out->rows = ok ? gs_try_new(mem, gs_heap_cycle_row, f.rows.n) : NULL;
	if (out->rows && f.rows.n) {
		memcpy(out->rows, f.rows.p, f.rows.n * sizeof(*out->rows));
		qsort(out->rows, f.rows.n, sizeof(*out->rows), by_bytes);
		out->n = (uint32_t)f.rows.n;
	}
	gs_vec_release(&f.way);
	gs_vec_release(&f.open);
	gs_vec_release(&f.types);
	gs_vec_release(&f.rows);
	gs_map_release(&f.row_of);
	return out->rows || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the cycles of %u objects", h->n_objects);
}
