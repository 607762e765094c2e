#include "load/heap_types.h"

#include "base/banned.h"

/* internal/abi.Type and what follows it, by kind. */
enum {
	T_SIZE = 0,
	T_POINTER_BYTES = 8,
	T_TFLAG = 20,
	T_KIND = 23,
	T_STR = 40,
	T_BYTES = 48,
	T_ELEM = 48,	  /* pointer, slice, array, channel; key of a map */
	T_MAP_ELEM = 56,
	T_MAP_GROUP = 64, /* bucket before Go 1.24 */
	T_ARRAY_LEN = 64,
	T_FIELDS = 56,
	T_N_FIELDS = 64,
	T_N_METHODS = 64, /* of an interface */
	TFLAG_UNCOMMON = 1,
	TFLAG_EXTRA_STAR = 2,
	FLAG_DIRECT = 1 << 5, /* in the kind until Go 1.25, in the flags since */
	KIND_MASK = 31,

	MAX_TYPES = 1 << 22,
	MAX_SLOTS = 1 << 26,
	MAX_SLOTS_EACH = 1 << 13, /* of one value: what is behind them goes untyped */
	MAX_DEPTH = 32,
	MAX_NAME = 4096,
	MAX_COPIED_BYTES = 128, /* larger variables a closure does not copy */
};

static uint64_t word(const heap_types *t, uint64_t addr)
{
	return gs_go_u64(&t->b->rt.image, addr);
}

bool heap_type_is_in_module(const heap_types *t, uint64_t addr)
{
	for (uint32_t i = 0; i < t->b->rt.n_modules; i++)
		if (addr - t->b->rt.modules[i].types < t->b->rt.modules[i].etypes - t->b->rt.modules[i].types)
			return true;
	return false;
}

uint32_t heap_type_at(heap_types *t, uint64_t addr)
{
	unsigned char raw[T_BYTES];
	uint32_t *known = gs_map_get(&t->index_of, addr);
	heap_type *out;
	bool is_new;
	uint8_t flags;

	if (known)
		return *known;
	known = gs_map_put(&t->index_of, addr, &is_new);
	if (!known)
		return UINT32_MAX;
	*known = UINT32_MAX;
	if (addr == 0 || (addr & 7) || !gs_go_read(&t->b->rt.image, addr, raw, sizeof(raw)))
		return UINT32_MAX;
	if ((raw[T_KIND] & KIND_MASK) == 0 || (raw[T_KIND] & KIND_MASK) > KIND_UNSAFE_POINTER ||
	    gs_go_load(raw + T_SIZE) > (uint64_t)1 << 47)
		return UINT32_MAX;
	out = gs_vec_push(&t->list, MAX_TYPES);
	if (!out)
		return UINT32_MAX;
	*known = (uint32_t)(t->list.n - 1);
	flags = t->b->rt.minor >= 26 ? raw[T_TFLAG] : raw[T_KIND];
	*out = (heap_type){
		.addr = addr,
		.size = gs_go_load(raw + T_SIZE),
		.kind = raw[T_KIND] & KIND_MASK,
		.is_direct = flags & FLAG_DIRECT,
	};
	switch (out->kind) {
	case KIND_ARRAY:
	case KIND_CHAN:
	case KIND_POINTER:
	case KIND_SLICE:
		out->elem = word(t, addr + T_ELEM);
		break;
	case KIND_MAP:
		out->elem = word(t, addr + T_MAP_ELEM);
		out->group = word(t, addr + T_MAP_GROUP);
		break;
	default:
		break;
	}
	return *known;
}

static void add_slot(heap_types *t, uint32_t first, uint64_t offset, slot_op op, uint64_t type)
{
	type_slot *s;

	if (t->slots.n - first >= MAX_SLOTS_EACH || offset > UINT32_MAX)
		return;
	s = gs_vec_push(&t->slots, MAX_SLOTS);
	if (s)
		*s = (type_slot){ (uint32_t)offset, op, type };
}

