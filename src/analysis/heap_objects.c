#include "analysis/heap_objects.h"

#include "base/banned.h"

static bool no_memory(gs_err *err, const gs_heap *h)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a list of %u objects", h->n_objects);
}

static inline bool has_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i & 63) & 1;
}

uint64_t *gs_heap_objects_of_type(gs_arena *mem, const gs_heap *h, const gs_heap_names *names, const gs_re *re, gs_err *err)
{
	uint64_t *out = gs_try_new(mem, uint64_t, h->n_objects / 64 + 1);
	bool *is_wanted = gs_try_new(mem, bool, h->n_types);

	if (!out || !is_wanted) {
		no_memory(err, h);
		return NULL;
	}
	for (uint32_t i = 0; i < h->n_types; i++)
		is_wanted[i] = gs_re_match(re, gs_strtab_get(&names->strings, names->of_type[i]));
	for (uint32_t i = 0; i < h->n_objects; i++)
		if (is_wanted[gs_heap_type_of(h, i)])
			out[i / 64] |= (uint64_t)1 << (i & 63);
	return out;
}

static int by_retained(const void *a, const void *b)
{
	const gs_heap_object_row *x = a, *y = b;

	if (x->retained_bytes != y->retained_bytes)
		return x->retained_bytes > y->retained_bytes ? -1 : 1;
	return x->object < y->object ? -1 : x->object > y->object;
}

static int by_size(const void *a, const void *b)
{
	const gs_heap_object_row *x = a, *y = b;

	if (x->size_bytes != y->size_bytes)
		return x->size_bytes > y->size_bytes ? -1 : 1;
	return x->object < y->object ? -1 : x->object > y->object;
}

bool gs_heap_objects_list(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const uint64_t *selected, uint64_t min_bytes,
			  gs_heap_object_order order, uint32_t max, gs_heap_object_rows *out, gs_err *err)
{
	int (*compare)(const void *, const void *) = order == GS_HEAP_BY_SIZE ? by_size : order == GS_HEAP_BY_RETAINED ? by_retained : NULL;
	uint32_t n = 0, cap, kept = 0;
	bool is_full = false; /* rows[max - 1] is the last that is in */

	*out = (gs_heap_object_rows){ 0 };
	for (uint32_t i = 0; i < h->n_objects; i++)
		n += has_bit(selected, i) && gs_dominators_retained(d, i) >= min_bytes;
	/* Of many only the first are wanted: what falls behind them is thrown away whenever twice as many have come together. */
	cap = max && max < n / 2 ? 2 * max : n;
	out->rows = gs_try_new(mem, gs_heap_object_row, cap);
	if (!out->rows)
		return no_memory(err, h);
	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		gs_heap_object_row row = { w.object, w.addr, w.size_bytes, gs_dominators_retained(d, w.object) };

		if (!has_bit(selected, w.object) || row.retained_bytes < min_bytes)
			continue;
		out->n++;
		out->size_bytes += w.size_bytes;
		if (is_full && (!compare || compare(&row, &out->rows[max - 1]) > 0))
			continue;
		out->rows[kept++] = row;
		if (kept < cap || cap == n)
			continue;
		if (compare)
			qsort(out->rows, kept, sizeof(*out->rows), compare);
		kept = max;
		is_full = true;
	}
	if (kept && compare)
		qsort(out->rows, kept, sizeof(*out->rows), compare);
	out->n_rows = max && max < kept ? max : kept;
	return true;
}

static bool points_to(const gs_heap *h, const gs_dominators *d, uint32_t from, uint32_t object)
{
	uint32_t to;

	for (uint32_t k = 0; (to = gs_dominators_successor(h, d, from, k)) != GS_HEAP_NONE; k++)
		if (to == object)
			return true;
	return false;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

bool gs_heap_object_around(gs_arena *mem, const gs_heap *h, const gs_dominators *d, uint32_t object, gs_heap_around *out,
			   gs_err *err)
{
	uint32_t n = 0, unique = 0, to;

	*out = (gs_heap_around){ .from = gs_try_new(mem, uint32_t, h->n_objects), .roots = gs_try_new(mem, uint32_t, h->n_roots),
				 .to = gs_try_new(mem, uint32_t, gs_heap_edge_at(h, object + 1) - gs_heap_edge_at(h, object)) };
	if (!out->from || !out->to || !out->roots)
		return no_memory(err, h);
	for (uint32_t i = 0; i < h->n_objects; i++)
		if (points_to(h, d, i, object))
			out->from[out->n_from++] = i;
	for (uint32_t i = 0; i < h->n_roots; i++)
		if (h->roots[i].object == object)
			out->roots[out->n_roots++] = i;
	for (uint32_t k = 0; (to = gs_dominators_successor(h, d, object, k)) != GS_HEAP_NONE; k++)
		if (to != GS_DOMINATORS_SKIP)
			out->to[n++] = to;
	if (n)
		qsort(out->to, n, sizeof(*out->to), by_number);
	for (uint32_t i = 0; i < n; i++)
		if (!i || out->to[i] != out->to[i - 1])
			out->to[unique++] = out->to[i];
	out->n_to = unique;
	return true;
}
