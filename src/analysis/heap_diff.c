#include "analysis/heap_diff.h"

#include "analysis/heap_summary.h"
#include "base/buf.h"

#include "base/banned.h"

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the difference of heaps");
}

static void release(void *ctx)
{
	gs_heap_diff *diff = ctx;

	gs_map_release(&diff->index);
}

gs_heap_diff *gs_heap_diff_create(gs_arena *mem, gs_err *err)
{
	gs_heap_diff *diff = gs_new(mem, gs_heap_diff, 1);

	diff->mem = mem;
	gs_arena_on_free(mem, release, diff);
	diff->cap = 256;
	diff->rows = gs_try_new(mem, gs_heap_diff_row, diff->cap);
	if (diff->rows && gs_strtab_init(&diff->strings, mem))
		return diff;
	no_memory(err);
	return NULL;
}

/* NULL: out of memory. */
static gs_heap_diff_value *value(gs_heap_diff *diff, gs_str name, gs_heap_diff_kind kind)
{
	uint32_t id = gs_strtab_id(&diff->strings, name), *at;
	bool is_new;

	if (id == UINT32_MAX)
		return NULL;
	at = gs_map_put(&diff->index, (uint64_t)kind << 32 | id, &is_new);
	if (!at)
		return NULL;
	if (is_new) {
		if (diff->n == diff->cap) {
			gs_heap_diff_row *more = gs_try_new(diff->mem, gs_heap_diff_row, (size_t)diff->cap * 2);

			if (!more)
				return NULL;
			memcpy(more, diff->rows, diff->n * sizeof(*more));
			diff->rows = more;
			diff->cap *= 2;
		}
		*at = diff->n;
		diff->rows[diff->n++] = (gs_heap_diff_row){ .name = id, .kind = kind };
	}
	return &diff->rows[*at].at[diff->n_sides];
}

static bool add_holders(gs_heap_diff *diff, const gs_heap_names *names, const gs_heap_paths *paths)
{
	for (uint32_t i = 1; i < paths->n; i++) {
		const gs_heap_step *s = &paths->steps[i];
		gs_str name = gs_strtab_get(&names->strings, s->name);
		bool is_frame = s->depth == 2 && !s->own_count && gs_str_starts(name, GS_S("frame "));
		gs_heap_diff_value *v;

		if (s->depth != 1 && !is_frame)
			continue;
		v = value(diff, name, GS_HEAP_DIFF_HOLDER);
		if (!v)
			return false;
		v->count += s->count;
		v->retained_bytes += s->bytes;
	}
	return true;
}

static bool add_types(gs_heap_diff *diff, const gs_heap_names *names, const gs_heap_summary *sum)
{
	for (uint32_t i = 0; i < sum->n_rows; i++) {
		const gs_heap_type_row *r = &sum->rows[i];
		gs_heap_diff_value *v = value(diff, gs_strtab_get(&names->strings, names->of_type[r->type]), GS_HEAP_DIFF_TYPE);

		if (!v)
			return false;
		v->count += r->count;
		v->own_bytes += r->shallow_bytes;
		v->retained_bytes += r->retained_bytes;
	}
	return true;
}

/* Objects by type: those of type t are out[at[t]] to out[at[t + 1] - 1]. */
static bool sort_by_type(gs_arena *mem, const gs_heap *h, uint32_t **at, uint32_t **out)
{
	uint32_t *start = *at = gs_try_new(mem, uint32_t, h->n_types + 2u);

	*out = gs_try_new(mem, uint32_t, h->n_objects);
	if (!start || !*out)
		return false;
	for (uint32_t i = 0; i < h->n_objects; i++)
		start[gs_heap_type_of(h, i) + 2]++;
	for (uint32_t t = 1; t < h->n_types; t++)
		start[t + 1] += start[t];
	for (uint32_t i = 0; i < h->n_objects; i++)
		(*out)[start[gs_heap_type_of(h, i) + 1]++] = i;
	return true;
}

typedef struct pair {
	uint32_t from, to; /* types */
	uint64_t count, bytes;
} pair;

