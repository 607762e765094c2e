#include <stdlib.h>

#include "analysis/heap_slack.h"
#include "base/buf.h"
#include "model/go_slots.h"

#include "base/banned.h"

enum {
	FULL = 1,    /* something needs the whole object */
	UNKNOWN = 2, /* something leads there of which no type is known */
	PARTIAL = 4,

	MAX_PIECES = 1 << 28,
	MAX_ROWS = 1 << 20,
	MAX_CLIMB = 12,
	MAX_NAMED = 1 << 17, /* objects whose place is looked for: each may mean a search in its holder */
	KIND_STRUCT = 25,
};

typedef struct piece {
	uint32_t to, from, root;
	uint8_t kind;
	bool is_whole;
	uint64_t from_offset, start, used, room;
} piece;

typedef struct search {
	gs_arena *mem;
	const gs_heap *h;
	const gs_dominators *d;
	const gs_heap_names *names;
	gs_heap_look *look;
	const gs_packed *up;
	gs_heap_slacks *out;
	uint8_t *flags; /* of each object */
	GS_VEC(piece) pieces;
	GS_VEC(gs_heap_slack_row) rows;
	gs_strtab strings;
	gs_map row_of;	 /* kind and place -> row */
	gs_map place_of; /* object -> what its fields are called by */
	gs_map root_of;	 /* root -> place */
	uint32_t n_named;
	bool is_out_of_memory;
} search;

static bool no_memory(gs_err *err, const gs_heap *h)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory to look for waste in %u objects", h->n_objects);
}

/* ---- what leads where ---- */

static uint64_t need(const search *s, const gs_heap_span *span, uint64_t bytes)
{
	return gs_go_slot_bytes(bytes, !span->is_noscan, s->h->go_minor);
}

static void take(void *ctx, const gs_heap_reference *r)
{
	search *s = ctx;
	const gs_heap_span *span;
	piece *p;

	if (s->flags[r->to] & FULL)
		return;
	if (r->kind == GS_HEAP_REFERENCE_UNKNOWN) {
		s->flags[r->to] |= UNKNOWN;
		return;
	}
	span = &s->h->spans[gs_heap_span_of(s->h, r->to)];
	if (span->is_tiny || need(s, span, r->used_bytes) >= span->elem_bytes) {
		s->flags[r->to] |= FULL;
		return;
	}
	s->flags[r->to] |= PARTIAL;
	if (s->flags[r->to] & UNKNOWN)
		return;
	p = gs_vec_push(&s->pieces, MAX_PIECES);
	if (!p) {
		s->is_out_of_memory = true;
		return;
	}
	*p = (piece){ .to = r->to, .from = r->from, .root = r->root, .kind = r->kind, .is_whole = r->is_whole, .from_offset = r->from_offset,
		      .start = r->offset, .used = r->offset + r->used_bytes, .room = r->offset + r->room_bytes };
}

static int by_place(const void *a, const void *b)
{
	const piece *x = a, *y = b;

	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->used < y->used ? -1 : x->used > y->used;
}

/* ---- where ---- */

static uint32_t intern(search *s, gs_buf *b)
{
	uint32_t id = gs_strtab_id(&s->strings, gs_buf_view(b));

	s->is_out_of_memory |= id == UINT32_MAX || b->bad;
	gs_buf_release(b);
	return id == UINT32_MAX ? 0 : id;
}

static const gs_heap_root *root_to(const search *s, uint32_t holder, uint32_t object)
{
	const gs_dominators *d = s->d;

	for (uint32_t k = d->holder_at[holder]; k < d->holder_at[holder + 1]; k++)
		if (d->holder_to[k] == object)
			return d->holder_root[k] == GS_HEAP_NONE ? NULL : &s->h->roots[d->holder_root[k]];
	return NULL;
}

static bool is_record(const search *s, uint32_t object)
{
	const gs_heap_type *t = &s->h->types[gs_heap_type_of(s->h, object)];
	gs_str name = gs_strtab_get(&s->h->strings, t->name);

	return t->kind == KIND_STRUCT && t->addr && t->form == GS_HEAP_FORM_VALUE && !gs_str_has(name, GS_S("map.group[")) &&
	       !gs_str_has(name, GS_S("map.bucket["));
}

