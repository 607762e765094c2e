#include "load/heap_types.h"

#include "base/banned.h"

/*
 * Looking into objects by the program's type descriptors. A look has tables of its own: several threads may have one each.
 */

enum {
	MAX_DEPTH = 32,
	MAX_TEXT = 96,	 /* bytes of a string that are shown */
	MAX_KEY = 48,	 /* of a key */
	MAX_NAMES = 1 << 22,
	MAX_STEPS = 1 << 24,   /* of one listing */
	MAX_SEARCH = 1 << 16, /* bytes of an object that are searched for a pointer */
	MAX_CHAIN = 1 << 16,  /* buckets behind one */
	MAX_BUCKETS = 1 << 28,
	GROUP_SLOTS = 8,
	MAX_INLINED = 64,
	MIN_TOP_HASH = 5, /* before Go 1.24: below it a bucket's place is free */
};

typedef struct look {
	gs_heap_look base;
	const gs_heap *h;
	gs_arena *mem;
	heap_build b; /* only what types need: the runtime */
	heap_types t;
	const heap_variable *variables;
	uint32_t n_variables;
	const heap_capture *captures;
	uint32_t n_captures;
	gs_map known; /* type of the model and offset -> index in names */
	GS_VEC(gs_str) names;
} look;

static uint64_t word(const look *l, uint64_t addr)
{
	return gs_go_u64(&l->b.rt.image, addr);
}

static const heap_type *type_at(look *l, uint64_t addr)
{
	uint32_t i = heap_type_at(&l->t, addr);

	return i == UINT32_MAX ? NULL : &l->t.list.p[i];
}

/* A type that may move when another one is read. */
static bool copy_type(look *l, uint64_t addr, heap_type *out)
{
	const heap_type *t = type_at(l, addr);

	if (t)
		*out = *t;
	return t;
}

static gs_str type_name(look *l, uint64_t addr)
{
	gs_str package;
	heap_type t;

	return copy_type(l, addr, &t) ? heap_type_name(&l->t, l->mem, &t, &package) : (gs_str){ 0 };
}

/* ---- entries of maps ---- */

/* Where keys and values of a group or bucket are. */
typedef struct entries {
	uint64_t key_type, value_type;
	uint64_t keys, values;	       /* offset of the first */
	uint64_t key_step, value_step; /* to the next */
	uint64_t next;		       /* offset of the word that leads to the next bucket, 0 none */
	bool is_group;
} entries;

static bool array_of(look *l, uint64_t type, uint64_t *elem, uint64_t *each)
{
	heap_type t, e;

	if (!copy_type(l, type, &t) || t.kind != KIND_ARRAY || !copy_type(l, t.elem, &e))
		return false;
	*elem = t.elem;
	*each = e.size;
	return true;
}

