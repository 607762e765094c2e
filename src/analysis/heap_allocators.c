#include "analysis/heap_allocated.h"

#include "base/banned.h"

typedef struct part { /* of a place: what one keeper or one type has of it */
	uint32_t allocator;
	gs_heap_share share;
} part;

typedef struct folding {
	gs_map of_place; /* group and place -> index in list */
	gs_map of_part;	 /* allocator and id -> index in parts */
	gs_heap_allocator *list;
	double *largest; /* of each: bytes of its site */
	part *parts;
	uint32_t n, n_parts;
} folding;

static gs_heap_allocator *allocator_of(folding *f, uint32_t group, uint32_t place)
{
	bool is_new;
	uint32_t *at = gs_map_put(&f->of_place, (uint64_t)group << 32 | place, &is_new);

	if (!at)
		return NULL;
	if (is_new) {
		*at = f->n;
		f->list[f->n++] = (gs_heap_allocator){ .group = group, .place = place };
	}
	return &f->list[*at];
}

static bool add_part(folding *f, uint32_t allocator, uint32_t id, double bytes)
{
	bool is_new;
	uint32_t *at = gs_map_put(&f->of_part, (uint64_t)allocator << 32 | id, &is_new);

	if (!at)
		return false;
	if (is_new) {
		*at = f->n_parts;
		f->parts[f->n_parts++] = (part){ allocator, { id, 0 } };
	}
	f->parts[*at].share.bytes += bytes;
	return true;
}

static void insert(gs_heap_share *largest, gs_heap_share s)
{
	for (unsigned i = 0; i < GS_HEAP_N_SHARES; i++)
		if (s.bytes > largest[i].bytes || (s.bytes == largest[i].bytes && s.id < largest[i].id)) {
			gs_heap_share less = largest[i];

			largest[i] = s;
			s = less;
		}
}

/* One kind of parts after the other: the map and the array serve both. */
static bool add_shares(folding *f, const gs_heap_places *places, const gs_heap_allocated_list *rows, bool keep_groups, bool is_of_types)
{
	gs_map_release(&f->of_part);
	f->of_part = (gs_map){ 0 };
	f->n_parts = 0;
	for (uint32_t i = 0; i < rows->n; i++) {
		const gs_heap_allocated *r = &rows->rows[i];
		const gs_heap_allocator *a = allocator_of(f, keep_groups ? r->group : 0, places->of_site[r->site]);

		if (!a || !add_part(f, (uint32_t)(a - f->list), is_of_types ? r->type : r->group, r->bytes))
			return false;
	}
	for (uint32_t i = 0; i < f->n_parts; i++) {
		gs_heap_allocator *a = &f->list[f->parts[i].allocator];

		insert(is_of_types ? a->types : a->keepers, f->parts[i].share);
	}
	return true;
}

static bool fold(folding *f, const gs_heap_places *places, const gs_heap_allocated_list *rows, bool keep_groups)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		const gs_heap_allocated *r = &rows->rows[i];
		gs_heap_allocator *a = allocator_of(f, keep_groups ? r->group : 0, places->of_site[r->site]);

		if (!a)
			return false;
		a->n_samples += r->n_samples;
		a->count += r->count;
		a->bytes += r->bytes;
		if (r->bytes > f->largest[a - f->list]) {
			f->largest[a - f->list] = r->bytes;
			a->site = r->site;
		}
	}
	return add_shares(f, places, rows, keep_groups, false) && add_shares(f, places, rows, keep_groups, true);
}

static int by_bytes(const void *a, const void *b)
{
	const gs_heap_allocator *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

bool gs_heap_allocators_list(gs_arena *mem, const gs_heap *h, const gs_heap_places *places, const gs_heap_allocated_list *rows, bool keep_groups,
			     gs_heap_allocators *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	folding f = { .list = gs_try_new(mem, gs_heap_allocator, rows->n), .largest = gs_try_new(scratch, double, rows->n),
		      .parts = gs_try_new(scratch, part, rows->n) };
	bool ok = f.list && f.largest && f.parts && fold(&f, places, rows, keep_groups);

	gs_map_release(&f.of_place);
	gs_map_release(&f.of_part);
	*out = (gs_heap_allocators){ .rows = f.list, .n = f.n };
	if (!ok)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u sampled allocations", h->n_samples);
	if (f.n)
		qsort(f.list, f.n, sizeof(*f.list), by_bytes);
	for (uint32_t i = 0; i < f.n; i++) {
		out->bytes += f.list[i].bytes;
		out->n_samples += f.list[i].n_samples;
	}
	return true;
}
