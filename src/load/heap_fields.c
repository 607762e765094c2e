#include "load/heap_look.h"

#include "base/banned.h"

/* What is in an object, value by value. */

enum {
	MAX_STEPS = 1 << 24,   /* of one listing */
	MAX_CHAIN = 1 << 16,  /* buckets behind one */
	MAX_BUCKETS = 1 << 28,
};

typedef struct listing {
	look *l;
	gs_heap_fields *out;
	const look_object *o;
	uint64_t base; /* its own address */
	uint64_t from; /* of its bytes the first that no type tells */
	uint32_t max, n_steps;
	gs_buf name;
} listing;

/* Types and tables are the program's word: they may contain themselves. */
static bool is_done(listing *s)
{
	return s->out->n >= s->max || ++s->n_steps > MAX_STEPS;
}

static gs_heap_field *add_field(listing *s)
{
	gs_heap_field *f;

	s->out->n_all++;
	if (s->out->n >= s->max)
		return NULL;
	f = &s->out->list[s->out->n++];
	*f = (gs_heap_field){ .name = gs_str_dup(s->l->mem, gs_buf_view(&s->name)), .to = GS_HEAP_NONE };
	return f;
}

static void list_value(listing *s, uint64_t type, uint64_t at, unsigned depth);

static void list_one(listing *s, const heap_type *t, uint64_t at)
{
	gs_heap_field *f = add_field(s);
	look *l = s->l;
	uint64_t v;
	gs_buf text;

	if (!f)
		return;
	f->type = look_type_name(l, t->addr);
	f->offset = at >= s->base ? at - s->base : 0;
	gs_buf_init(&text, 1 << 12);
	look_value_text(l, &text, t->addr, at, LOOK_MAX_TEXT, 0);
	f->value = look_finish(l, &text);
	if (t->kind < KIND_ARRAY || t->kind == KIND_ARRAY || t->kind == KIND_STRUCT)
		return;
	v = look_word(l, t->kind == KIND_INTERFACE ? at + 8 : at);
	f->to = v ? gs_heap_find(l->h, v) : GS_HEAP_NONE;
}

static void list_entries(listing *s, const look_entries *e, uint64_t at, unsigned depth)
{
	for (unsigned i = 0; i < LOOK_GROUP_SLOTS && !is_done(s); i++) {
		size_t n = s->name.n;

		if (!look_is_full(s->l, e, at, i))
			continue;
		gs_buf_c(&s->name, '[');
		look_value_text(s->l, &s->name, e->key_type, at + e->keys + i * e->key_step, LOOK_MAX_KEY, 0);
		gs_buf_c(&s->name, ']');
		list_value(s, e->value_type, at + e->values + i * e->value_step, depth + 1);
		s->name.n = n;
	}
}

static void list_value(listing *s, uint64_t type, uint64_t at, unsigned depth)
{
	look *l = s->l;
	size_t n = s->name.n;
	heap_type t, e;
	look_entries in;
	uint64_t count;

	if (!look_type(l, type, &t))
		return;
	if (depth < LOOK_MAX_DEPTH && t.kind == KIND_STRUCT && !look_is_time(l, &t)) {
		uint32_t members = heap_type_n_members(&l->t, type);

		if (look_entries_of(l, type, &in)) {
			list_entries(s, &in, at, depth);
			return;
		}
		for (uint32_t i = 0; i < members && !is_done(s); i++) {
			heap_type_member m = heap_type_member_at(&l->t, l->mem, type, i);

			gs_buf_c(&s->name, '.');
			gs_buf_str(&s->name, m.name);
			list_value(s, m.type, at + m.offset, depth + 1);
			s->name.n = n;
		}
		return;
	}
	if (depth < LOOK_MAX_DEPTH && t.kind == KIND_ARRAY && look_type(l, t.elem, &e) && e.kind >= KIND_ARRAY) {
		count = heap_type_array_len(&l->t, type);
		for (uint64_t i = 0; i < count && !is_done(s); i++) {
			look_index_name(&s->name, i, true);
			list_value(s, t.elem, at + i * e.size, depth + 1);
			s->name.n = n;
		}
		return;
	}
	list_one(s, &t, at);
}

