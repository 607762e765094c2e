#include <stdlib.h>

#include "load/heap_types.h"

#include "base/banned.h"

/*
 * Types of objects. The allocator wrote down those of objects beyond 512 bytes (Go 1.22 and later), interfaces say those of what they hold; from there it goes
 * on along the fields of each typed value. Where two disagree the one that covers more of the object wins: a pointer to a
 * struct's first field leads to the struct as well.
 */

enum {
	MAX_MODEL_TYPES = 1 << 22,
	MAX_QUEUE = UINT32_MAX - 1,
	ONE = 0, /* indexes of heap_type.ids */
	ARRAY = 1,
	RECORD = 2, /* a map's or channel's own */
	DIRECTORY = 3,
	CHANNEL = 4, /* a channel of which only the element's type is known */
	TABLES = 5,  /* the list of a map's tables */
	MAX_VARIABLES = 1 << 22,
	MAX_ARRAY_STEPS = 1 << 26,
	MAX_CODES = 1 << 22,
	MAX_CAPTURES = 1 << 24,
	MAX_CAPTURES_EACH = 4096,
	RING = 256, /* as in heap_mark.c */
};

/* What a model type is made of. */
typedef struct origin {
	uint32_t type; /* index in list, UINT32_MAX: ours */
	uint8_t role;  /* ONE ... DIRECTORY */
	uint64_t code; /* of a closure */
} origin;

typedef struct place { /* of a live object */
	uint32_t span, slot;
} place;

typedef struct typing {
	heap_types t;
	gs_heap *h;
	const gs_go_runtime *rt;
	GS_VEC(origin) origins; /* of t.model */
	GS_VEC(place) queue;
	gs_map closures; /* code -> model type */
	gs_map captured; /* code -> its first one in b->captures */
	gs_map dynamic;	 /* first word of an interface -> index of the type, UINT32_MAX none */
	gs_map shapes;	 /* size * 2 + has no pointers -> model type */
	gs_map nodes;	 /* node of a concurrent map * 2 + it is an entry -> what it is, both indexes of types */
	uint32_t string_type;
	gs_growing type_ids;
	bool is_out_of_memory;
} typing;

static uint64_t word(const typing *y, uint64_t addr)
{
	return gs_go_u64(&y->rt->image, addr);
}

/* ---- types of the model ---- */

static uint32_t add_type(typing *y, gs_heap_type type, origin from)
{
	gs_heap_type *m = gs_vec_push(&y->t.model, MAX_MODEL_TYPES);
	origin *o = gs_vec_push(&y->origins, MAX_MODEL_TYPES);

	if (!m || !o) {
		y->is_out_of_memory = true;
		return 0;
	}
	*m = type;
	*o = from;
	return (uint32_t)y->t.model.n - 1;
}

static uint32_t named_type(typing *y, gs_str name, gs_heap_type_source source)
{
	return add_type(y, (gs_heap_type){ .name = heap_string(y->t.b, name), .source = (uint8_t)source, .form = GS_HEAP_FORM_OTHER },
			(origin){ .type = UINT32_MAX, .role = ONE });
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
	gs_heap_type m = { .addr = type->addr, .size_bytes = type->size, .kind = type->kind, .is_array = role == ARRAY,
			   .source = GS_HEAP_TYPE_SHAPE, .form = forms[role] };

	if (role == RECORD) /* a map or channel is a pointer to this */
		m.size_bytes = (uint64_t)(type->kind == KIND_CHAN ? y->rt->o.hchan_size :
					  y->rt->o.map_size != GS_GO_NONE ? y->rt->o.map_size : y->rt->o.hmap_size);
	if (role == TABLES) {
		m.size_bytes = 8;
		m.is_array = true;
		name = gs_strf(scratch, "*%.*s (table)", GS_FMT(name));
	}
	if (role == DIRECTORY) {
		m.size_bytes = (uint64_t)y->rt->o.table_size;
		name = gs_strf(scratch, "%.*s (table)", GS_FMT(name));
	}
	m.name = heap_string(y->t.b, name);
	m.package = heap_string(y->t.b, package);
	if (role == ONE)
		find_nodes(y, index, name, package);
	type = &y->t.list.p[index]; /* it may have moved */
	type->ids[role] = add_type(y, m, (origin){ .type = index, .role = (uint8_t)role }) + 1;
	return type->ids[role] - 1;
}

static uint32_t model_type(typing *y, uint32_t index, unsigned role)
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