/* What sync/atomic.Pointer[T] leads to, as its field of no size says; 0: it is none. */
static uint64_t behind_atomic(heap_types *t, uint32_t index, uint64_t fields, uint64_t n)
{
	uint64_t mark = n ? word(t, fields + 8) : 0, value = n ? word(t, fields + 24 * (n - 1) + 8) : 0;
	GS_AUTO(arena) *scratch = NULL;
	gs_str package, name;
	uint32_t m = heap_type_at(t, mark), v = heap_type_at(t, value), p;

	if (m == UINT32_MAX || v == UINT32_MAX || t->list.p[m].kind != KIND_ARRAY || t->list.p[m].size || t->list.p[v].kind != KIND_UNSAFE_POINTER)
		return 0;
	p = heap_type_at(t, t->list.p[m].elem);
	if (p == UINT32_MAX || t->list.p[p].kind != KIND_POINTER)
		return 0;
	scratch = gs_arena_create(1 << 20);
	name = heap_type_name(t, scratch, &t->list.p[index], &package);
	return gs_str_starts(name, GS_S("atomic.Pointer[")) && gs_str_eq(package, GS_S("sync/atomic")) ? t->list.p[p].elem : 0;
}

/* The two unsafe pointers of a sync.Pool. */
static void compile_pool(heap_types *t, uint32_t first, uint64_t fields, uint64_t n, uint64_t offset)
{
	for (uint64_t i = 0; i < n && i < MAX_SLOTS_EACH; i++) {
		uint32_t field = heap_type_at(t, word(t, fields + 24 * i + 8));

		if (field != UINT32_MAX && t->list.p[field].kind == KIND_UNSAFE_POINTER)
			add_slot(t, first, offset + word(t, fields + 24 * i + 16), SLOT_ARRAY, t->pool_local);
	}
}

/* Slots of the type at `addr` that lies at `offset` of the one being compiled. */
static void compile(heap_types *t, uint32_t first, uint64_t addr, uint64_t offset, unsigned depth)
{
	uint32_t index = heap_type_at(t, addr);
	heap_type type;
	uint64_t n, fields, behind;

	if (index == UINT32_MAX || depth > MAX_DEPTH || t->slots.n - first >= MAX_SLOTS_EACH)
		return;
	type = t->list.p[index];
	switch (type.kind) {
	case KIND_POINTER:
		add_slot(t, first, offset, SLOT_POINTER, type.elem);
		break;
	case KIND_SLICE:
		add_slot(t, first, offset, SLOT_SLICE, type.elem);
		break;
	case KIND_STRING:
		add_slot(t, first, offset, SLOT_STRING, 0);
		break;
	case KIND_INTERFACE:
		add_slot(t, first, offset, word(t, addr + T_N_METHODS) ? SLOT_IFACE : SLOT_EFACE, 0);
		break;
	case KIND_MAP:
		add_slot(t, first, offset, SLOT_MAP, addr);
		break;
	case KIND_CHAN:
		add_slot(t, first, offset, SLOT_CHAN, addr);
		break;
	case KIND_FUNC:
		add_slot(t, first, offset, SLOT_FUNC, 0);
		break;
	case KIND_ARRAY: {
		uint32_t elem = heap_type_at(t, type.elem);
		size_t before = t->slots.n;

		n = word(t, addr + T_ARRAY_LEN);
		for (uint64_t i = 0; elem != UINT32_MAX && i < n; i++) {
			compile(t, first, type.elem, offset + i * t->list.p[elem].size, depth + 1);
			if (t->slots.n == before || t->slots.n - first >= MAX_SLOTS_EACH)
				break; /* nothing in them, or too much */
		}
		break;
	}
	case KIND_STRUCT:
		if (addr == t->eface) {
			add_slot(t, first, offset, SLOT_EFACE, 0);
			break;
		}
		fields = word(t, addr + T_FIELDS);
		n = word(t, addr + T_N_FIELDS);
		if (n > 3 && heap_type_map_part(t, index) == MAP_PART_BUCKET) /* its last field leads to the next one, as a number */
			add_slot(t, first, offset + word(t, fields + 24 * (n - 1) + 16), SLOT_POINTER, addr);
		if (addr == t->pool && t->pool_local)
			compile_pool(t, first, fields, n, offset);
		behind = behind_atomic(t, index, fields, n);
		if (behind)
			add_slot(t, first, offset + word(t, fields + 24 * (n - 1) + 16), SLOT_POINTER, behind);
		for (uint64_t i = 0; i < n && i < MAX_SLOTS_EACH && !behind; i++)
			compile(t, first, word(t, fields + 24 * i + 8), offset + word(t, fields + 24 * i + 16), depth + 1);
		break;
	default:
		break;
	}
}

void heap_type_compile(heap_types *t, uint32_t index)
{
	uint32_t first = (uint32_t)t->slots.n;

	if (t->list.p[index].is_compiled)
		return;
	t->list.p[index].is_compiled = true;
	compile(t, first, t->list.p[index].addr, 0, 0);
	t->list.p[index].first_slot = first;
	t->list.p[index].n_slots = (uint32_t)(t->slots.n - first);
}

