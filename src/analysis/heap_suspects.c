#include "analysis/heap_suspects.h"

#include "base/banned.h"

typedef struct finder {
	const gs_heap_paths *held;
	const gs_dominators *d;
	uint32_t *times; /* of each step: how many holders are merged at its top; that many objects are "one" */
	uint32_t *point; /* of each step: the nearest single one above, or itself */
	uint64_t *piled; /* of points */
	uint32_t *elements;
	uint64_t *key;
} finder;

static bool is_single(const finder *f, uint32_t i)
{
	const gs_heap_step *s = &f->held->steps[i];

	/* Of several objects with one name one may have nearly all. */
	return s->own_count <= f->times[i] || (s->largest != GS_HEAP_NONE && gs_dominators_retained(f->d, s->largest) >= s->bytes / 2);
}

static uint64_t key_of(const gs_heap_paths *held, const gs_heap_names *names, const uint64_t *keys, uint32_t step)
{
	gs_str name = gs_strtab_get(&names->strings, held->steps[step].name);

	return gs_hash_bytes(name.p, name.n, keys[held->steps[step].parent]);
}

/* Parents come before their children: see gs_heap_step. */
static void look(finder *f, const gs_heap_names *names, uint64_t min_bytes)
{
	const gs_heap_step *steps = f->held->steps;

	for (uint32_t i = 1; i < f->held->n; i++) {
		const gs_heap_step *s = &steps[i];

		f->key[i] = key_of(f->held, names, f->key, i);
		f->times[i] = s->depth <= 1 ? (s->n_holders ? s->n_holders : 1) : f->times[s->parent];
		f->point[i] = s->depth <= 1 || (f->point[s->parent] == s->parent && is_single(f, i) && s->bytes >= min_bytes) ?
				      i : f->point[s->parent];
		f->piled[f->point[i]] += s->own_bytes;
		if (!f->elements[f->point[i]] || s->own_bytes > steps[f->elements[f->point[i]]].own_bytes)
			f->elements[f->point[i]] = i;
	}
}

bool gs_heap_before_make(gs_arena *mem, const gs_heap_paths *held, const gs_heap_names *names, gs_heap_before *out, gs_err *err)
{
	uint64_t *keys = gs_try_new(mem, uint64_t, held->n);
	bool ok, is_new;

	*out = (gs_heap_before){ .bytes = gs_try_new(mem, uint64_t, held->n) };
	ok = keys && out->bytes;
	for (uint32_t i = 1; ok && i < held->n; i++) {
		uint32_t *at = gs_map_put(&out->index, keys[i] = key_of(held, names, keys, i), &is_new);

		ok = at;
		if (ok)
			*at = i;
		out->bytes[i] = held->steps[i].bytes;
	}
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u steps", held->n);
}

static int by_bytes(const void *a, const void *b)
{
	const gs_heap_suspect *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->step < y->step ? -1 : x->step > y->step;
}

static int by_growth(const void *a, const void *b)
{
	const gs_heap_suspect *x = a, *y = b;
	int64_t grown_x = (int64_t)(x->retained - x->retained_before), grown_y = (int64_t)(y->retained - y->retained_before);

	return grown_x != grown_y ? grown_x > grown_y ? -1 : 1 : by_bytes(a, b);
}

bool gs_heap_suspects_find(gs_arena *mem, const gs_heap_paths *held, const gs_dominators *d, const gs_heap_names *names,
			   uint64_t min_bytes, const gs_heap_before *before, gs_heap_suspects *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 38);
	finder f = { .held = held, .d = d };

	*out = (gs_heap_suspects){ 0 };
	f.times = gs_try_new(scratch, uint32_t, held->n);
	f.point = gs_try_new(scratch, uint32_t, held->n);
	f.piled = gs_try_new(scratch, uint64_t, held->n);
	f.elements = gs_try_new(scratch, uint32_t, held->n);
	f.key = gs_try_new(scratch, uint64_t, held->n);
	if (!f.times || !f.point || !f.piled || !f.elements || !f.key)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u steps", held->n);
	look(&f, names, min_bytes);
	for (uint32_t i = 1; i < held->n; i++)
		out->n += f.point[i] == i && f.piled[i] && f.piled[i] >= min_bytes;
	out->rows = gs_try_new(mem, gs_heap_suspect, out->n);
	if (!out->rows)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u steps", held->n);
	out->n = 0;
	for (uint32_t i = 1; i < held->n; i++)
		if (f.point[i] == i && f.piled[i] && f.piled[i] >= min_bytes)
			out->rows[out->n++] = (gs_heap_suspect){ .step = i, .elements = f.elements[i], .bytes = f.piled[i],
								 .count = held->steps[f.elements[i]].own_count, .retained = held->steps[i].bytes,
								 .key = f.key[i] };
	out->has_before = before;
	for (uint32_t i = 0; before && i < out->n; i++) {
		const uint32_t *at = gs_map_get(&before->index, out->rows[i].key);

		out->rows[i].retained_before = at ? before->bytes[*at] : 0;
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof(*out->rows), before ? by_growth : by_bytes);
	return true;
}

/* Objects and holders that are points; the root stands for all that are in none. */
static void mark_points(const gs_heap_paths *held, const gs_dominators *d, const gs_heap_names *names, const gs_heap_suspects *suspects, uint32_t *groups)
{
	groups[gs_dominators_root(d)] = suspects->n;
	for (uint32_t i = 0; i < suspects->n; i++) {
		const gs_heap_step *s = &held->steps[suspects->rows[i].step];

		if (s->largest != GS_HEAP_NONE)
			groups[s->largest] = i;
		else if (s->name == names->shared)
			groups[gs_dominators_root(d)] = i;
		for (uint32_t k = 0; s->largest == GS_HEAP_NONE && s->depth == 1 && k < d->n_holders; k++)
			if (names->of_holder[k] == s->name)
				groups[d->n_objects + k] = i;
	}
}

bool gs_heap_suspects_allocators(gs_arena *mem, const gs_heap *h, const gs_heap_paths *held, const gs_dominators *d, const gs_heap_names *names,
				 const gs_heap_suspects *suspects, const gs_heap_places *places, gs_heap_allocators *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	uint32_t *groups = gs_try_new(scratch, uint32_t, d->n_nodes);
	gs_heap_allocated_list rows;

	if (!groups)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u objects", h->n_objects);
	memset(groups, 0xff, d->n_nodes * sizeof(*groups));
	mark_points(held, d, names, suspects, groups);
	return gs_heap_allocated_by(scratch, h, d, groups, &rows, err) && gs_heap_allocators_list(mem, h, places, &rows, true, out, err);
}