static void set_source(typing *y, uint32_t model, gs_heap_type_source source)
{
	if (y->t.model.p[model].source > source)
		y->t.model.p[model].source = (uint8_t)source;
}

static uint32_t object_at(const typing *y, uint64_t bit)
{
	uint64_t before = y->h->live[bit / 64] & (((uint64_t)1 << (bit & 63)) - 1);

	return y->h->rank[bit / 64] + (uint32_t)__builtin_popcountll(before);
}

static void set_type(typing *y, uint32_t object, uint32_t model)
{
	if (!gs_growing_set(&y->type_ids, object, model))
		y->is_out_of_memory = true;
	y->h->type_ids = y->type_ids.ids;
}

static void enqueue(typing *y, uint32_t span, uint32_t slot)
{
	place *q;

	if (y->queue.n < y->queue.cap) {
		q = &y->queue.p[y->queue.n++];
	} else {
		q = gs_vec_push(&y->queue, MAX_QUEUE);
		if (!q) {
			y->is_out_of_memory = true;
			return;
		}
	}
	*q = (place){ span, slot };
}

static void claim(typing *y, uint64_t addr, uint32_t model, gs_heap_type_source source)
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
	set_source(y, model, source);
	set_type(y, object, model);
	enqueue(y, (uint32_t)(s - y->rt->spans), slot);
}

static void claim_type(typing *y, uint64_t addr, uint64_t type, unsigned role, gs_heap_type_source source)
{
	uint32_t index;

	if (addr == 0)
		return;
	index = heap_type_at(&y->t, type);
	if (index != UINT32_MAX)
		claim(y, addr, model_type(y, index, role), source);
}

static bool is_code(const typing *y, uint64_t addr)
{
	for (uint32_t i = 0; i < y->rt->n_modules; i++)
		if (addr - y->rt->modules[i].text < y->rt->modules[i].etext - y->rt->modules[i].text)
			return true;
	return false;
}

static void claim_closure(typing *y, uint64_t addr)
{
	uint64_t code = word(y, addr);
	uint32_t *known, func;
	gs_pclntab_func f;
	bool is_new;

	if (!is_code(y, code) || !gs_go_span_at(y->rt, addr))
		return;
	known = gs_map_put(&y->closures, code, &is_new);
	if (!known)
		return;
	if (is_new) {
		GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);

		*known = UINT32_MAX;
		func = gs_pclntab_find(&y->rt->pcln, code - y->rt->bias);
		if (func != GS_PCLNTAB_NONE && gs_pclntab_func_get(&y->rt->pcln, func, &f) && f.entry == code - y->rt->bias)
			*known = named_type(y, gs_strf(scratch, "func %.*s", GS_FMT(f.name)), GS_HEAP_TYPE_FIELD);
	}
	if (*known != UINT32_MAX) {
		y->t.model.p[*known].kind = KIND_FUNC;
		y->origins.p[*known].code = code;
		claim(y, addr, *known, GS_HEAP_TYPE_FIELD);
	}
}

/* An interface's two words. */
static void claim_dynamic(typing *y, uint64_t type, uint64_t data)
{
	uint32_t index = heap_type_at(&y->t, type);
	const heap_type *d;

	if (index == UINT32_MAX || data == 0)
		return;
	d = &y->t.list.p[index];
	if (!d->is_direct) {
		claim_type(y, data, type, ONE, GS_HEAP_TYPE_INTERFACE);
		return;
	}
	switch (d->kind) { /* the data word is the value */
	case KIND_POINTER:
		claim_type(y, data, d->elem, ONE, GS_HEAP_TYPE_INTERFACE);
		break;
	case KIND_MAP:
	case KIND_CHAN:
		claim_type(y, data, type, RECORD, GS_HEAP_TYPE_INTERFACE);
		break;
	case KIND_FUNC:
		claim_closure(y, data);
		break;
	default: /* a struct or array of one pointer */
		heap_type_compile(&y->t, index);
		d = &y->t.list.p[index];
		if (d->n_slots == 1 && y->t.slots.p[d->first_slot].op == SLOT_POINTER)
			claim_type(y, data, y->t.slots.p[d->first_slot].type, ONE, GS_HEAP_TYPE_INTERFACE);
	}
}

/* ---- following fields ---- */