static void list_groups(listing *s, const look_entries *e, uint64_t type, uint64_t at, uint64_t n)
{
	uint64_t each;
	heap_type t;

	if (!at || !look_type(s->l, type, &t) || n > MAX_BUCKETS)
		return;
	each = t.size;
	for (uint64_t i = 0; i < n && !is_done(s); i++) {
		uint64_t one = at + i * each;

		for (unsigned chain = 0; one && chain < MAX_CHAIN && !is_done(s); chain++) {
			list_entries(s, e, one, 0);
			one = e->next ? look_word(s->l, one + e->next) : 0;
		}
	}
}

static void list_table(listing *s, const look_entries *e, uint64_t group_type, uint64_t table)
{
	uint64_t groups = table + (uint64_t)s->l->b.rt.o.table_groups;

	list_groups(s, e, group_type, look_word(s->l, groups), look_word(s->l, groups + 8) + 1);
}

static void list_map(listing *s, const heap_type *t, uint64_t map)
{
	const gs_go_offsets *o = &s->l->b.rt.o;
	uint64_t first, n, last = 0;
	look_entries e;

	if (!look_entries_of(s->l, t->group, &e))
		return;
	if (o->map_size == GS_GO_NONE) {
		uint8_t b = gs_go_u8(&s->l->b.rt.image, map + (uint64_t)o->hmap_b);

		list_groups(s, &e, t->group, look_word(s->l, map + (uint64_t)o->hmap_buckets), (uint64_t)1 << (b & 31));
		return;
	}
	first = look_word(s->l, map + (uint64_t)o->map_dir_ptr);
	n = look_word(s->l, map + (uint64_t)o->map_dir_len);
	if (n == 0)
		list_groups(s, &e, t->group, first, 1);
	for (uint64_t i = 0; i < n && n < MAX_BUCKETS && !is_done(s); i++) {
		uint64_t table = look_word(s->l, first + 8 * i);

		if (table && table != last)
			list_table(s, &e, t->group, table);
		last = table;
	}
}

static void list_channel(listing *s, const heap_type *t, uint64_t chan)
{
	const gs_go_offsets *o = &s->l->b.rt.o;
	uint64_t n = look_word(s->l, chan + (uint64_t)o->hchan_qcount), room = look_word(s->l, chan + (uint64_t)o->hchan_dataqsiz);
	uint64_t at = look_word(s->l, chan + (uint64_t)o->hchan_recvx), buf = look_word(s->l, chan + (uint64_t)o->hchan_buf);
	heap_type e;

	if (!look_type(s->l, t->elem, &e))
		return;
	for (uint64_t i = 0; i < n && n <= room && at < room && !is_done(s); i++) {
		size_t name = s->name.n;

		look_index_name(&s->name, i, true);
		list_value(s, t->elem, buf + (at + i) % room * e.size, 0);
		s->name.n = name;
	}
}

static void visit_word(void *ctx, uint64_t offset, uint64_t value)
{
	listing *s = ctx;
	gs_heap_field *f;
	size_t n = s->name.n;
	heap_captured what;

	if (offset < s->o->head)
		return;
	offset -= s->o->head;
	if (offset < s->from || look_capture_at(s->l, s->o, offset, &what))
		return; /* stands there with its name */
	gs_buf_f(&s->name, "+%llu", (unsigned long long)offset);
	f = add_field(s);
	s->name.n = n;
	if (!f)
		return;
	f->offset = offset;
	f->value = gs_strf(s->l->mem, "0x%llx", (unsigned long long)value);
	f->to = gs_heap_find(s->l->h, value);
}

