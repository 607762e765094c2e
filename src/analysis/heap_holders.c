#include "analysis/heap_holders.h"

#include "base/banned.h"

typedef struct listing {
	const gs_heap *h;
	const gs_dominators *d;
	gs_heap_names *names;
	gs_arena *scratch;
	uint32_t *largest; /* of each node: the child that retains most */
	uint32_t *below;   /* of each node: how many children */
	uint32_t *top;	   /* of each object: the ancestor right below a holder or the root */
	uint64_t *count;   /* of each such ancestor and each holder: objects */
	gs_map frames;	   /* name -> row + 1 */
	gs_heap_holder_row *rows;
	uint32_t n;
} listing;

static void find_tops(listing *l, uint32_t *way)
{
	const gs_dominators *d = l->d;

	for (uint32_t i = 0; i < d->n_objects; i++) {
		uint32_t at = i, n = 0;

		while (l->top[at] == GS_HEAP_NONE && gs_dominators_above(d, at) < d->n_objects) {
			way[n++] = at;
			at = gs_dominators_above(d, at);
		}
		if (l->top[at] == GS_HEAP_NONE)
			l->top[at] = at;
		while (n)
			l->top[way[--n]] = l->top[at];
	}
}

static bool look(listing *l)
{
	const gs_dominators *d = l->d;
	uint32_t *way = gs_try_new(l->scratch, uint32_t, d->n_nodes);

	l->largest = gs_try_new(l->scratch, uint32_t, d->n_nodes);
	l->below = gs_try_new(l->scratch, uint32_t, d->n_nodes);
	l->top = gs_try_new(l->scratch, uint32_t, d->n_nodes);
	l->count = gs_try_new(l->scratch, uint64_t, d->n_nodes);
	if (!way || !l->largest || !l->below || !l->top || !l->count)
		return false;
	memset(l->largest, 0xff, d->n_nodes * sizeof(*l->largest));
	memset(l->top, 0xff, d->n_nodes * sizeof(*l->top));
	find_tops(l, way);
	for (uint32_t i = 0; i < d->n_objects; i++) {
		uint32_t up = gs_dominators_above(d, i), *best = &l->largest[up];

		l->below[up]++;
		if (*best == GS_HEAP_NONE || gs_dominators_retained(d, i) > gs_dominators_retained(d, *best))
			*best = i;
		l->count[l->top[i]]++;
	}
	for (uint32_t i = 0; i < d->n_objects; i++)
		if (l->top[i] == i)
			l->count[gs_dominators_above(d, i)] += l->count[i];
	return true;
}

static void gather(listing *l, gs_heap_holder_row *row, uint32_t at)
{
	uint64_t half = row->bytes - row->bytes / 2;

	if (at >= l->d->n_objects)
		at = l->largest[at];
	row->gathers_in = GS_HEAP_NONE;
	while (at != GS_HEAP_NONE && gs_dominators_retained(l->d, at) >= half) {
		row->gathers_in = at;
		row->n_below = l->below[at];
		at = l->largest[at];
	}
}

