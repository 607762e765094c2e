#include "load/heap_typing.h"

#include "base/banned.h"

enum {
	MAX_MODEL_TYPES = 1 << 22,
	MAX_ARRAY_STEPS = 1 << 26,
	MAX_CAPTURES_EACH = 4096,
	RING = 256, /* as in heap_mark.c */
};

uint64_t typing_word(const typing *y, uint64_t addr)
{
	return gs_go_u64(&y->rt->image, addr);
}

/* ---- types of the model ---- */

static uint32_t add_type(typing *y, gs_heap_type type, typing_origin from)
{
	gs_heap_type *m = gs_vec_push(&y->t.model, MAX_MODEL_TYPES);
	typing_origin *o = gs_vec_push(&y->origins, MAX_MODEL_TYPES);

	if (!m || !o) {
		y->is_out_of_memory = true;
		return 0;
	}
	*m = type;
	*o = from;
	return (uint32_t)y->t.model.n - 1;
}

uint32_t typing_named_type(typing *y, gs_str name, gs_heap_type_source source)
{
	return add_type(y, (gs_heap_type){ .name = heap_string(y->t.b, name), .source = (uint8_t)source, .form = GS_HEAP_FORM_OTHER },
			(typing_origin){ .type = UINT32_MAX, .role = TYPING_ONE });
}

/* "go.shape.K,go.shape.V]" of "K,V]": as the compiler calls types that it made once for all that look alike. */
static gs_str shaped(gs_arena *mem, gs_str arguments)
{
	gs_str out = GS_S("");
	size_t from = 0;
	int depth = 0;

	for (size_t i = 0; i < arguments.n; i++) {
		char c = arguments.p[i];

		depth += (c == '[' || c == '{' || c == '(') - (c == ']' || c == '}' || c == ')');
		if ((c != ',' || depth) && depth >= 0)
			continue;
		gs_str one = gs_str_slice(arguments, from, i);

		out = gs_strf(mem, "%.*sgo.shape.%.*s%c", GS_FMT(out), GS_FMT(gs_str_starts(one, GS_S("*")) ? GS_S("*uint8") : one), c);
		from = i + 1;
	}
	return out;
}

/*
 * In sync.Map and package unique (internal/sync.HashTrieMap; Go 1.23: internal/concurrent) pointers are to a node[K, V], with which as its first byte says either an entry[K, V]
 * begins or an indirect[K, V].
 */
static void find_nodes(typing *y, uint32_t node, gs_str name, gs_str package)
{
	gs_str head, arguments;
	GS_AUTO(arena) *scratch = NULL;
	const char *names[4];
	uint64_t found[4];

	if (!y->rt->dwarf ||
	    (!gs_str_eq(package, GS_S("internal/sync")) && !gs_str_eq(package, GS_S("internal/concurrent")) && !gs_str_eq(package, GS_S("unique"))) ||
	    !gs_str_cut(name, '[', &head, &arguments) || !gs_str_ends(head, GS_S(".node")))
		return;
	scratch = gs_arena_create(1 << 20);
	for (unsigned i = 0; i < 4; i++)
		names[i] = gs_strf(scratch, "%.*s.%s[%.*s", GS_FMT(package), i % 2 ? "entry" : "indirect",
				   GS_FMT(i < 2 ? arguments : shaped(scratch, arguments))).p;
	gs_go_dwarf_descriptors(y->rt->dwarf, names, 4, found);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t descriptor = found[i] ? found[i] : found[i + 2];
		uint32_t index = descriptor ? heap_type_at(&y->t, heap_type_descriptor(&y->t, descriptor)) : UINT32_MAX;
		bool is_new;
		uint32_t *at = index == UINT32_MAX ? NULL : gs_map_put(&y->nodes, (uint64_t)node * 2 + i, &is_new);

		if (at)
			*at = index;
	}
}

static uint32_t new_model_type(typing *y, uint32_t index, unsigned role)
{
	heap_type *type = &y->t.list.p[index];
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_str package, name = heap_type_name(&y->t, scratch, type, &package);
	static const uint8_t forms[] = { GS_HEAP_FORM_VALUE, GS_HEAP_FORM_VALUE, GS_HEAP_FORM_RECORD, GS_HEAP_FORM_TABLE, GS_HEAP_FORM_OTHER,
					 GS_HEAP_FORM_OTHER };
	gs_heap_type m = { .addr = type->addr, .size_bytes = type->size, .kind = type->kind, .is_array = role == TYPING_ARRAY,
			   .source = GS_HEAP_TYPE_SHAPE, .form = forms[role] };

	if (role == TYPING_RECORD) /* a map or channel is a pointer to this */
		m.size_bytes = (uint64_t)(type->kind == KIND_CHAN ? y->rt->o.hchan_size :
					  y->rt->o.map_size != GS_GO_NONE ? y->rt->o.map_size : y->rt->o.hmap_size);
	if (role == TYPING_TABLES) {
		m.size_bytes = 8;
		m.is_array = true;
		name = gs_strf(scratch, "*%.*s (table)", GS_FMT(name));
	}
	if (role == TYPING_DIRECTORY) {
		m.size_bytes = (uint64_t)y->rt->o.table_size;
		name = gs_strf(scratch, "%.*s (table)", GS_FMT(name));
	}
	m.name = heap_string(y->t.b, name);
	m.package = heap_string(y->t.b, package);
	if (role == TYPING_ONE)
		find_nodes(y, index, name, package);
	type = &y->t.list.p[index]; /* it may have moved */
	type->ids[role] = add_type(y, m, (typing_origin){ .type = index, .role = (uint8_t)role }) + 1;
	return type->ids[role] - 1;
}