/* The pointer `v` that a slot begins with; of an interface `second` is what follows. */
static void follow_slot(typing *y, const type_slot *s, uint64_t v, uint64_t second)
{
	switch (s->op) {
	case SLOT_POINTER:
		claim_type(y, v, s->type, ONE, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_SLICE:
	case SLOT_ARRAY:
		claim_type(y, v, s->type, ARRAY, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_STRING:
		claim(y, v, y->string_type, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_EFACE:
		claim_dynamic(y, v, second);
		break;
	case SLOT_IFACE:
		claim_dynamic(y, word(y, v + 8), second);
		break;
	case SLOT_MAP:
	case SLOT_CHAN:
		claim_type(y, v, s->type, RECORD, GS_HEAP_TYPE_FIELD);
		break;
	case SLOT_FUNC:
		claim_closure(y, v);
		break;
	}
}

static void follow_value(typing *y, uint32_t index, const unsigned char *p, uint64_t size)
{
	heap_type_compile(&y->t, index);
	for (uint32_t i = 0; i < y->t.list.p[index].n_slots; i++) {
		type_slot s = y->t.slots.p[y->t.list.p[index].first_slot + i];
		uint64_t v;

		if (s.offset + 8ull > size)
			break;
		v = gs_go_load(p + s.offset);
		if (v)
			follow_slot(y, &s, v, s.offset + 16ull <= size ? gs_go_load(p + s.offset + 8) : 0);
	}
}

static void follow_array(typing *y, uint32_t index, const unsigned char *p, uint64_t size)
{
	uint64_t each = y->t.list.p[index].size;

	heap_type_compile(&y->t, index);
	if (each == 0 || y->t.list.p[index].n_slots == 0)
		return;
	for (uint64_t at = 0; at + each <= size && at / each < MAX_ARRAY_STEPS; at += each)
		follow_value(y, index, p + at, each);
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
			claim_type(y, first, type->group, ONE, GS_HEAP_TYPE_FIELD);
			return;
		}
		claim_type(y, first, type->addr, TABLES, GS_HEAP_TYPE_FIELD);
		for (uint64_t i = 0, last = 0; i < n && n < (uint64_t)1 << 32; i++) {
			uint64_t table = word(y, first + 8 * i);

			if (table == 0)
				break;
			if (table != last) /* a table may stand there several times */
				claim_type(y, table, type->addr, DIRECTORY, GS_HEAP_TYPE_FIELD);
			last = table;
		}
		return;
	}
	if (size >= (uint64_t)o->hmap_size) {
		claim_type(y, gs_go_load(p + o->hmap_buckets), type->group, ARRAY, GS_HEAP_TYPE_FIELD);
		claim_type(y, gs_go_load(p + o->hmap_oldbuckets), type->group, ARRAY, GS_HEAP_TYPE_FIELD);
	}
}

static void follow_record(typing *y, uint32_t index, unsigned role, const unsigned char *p, uint64_t size)
{
	const heap_type type = y->t.list.p[index];
	const gs_go_offsets *o = &y->rt->o;

	if (role == DIRECTORY) {
		if (size >= (uint64_t)o->table_size)
			claim_type(y, gs_go_load(p + o->table_groups), type.group, ARRAY, GS_HEAP_TYPE_FIELD);
	} else if (type.kind == KIND_MAP) {
		follow_map(y, &type, p, size);
	} else if (type.kind == KIND_CHAN && size >= (uint64_t)o->hchan_size) {
		claim_type(y, gs_go_load(p + o->hchan_buf), type.elem, ARRAY, GS_HEAP_TYPE_FIELD);
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
			follow_value(y, index, p + c->offset, room < y->t.list.p[index].size ? room : y->t.list.p[index].size);
			break;
		case CAPTURED_POINTER:
			claim_type(y, gs_go_load(p + c->offset), c->type, ONE, GS_HEAP_TYPE_FIELD);
			break;
		case CAPTURED_SLICE:
			claim_type(y, gs_go_load(p + c->offset), c->type, ARRAY, GS_HEAP_TYPE_FIELD);
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
		claim(y, addr, model_type(y, *type, ONE), GS_HEAP_TYPE_FIELD);
	return type;
}

static void follow(typing *y, place at)
{
	const gs_go_span *s = &y->rt->spans[at.span];
	origin o = y->origins.p[gs_heap_type_of(y->h, object_at(y, s->bit + at.slot))];
	const unsigned char *p = s->bytes + at.slot * s->elem_bytes;
	uint64_t size = s->elem_bytes;

	if (o.role == ONE && is_more_than_node(y, o.type, p, s->base + at.slot * s->elem_bytes))
		return;
	if (s->scheme == GS_GO_NOSCAN && o.role < RECORD)
		return;
	if (o.type == UINT32_MAX) {
		follow_captures(y, o.code, s, at.slot * s->elem_bytes);
		return;
	}
	if (s->scheme == GS_GO_HEADER) {
		p += 8;
		size -= 8;
	}
	if (o.role == TABLES)
		return;
	if (o.role >= RECORD)
		follow_record(y, o.type, o.role, p, size);
	else if (o.role == ARRAY)
		follow_array(y, o.type, p, size);
	else
		follow_value(y, o.type, p, size);
}

static void drain(typing *y)
{
	place ring[RING];
	unsigned from = 0, n = 0;

	/* Several chains side by side: each waits for its own memory. */
	while (y->queue.n || n) {
		while (y->queue.n && n < RING) {
			place at = y->queue.p[--y->queue.n];

			__builtin_prefetch(y->rt->spans[at.span].bytes + at.slot * y->rt->spans[at.span].elem_bytes);
			ring[(from + n++) % RING] = at;
		}
		follow(y, ring[from]);
		from = (from + 1) % RING;
		n--;
	}
}

/* ---- where it starts ---- */

/* Types that the allocator wrote down. */
static void exact(typing *y)
{
	for (gs_heap_walk w = gs_heap_walk_start(y->h); gs_heap_walk_next(&w);) {
		const gs_go_span *s = &y->rt->spans[w.span];
		uint64_t addr, room = s->elem_bytes;
		uint32_t index, model;

		if (s->scheme == GS_GO_HEADER) {
			addr = gs_go_load(s->bytes + (w.addr - s->base));
			room -= 8;
		} else if (s->scheme == GS_GO_LARGE && s->mask != UINT32_MAX) {
			addr = y->rt->masks[s->mask].type;
		} else {
			continue;
		}
		if (!heap_type_is_in_module(&y->t, addr) && s->scheme == GS_GO_LARGE && y->rt->minor < 24)
			continue; /* a made-up one that only has a mask */
		index = heap_type_at(&y->t, addr);
		if (index == UINT32_MAX || y->t.list.p[index].size == 0)
			continue;
		model = model_type(y, index, room / y->t.list.p[index].size > 1 ? ARRAY : ONE);
		set_source(y, model, GS_HEAP_TYPE_EXACT);
		set_type(y, w.object, model);
		enqueue(y, w.span, (uint32_t)((w.addr - s->base) / s->elem_bytes));
	}
}

/* Types that no pointer's own type leads to: debug information has them by name. */
typedef struct known_types {
	uint64_t g, labels;
} known_types;

static known_types find_known(typing *y)
{
	static const char *const names[] = { "runtime.g", "runtime/pprof.labelMap", "sync.Pool", "sync.poolLocal", "sync.eface" };
	uint64_t found[sizeof(names) / sizeof(*names)];

	if (!y->rt->dwarf)
		return (known_types){ 0 };
	gs_go_dwarf_descriptors(y->rt->dwarf, names, sizeof(names) / sizeof(*names), found);
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		found[i] = found[i] ? heap_type_descriptor(&y->t, found[i]) : 0;
	y->t.pool = found[2];
	y->t.pool_local = found[3];
	y->t.eface = found[4];
	return (known_types){ found[0], found[1] };
}

/* The runtime's own that we came by. */
static void known_records(typing *y)
{
	known_types known = find_known(y);
	gs_heap *h = y->h;
	uint32_t index = known.g ? heap_type_at(&y->t, known.g) : UINT32_MAX, g;

	if (index != UINT32_MAX && y->t.list.p[index].size == (uint64_t)y->rt->o.g_size) {
		g = model_type(y, index, ONE);
	} else {
		g = named_type(y, GS_S("runtime.g"), GS_HEAP_TYPE_EXACT);
		y->t.model.p[g].size_bytes = (uint64_t)y->rt->o.g_size;
	}
	for (uint32_t i = 0; i < h->n_goroutines; i++) {
		claim(y, h->goroutines[i].addr, g, GS_HEAP_TYPE_EXACT);
		if (known.labels && y->rt->o.g_labels != GS_GO_NONE)
			claim_type(y, word(y, h->goroutines[i].addr + (uint64_t)y->rt->o.g_labels), known.labels, ONE, GS_HEAP_TYPE_FIELD);
	}
}

/* ---- closures ---- */

static int by_code(const void *a, const void *b)
{
	const heap_capture *x = a, *y = b;

	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void on_capture(void *ctx, const gs_go_capture *c)
{
	typing *y = ctx;
	heap_capture *mine = gs_vec_push(&y->t.b->captures, MAX_CAPTURES);

	if (mine)
		*mine = (heap_capture){ .code = c->code + y->rt->bias,
					.offset = c->offset,
					.type = c->type ? heap_type_descriptor(&y->t, c->type) : 0,
					.name = heap_string(y->t.b, c->name),
					.kind = c->kind,
					.is_behind = c->is_behind };
}

/* "main.(*T).m" of the function at the file's address `code` when that is "main.(*T).m-fm", else empty. */
static gs_str method_of(const typing *y, uint64_t code)
{
	uint32_t at = gs_pclntab_find(&y->rt->pcln, code);
	gs_pclntab_func f;

	if (at == GS_PCLNTAB_NONE || !gs_pclntab_func_get(&y->rt->pcln, at, &f) || !gs_str_ends(f.name, GS_S("-fm")))
		return (gs_str){ 0 };
	return gs_str_slice(f.name, 0, f.name.n - 3);
}

/* Method values (x.m) captured the receiver. */
static void receivers(typing *y, const uint64_t *codes, size_t n_codes)
{
	const gs_pclntab *t = &y->rt->pcln;
	GS_AUTO(map) methods = { 0 }; /* hash of the name -> index of the function + 1 */
	gs_pclntab_func f;
	bool is_new;

	for (size_t i = 0; i < n_codes; i++) {
		gs_str method = method_of(y, codes[i]);

		if (method.n)
			gs_map_put(&methods, gs_str_hash(method), &is_new);
	}
	for (uint32_t i = 0; i < t->n_funcs && methods.n; i++) {
		uint32_t *at = gs_pclntab_func_get(t, i, &f) ? gs_map_get(&methods, gs_str_hash(f.name)) : NULL;

		if (at)
			*at = i + 1;
	}
	for (size_t i = 0; i < n_codes; i++) {
		gs_str method = method_of(y, codes[i]);
		const uint32_t *at = method.n ? gs_map_get(&methods, gs_str_hash(method)) : NULL;
		bool is_there = at && *at && gs_pclntab_func_get(t, *at - 1, &f) && gs_str_eq(f.name, method);

		if (at)
			gs_go_dwarf_receiver(y->rt->dwarf, codes[i], is_there ? f.entry : 0, y, on_capture);
	}
}

/* By code and offset; where each ends, and where a code's begin. */
static void order_captures(typing *y)
{
	heap_build *b = y->t.b;

	if (b->captures.n)
		qsort(b->captures.p, b->captures.n, sizeof(*b->captures.p), by_code);
	for (size_t i = b->captures.n; i-- > 0;) {
		heap_capture *c = &b->captures.p[i];
		bool is_new = true;
		uint32_t *at = gs_map_put(&y->captured, c->code, &is_new);

		c->until = is_new ? UINT64_MAX : c[1].offset > c->offset ? c[1].offset : c[1].until;
		if (at)
			*at = (uint32_t)i;
	}
}

/* What closures captured has types where debug information says what lies where. Also of those that nobody has claimed yet: they begin with code. */
static void closures(typing *y)
{
	GS_VEC(uint64_t) codes = { 0 };
	GS_VEC(place) known = { 0 };
	GS_AUTO(map) seen = { 0 };

	if (!y->rt->dwarf)
		return;
	for (gs_heap_walk w = gs_heap_walk_start(y->h); gs_heap_walk_next(&w);) {
		const gs_go_span *s = &y->rt->spans[w.span];
		uint32_t model = gs_heap_type_of(y->h, w.object);
		uint64_t code, *mine;
		place *at;
		bool is_new;

		if (s->scheme == GS_GO_NOSCAN)
			continue;
		code = model != GS_HEAP_NONE ? y->origins.p[model].code : gs_go_load(s->bytes + (w.addr - s->base));
		if (!code || (model == GS_HEAP_NONE && !is_code(y, code)))
			continue;
		at = model != GS_HEAP_NONE ? gs_vec_push(&known, MAX_QUEUE) : NULL;
		if (at)
			*at = (place){ w.span, (uint32_t)((w.addr - s->base) / s->elem_bytes) };
		if (!gs_map_put(&seen, code, &is_new) || !is_new)
			continue;
		mine = gs_vec_push(&codes, MAX_CODES);
		if (mine)
			*mine = code - y->rt->bias;
	}
	if (codes.n) {
		gs_go_dwarf_captures(y->rt->dwarf, codes.p, codes.n, y, on_capture);
		receivers(y, codes.p, codes.n);
	}
	order_captures(y);
	for (size_t i = 0; i < known.n && y->t.b->captures.n; i++) {
		const gs_go_span *s = &y->rt->spans[known.p[i].span];

		if (gs_map_get(&y->captured, gs_go_load(s->bytes + known.p[i].slot * s->elem_bytes)))
			enqueue(y, known.p[i].span, known.p[i].slot);
	}
	gs_vec_release(&codes);
	gs_vec_release(&known);
}

/* The dynamic type that the first word of an interface means: a type in a module, or an itab. */
static uint32_t dynamic_type(typing *y, uint64_t first)
{
	uint32_t *known, index = UINT32_MAX;
	bool is_new;

	if (first == 0 || (first & 7) || gs_go_span_at(y->rt, first))
		return UINT32_MAX;
	known = gs_map_put(&y->dynamic, first, &is_new);
	if (!known)
		return UINT32_MAX;
	if (!is_new)
		return *known;
	*known = UINT32_MAX;
	if (heap_type_is_in_module(&y->t, first)) {
		index = heap_type_at(&y->t, first);
	} else {
		uint64_t interface = word(y, first), type = word(y, first + 8);

		if (heap_type_is_in_module(&y->t, interface) && heap_type_is_in_module(&y->t, type)) {
			uint32_t i = heap_type_at(&y->t, interface);

			if (i != UINT32_MAX && y->t.list.p[i].kind == KIND_INTERFACE)
				index = heap_type_at(&y->t, type);
		}
	}
	/* The map may have grown meanwhile. */
	known = gs_map_get(&y->dynamic, first);
	if (known)
		*known = index;
	return index;
}

typedef struct pairs {
	typing *y;
	const unsigned char *object;
} pairs;

/* The first word of an interface is no pointer to the collector. */
static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	const pairs *p = ctx;
	uint32_t index;

	if (offset < 8 || !gs_go_span_at(p->y->rt, value))
		return;
	index = dynamic_type(p->y, gs_go_load(p->object + offset - 8));
	if (index != UINT32_MAX)
		claim_dynamic(p->y, p->y->t.list.p[index].addr, value);
}

/* What goroutines wait on. A channel says the type of its elements. */
static void channels(typing *y)
{
	gs_heap *h = y->h;

	for (uint32_t i = 0; i < h->n_waits; i++) {
		const gs_heap_wait *w = &h->waits[i];
		uint32_t index, model;

		if (w->object == GS_HEAP_NONE || gs_heap_type_of(h, w->object) != GS_HEAP_NONE ||
		    (w->kind != GS_HEAP_WAIT_SEND && w->kind != GS_HEAP_WAIT_RECEIVE))
			continue;
		index = heap_type_at(&y->t, word(y, w->addr + (uint64_t)y->rt->o.hchan_elemtype));
		if (index == UINT32_MAX)
			continue;
		model = y->t.list.p[index].ids[CHANNEL];
		if (!model) {
			GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
			gs_str package, name = heap_type_name(&y->t, scratch, &y->t.list.p[index], &package);

			model = named_type(y, gs_strf(scratch, "chan %.*s", GS_FMT(name)), GS_HEAP_TYPE_FIELD) + 1;
			y->t.model.p[model - 1].kind = KIND_CHAN;
			y->t.list.p[index].ids[CHANNEL] = model;
		}
		claim(y, w->addr, model - 1, GS_HEAP_TYPE_FIELD);
		claim_type(y, word(y, w->addr + (uint64_t)y->rt->o.hchan_buf), y->t.list.p[index].addr, ARRAY, GS_HEAP_TYPE_FIELD);
	}
	drain(y);
}

/* Interfaces in what has no type itself: a type's address beside a pointer. */
static void interfaces(typing *y)
{
	gs_heap *h = y->h;

	for (uint32_t i = 0; i < h->n_roots; i++) {
		uint32_t index;

		if (h->roots[i].at < 8)
			continue;
		index = dynamic_type(y, word(y, h->roots[i].at - 8));
		if (index != UINT32_MAX)
			claim_dynamic(y, y->t.list.p[index].addr, word(y, h->roots[i].at));
	}
	drain(y);
	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		const gs_go_span *s = &y->rt->spans[w.span];
		pairs p = { y, s->bytes + (w.addr - s->base) };

		if (gs_heap_type_of(h, w.object) != GS_HEAP_NONE || s->scheme == GS_GO_NOSCAN)
			continue;
		claim_closure(y, w.addr); /* does it begin with a function? */
		if (gs_heap_type_of(h, w.object) != GS_HEAP_NONE)
			continue;
		gs_go_visit_object(&y->t.b->rt, s, w.addr - s->base, visit, &p);
		drain(y);
	}
}

/* The parts of a map from its entries up: what points to an array of these alone, to tables, to a directory. */
enum { MAP_TABLE, MAP_DIRECTORY, MAP_RECORD, N_MAP_PARTS };

/* "map[K]V" of "map.group[K]V" and "map.bucket[K]V". */
static gs_str map_of_entries(gs_arena *mem, gs_str entries)
{
	static const gs_str heads[] = { { "map.group[", 10 }, { "map.bucket[", 11 } };

	for (unsigned i = 0; i < 2; i++)
		if (gs_str_starts(entries, heads[i]))
			return gs_strf(mem, "map[%.*s", GS_FMT(((gs_str){ entries.p + heads[i].n, entries.n - heads[i].n })));
	return (gs_str){ 0 };
}

typedef struct map_parts {
	gs_map of; /* model type * N_MAP_PARTS + part -> model type of that part of the same map */
	gs_map is; /* model type that is a part -> part + 1 */
} map_parts;

/* The type of an object that only points to objects of type `below`; GS_HEAP_NONE: it is no part of a map. */
static uint32_t part_above(typing *y, map_parts *m, uint32_t below, uint64_t size)
{
	static const char *const endings[] = { " (table)", " (directory)", "" };
	const uint32_t *known_part = gs_map_get(&m->is, below);
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_str name = gs_strtab_get(&y->h->strings, y->t.model.p[below].name), map;
	bool is_new, is_swiss = y->rt->o.map_size != GS_GO_NONE;
	unsigned part = known_part ? *known_part : MAP_TABLE;
	uint32_t *at;

	map = known_part ? (gs_str){ name.p, name.n - strlen(endings[part - 1]) } : map_of_entries(scratch, name);
	/* A small map has no table, an old one never. */
	if (part == MAP_TABLE && (!is_swiss || size != (uint64_t)y->rt->o.table_size))
		part = MAP_RECORD;
	if (map.n == 0 || part > MAP_RECORD ||
	    (part == MAP_RECORD && size != (uint64_t)(is_swiss ? y->rt->o.map_size : y->rt->o.hmap_size)))
		return GS_HEAP_NONE;
	at = gs_map_put(&m->of, (uint64_t)below * N_MAP_PARTS + part, &is_new);
	if (at && is_new) {
		*at = named_type(y, gs_strf(scratch, "%.*s%s", GS_FMT(map), endings[part]), GS_HEAP_TYPE_FIELD);
		at = gs_map_put(&m->is, *at, &is_new);
		if (at)
			*at = part + 1;
		at = gs_map_get(&m->of, (uint64_t)below * N_MAP_PARTS + part);
	}
	if (!at)
		y->is_out_of_memory = true;
	return at ? *at : GS_HEAP_NONE;
}

/* In a stripped program maps are often known by their entries only: what leads to these is a part of the map, three steps up at most. */
static void maps(typing *y)
{
	gs_heap *h = y->h;
	map_parts m = { 0 };

	for (unsigned round = 0; round < N_MAP_PARTS; round++)
		for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
			uint32_t from = gs_heap_edge_at(h, w.object), to = gs_heap_edge_at(h, w.object + 1), below;

			if (gs_heap_type_of(h, w.object) != GS_HEAP_NONE || from == to)
				continue;
			below = gs_heap_type_of(h, gs_heap_edge_to(h, from));
			for (uint32_t i = from + 1; i < to && below != GS_HEAP_NONE; i++)
				if (gs_heap_type_of(h, gs_heap_edge_to(h, i)) != below)
					below = GS_HEAP_NONE;
			if (below != GS_HEAP_NONE)
				below = part_above(y, &m, below, w.size_bytes);
			if (below != GS_HEAP_NONE)
				set_type(y, w.object, below);
		}
	gs_map_release(&m.of);
	gs_map_release(&m.is);
}