static void list_capture(listing *s, const heap_capture *c, const look_object *o)
{
	look *l = s->l;
	heap_captured what;
	uint64_t size = look_captured_size(l, o, c, &what), at = o->addr + c->offset, v = look_word(l, at);
	gs_heap_field *f;

	if (c->offset > o->size || size > o->size - c->offset)
		return;
	gs_buf_c(&s->name, '.');
	gs_buf_str(&s->name, gs_strtab_get(&l->h->strings, c->name));
	if (what == CAPTURED_VALUE) {
		list_value(s, c->type, at, 0);
		return;
	}
	f = add_field(s);
	if (!f)
		return;
	f->offset = c->offset;
	f->to = gs_heap_find(l->h, v);
	if (what != CAPTURED_UNKNOWN)
		f->type = gs_strf(l->mem, "%s%.*s", what == CAPTURED_SLICE ? "[]" : "*", GS_FMT(look_type_name(l, c->type)));
	if (what == CAPTURED_SLICE)
		f->value = gs_strf(l->mem, v ? "len %llu cap %llu" : "nil", (unsigned long long)look_word(l, at + 8), (unsigned long long)look_word(l, at + 16));
	else
		f->value = gs_strf(l->mem, v ? "0x%llx" : "nil", (unsigned long long)v);
}

/* What it captured, by name as far as these are known, then the other pointers. */
static void list_closure(listing *s, const look_object *o)
{
	look *l = s->l;
	uint64_t code = look_word(l, o->addr);

	for (uint32_t i = look_captures_before(l, code, 0); i < l->n_captures && l->captures[i].code == code && !is_done(s); i++) {
		list_capture(s, &l->captures[i], o);
		s->name.n = 0;
	}
	gs_go_visit_object(&l->b.rt, o->span, o->addr - o->head - o->span->base, visit_word, s);
}

/* All of it as one text. */
static void list_bytes(listing *s, const look_object *o)
{
	gs_heap_field *f = add_field(s);
	gs_buf text;

	if (!f)
		return;
	gs_buf_init(&text, 1 << 12);
	look_bytes_text(s->l, &text, o->addr, o->size, LOOK_MAX_TEXT);
	f->value = look_finish(s->l, &text);
}

static void list_object(listing *s, const look_object *o)
{
	look *l = s->l;
	uint64_t n;
	heap_type t;
	look_entries e;

	if (look_is_closure(o)) {
		list_closure(s, o);
		return;
	}
	if (o->type->kind == KIND_STRING && !o->type->addr) {
		list_bytes(s, o);
		return;
	}
	if (!o->type->addr || !look_type(l, o->type->addr, &t) || (o->type->form == GS_HEAP_FORM_OTHER && !o->type->is_array)) {
		gs_go_visit_object(&l->b.rt, o->span, o->addr - o->head - o->span->base, visit_word, s);
		return;
	}
	switch (o->type->form) {
	case GS_HEAP_FORM_RECORD:
		if (t.kind == KIND_MAP)
			list_map(s, &t, o->addr);
		else
			list_channel(s, &t, o->addr);
		return;
	case GS_HEAP_FORM_TABLE:
		if (look_entries_of(l, t.group, &e))
			list_table(s, &e, t.group, o->addr);
		return;
	case GS_HEAP_FORM_VALUE:
		break;
	default:
		gs_go_visit_object(&l->b.rt, o->span, o->addr - o->head - o->span->base, visit_word, s);
		return;
	}
	if (!o->type->is_array || t.size == 0) {
		list_value(s, t.addr, o->addr, 0);
		s->from = t.size;
		gs_go_visit_object(&l->b.rt, o->span, o->addr - o->head - o->span->base, visit_word, s);
		return;
	}
	if (t.kind == KIND_UINT8) {
		list_bytes(s, o);
		return;
	}
	n = o->size / t.size;
	for (uint64_t i = 0; i < n && !is_done(s); i++) {
		look_index_name(&s->name, i, true);
		list_value(s, t.addr, o->addr + i * t.size, 0);
		s->name.n = 0;
	}
}

bool look_fields(gs_heap_look *base, uint32_t id, uint32_t max, gs_heap_fields *out)
{
	look *l = (look *)(void *)base;
	look_object o = look_object_of(l, id);
	listing s = { .l = l, .out = out, .o = &o, .base = o.addr, .max = max };

	*out = (gs_heap_fields){ .list = gs_try_new(l->mem, gs_heap_field, max) };
	if (!out->list || !o.span)
		return false;
	gs_buf_init(&s.name, 1 << 16);
	list_object(&s, &o);
	gs_buf_release(&s.name);
	return true;
}