uint32_t typing_model_type(typing *y, uint32_t index, unsigned role)
{
	uint32_t known = y->t.list.p[index].ids[role];

	return known ? known - 1 : new_model_type(y, index, role);
}

/* ---- claims ---- */

/* How much of the object a type explains. */
static uint64_t coverage(const gs_heap_type *m, uint64_t size)
{
	return m->is_array || m->size_bytes > size ? size : m->size_bytes;
}

/* The allocator knows the types of these; nobody else does better. */
static bool is_exact(const gs_go_span *s)
{
	return s->scheme == GS_GO_HEADER || (s->scheme == GS_GO_LARGE && s->mask != UINT32_MAX);
}

void typing_set_source(typing *y, uint32_t model, gs_heap_type_source source)
{
	if (y->t.model.p[model].source > source)
		y->t.model.p[model].source = (uint8_t)source;
}

static uint32_t object_at(const typing *y, uint64_t bit)
{
	uint64_t before = y->h->live[bit / 64] & (((uint64_t)1 << (bit & 63)) - 1);

	return y->h->rank[bit / 64] + (uint32_t)__builtin_popcountll(before);
}

void typing_set_type(typing *y, uint32_t object, uint32_t model)
{
	if (!gs_growing_set(&y->type_ids, object, model))
		y->is_out_of_memory = true;
	y->h->type_ids = y->type_ids.ids;
}

void typing_enqueue(typing *y, uint32_t span, uint32_t slot)
{
	typing_place *q;

	if (y->queue.n < y->queue.cap) {
		q = &y->queue.p[y->queue.n++];
	} else {
		q = gs_vec_push(&y->queue, TYPING_MAX_OBJECTS);
		if (!q) {
			y->is_out_of_memory = true;
			return;
		}
	}
	*q = (typing_place){ span, slot };
}

void typing_claim(typing *y, uint64_t addr, uint32_t model, gs_heap_type_source source)
{
	const gs_go_span *s = gs_go_span_at(y->rt, addr);
	uint32_t slot, object, old;
	uint64_t bit;

	if (!s)
		return;
	slot = gs_go_slot_at(s, addr);
	if (slot == UINT32_MAX || addr != s->base + slot * s->elem_bytes)
		return; /* into the middle: it says nothing about the whole */
	bit = s->bit + slot;
	if (!(y->h->live[bit / 64] >> (bit & 63) & 1) ||
	    (!y->t.model.p[model].is_array && y->t.model.p[model].size_bytes > s->elem_bytes))
		return;
	object = object_at(y, bit);
	old = gs_heap_type_of(y->h, object);
	if (old != GS_HEAP_NONE &&
	    (is_exact(s) || coverage(&y->t.model.p[model], s->elem_bytes) <= coverage(&y->t.model.p[old], s->elem_bytes)))
		return;
	typing_set_source(y, model, source);
	typing_set_type(y, object, model);
	typing_enqueue(y, (uint32_t)(s - y->rt->spans), slot);
}

void typing_claim_type(typing *y, uint64_t addr, uint64_t type, unsigned role, gs_heap_type_source source)
{
	uint32_t index;

	if (addr == 0)
		return;
	index = heap_type_at(&y->t, type);
	if (index != UINT32_MAX)
		typing_claim(y, addr, typing_model_type(y, index, role), source);
}

bool typing_is_code(const typing *y, uint64_t addr)
{
	for (uint32_t i = 0; i < y->rt->n_modules; i++)
		if (addr - y->rt->modules[i].text < y->rt->modules[i].etext - y->rt->modules[i].text)
			return true;
	return false;
}