/* Type by type, so that an object counts once for all of a type that point to it. */
static bool add_edges(gs_arena *mem, gs_heap_diff *diff, const gs_heap *h, const gs_heap_names *names)
{
	uint32_t *at, *objects, *seen = gs_try_new(mem, uint32_t, h->n_objects), *place = gs_try_new(mem, uint32_t, h->n_types + 1u);
	GS_VEC(pair) pairs = { 0 };
	bool ok = seen && place && sort_by_type(mem, h, &at, &objects);

	for (uint32_t t = 0; ok && t < h->n_types; t++) {
		size_t first = pairs.n;

		for (uint32_t i = at[t]; ok && i < at[t + 1]; i++)
			for (uint32_t e = gs_heap_edge_at(h, objects[i]); ok && objects[i] != h->all_goroutines && e < gs_heap_edge_at(h, objects[i] + 1); e++) {
				uint32_t to = gs_heap_edge_to(h, e), type = gs_heap_type_of(h, to);
				pair *p;

				if (seen[to] == t + 1)
					continue;
				seen[to] = t + 1;
				if (!place[type]) {
					p = gs_vec_push(&pairs, UINT32_MAX - 1);
					ok = p;
					if (!p)
						continue;
					*p = (pair){ .from = t, .to = type };
					place[type] = (uint32_t)pairs.n;
				}
				p = &pairs.p[place[type] - 1];
				p->count++;
				p->bytes += gs_heap_size(h, to);
			}
		for (size_t i = first; i < pairs.n; i++)
			place[pairs.p[i].to] = 0;
	}
	for (size_t i = 0; ok && i < pairs.n; i++) {
		const pair *p = &pairs.p[i];
		gs_str from = gs_strtab_get(&names->strings, names->of_type[p->from]), to = gs_strtab_get(&names->strings, names->of_type[p->to]);
		gs_heap_diff_value *v = value(diff, gs_strf(mem, "%.*s -> %.*s", GS_FMT(from), GS_FMT(to)), GS_HEAP_DIFF_EDGE);

		ok = v;
		if (v) {
			v->count += p->count;
			v->own_bytes += p->bytes;
		}
	}
	gs_vec_release(&pairs);
	return ok;
}

bool gs_heap_diff_add(gs_heap_diff *diff, const gs_heap *h, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	gs_heap_names *names;
	gs_heap_paths paths;
	gs_heap_summary sum;
	gs_dominators d;

	if (!gs_dominators_build(scratch, h, &d, err))
		return false;
	names = gs_heap_names_build(scratch, h, &d, err);
	if (!names || !gs_heap_paths_merge(scratch, h, &d, names, &(gs_heap_merge){ .up = &d.above }, &paths, err) ||
	    !gs_heap_summarize(scratch, h, &d, &sum, err))
		return false;
	if (!add_holders(diff, names, &paths) || !add_types(diff, names, &sum) || !add_edges(scratch, diff, h, names))
		return no_memory(err);
	diff->sides[diff->n_sides++] =
		(gs_heap_diff_side){ .live_bytes = h->totals.live_bytes, .n_objects = h->n_objects, .n_goroutines = h->n_goroutines };
	return true;
}

static int64_t whole_growth(const gs_heap_diff *diff, const gs_heap_diff_row *r)
{
	const gs_heap_diff_value *first = &r->at[0], *last = &r->at[diff->n_sides ? diff->n_sides - 1 : 0];

	return r->kind == GS_HEAP_DIFF_HOLDER ? (int64_t)(last->retained_bytes - first->retained_bytes) : (int64_t)(last->own_bytes - first->own_bytes);
}

static int by_growth(const void *a, const void *b, void *ctx)
{
	const gs_heap_diff_row *x = a, *y = b;
	const gs_heap_diff *diff = ctx;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->growth_bytes != y->growth_bytes)
		return x->growth_bytes > y->growth_bytes ? -1 : 1;
	if (whole_growth(diff, x) != whole_growth(diff, y))
		return whole_growth(diff, x) > whole_growth(diff, y) ? -1 : 1;
	return gs_str_cmp(gs_strtab_get(&diff->strings, x->name), gs_strtab_get(&diff->strings, y->name));
}

void gs_heap_diff_finish(gs_heap_diff *diff)
{
	for (uint32_t i = 0; i < diff->n; i++) {
		gs_heap_diff_row *r = &diff->rows[i];

		for (unsigned k = 1; k < diff->n_sides; k++) {
			const gs_heap_diff_value *was = &r->at[k - 1], *is = &r->at[k];
			int64_t grown = r->kind == GS_HEAP_DIFF_HOLDER ? (int64_t)(is->retained_bytes - was->retained_bytes)
						     : (int64_t)(is->own_bytes - was->own_bytes);

			if (k == 1 || grown < r->growth_bytes)
				r->growth_bytes = grown;
		}
	}
	if (diff->n)
		qsort_r(diff->rows, diff->n, sizeof(*diff->rows), by_growth, diff);
}