static gs_str type_name(const search *s, uint32_t object)
{
	const gs_heap_type *t = &s->h->types[gs_heap_type_of(s->h, object)];

	return gs_strtab_get(is_record(s, object) ? &s->h->strings : &s->names->strings,
			     is_record(s, object) ? t->name : s->names->of_type[gs_heap_type_of(s->h, object)]);
}

/* By what an object's fields are called: a struct's name; of arrays and parts of maps the field or variable that leads to them. */
static uint32_t place_of(search *s, uint32_t object, unsigned depth)
{
	uint32_t *known = gs_map_get(&s->place_of, object), up = gs_packed_id(s->up, object), id;
	bool is_new;
	gs_buf b;

	if (known)
		return *known;
	gs_buf_init(&b, 1 << 16);
	if (is_record(s, object) || depth > MAX_CLIMB || s->n_named >= MAX_NAMED || up == GS_HEAP_NONE || up > s->d->n_objects + s->d->n_holders) {
		gs_buf_str(&b, type_name(s, object));
	} else if (up >= s->d->n_objects) {
		const gs_heap_root *r = up - s->d->n_objects < s->d->n_holders ? root_to(s, up - s->d->n_objects, object) : NULL;
		gs_str name = r && r->kind == GS_HEAP_ROOT_GLOBAL ? s->look->variable(s->look, r, false) : (gs_str){ 0 };

		if (!name.n && up - s->d->n_objects < s->d->n_holders)
			name = gs_strtab_get(&s->names->strings, s->names->of_holder[up - s->d->n_objects]);
		gs_buf_str(&b, name);
	} else {
		gs_str step = s->look->edge(s->look, up, object, false);

		s->n_named++;
		id = place_of(s, up, depth + 1);
		gs_buf_str(&b, gs_strtab_get(&s->strings, id));
		if (is_record(s, up) && gs_str_starts(step, GS_S("[*]")))
			step = gs_str_skip(step, 3);
		gs_buf_str(&b, step);
	}
	id = intern(s, &b);
	known = gs_map_put(&s->place_of, object, &is_new);
	if (known)
		*known = id;
	return id;
}

static uint32_t place_of_root(search *s, uint32_t root)
{
	bool is_new;
	uint32_t *known = gs_map_put(&s->root_of, root, &is_new), id;
	gs_buf b;

	if (known && !is_new)
		return *known;
	gs_buf_init(&b, 1 << 16);
	gs_buf_str(&b, s->look->variable(s->look, &s->h->roots[root], false));
	id = intern(s, &b);
	if (known)
		*known = id;
	return id;
}

static uint32_t place_of_piece(search *s, const piece *p)
{
	gs_str field;
	gs_buf b;

	if (p->from == GS_HEAP_NONE)
		return place_of_root(s, p->root);
	field = s->look->place(s->look, p->from, p->from_offset);
	gs_buf_init(&b, 1 << 16);
	gs_buf_str(&b, gs_strtab_get(&s->strings, place_of(s, p->from, 0)));
	if (is_record(s, p->from) && gs_str_starts(field, GS_S("[*]")))
		field = gs_str_skip(field, 3);
	gs_buf_str(&b, field);
	return intern(s, &b);
}

/* ---- rows ---- */

static void add(search *s, gs_heap_slack_row one, uint32_t place)
{
	bool is_new;
	uint32_t *at = gs_map_put(&s->row_of, (uint64_t)place << 8 | (uint64_t)one.kind << 1 | one.is_by_string, &is_new);
	gs_heap_slack_row *row = NULL;

	if (at && is_new) {
		row = gs_vec_push(&s->rows, MAX_ROWS);
		*at = (uint32_t)s->rows.n - 1;
		if (row)
			*row = (gs_heap_slack_row){ .kind = one.kind, .is_by_string = one.is_by_string, .where = gs_strtab_get(&s->strings, place) };
	} else if (at && *at < s->rows.n) {
		row = &s->rows.p[*at];
	}
	if (!row) {
		s->is_out_of_memory = true;
		return;
	}
	row->count++;
	row->bytes += one.bytes;
	row->used_bytes += one.used_bytes;
	row->wasted_bytes += one.wasted_bytes;
	if (one.wasted_bytes > row->object_wasted) {
		row->object_wasted = one.wasted_bytes;
		row->object = one.object;
	}
}