void typing_claim_closure(typing *y, uint64_t addr)
{
	uint64_t code = typing_word(y, addr);
	uint32_t *known, func;
	gs_pclntab_func f;
	bool is_new;

	if (!typing_is_code(y, code) || !gs_go_span_at(y->rt, addr))
		return;
	known = gs_map_put(&y->closures, code, &is_new);
	if (!known)
		return;
	if (is_new) {
		GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);

		*known = UINT32_MAX;
		func = gs_pclntab_find(&y->rt->pcln, code - y->rt->bias);
		if (func != GS_PCLNTAB_NONE && gs_pclntab_func_get(&y->rt->pcln, func, &f) && f.entry == code - y->rt->bias)
			*known = typing_named_type(y, gs_strf(scratch, "func %.*s", GS_FMT(f.name)), GS_HEAP_TYPE_FIELD);
	}
	if (*known != UINT32_MAX) {
		y->t.model.p[*known].kind = KIND_FUNC;
		y->origins.p[*known].code = code;
		typing_claim(y, addr, *known, GS_HEAP_TYPE_FIELD);
	}
}

void typing_claim_dynamic(typing *y, uint64_t type, uint64_t data)
{
	uint32_t index = heap_type_at(&y->t, type);
	const heap_type *d;

	if (index == UINT32_MAX || data == 0)
		return;
	d = &y->t.list.p[index];
	if (!d->is_direct) {
		typing_claim_type(y, data, type, TYPING_ONE, GS_HEAP_TYPE_INTERFACE);
		return;
	}
	switch (d->kind) { /* the data word is the value */
	case KIND_POINTER:
		typing_claim_type(y, data, d->elem, TYPING_ONE, GS_HEAP_TYPE_INTERFACE);
		break;
	case KIND_MAP:
	case KIND_CHAN:
		typing_claim_type(y, data, type, TYPING_RECORD, GS_HEAP_TYPE_INTERFACE);
		break;
	case KIND_FUNC:
		typing_claim_closure(y, data);
		break;
	default: /* a struct or array of one pointer */
		heap_type_compile(&y->t, index);
		d = &y->t.list.p[index];
		if (d->n_slots == 1 && y->t.slots.p[d->first_slot].op == SLOT_POINTER)
			typing_claim_type(y, data, y->t.slots.p[d->first_slot].type, TYPING_ONE, GS_HEAP_TYPE_INTERFACE);
	}
}

/* ---- following fields ---- */