const type_slot *heap_type_slot_at(heap_types *t, uint32_t index, uint64_t offset)
{
	const heap_type *type;
	uint32_t lo = 0, hi;

	heap_type_compile(t, index);
	type = &t->list.p[index];
	hi = type->n_slots;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->slots.p[type->first_slot + mid].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &t->slots.p[type->first_slot + lo - 1] : NULL;
}

/* ---- names ---- */

/* A name {flags, length as varint, bytes} at an address. */
static gs_str name_at(const heap_types *t, gs_arena *mem, uint64_t addr)
{
	uint64_t n = 0;
	unsigned shift = 0;
	char *copy;
	uint8_t byte;

	do {
		byte = gs_go_u8(&t->b->rt.image, ++addr);
		n |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && shift < 28);
	if (n == 0 || n > MAX_NAME)
		return (gs_str){ 0 };
	copy = gs_try_new(mem, char, n);
	if (!copy || !gs_go_read(&t->b->rt.image, addr + 1, copy, (size_t)n))
		return (gs_str){ 0 };
	return (gs_str){ copy, (size_t)n };
}

/* Offsets of names count from where the module's types start. */
static uint64_t types_base(const heap_types *t, uint64_t addr)
{
	for (uint32_t i = 0; i < t->b->rt.n_modules; i++)
		if (addr - t->b->rt.modules[i].types < t->b->rt.modules[i].etypes - t->b->rt.modules[i].types)
			return t->b->rt.modules[i].types;
	return 0;
}

/* What a type has of methods lies behind its own record, whose size is by kind. */
static uint64_t uncommon(const heap_types *t, const heap_type *type)
{
	switch (type->kind) {
	case KIND_STRUCT:
	case KIND_INTERFACE:
		return type->addr + 80;
	case KIND_ARRAY:
		return type->addr + 72;
	case KIND_CHAN:
		return type->addr + 64;
	case KIND_POINTER:
	case KIND_FUNC:
	case KIND_SLICE:
		return type->addr + 56;
	case KIND_MAP:
		return type->addr + (t->b->rt.minor >= 27 ? 128 : t->b->rt.minor >= 24 ? 112 : 88);
	default:
		return type->addr + T_BYTES;
	}
}

/* The compiler's word for a type that stands for all that look alike: go.shape.string. */
static gs_str without_shapes(gs_arena *mem, gs_str name)
{
	const gs_str shape = GS_S("go.shape.");
	size_t at = gs_str_find(name, shape), n = 0;
	char *out;

	if (at == SIZE_MAX)
		return name;
	out = gs_new(mem, char, name.n);
	for (; at != SIZE_MAX; at = gs_str_find(name, shape)) {
		memcpy(out + n, name.p, at);
		n += at;
		name = gs_str_skip(name, at + shape.n);
	}
	memcpy(out + n, name.p, name.n);
	return (gs_str){ out, n + name.n };
}

gs_str heap_type_name(heap_types *t, gs_arena *mem, const heap_type *type, gs_str *package)
{
	static const char *const kinds[] = { "",	 "bool",    "int",     "int8",	  "int16",     "int32",	    "int64",
					     "uint",	 "uint8",   "uint16",  "uint32",  "uint64",    "uintptr",   "float32",
					     "float64",	 "complex64", "complex128", "array", "chan",   "func",	    "interface",
					     "map",	 "pointer", "slice",   "string",  "struct",    "unsafe.Pointer" };
	uint64_t base = types_base(t, type->addr);
	uint8_t flags = gs_go_u8(&t->b->rt.image, type->addr + T_TFLAG);
	gs_str name;

	*package = (gs_str){ 0 };
	if (!base) /* made by package reflect as the program ran */
		return gs_strf(mem, "%s made by reflect", kinds[type->kind]);
	name = name_at(t, mem, base + (uint64_t)(int64_t)(int32_t)gs_go_u32(&t->b->rt.image, type->addr + T_STR));
	if ((flags & TFLAG_EXTRA_STAR) && name.n && name.p[0] == '*')
		name = gs_str_skip(name, 1);
	if (flags & TFLAG_UNCOMMON) {
		int32_t path = (int32_t)gs_go_u32(&t->b->rt.image, uncommon(t, type));

		if (path > 0)
			*package = name_at(t, mem, base + (uint64_t)path);
	}
	return name.n ? without_shapes(mem, name) : gs_str_of(kinds[type->kind]);
}

