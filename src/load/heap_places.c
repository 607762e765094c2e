#include "load/heap_look.h"

#include "base/banned.h"

/* What a place in an object, an edge, a root in a variable is called. */

enum {
	MAX_NAMES = 1 << 22,
	MAX_SEARCH = 1 << 16, /* bytes of an object that are searched for a pointer */
};

/* ---- the way to a place in a value ---- */

void look_index_name(gs_buf *out, uint64_t i, bool is_exact)
{
	if (is_exact)
		gs_buf_f(out, "[%llu]", (unsigned long long)i);
	else
		gs_buf_z(out, "[*]");
}

/* A step into an entry; what is left of the way starts at *type, *offset, *at. */
static bool entry_name(look *l, gs_buf *out, const look_entries *e, uint64_t *type, uint64_t *offset, uint64_t *at, bool is_exact)
{
	uint64_t slot = LOOK_GROUP_SLOTS, in_slot = 0;
	bool is_key = false;

	if (*offset >= e->values && e->value_step && (*offset - e->values) / e->value_step < LOOK_GROUP_SLOTS) {
		slot = (*offset - e->values) / e->value_step;
		in_slot = (*offset - e->values) % e->value_step;
	}
	/* In a slot of key and value, what lies behind a value is the next key. */
	if (slot == LOOK_GROUP_SLOTS || (e->value_step == e->key_step && e->values - e->keys < e->key_step && in_slot >= e->value_step - (e->values - e->keys))) {
		if (*offset < e->keys || !e->key_step || (*offset - e->keys) / e->key_step >= LOOK_GROUP_SLOTS)
			return false;
		slot = (*offset - e->keys) / e->key_step;
		in_slot = (*offset - e->keys) % e->key_step;
		is_key = true;
	}
	gs_buf_z(out, is_key ? "[key " : "[");
	if (is_exact)
		look_value_text(l, out, e->key_type, *at + e->keys + slot * e->key_step, LOOK_MAX_KEY, 0);
	else
		gs_buf_c(out, '*');
	gs_buf_c(out, ']');
	*type = is_key ? e->key_type : e->value_type;
	*at += is_key ? e->keys + slot * e->key_step : e->values + slot * e->value_step;
	*offset = in_slot;
	return true;
}

/* Where a value of `type` at `at` has byte `offset`. */
static void place_name(look *l, gs_buf *out, uint64_t type, uint64_t offset, uint64_t at, bool is_exact)
{
	for (unsigned depth = 0; depth < LOOK_MAX_DEPTH; depth++) {
		heap_type t, e;
		heap_type_member m = { 0 };
		look_entries in;
		uint32_t n;

		if (!look_type(l, type, &t))
			return;
		if (offset && offset >= t.size) { /* more than its type tells, as the runtime's part of a timer */
			gs_buf_f(out, "+%llu", (unsigned long long)offset);
			return;
		}
		if (t.kind == KIND_ARRAY) {
			if (!look_type(l, t.elem, &e) || e.size == 0)
				return;
			look_index_name(out, offset / e.size, is_exact);
			at += offset / e.size * e.size;
			offset %= e.size;
			type = t.elem;
			continue;
		}
		if (t.kind != KIND_STRUCT)
			return;
		if (look_entries_of(l, type, &in)) {
			if (!entry_name(l, out, &in, &type, &offset, &at, is_exact))
				return;
			continue;
		}
		n = heap_type_n_members(&l->t, type);
		for (uint32_t i = 0; i < n; i++) {
			heap_type_member next = heap_type_member_at(&l->t, l->mem, type, i);

			if (next.offset > offset)
				break;
			m = next;
		}
		if (!m.type)
			return;
		gs_buf_c(out, '.');
		gs_buf_str(out, m.name);
		type = m.type;
		offset -= m.offset;
		at += m.offset;
	}
}

/* ---- edges ---- */

typedef struct search {
	uint64_t from, to; /* addresses that are looked for */
	uint64_t offset;
	bool is_found;
} search;

static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	search *s = ctx;

	if (s->is_found || value < s->from || value >= s->to)
		return;
	s->is_found = true;
	s->offset = offset;
}

static void offset_name(look *l, gs_buf *out, const look_object *o, uint64_t offset, bool is_exact)
{
	const gs_heap_type *type = o->type;

	if (type->form == GS_HEAP_FORM_OTHER && !type->addr) {
		heap_captured what = CAPTURED_UNKNOWN;
		const heap_capture *c = look_capture_at(l, o, offset, &what);

		if (!c) {
			gs_buf_f(out, "+%llu", (unsigned long long)offset);
			return;
		}
		gs_buf_c(out, '.');
		gs_buf_str(out, gs_strtab_get(&l->h->strings, c->name));
		if (what == CAPTURED_VALUE)
			place_name(l, out, c->type, offset - c->offset, o->addr + c->offset, is_exact);
	} else if (type->form == GS_HEAP_FORM_VALUE && type->addr) {
		if (type->is_array && type->size_bytes) {
			heap_type t;
			uint64_t i = offset / type->size_bytes;
			bool is_part = look_type(l, type->addr, &t) && heap_type_map_part(&l->t, heap_type_at(&l->t, type->addr)) != MAP_PART_NONE;

			if (!is_part)
				look_index_name(out, i, is_exact);
			place_name(l, out, type->addr, offset % type->size_bytes, o->addr + i * type->size_bytes, is_exact);
		} else {
			place_name(l, out, type->addr, offset, o->addr, is_exact);
		}
	}
}