/* The rest: its size is what is known. */
static void shapes(typing *y)
{
	for (gs_heap_walk w = gs_heap_walk_start(y->h); gs_heap_walk_next(&w);) {
		bool is_noscan = y->h->spans[w.span].is_noscan, is_new;
		uint32_t *known;

		if (gs_heap_type_of(y->h, w.object) != GS_HEAP_NONE)
			continue;
		known = gs_map_put(&y->shapes, w.size_bytes * 2 + is_noscan, &is_new);
		if (!known) {
			y->is_out_of_memory = true;
			return;
		}
		if (is_new) {
			GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);

			*known = named_type(y, gs_strf(scratch, "unknown, %llu bytes%s", (unsigned long long)w.size_bytes,
						       is_noscan ? " without pointers" : ""),
					    GS_HEAP_TYPE_SHAPE);
		}
		set_type(y, w.object, *known);
	}
}

/* A package-level variable of a known type. */
static void claim_variable(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type)
{
	typing *y = ctx;
	uint32_t index = heap_type_at(&y->t, type);
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 32);
	const unsigned char *p;
	heap_variable *known;
	uint64_t size;

	if (index == UINT32_MAX)
		return;
	known = gs_vec_push(&y->t.b->variables, MAX_VARIABLES);
	if (known)
		*known = (heap_variable){ addr, type, heap_string(y->t.b, name), (uint8_t)kind };
	if (kind != GS_GO_VARIABLE_VALUE) {
		claim_type(y, word(y, addr), type, kind == GS_GO_VARIABLE_SLICE ? ARRAY : ONE, GS_HEAP_TYPE_FIELD);
		return;
	}
	size = y->t.list.p[index].size;
	p = gs_go_bytes(&y->rt->image, scratch, addr, size);
	if (p)
		follow_value(y, index, p, size);
}