static bool entries_of(look *l, uint64_t type, entries *out)
{
	uint32_t index = heap_type_at(&l->t, type), n = heap_type_n_members(&l->t, type);
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	heap_type_member keys, values, last;
	heap_map_part part;
	uint64_t slot;

	part = index == UINT32_MAX ? MAP_PART_NONE : heap_type_map_part(&l->t, index);
	if (part == MAP_PART_NONE || n < 2)
		return false;
	*out = (entries){ .is_group = part == MAP_PART_GROUP };
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

static bool is_full(const look *l, const entries *e, uint64_t at, unsigned slot)
{
	uint8_t c = gs_go_u8(&l->b.rt.image, at + slot);

	return e->is_group ? c < 0x80 : c >= MIN_TOP_HASH;
}

/* ---- values as text ---- */

static void text_of(look *l, gs_buf *out, uint64_t at, uint64_t n, size_t max)
{
	char text[MAX_TEXT];
	size_t have = n < max ? (size_t)n : max;

	if (!gs_go_read(&l->b.rt.image, at, text, have)) {
		gs_buf_z(out, "not in the image");
		return;
	}
	gs_buf_c(out, '"');
	gs_buf_add(out, text, have);
	gs_buf_z(out, n > have ? "\"..." : "\"");
}

static int64_t sign(uint64_t v, uint64_t size)
{
	unsigned shift = 64 - 8 * (unsigned)size;

	return (int64_t)(v << shift) >> shift;
}

static void number_text(look *l, gs_buf *out, const heap_type *t, uint64_t at)
{
	uint64_t raw = 0;
	double d;
	float f;

	if (t->size == 0 || t->size > 8)
		return;
	gs_go_read(&l->b.rt.image, at, &raw, (size_t)t->size);
	raw = le64toh(raw);
	if (t->kind == KIND_BOOL) {
		gs_buf_z(out, raw ? "true" : "false");
	} else if (t->kind < KIND_UINT) {
		gs_buf_f(out, "%lld", (long long)sign(raw, t->size));
	} else if (t->kind < KIND_UINTPTR) {
		gs_buf_f(out, "%llu", (unsigned long long)raw);
	} else if (t->kind == KIND_UINTPTR) {
		gs_buf_f(out, "0x%llx", (unsigned long long)raw);
	} else if (t->kind == KIND_FLOAT64) {
		memcpy(&d, &raw, sizeof(d));
		gs_buf_f(out, "%g", d);
	} else if (t->kind == KIND_FLOAT32) {
		memcpy(&f, &raw, sizeof(f));
		gs_buf_f(out, "%g", (double)f);
	}
}

static void function_text(look *l, gs_buf *out, uint64_t closure)
{
	uint64_t code = word(l, closure) - l->b.rt.bias;
	uint32_t func = gs_pclntab_find(&l->b.rt.pcln, code);
	gs_pclntab_func f;

	if (func != GS_PCLNTAB_NONE && gs_pclntab_func_get(&l->b.rt.pcln, func, &f) && f.entry == code)
		gs_buf_str(out, f.name);
	else
		gs_buf_f(out, "0x%llx", (unsigned long long)closure);
}

static void value_text(look *l, gs_buf *out, uint64_t type, uint64_t at, size_t max, unsigned depth);

static uint64_t count_in_map(look *l, uint64_t map)
{
	const gs_go_offsets *o = &l->b.rt.o;

	return word(l, map + (uint64_t)(o->map_size != GS_GO_NONE ? o->map_used : o->hmap_count));
}

static void interface_text(look *l, gs_buf *out, const heap_type *t, uint64_t at, size_t max, unsigned depth)
{
	uint64_t first = word(l, at), data = word(l, at + 8);
	heap_type d;

	if (!first) {
		gs_buf_z(out, "nil");
		return;
	}
	if (heap_type_has_methods(&l->t, t->addr))
		first = word(l, first + 8);
	gs_buf_str(out, type_name(l, first));
	if (!copy_type(l, first, &d))
		return;
	gs_buf_c(out, '(');
	value_text(l, out, first, d.is_direct ? at + 8 : data, max, depth + 1);
	gs_buf_c(out, ')');
}

/* time.Time: {wall, ext, loc}. */
static bool is_time(look *l, const heap_type *t)
{
	gs_str package;

	return t->kind == KIND_STRUCT && t->size == 24 && gs_str_eq(heap_type_name(&l->t, l->mem, t, &package), GS_S("time.Time")) &&
	       gs_str_eq(package, GS_S("time"));
}

/* With a monotonic reading `wall` has the seconds since 1885, else `ext` has those since the year 1. */
static void time_text(look *l, gs_buf *out, uint64_t at)
{
	static const int64_t unix_from_year_1 = -62135596800, unix_from_1885 = -2682288000;
	uint64_t wall = word(l, at), ext = word(l, at + 8);
	time_t seconds = wall >> 63 ? unix_from_1885 + (int64_t)(wall << 1 >> 31) : (int64_t)(ext + (uint64_t)unix_from_year_1);
	char z[40];
	struct tm tm;

	if (!wall && !ext)
		gs_buf_z(out, "zero");
	else if (gmtime_r(&seconds, &tm) && tm.tm_year > -1900 && tm.tm_year < 8100 && strftime(z, sizeof(z), "%Y-%m-%d %H:%M:%S", &tm))
		gs_buf_f(out, "%s.%09u UTC", z, (unsigned)(wall & ((1u << 30) - 1)));
	else
		gs_buf_f(out, "wall 0x%llx ext 0x%llx", (unsigned long long)wall, (unsigned long long)ext);
}

static void struct_text(look *l, gs_buf *out, uint64_t type, uint64_t at, size_t max, unsigned depth)
{
	uint32_t n = heap_type_n_members(&l->t, type);

	gs_buf_c(out, '{');
	for (uint32_t i = 0; i < n; i++) {
		heap_type_member m = heap_type_member_at(&l->t, l->mem, type, i);

		if (out->n > 2 * max) {
			gs_buf_z(out, "...");
			break;
		}
		gs_buf_z(out, i ? ", " : "");
		gs_buf_str(out, m.name);
		gs_buf_z(out, ": ");
		value_text(l, out, m.type, at + m.offset, max, depth + 1);
	}
	gs_buf_c(out, '}');
}

static void value_text(look *l, gs_buf *out, uint64_t type, uint64_t at, size_t max, unsigned depth)
{
	uint64_t v, n;
	heap_type t, e;

	if (!copy_type(l, type, &t) || depth > 3) {
		gs_buf_z(out, "...");
		return;
	}
	v = word(l, at);
	switch (t.kind) {
	case KIND_STRING:
		text_of(l, out, v, word(l, at + 8), max);
		return;
	case KIND_SLICE:
		n = word(l, at + 8);
		gs_buf_f(out, v ? "len %llu cap %llu" : "nil", (unsigned long long)n, (unsigned long long)word(l, at + 16));
		if (v && n && copy_type(l, t.elem, &e) && e.kind == KIND_UINT8) {
			gs_buf_c(out, ' ');
			text_of(l, out, v, n, max);
		}
		return;
	case KIND_INTERFACE:
		interface_text(l, out, &t, at, max, depth);
		return;
	case KIND_MAP:
		gs_buf_f(out, v ? "%llu entries" : "nil", v ? (unsigned long long)count_in_map(l, v) : 0);
		return;
	case KIND_CHAN:
		gs_buf_f(out, v ? "%llu of %llu" : "nil", v ? (unsigned long long)word(l, v + (uint64_t)l->b.rt.o.hchan_qcount) : 0,
			 v ? (unsigned long long)word(l, v + (uint64_t)l->b.rt.o.hchan_dataqsiz) : 0);
		return;
	case KIND_FUNC:
		if (v)
			function_text(l, out, v);
		else
			gs_buf_z(out, "nil");
		return;
	case KIND_POINTER:
	case KIND_UNSAFE_POINTER:
		gs_buf_f(out, v ? "0x%llx" : "nil", (unsigned long long)v);
		return;
	case KIND_STRUCT:
		if (is_time(l, &t))
			time_text(l, out, at);
		else
			struct_text(l, out, type, at, max, depth);
		return;
	case KIND_ARRAY:
		n = heap_type_array_len(&l->t, type);
		if (copy_type(l, t.elem, &e) && e.kind == KIND_UINT8)
			text_of(l, out, at, n, max);
		else
			gs_buf_f(out, "%llu elements", (unsigned long long)n);
		return;
	default:
		number_text(l, out, &t, at);
	}
}

/* ---- the way to a place in a value ---- */

static void index_name(gs_buf *out, uint64_t i, bool is_exact)
{
	if (is_exact)
		gs_buf_f(out, "[%llu]", (unsigned long long)i);
	else
		gs_buf_z(out, "[*]");
}

/* A step into an entry; what is left of the way starts at *type, *offset, *at. */
static bool entry_name(look *l, gs_buf *out, const entries *e, uint64_t *type, uint64_t *offset, uint64_t *at, bool is_exact)
{
	uint64_t slot = GROUP_SLOTS, in_slot = 0;
	bool is_key = false;

	if (*offset >= e->values && e->value_step && (*offset - e->values) / e->value_step < GROUP_SLOTS) {
		slot = (*offset - e->values) / e->value_step;
		in_slot = (*offset - e->values) % e->value_step;
	}
	/* In a slot of key and value, what lies behind a value is the next key. */
	if (slot == GROUP_SLOTS || (e->value_step == e->key_step && e->values - e->keys < e->key_step && in_slot >= e->value_step - (e->values - e->keys))) {
		if (*offset < e->keys || !e->key_step || (*offset - e->keys) / e->key_step >= GROUP_SLOTS)
			return false;
		slot = (*offset - e->keys) / e->key_step;
		in_slot = (*offset - e->keys) % e->key_step;
		is_key = true;
	}
	gs_buf_z(out, is_key ? "[key " : "[");
	if (is_exact)
		value_text(l, out, e->key_type, *at + e->keys + slot * e->key_step, MAX_KEY, 0);
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
	for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
		heap_type t, e;
		heap_type_member m = { 0 };
		entries in;
		uint32_t n;

		if (!copy_type(l, type, &t))
			return;
		if (offset && offset >= t.size) { /* more than its type tells, as the runtime's part of a timer */
			gs_buf_f(out, "+%llu", (unsigned long long)offset);
			return;
		}
		if (t.kind == KIND_ARRAY) {
			if (!copy_type(l, t.elem, &e) || e.size == 0)
				return;
			index_name(out, offset / e.size, is_exact);
			at += offset / e.size * e.size;
			offset %= e.size;
			type = t.elem;
			continue;
		}
		if (t.kind != KIND_STRUCT)
			return;
		if (entries_of(l, type, &in)) {
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

typedef struct object {
	uint64_t addr, size; /* what the program has of it */
	uint64_t head;	     /* bytes before, of the allocator */
	const gs_go_span *span;
	const gs_heap_type *type;
} object;

static object object_of(const look *l, uint32_t id)
{
	object o = { .addr = gs_heap_addr(l->h, id), .size = gs_heap_size(l->h, id), .type = &l->h->types[gs_heap_type_of(l->h, id)] };

	o.span = gs_go_span_at(&l->b.rt, o.addr);
	if (o.span && o.span->scheme == GS_GO_HEADER) {
		o.head = 8;
		o.addr += 8;
		o.size -= 8;
	}
	return o;
}

static bool is_closure(const object *o)
{
	return o->type->kind == KIND_FUNC && !o->type->addr && o->span;
}

/* How many of l->captures come before what `code` captured from byte `offset` on. */
static uint32_t captures_before(const look *l, uint64_t code, uint64_t offset)
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

static uint64_t captured_size(look *l, const object *o, const heap_capture *c, heap_captured *what)
{
	heap_type t;

	*what = c->type ? heap_type_captured(&l->t, c, o->span, o->addr - o->span->base) : CAPTURED_UNKNOWN;
	if (*what == CAPTURED_VALUE && copy_type(l, c->type, &t))
		return t.size;
	return *what == CAPTURED_SLICE ? 24 : 8;
}

/* What the closure `o` captured where its byte `offset` is; NULL: nobody knows. */
static const heap_capture *capture_at(look *l, const object *o, uint64_t offset, heap_captured *what)
{
	uint64_t code = is_closure(o) ? word(l, o->addr) : 0;
	uint32_t n = code ? captures_before(l, code, offset + 1) : 0;
	const heap_capture *c = n ? &l->captures[n - 1] : NULL;

	return c && c->code == code && offset - c->offset < captured_size(l, o, c, what) ? c : NULL;
}

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

static void offset_name(look *l, gs_buf *out, const object *o, uint64_t offset, bool is_exact)
{
	const gs_heap_type *type = o->type;

	if (type->form == GS_HEAP_FORM_OTHER && !type->addr) {
		heap_captured what = CAPTURED_UNKNOWN;
		const heap_capture *c = capture_at(l, o, offset, &what);

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
			bool is_part = copy_type(l, type->addr, &t) && heap_type_map_part(&l->t, heap_type_at(&l->t, type->addr)) != MAP_PART_NONE;

			if (!is_part)
				index_name(out, i, is_exact);
			place_name(l, out, type->addr, offset % type->size_bytes, o->addr + i * type->size_bytes, is_exact);
		} else {
			place_name(l, out, type->addr, offset, o->addr, is_exact);
		}
	}
}

static gs_str finish(look *l, gs_buf *b)
{
	gs_str s = gs_str_dup(l->mem, gs_buf_view(b));

	gs_buf_release(b);
	return s;
}

/* All pointers of an array of it have the same name. */
static bool is_uniform(look *l, const object *o)
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
static gs_str common_name(look *l, const object *o, uint64_t offset)
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
	return *name = finish(l, &out);
}

static gs_str edge(gs_heap_look *base, uint32_t from, uint32_t to, bool is_exact)
{
	look *l = (look *)(void *)base;
	object o = object_of(l, from);
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
	return finish(l, &out);
}

/* ---- variables ---- */

static const heap_variable *variable_at(look *l, uint64_t addr)
{
	uint32_t lo = 0, hi = l->n_variables;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (l->variables[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &l->variables[lo - 1] : NULL;
}

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

static gs_str variable(gs_heap_look *base, const gs_heap_root *root, bool is_exact)
{
	look *l = (look *)(void *)base;
	const heap_variable *v = variable_at(l, root->at);
	gs_buf out;
	heap_type t;

	if (root->kind != GS_HEAP_ROOT_GLOBAL)
		return (gs_str){ 0 };
	gs_buf_init(&out, 1 << 16);
	if (v && copy_type(l, v->type, &t) && root->at - v->addr < (v->kind == GS_GO_VARIABLE_VALUE ? t.size : 8)) {
		if (is_exact)
			gs_buf_str(&out, gs_strtab_get(&l->h->strings, v->name));
		else
			generalize(&out, gs_strtab_get(&l->h->strings, v->name));
		if (v->kind == GS_GO_VARIABLE_VALUE)
			place_name(l, &out, v->type, root->at - v->addr, v->addr, is_exact);
	} else {
		gs_buf_str(&out, gs_strtab_get(&l->h->strings, root->name));
	}
	return finish(l, &out);
}

/* ---- fields ---- */

typedef struct listing {
	look *l;
	gs_heap_fields *out;
	const object *o;
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
	f->type = type_name(l, t->addr);
	f->offset = at >= s->base ? at - s->base : 0;
	gs_buf_init(&text, 1 << 12);
	value_text(l, &text, t->addr, at, MAX_TEXT, 0);
	f->value = finish(l, &text);
	if (t->kind < KIND_ARRAY || t->kind == KIND_ARRAY || t->kind == KIND_STRUCT)
		return;
	v = word(l, t->kind == KIND_INTERFACE ? at + 8 : at);
	f->to = v ? gs_heap_find(l->h, v) : GS_HEAP_NONE;
}

static void list_entries(listing *s, const entries *e, uint64_t at, unsigned depth)
{
	for (unsigned i = 0; i < GROUP_SLOTS && !is_done(s); i++) {
		size_t n = s->name.n;

		if (!is_full(s->l, e, at, i))
			continue;
		gs_buf_c(&s->name, '[');
		value_text(s->l, &s->name, e->key_type, at + e->keys + i * e->key_step, MAX_KEY, 0);
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
	entries in;
	uint64_t count;

	if (!copy_type(l, type, &t))
		return;
	if (depth < MAX_DEPTH && t.kind == KIND_STRUCT && !is_time(l, &t)) {
		uint32_t members = heap_type_n_members(&l->t, type);

		if (entries_of(l, type, &in)) {
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
	if (depth < MAX_DEPTH && t.kind == KIND_ARRAY && copy_type(l, t.elem, &e) && e.kind >= KIND_ARRAY) {
		count = heap_type_array_len(&l->t, type);
		for (uint64_t i = 0; i < count && !is_done(s); i++) {
			index_name(&s->name, i, true);
			list_value(s, t.elem, at + i * e.size, depth + 1);
			s->name.n = n;
		}
		return;
	}
	list_one(s, &t, at);
}

static void list_groups(listing *s, const entries *e, uint64_t type, uint64_t at, uint64_t n)
{
	uint64_t each;
	heap_type t;

	if (!at || !copy_type(s->l, type, &t) || n > MAX_BUCKETS)
		return;
	each = t.size;
	for (uint64_t i = 0; i < n && !is_done(s); i++) {
		uint64_t one = at + i * each;

		for (unsigned chain = 0; one && chain < MAX_CHAIN && !is_done(s); chain++) {
			list_entries(s, e, one, 0);
			one = e->next ? word(s->l, one + e->next) : 0;
		}
	}
}

static void list_table(listing *s, const entries *e, uint64_t group_type, uint64_t table)
{
	uint64_t groups = table + (uint64_t)s->l->b.rt.o.table_groups;

	list_groups(s, e, group_type, word(s->l, groups), word(s->l, groups + 8) + 1);
}

static void list_map(listing *s, const heap_type *t, uint64_t map)
{
	const gs_go_offsets *o = &s->l->b.rt.o;
	uint64_t first, n, last = 0;
	entries e;

	if (!entries_of(s->l, t->group, &e))
		return;
	if (o->map_size == GS_GO_NONE) {
		uint8_t b = gs_go_u8(&s->l->b.rt.image, map + (uint64_t)o->hmap_b);

		list_groups(s, &e, t->group, word(s->l, map + (uint64_t)o->hmap_buckets), (uint64_t)1 << (b & 31));
		return;
	}
	first = word(s->l, map + (uint64_t)o->map_dir_ptr);
	n = word(s->l, map + (uint64_t)o->map_dir_len);
	if (n == 0)
		list_groups(s, &e, t->group, first, 1);
	for (uint64_t i = 0; i < n && n < MAX_BUCKETS && !is_done(s); i++) {
		uint64_t table = word(s->l, first + 8 * i);

		if (table && table != last)
			list_table(s, &e, t->group, table);
		last = table;
	}
}

static void list_channel(listing *s, const heap_type *t, uint64_t chan)
{
	const gs_go_offsets *o = &s->l->b.rt.o;
	uint64_t n = word(s->l, chan + (uint64_t)o->hchan_qcount), room = word(s->l, chan + (uint64_t)o->hchan_dataqsiz);
	uint64_t at = word(s->l, chan + (uint64_t)o->hchan_recvx), buf = word(s->l, chan + (uint64_t)o->hchan_buf);
	heap_type e;

	if (!copy_type(s->l, t->elem, &e))
		return;
	for (uint64_t i = 0; i < n && n <= room && at < room && !is_done(s); i++) {
		size_t name = s->name.n;

		index_name(&s->name, i, true);
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
	if (offset < s->from || capture_at(s->l, s->o, offset, &what))
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

static void list_capture(listing *s, const heap_capture *c, const object *o)
{
	look *l = s->l;
	heap_captured what;
	uint64_t size = captured_size(l, o, c, &what), at = o->addr + c->offset, v = word(l, at);
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
		f->type = gs_strf(l->mem, "%s%.*s", what == CAPTURED_SLICE ? "[]" : "*", GS_FMT(type_name(l, c->type)));
	if (what == CAPTURED_SLICE)
		f->value = gs_strf(l->mem, v ? "len %llu cap %llu" : "nil", (unsigned long long)word(l, at + 8), (unsigned long long)word(l, at + 16));
	else
		f->value = gs_strf(l->mem, v ? "0x%llx" : "nil", (unsigned long long)v);
}

/* What it captured, by name as far as these are known, then the other pointers. */
static void list_closure(listing *s, const object *o)
{
	look *l = s->l;
	uint64_t code = word(l, o->addr);

	for (uint32_t i = captures_before(l, code, 0); i < l->n_captures && l->captures[i].code == code && !is_done(s); i++) {
		list_capture(s, &l->captures[i], o);
		s->name.n = 0;
	}
	gs_go_visit_object(&l->b.rt, o->span, o->addr - o->head - o->span->base, visit_word, s);
}

static void list_object(listing *s, const object *o)
{
	look *l = s->l;
	uint64_t n;
	heap_type t;
	entries e;

	if (is_closure(o)) {
		list_closure(s, o);
		return;
	}
	if (o->type->kind == KIND_STRING && !o->type->addr) {
		gs_heap_field *f = add_field(s);
		gs_buf text;

		gs_buf_init(&text, 1 << 12);
		text_of(l, &text, o->addr, o->size, MAX_TEXT);
		if (f)
			f->value = finish(l, &text);
		return;
	}
	if (!o->type->addr || !copy_type(l, o->type->addr, &t) || (o->type->form == GS_HEAP_FORM_OTHER && !o->type->is_array)) {
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
		if (entries_of(l, t.group, &e))
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
		gs_heap_field *f = add_field(s);
		gs_buf text;

		gs_buf_init(&text, 1 << 12);
		text_of(l, &text, o->addr, o->size, MAX_TEXT);
		if (f)
			f->value = finish(l, &text);
		return;
	}
	n = o->size / t.size;
	for (uint64_t i = 0; i < n && !is_done(s); i++) {
		index_name(&s->name, i, true);
		list_value(s, t.addr, o->addr + i * t.size, 0);
		s->name.n = 0;
	}
}

static bool fields(gs_heap_look *base, uint32_t id, uint32_t max, gs_heap_fields *out)
{
	look *l = (look *)(void *)base;
	object o = object_of(l, id);
	listing s = { .l = l, .out = out, .o = &o, .base = o.addr, .max = max };

	*out = (gs_heap_fields){ .list = gs_try_new(l->mem, gs_heap_field, max) };
	if (!out->list || !o.span)
		return false;
	gs_buf_init(&s.name, 1 << 16);
	list_object(&s, &o);
	gs_buf_release(&s.name);
	return true;
}

static gs_str place(gs_heap_look *base, uint32_t id, uint64_t offset)
{
	look *l = (look *)(void *)base;
	object o = object_of(l, id);

	return offset < o.head ? (gs_str){ 0 } : common_name(l, &o, offset - o.head);
}

static bool function(gs_heap_look *base, uint32_t id, gs_heap_function *out)
{
	look *l = (look *)(void *)base;
	object o = object_of(l, id);
	uint64_t code = is_closure(&o) ? word(l, o.addr) - l->b.rt.bias : 0;
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

	l->base = (gs_heap_look){ .edge = edge, .variable = variable, .fields = fields, .place = place, .function = function, .references = references, .maps = maps };
	l->h = h;
	l->mem = mem;
	l->b.rt = *gs_heap_runtime(h);
	l->t.b = &l->b;
	l->variables = heap_variables(h, &l->n_variables);
	l->captures = heap_captures(h, &l->n_captures);
	gs_arena_on_free(mem, release, l);
	return &l->base;
}