/* All pointers of an array of it have the same name. */
static bool is_uniform(look *l, const look_object *o)
{
	uint32_t index;

	if (!o->type->is_array || !o->type->addr || o->type->form != GS_HEAP_FORM_VALUE)
		return false;
	index = heap_type_at(&l->t, o->type->addr);
	if (index == UINT32_MAX)
		return false;
	heap_type_compile(&l->t, index);
	return l->t.list.p[index].n_slots == 1;
}

/* The name for all places like this one: found out once. */
static gs_str common_name(look *l, const look_object *o, uint64_t offset)
{
	uint64_t in_one = o->type->is_array && o->type->size_bytes ? offset % o->type->size_bytes : offset;
	bool is_new;
	uint32_t *at = gs_map_put(&l->known, (uint64_t)(o->type - l->h->types) << 40 | (in_one & (((uint64_t)1 << 40) - 1)), &is_new);
	gs_str *name;
	gs_buf out;

	if (!at)
		return (gs_str){ 0 };
	if (!is_new)
		return l->names.p[*at];
	name = gs_vec_push(&l->names, MAX_NAMES);
	if (!name) {
		*at = 0;
		return (gs_str){ 0 };
	}
	*at = (uint32_t)l->names.n - 1;
	gs_buf_init(&out, 1 << 16);
	offset_name(l, &out, o, offset, false);
	return *name = look_finish(l, &out);
}

gs_str look_edge(gs_heap_look *base, uint32_t from, uint32_t to, bool is_exact)
{
	look *l = (look *)(void *)base;
	look_object o = look_object_of(l, from);
	search s = { .from = gs_heap_addr(l->h, to) };
	gs_buf out;

	if (!o.span)
		return (gs_str){ 0 };
	s.to = s.from + gs_heap_size(l->h, to);
	if (!is_exact && o.size > MAX_SEARCH / 16 && is_uniform(l, &o)) {
		s.offset = o.head;
		s.is_found = true;
	} else if (is_exact || o.size <= MAX_SEARCH) {
		gs_go_visit_object(&l->b.rt, o.span, o.addr - o.head - o.span->base, visit, &s);
	} else if (o.type->is_array) {
		return GS_S("[*]");
	}
	if (!s.is_found || s.offset < o.head)
		return (gs_str){ 0 };
	if (!is_exact)
		return common_name(l, &o, s.offset - o.head);
	gs_buf_init(&out, 1 << 16);
	offset_name(l, &out, &o, s.offset - o.head, true);
	return look_finish(l, &out);
}

gs_str look_place(gs_heap_look *base, uint32_t id, uint64_t offset)
{
	look *l = (look *)(void *)base;
	look_object o = look_object_of(l, id);

	return offset < o.head ? (gs_str){ 0 } : common_name(l, &o, offset - o.head);
}

/* ---- variables ---- */

static void generalize(gs_buf *out, gs_str name)
{
	bool is_in = false;

	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == ']')
			is_in = false;
		if (!is_in)
			gs_buf_c(out, name.p[i]);
		if (name.p[i] == '[') {
			is_in = true;
			gs_buf_c(out, '*');
		}
	}
}

gs_str look_variable(gs_heap_look *base, const gs_heap_root *root, bool is_exact)
{
	look *l = (look *)(void *)base;
	const heap_variable *v = heap_variable_at(l->h, root->at);
	gs_buf out;
	heap_type t;

	if (root->kind != GS_HEAP_ROOT_GLOBAL)
		return (gs_str){ 0 };
	gs_buf_init(&out, 1 << 16);
	if (v && look_type(l, v->type, &t) && root->at - v->addr < (v->kind == GS_GO_VARIABLE_VALUE ? t.size : 8)) {
		if (is_exact)
			gs_buf_str(&out, gs_strtab_get(&l->h->strings, v->name));
		else
			generalize(&out, gs_strtab_get(&l->h->strings, v->name));
		if (v->kind == GS_GO_VARIABLE_VALUE)
			place_name(l, &out, v->type, root->at - v->addr, v->addr, is_exact);
	} else {
		gs_buf_str(&out, gs_strtab_get(&l->h->strings, root->name));
	}
	return look_finish(l, &out);
}