/* Objects right below a goroutine go to the first frame that points to them. */
static bool add_frames(listing *l, uint32_t holder)
{
	const gs_dominators *d = l->d;
	GS_AUTO(map) seen = { 0 };
	uint32_t goroutine = d->holders[holder].goroutine;

	for (uint32_t k = d->holder_at[holder]; k < d->holder_at[holder + 1]; k++) {
		uint32_t object = d->holder_to[k], name, *at;
		const gs_heap_root *r = d->holder_root[k] == GS_HEAP_NONE ? NULL : &l->h->roots[d->holder_root[k]];
		gs_heap_holder_row *row;
		bool is_new;

		if (!r || !r->name || r->kind != GS_HEAP_ROOT_STACK || gs_dominators_above(d, object) != d->n_objects + holder)
			continue;
		if (!gs_map_put(&seen, object, &is_new))
			return false;
		if (!is_new)
			continue;
		at = gs_map_put(&l->frames, r->name, &is_new);
		if (!at)
			return false;
		if (is_new) {
			gs_str text = gs_strf(l->scratch, "frame %.*s", GS_FMT(gs_strtab_get(&l->h->strings, r->name)));

			name = gs_strtab_id(&l->names->strings, text);
			if (name == UINT32_MAX)
				return false;
			*at = l->n;
			l->rows[l->n++] = (gs_heap_holder_row){ .kind = GS_HOLDER_FRAME, .name = name, .goroutine = GS_HEAP_NONE,
								.gathers_in = object, .holds = GS_HEAP_NONE };
		}
		row = &l->rows[*at];
		/* Goroutines come one after the other: what is counted last tells a new one. */
		if (row->goroutine != goroutine) {
			row->goroutine = goroutine;
			row->n_goroutines++;
		}
		row->bytes += gs_dominators_retained(d, object);
		row->count += l->count[object];
		if (gs_dominators_retained(d, object) > gs_dominators_retained(d, row->gathers_in))
			row->gathers_in = object;
	}
	return true;
}

static unsigned kind_of(const gs_heap_holder *holder)
{
	if (holder->kind == GS_HEAP_ROOT_GLOBAL)
		return GS_HOLDER_VARIABLE;
	return holder->goroutine != GS_HEAP_NONE ? GS_HOLDER_GOROUTINE : GS_HOLDER_OTHER;
}

static int by_bytes(const void *a, const void *b)
{
	const gs_heap_holder_row *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return x->goroutine < y->goroutine ? -1 : x->goroutine > y->goroutine;
}

static bool add_rows(listing *l, unsigned kinds)
{
	const gs_dominators *d = l->d;

	/* A row for each frame's function is a row for one of the roots. */
	l->rows = gs_try_new(l->scratch, gs_heap_holder_row, (size_t)d->n_holders + l->h->n_roots);
	if (!l->rows)
		return false;
	for (uint32_t i = 0; (kinds & GS_HOLDER_FRAME) && i < d->n_holders; i++)
		if (kind_of(&d->holders[i]) == GS_HOLDER_GOROUTINE && !add_frames(l, i))
			return false;
	for (uint32_t i = 0; i < l->n; i++) {
		l->rows[i].goroutine = GS_HEAP_NONE;
		gather(l, &l->rows[i], l->rows[i].gathers_in);
	}
	for (uint32_t i = 0; i < d->n_holders; i++) {
		uint32_t node = d->n_objects + i;
		gs_heap_holder_row *row = &l->rows[l->n];

		if (!(kinds & kind_of(&d->holders[i])) || !gs_dominators_retained(d, node))
			continue;
		*row = (gs_heap_holder_row){ .kind = (uint8_t)kind_of(&d->holders[i]), .name = l->names->of_holder[i],
					     .goroutine = d->holders[i].goroutine, .count = l->count[node], .bytes = gs_dominators_retained(d, node),
					     .holds = GS_HEAP_NONE };
		if (row->kind == GS_HOLDER_VARIABLE) {
			row->at = d->holders[i].at;
			row->holds = l->largest[node];
		}
		gather(l, row, node);
		l->n++;
	}
	return true;
}

bool gs_heap_holders_list(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, unsigned kinds,
			  gs_heap_holders *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	listing l = { .h = h, .d = d, .names = names, .scratch = scratch };
	bool ok = look(&l) && add_rows(&l, kinds);

	*out = (gs_heap_holders){ 0 };
	gs_map_release(&l.frames);
	out->rows = ok ? gs_try_new(mem, gs_heap_holder_row, l.n) : NULL;
	if (!out->rows)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the holders of %u objects", h->n_objects);
	out->n = l.n;
	if (l.n)
		memcpy(out->rows, l.rows, l.n * sizeof(*l.rows));
	if (l.n)
		qsort(out->rows, l.n, sizeof(*l.rows), by_bytes);
	return true;
}