uint32_t heap_type_n_members(const heap_types *t, uint64_t type)
{
	uint64_t n = word(t, type + T_N_FIELDS);

	return n < MAX_SLOTS_EACH ? (uint32_t)n : MAX_SLOTS_EACH;
}

heap_type_member heap_type_member_at(const heap_types *t, gs_arena *mem, uint64_t type, uint32_t i)
{
	uint64_t at = word(t, type + T_FIELDS) + 24 * (uint64_t)i;

	return (heap_type_member){ name_at(t, mem, word(t, at)), word(t, at + 8), word(t, at + 16) };
}

uint64_t heap_type_array_len(const heap_types *t, uint64_t type)
{
	return word(t, type + T_ARRAY_LEN);
}

bool heap_type_has_methods(const heap_types *t, uint64_t interface_type)
{
	return word(t, interface_type + T_N_METHODS);
}

heap_map_part heap_type_map_part(heap_types *t, uint32_t index)
{
	heap_type *type = &t->list.p[index];
	GS_AUTO(arena) *scratch = NULL;
	gs_str package, name;

	if (type->map_part != MAP_PART_UNKNOWN)
		return type->map_part;
	type->map_part = MAP_PART_NONE;
	if (type->kind != KIND_STRUCT)
		return type->map_part;
	scratch = gs_arena_create(1 << 20);
	name = heap_type_name(t, scratch, type, &package);
	if (gs_str_starts(name, GS_S("noalg.")))
		name = gs_str_skip(name, 6);
	if (gs_str_starts(name, GS_S("map.group[")))
		type->map_part = MAP_PART_GROUP;
	else if (gs_str_starts(name, GS_S("map.bucket[")))
		type->map_part = MAP_PART_BUCKET;
	return type->map_part;
}

heap_captured heap_type_captured(heap_types *t, const heap_capture *c, const gs_go_span *s, uint64_t at)
{
	uint64_t until = c->until < s->elem_bytes ? c->until : s->elem_bytes;
	uint32_t index = heap_type_at(t, c->type);
	const heap_type *type;
	const type_slot *slot;

	if (c->kind != GS_GO_VARIABLE_POINTER)
		return c->kind == GS_GO_VARIABLE_SLICE ? CAPTURED_SLICE : CAPTURED_VALUE;
	if (!c->is_behind)
		return CAPTURED_POINTER;
	if (index == UINT32_MAX)
		return CAPTURED_UNKNOWN;
	type = &t->list.p[index];
	if ((type->kind != KIND_STRUCT && type->kind != KIND_ARRAY) || type->size > MAX_COPIED_BYTES || c->offset > until || type->size > until - c->offset)
		return CAPTURED_POINTER;
	/* Either fits: is its first word a pointer, and may a copy's be one? */
	if (s->scheme != GS_GO_SPAN_BITS)
		return CAPTURED_UNKNOWN;
	if (!gs_go_bits(s->bits, (at + c->offset) / 8, 1))
		return CAPTURED_VALUE;
	slot = heap_type_slot_at(t, index, 0);
	return slot && slot->offset == 0 ? CAPTURED_UNKNOWN : CAPTURED_POINTER;
}

typedef struct globals {
	heap_types *t;
	void *ctx;
	heap_take_variable *take;
} globals;

/* The file gives its place within the module's types or its address, by version. */
uint64_t heap_type_descriptor(const heap_types *t, uint64_t type)
{
	uint64_t bias = t->b->rt.bias;

	if (!heap_type_is_in_module(t, type + bias) && t->b->rt.n_modules)
		type += t->b->rt.modules[0].types - bias;
	return heap_type_is_in_module(t, type + bias) ? type + bias : 0;
}

/* What has no pointers is of no use. */
static bool on_variable(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type)
{
	globals *g = ctx;

	type = heap_type_descriptor(g->t, type);
	if (!type || (kind == GS_GO_VARIABLE_VALUE && !word(g->t, type + T_POINTER_BYTES)))
		return false;
	g->take(g->ctx, name, addr + g->t->b->rt.bias, kind, type);
	return true;
}

void heap_type_globals(heap_types *t, void *ctx, heap_take_variable *take)
{
	globals g = { t, ctx, take };

	if (t->b->rt.dwarf)
		gs_go_dwarf_variables(t->b->rt.dwarf, &g, on_variable);
}
