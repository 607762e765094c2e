#include "analysis/heap_holders.h"

#include "analysis/heap_objects.h"
#include "analysis/heap_summary.h"
#include "analysis/heap_together.h"

#include "base/banned.h"

typedef struct listing {
	const gs_heap *h;
	const gs_dominators *d;
	gs_heap_names *names;
	const gs_heap_holders_ask *ask;
	gs_heap_gone gone; /* what was chosen */
	gs_arena *scratch;
	uint32_t *largest; /* of each node: the child that retains most */
	uint32_t *below;   /* of each node: how many children */
	uint32_t *top;	   /* of each object: the ancestor right below a holder or the root */
	uint64_t *count;   /* of each such ancestor and each holder: objects */
	gs_map frames;	   /* name -> row + 1 */
	gs_heap_holder_row *rows;
	uint32_t *node_of; /* of each row that is no frame and no type */
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

static bool add_rows(listing *l)
{
	const gs_dominators *d = l->d;
	const unsigned kinds = l->ask->type && !l->ask->name ? 0 : l->ask->kinds;
	size_t room = (size_t)d->n_holders + l->h->n_roots + GS_HEAP_HOLDERS_MAX_TYPES;

	/* A row for each frame's function is a row for one of the roots. */
	l->rows = gs_try_new(l->scratch, gs_heap_holder_row, room);
	l->node_of = gs_try_new(l->scratch, uint32_t, room);
	if (!l->rows || !l->node_of)
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
		l->node_of[l->n++] = node;
	}
	return true;
}

/* ---- what was chosen ---- */

/* The whole name, or what is behind "var", "frame" ... */
static bool is_wanted(const listing *l, const gs_heap_holder_row *row)
{
	gs_str name = gs_strtab_get(&l->names->strings, row->name), kind, rest;

	return gs_re_match(l->ask->name, name) || (gs_str_cut(name, ' ', &kind, &rest) && gs_re_match(l->ask->name, rest));
}

static void choose_by_name(listing *l)
{
	const gs_dominators *d = l->d;
	uint32_t n = 0;

	for (uint32_t k = 0; k < d->holder_at[d->n_holders]; k++) {
		const gs_heap_root *r = d->holder_root[k] == GS_HEAP_NONE ? NULL : &l->h->roots[d->holder_root[k]];
		const uint32_t *frame = r && r->kind == GS_HEAP_ROOT_STACK ? gs_map_get(&l->frames, r->name) : NULL;

		if (frame && is_wanted(l, &l->rows[*frame]))
			gs_heap_gone_root(&l->gone, d->holder_root[k]);
	}
	for (uint32_t i = 0; i < l->n; i++) {
		if (!is_wanted(l, &l->rows[i]))
			continue;
		if (l->rows[i].kind != GS_HOLDER_FRAME)
			gs_heap_gone_node(&l->gone, l->node_of[i]);
		l->rows[n++] = l->rows[i];
	}
	l->n = n;
}

static int by_shallow(const void *a, const void *b)
{
	const gs_heap_type_row *x = a, *y = b;

	if (x->shallow_bytes != y->shallow_bytes)
		return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/* Objects of equal names are one holder, though their types differ in how they are known. */
static bool add_type(listing *l, const gs_heap_type_row *types, uint32_t n, uint32_t name, gs_err *err)
{
	gs_heap_holder_row *row = &l->rows[l->n];
	gs_heap_gone gone;
	gs_str text = gs_strf(l->scratch, "type %.*s", GS_FMT(gs_strtab_get(&l->names->strings, name)));

	*row = (gs_heap_holder_row){ .kind = GS_HOLDER_TYPE, .name = gs_strtab_id(&l->names->strings, text), .goroutine = GS_HEAP_NONE,
				     .gathers_in = GS_HEAP_NONE, .holds = GS_HEAP_NONE };
	if (row->name == UINT32_MAX || !gs_heap_gone_start(l->scratch, l->h, l->d, &gone, err))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (l->names->of_type[types[i].type] == name)
			row->n_of_type += types[i].count;
	for (uint32_t i = 0; i < l->h->n_objects; i++)
		if (l->names->of_type[gs_heap_type_of(l->h, i)] == name)
			gs_heap_gone_node(&gone, i);
	l->n++;
	return gs_heap_together(l->h, l->d, &gone, &row->count, &row->bytes, err);
}

static bool choose_by_type(listing *l, gs_heap_holders *out, gs_err *err)
{
	uint64_t *selected = gs_heap_objects_of_type(l->scratch, l->h, l->names, l->ask->type, err);
	gs_heap_type_row *types = gs_try_new(l->scratch, gs_heap_type_row, l->h->n_types);
	uint32_t n = 0, first = l->n;

	if (!selected || !types)
		return false;
	for (uint32_t i = 0; i < l->h->n_types; i++)
		types[i].type = i;
	for (gs_heap_walk w = gs_heap_walk_start(l->h); gs_heap_walk_next(&w);)
		if (selected[w.object / 64] >> (w.object & 63) & 1) {
			gs_heap_type_row *t = &types[gs_heap_type_of(l->h, w.object)];

			t->count++;
			t->shallow_bytes += w.size_bytes;
			gs_heap_gone_node(&l->gone, w.object);
		}
	if (l->h->n_types)
		qsort(types, l->h->n_types, sizeof(*types), by_shallow);
	while (n < l->h->n_types && types[n].count)
		n++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t name = l->names->of_type[types[i].type], k = 0;

		while (k < i && l->names->of_type[types[k].type] != name)
			k++;
		if (k < i)
			continue;
		if (l->n - first == GS_HEAP_HOLDERS_MAX_TYPES)
			out->n_types_left++;
		else if (!add_type(l, types, n, name, err))
			return false;
	}
	return true;
}

static bool choose(listing *l, gs_heap_holders *out, gs_err *err)
{
	if (!gs_heap_gone_start(l->scratch, l->h, l->d, &l->gone, err))
		return false;
	if (l->ask->name)
		choose_by_name(l);
	out->is_chosen = true;
	return (!l->ask->type || choose_by_type(l, out, err)) && gs_heap_together(l->h, l->d, &l->gone, &out->count, &out->bytes, err);
}

bool gs_heap_holders_list(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, const gs_heap_holders_ask *ask,
			  gs_heap_holders *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	listing l = { .h = h, .d = d, .names = names, .ask = ask, .scratch = scratch };
	bool ok = look(&l) && add_rows(&l);

	*out = (gs_heap_holders){ 0 };
	if (ok && (ask->name || ask->type) && !choose(&l, out, err)) {
		gs_map_release(&l.frames);
		return false;
	}
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