/* A pointer in a frame. */
static void claim_local(void *ctx, const gs_heap_root *root, gs_go_variable_kind kind, uint64_t type, const type_slot *slot)
{
	typing *y = ctx;
	uint64_t v = word(y, root->at);

	if (slot && slot->op != SLOT_EFACE && slot->op != SLOT_IFACE)
		follow_slot(y, slot, v, 0);
	else if (!slot)
		claim_type(y, v, type, kind == GS_GO_VARIABLE_SLICE ? ARRAY : ONE, GS_HEAP_TYPE_FIELD);
}

bool heap_type_objects(heap_build *b, gs_err *err)
{
	typing y = { .t = { .b = b }, .h = b->h, .rt = &b->rt };
	gs_heap *h = b->h;
	bool ok;

	if (!gs_growing_init(&y.type_ids, h->n_objects))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u objects", h->n_objects);
	h->type_ids = y.type_ids.ids;
	y.string_type = named_type(&y, GS_S("string"), GS_HEAP_TYPE_FIELD);
	y.t.model.p[y.string_type].kind = KIND_STRING;
	y.t.model.p[y.string_type].is_array = true;
	known_records(&y);
	exact(&y);
	drain(&y);
	heap_type_globals(&y.t, &y, claim_variable);
	drain(&y);
	heap_type_locals(&y.t, &y, claim_local);
	drain(&y);
	closures(&y);
	drain(&y);
	interfaces(&y);
	channels(&y);
	maps(&y);
	shapes(&y);
	h->types = gs_try_new(h->mem, gs_heap_type, y.t.model.n);
	ok = gs_arena_adopt(h->mem, y.type_ids.mem);
	if (!ok)
		gs_growing_release(&y.type_ids);
	ok = ok && h->types && !y.is_out_of_memory;
	if (ok) {
		memcpy(h->types, y.t.model.p, y.t.model.n * sizeof(*h->types));
		h->n_types = (uint32_t)y.t.model.n;
	}
	gs_map_release(&y.t.index_of);
	gs_map_release(&y.closures);
	gs_map_release(&y.captured);
	gs_map_release(&y.dynamic);
	gs_map_release(&y.shapes);
	gs_map_release(&y.nodes);
	gs_vec_release(&y.t.list);
	gs_vec_release(&y.t.slots);
	gs_vec_release(&y.t.model);
	gs_vec_release(&y.origins);
	gs_vec_release(&y.queue);
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the types of objects");
}