/* An object of which `p` are all references, by address. What overlaps is one piece. */
static void judge(search *s, const piece *p, size_t n)
{
	const gs_heap_span *span = &s->h->spans[gs_heap_span_of(s->h, p->to)];
	gs_heap_slack_row one = { .object = p->to, .bytes = span->elem_bytes, .is_by_string = true };
	uint64_t start = p->start, end = p->start, needed = 0;
	bool is_slice = true;

	for (size_t i = 0; i < n; i++) {
		if (p[i].start > end) {
			needed += need(s, span, end - start);
			one.used_bytes += end - start;
			start = end = p[i].start;
		}
		end = p[i].used > end ? p[i].used : end;
		is_slice &= p[i].is_whole && p[i].kind == GS_HEAP_REFERENCE_SLICE;
		one.is_by_string &= p[i].kind == GS_HEAP_REFERENCE_STRING;
	}
	needed += need(s, span, end - start);
	one.used_bytes += end - start;
	if (needed >= span->elem_bytes)
		return;
	one.wasted_bytes = span->elem_bytes - needed;
	one.kind = is_slice ? GS_HEAP_SLACK_SLICE : GS_HEAP_SLACK_PINNED;
	add(s, one, place_of_piece(s, p));
}

static void judge_all(search *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->pieces.n; i++)
		if (!(s->flags[s->pieces.p[i].to] & (FULL | UNKNOWN)))
			s->pieces.p[n++] = s->pieces.p[i];
	s->pieces.n = n;
	if (n)
		qsort(s->pieces.p, n, sizeof(*s->pieces.p), by_place);
	for (size_t i = 0, to; i < n; i = to) {
		for (to = i + 1; to < n && s->pieces.p[to].to == s->pieces.p[i].to; to++)
			;
		judge(s, s->pieces.p + i, to - i);
	}
	for (gs_heap_walk w = gs_heap_walk_start(s->h); gs_heap_walk_next(&w);)
		if ((s->flags[w.object] & (FULL | UNKNOWN | PARTIAL)) == (UNKNOWN | PARTIAL)) {
			s->out->n_unknown++;
			s->out->unknown_bytes += w.size_bytes;
		}
}

static void take_map(void *ctx, const gs_heap_map_room *m)
{
	search *s = ctx;

	add(s, (gs_heap_slack_row){ .kind = GS_HEAP_SLACK_MAP, .object = m->object, .bytes = m->have_bytes, .used_bytes = m->need_bytes,
				    .wasted_bytes = m->have_bytes - m->need_bytes },
	    place_of(s, m->object, 0));
}

static int by_waste(const void *a, const void *b)
{
	const gs_heap_slack_row *x = a, *y = b;

	if (x->wasted_bytes != y->wasted_bytes)
		return x->wasted_bytes > y->wasted_bytes ? -1 : 1;
	return x->object < y->object ? -1 : x->object > y->object;
}

bool gs_heap_slack_find(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_look *look,
			const gs_packed *up, gs_heap_slacks *out, gs_err *err)
{
	search *s = gs_new(mem, search, 1); /* the table of strings goes with the arena, so it must lie there */
	bool ok;

	*s = (search){ .mem = mem, .h = h, .d = d, .names = names, .look = look, .up = up, .out = out };
	*out = (gs_heap_slacks){ 0 };
	if (!look)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "the memory of this heap is gone, its slices and maps cannot be looked at");
	s->flags = gs_try_new(mem, uint8_t, h->n_objects);
	ok = s->flags && gs_strtab_init(&s->strings, mem);
	if (ok) {
		look->references(look, NULL, s, take);
		judge_all(s);
		look->maps(look, s, take_map);
		ok = !s->is_out_of_memory;
	}
	if (ok && s->rows.n) {
		out->rows = gs_try_new(mem, gs_heap_slack_row, s->rows.n);
		ok = out->rows;
		if (ok) {
			memcpy(out->rows, s->rows.p, s->rows.n * sizeof(*out->rows));
			out->n = (uint32_t)s->rows.n;
			qsort(out->rows, out->n, sizeof(*out->rows), by_waste);
		}
	}
	gs_vec_release(&s->pieces);
	gs_vec_release(&s->rows);
	gs_map_release(&s->row_of);
	gs_map_release(&s->place_of);
	gs_map_release(&s->root_of);
	return ok || no_memory(err, h);
}
