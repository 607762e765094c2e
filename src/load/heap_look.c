#include "load/heap_look.h"

#include "base/banned.h"

enum {
	MAX_INLINED = 64,
	MIN_TOP_HASH = 5, /* before Go 1.24: below it a bucket's place is free */
};

uint64_t look_word(const look *l, uint64_t addr)
{
	return gs_go_u64(&l->b.rt.image, addr);
}

bool look_type(look *l, uint64_t addr, heap_type *out)
{
	uint32_t i = heap_type_at(&l->t, addr);

	if (i != UINT32_MAX)
		*out = l->t.list.p[i];
	return i != UINT32_MAX;
}

gs_str look_type_name(look *l, uint64_t addr)
{
	gs_str package;
	heap_type t;

	return look_type(l, addr, &t) ? heap_type_name(&l->t, l->mem, &t, &package) : (gs_str){ 0 };
}

gs_str look_finish(look *l, gs_buf *b)
{
	gs_str s = gs_str_dup(l->mem, gs_buf_view(b));

	gs_buf_release(b);
	return s;
}

look_object look_object_of(const look *l, uint32_t id)
{
	look_object o = { .addr = gs_heap_addr(l->h, id), .size = gs_heap_size(l->h, id), .type = &l->h->types[gs_heap_type_of(l->h, id)] };

	o.span = gs_go_span_at(&l->b.rt, o.addr);
	if (o.span && o.span->scheme == GS_GO_HEADER) {
		o.head = 8;
		o.addr += 8;
		o.size -= 8;
	}
	return o;
}

bool look_is_closure(const look_object *o)
{
	return o->type->kind == KIND_FUNC && !o->type->addr && o->span;
}

uint32_t look_captures_before(const look *l, uint64_t code, uint64_t offset)
{
	uint32_t lo = 0, hi = l->n_captures;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const heap_capture *c = &l->captures[mid];

		if (c->code < code || (c->code == code && c->offset < offset))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t look_captured_size(look *l, const look_object *o, const heap_capture *c, heap_captured *what)
{
	heap_type t;

	*what = c->type ? heap_type_captured(&l->t, c, o->span, o->addr - o->span->base) : CAPTURED_UNKNOWN;
	if (*what == CAPTURED_VALUE && look_type(l, c->type, &t))
		return t.size;
	return *what == CAPTURED_SLICE ? 24 : 8;
}

const heap_capture *look_capture_at(look *l, const look_object *o, uint64_t offset, heap_captured *what)
{
	uint64_t code = look_is_closure(o) ? look_word(l, o->addr) : 0;
	uint32_t n = code ? look_captures_before(l, code, offset + 1) : 0;
	const heap_capture *c = n ? &l->captures[n - 1] : NULL;

	return c && c->code == code && offset - c->offset < look_captured_size(l, o, c, what) ? c : NULL;
}

/* ---- entries of maps ---- */

static bool array_of(look *l, uint64_t type, uint64_t *elem, uint64_t *each)
{
	heap_type t, e;

	if (!look_type(l, type, &t) || t.kind != KIND_ARRAY || !look_type(l, t.elem, &e))
		return false;
	*elem = t.elem;
	*each = e.size;
	return true;
}

bool look_entries_of(look *l, uint64_t type, look_entries *out)
{
	uint32_t index = heap_type_at(&l->t, type), n = heap_type_n_members(&l->t, type);
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	heap_type_member keys, values, last;
	heap_map_part part;
	uint64_t slot;

	part = index == UINT32_MAX ? MAP_PART_NONE : heap_type_map_part(&l->t, index);
	if (part == MAP_PART_NONE || n < 2)
		return false;
	*out = (look_entries){ .is_group = part == MAP_PART_GROUP };
	keys = heap_type_member_at(&l->t, scratch, type, 1);
	if (n == 2) { /* an array of {key, value} */
		if (!out->is_group || !array_of(l, keys.type, &slot, &out->key_step) || heap_type_n_members(&l->t, slot) < 2)
			return false;
		out->value_step = out->key_step;
		last = heap_type_member_at(&l->t, scratch, slot, 0);
		out->key_type = last.type;
		out->keys = keys.offset;
		last = heap_type_member_at(&l->t, scratch, slot, 1);
		out->value_type = last.type;
		out->values = keys.offset + last.offset;
		return true;
	}
	values = heap_type_member_at(&l->t, scratch, type, 2);
	if (!array_of(l, keys.type, &out->key_type, &out->key_step) || !array_of(l, values.type, &out->value_type, &out->value_step))
		return false;
	out->keys = keys.offset;
	out->values = values.offset;
	if (!out->is_group && n > 3) {
		last = heap_type_member_at(&l->t, scratch, type, n - 1);
		out->next = last.offset;
	}
	return true;
}

bool look_is_full(const look *l, const look_entries *e, uint64_t at, unsigned slot)
{
	uint8_t c = gs_go_u8(&l->b.rt.image, at + slot);

	return e->is_group ? c < 0x80 : c >= MIN_TOP_HASH;
}

/* ---- the rest of the look ---- */

static bool function(gs_heap_look *base, uint32_t id, gs_heap_function *out)
{
	look *l = (look *)(void *)base;
	look_object o = look_object_of(l, id);
	uint64_t code = look_is_closure(&o) ? look_word(l, o.addr) - l->b.rt.bias : 0;
	uint32_t func = code ? gs_pclntab_find(&l->b.rt.pcln, code) : GS_PCLNTAB_NONE;
	gs_pclntab_frame frames[MAX_INLINED];
	gs_pclntab_func f;
	unsigned n;

	if (func == GS_PCLNTAB_NONE || !gs_pclntab_func_get(&l->b.rt.pcln, func, &f) || f.entry != code)
		return false;
	*out = (gs_heap_function){ .name = gs_str_dup(l->mem, f.name) };
	n = gs_pclntab_frames(&l->b.rt.pcln, &f, code, frames, MAX_INLINED);
	/* Those of method values are in no file. */
	if (n && frames[n - 1].file.n && frames[n - 1].file.p[0] != '<') {
		out->file = gs_str_dup(l->mem, frames[n - 1].file);
		out->line = f.start_line ? f.start_line : frames[n - 1].line;
	}
	return true;
}

static void references(gs_heap_look *base, const uint64_t *only, void *ctx, void (*take)(void *ctx, const gs_heap_reference *r))
{
	look *l = (look *)(void *)base;

	heap_references(&l->t, l->h, only, ctx, take);
}

static void maps(gs_heap_look *base, void *ctx, void (*take)(void *ctx, const gs_heap_map_room *m))
{
	look *l = (look *)(void *)base;

	heap_map_rooms(&l->t, l->h, ctx, take);
}

static void release(void *ctx)
{
	look *l = ctx;

	gs_map_release(&l->t.index_of);
	gs_vec_release(&l->t.list);
	gs_vec_release(&l->t.slots);
	gs_map_release(&l->known);
	gs_vec_release(&l->names);
}

gs_heap_look *heap_look(const gs_heap *h, gs_arena *mem)
{
	look *l = gs_new(mem, look, 1);

	l->base = (gs_heap_look){ .edge = look_edge, .variable = look_variable, .fields = look_fields, .place = look_place, .function = function, .references = references, .maps = maps };
	l->h = h;
	l->mem = mem;
	l->b.rt = *gs_heap_runtime(h);
	l->t.b = &l->b;
	l->captures = heap_captures(h, &l->n_captures);
	gs_arena_on_free(mem, release, l);
	return &l->base;
}