void typing_follow_slot(typing *y, const type_slot *s, uint64_t v, uint64_t second)
{
	switch (s->op) {
	case SLOT_POINTER:
		typing_claim_type(y, v, s->type, TYPING_ONE, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_SLICE:
	case SLOT_ARRAY:
		typing_claim_type(y, v, s->type, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_STRING:
		typing_claim(y, v, y->string_type, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_EFACE:
		typing_claim_dynamic(y, v, second);
		break;
	case SLOT_IFACE:
		typing_claim_dynamic(y, typing_word(y, v + 8), second);
		break;
	case SLOT_MAP:
	case SLOT_CHAN:
		typing_claim_type(y, v, s->type, TYPING_RECORD, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_FUNC:
		typing_claim_closure(y, v);
		break;
	}
}

void typing_follow_value(typing *y, uint32_t index, const unsigned char *p, uint64_t size)
{
	heap_type_compile(&y->t, index);
	for (uint32_t i = 0; i < y->t.list.p[index].n_slots; i++) {
		type_slot s = y->t.slots.p[y->t.list.p[index].first_slot + i];
		uint64_t v;

		if (s.offset + 8ull > size)
			break;
		v = gs_go_load(p + s.offset);
		if (v)
			typing_follow_slot(y, &s, v, s.offset + 16ull <= size ? gs_go_load(p + s.offset + 8) : 0);
	}
}

static void follow_array(typing *y, uint32_t index, const unsigned char *p, uint64_t size)
{
	uint64_t each = y->t.list.p[index].size;

	heap_type_compile(&y->t, index);
	if (each == 0 || y->t.list.p[index].n_slots == 0)
		return;
	for (uint64_t at = 0; at + each <= size && at / each < MAX_ARRAY_STEPS; at += each)
		typing_follow_value(y, index, p + at, each);
}

/* Go 1.24 and later: one group, or a directory of tables with an array of groups each. Before: arrays of buckets. */
static void follow_map(typing *y, const heap_type *type, const unsigned char *p, uint64_t size)
{
	const gs_go_offsets *o = &y->rt->o;
	uint64_t first, n;

	if (o->map_size != GS_GO_NONE) {
		if (size < (uint64_t)o->map_size)
			return;
		first = gs_go_load(p + o->map_dir_ptr);
		n = gs_go_load(p + o->map_dir_len);
		if (n == 0) {
			typing_claim_type(y, first, type->group, TYPING_ONE, GS_HEAP_TYPE_FIELD);
			return;
		}
		typing_claim_type(y, first, type->addr, TYPING_TABLES, GS_HEAP_TYPE_FIELD);
		for (uint64_t i = 0, last = 0; i < n && n < (uint64_t)1 << 32; i++) {
			uint64_t table = typing_word(y, first + 8 * i);

			if (table == 0)
				break;
			if (table != last) /* a table may stand there several times */
				typing_claim_type(y, table, type->addr, TYPING_DIRECTORY, GS_HEAP_TYPE_FIELD);
			last = table;
		}
		return;
	}
	if (size >= (uint64_t)o->hmap_size) {
		typing_claim_type(y, gs_go_load(p + o->hmap_buckets), type->group, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
		typing_claim_type(y, gs_go_load(p + o->hmap_oldbuckets), type->group, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
	}
}

static void follow_record(typing *y, uint32_t index, unsigned role, const unsigned char *p, uint64_t size)
{
	const heap_type type = y->t.list.p[index];
	const gs_go_offsets *o = &y->rt->o;

	if (role == TYPING_DIRECTORY) {
		if (size >= (uint64_t)o->table_size)
			typing_claim_type(y, gs_go_load(p + o->table_groups), type.group, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
	} else if (type.kind == KIND_MAP) {
		follow_map(y, &type, p, size);
	} else if (type.kind == KIND_CHAN && size >= (uint64_t)o->hchan_size) {
		typing_claim_type(y, gs_go_load(p + o->hchan_buf), type.elem, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
	}
}

static void follow_captures(typing *y, uint64_t code, const gs_go_span *s, uint64_t at)
{
	const uint32_t *first = code ? gs_map_get(&y->captured, code) : NULL;
	const unsigned char *p = s->bytes + at;
	const heap_build *b = y->t.b;

	for (size_t i = first ? *first : 0, n = 0; first && i < b->captures.n && b->captures.p[i].code == code && n < MAX_CAPTURES_EACH; i++, n++) {
		const heap_capture *c = &b->captures.p[i];
		uint32_t index = heap_type_at(&y->t, c->type);
		uint64_t room = s->elem_bytes - c->offset;

		if (index == UINT32_MAX || c->offset > s->elem_bytes || room < 8)
			continue;
		switch (heap_type_captured(&y->t, c, s, at)) {
		case CAPTURED_VALUE:
			typing_follow_value(y, index, p + c->offset, room < y->t.list.p[index].size ? room : y->t.list.p[index].size);
			break;
		case CAPTURED_POINTER:
			typing_claim_type(y, gs_go_load(p + c->offset), c->type, TYPING_ONE, GS_HEAP_TYPE_FIELD);
			break;
		case CAPTURED_SLICE:
			typing_claim_type(y, gs_go_load(p + c->offset), c->type, TYPING_ARRAY, GS_HEAP_TYPE_FIELD);
			break;
		case CAPTURED_UNKNOWN:
			break;
		}
	}
}

/* The object is not only a node of a concurrent map. */
static bool is_more_than_node(typing *y, uint32_t node, const unsigned char *p, uint64_t addr)
{
	const uint32_t *type = y->nodes.n ? gs_map_get(&y->nodes, (uint64_t)node * 2 + (p[0] != 0)) : NULL;

	if (type)
		typing_claim(y, addr, typing_model_type(y, *type, TYPING_ONE), GS_HEAP_TYPE_FIELD);
	return type;
}

static void follow(typing *y, typing_place at)
{
	const gs_go_span *s = &y->rt->spans[at.span];
	typing_origin o = y->origins.p[gs_heap_type_of(y->h, object_at(y, s->bit + at.slot))];
	const unsigned char *p = s->bytes + at.slot * s->elem_bytes;
	uint64_t size = s->elem_bytes;

	if (o.role == TYPING_ONE && is_more_than_node(y, o.type, p, s->base + at.slot * s->elem_bytes))
		return;
	if (s->scheme == GS_GO_NOSCAN && o.role < TYPING_RECORD)
		return;
	if (o.type == UINT32_MAX) {
		follow_captures(y, o.code, s, at.slot * s->elem_bytes);
		return;
	}
	if (s->scheme == GS_GO_HEADER) {
		p += 8;
		size -= 8;
	}
	if (o.role == TYPING_TABLES)
		return;
	if (o.role >= TYPING_RECORD)
		follow_record(y, o.type, o.role, p, size);
	else if (o.role == TYPING_ARRAY)
		follow_array(y, o.type, p, size);
	else
		typing_follow_value(y, o.type, p, size);
}

void typing_drain(typing *y)
{
	typing_place ring[RING];
	unsigned from = 0, n = 0;

	/* Several chains side by side: each waits for its own memory. */
	while (y->queue.n || n) {
		while (y->queue.n && n < RING) {
			typing_place at = y->queue.p[--y->queue.n];

			__builtin_prefetch(y->rt->spans[at.span].bytes + at.slot * y->rt->spans[at.span].elem_bytes);
			ring[(from + n++) % RING] = at;
		}
		follow(y, ring[from]);
		from = (from + 1) % RING;
		n--;
	}
}
