#include "format/goruntime/dwarf_parts.h"

#include "base/banned.h"

/* Go's own attributes. */
enum { AT_GO_KIND = 0x2900, AT_GO_ELEM = 0x2902, AT_GO_RUNTIME_TYPE = 0x2904, AT_GO_CLOSURE_OFFSET = 0x2907, GO_ARRAY = 17, GO_POINTER = 22, GO_SLICE = 23, GO_STRUCT = 25,
       MAX_PARTS = 1 << 16, MAX_STEPS = 1 << 18, MAX_TYPE_DEPTH = 32 };

static bool type_attr(Dwarf_Die *die, unsigned attr_name, Dwarf_Die *out)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, attr_name, &attr) && dwarf_formref_die(&attr, out);
}

/* From a struct's name to the struct. */
static void skip_name(Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Die behind;

	for (unsigned depth = 0; depth < MAX_TYPE_DEPTH && dwarf_tag(type) == DW_TAG_typedef && !dwarf_attr(type, AT_GO_KIND, &attr); depth++) {
		if (!type_attr(type, DW_AT_type, &behind))
			return;
		*type = behind;
	}
}

/* 0 when the linker left the descriptor out. */
static uint64_t descriptor(Dwarf_Die *type)
{
	Dwarf_Attribute attr;
	Dwarf_Word v = 0;

	if (!dwarf_attr(type, AT_GO_RUNTIME_TYPE, &attr) ||
	    (dwarf_formudata(&attr, &v) != 0 && dwarf_formaddr(&attr, &v) != 0))
		return 0;
	return v;
}

/* The same of the type that an attribute names. */
static uint64_t descriptor_of(Dwarf_Die *die, unsigned attr_name)
{
	Dwarf_Die type;

	if (!type_attr(die, attr_name, &type))
		return 0;
	skip_name(&type);
	return descriptor(&type);
}

void gs_go_dwarf_descriptors(gs_go_dwarf *d, const char *const *names, size_t n, uint64_t *out)
{
	memset(out, 0, n * sizeof(*out));
	go_dwarf_list(d);
	for (size_t i = 0; i < d->types.n; i++) {
		Dwarf_Die type;
		const char *name = dwarf_offdie(d->dw, d->types.p[i], &type) ? dwarf_diename(&type) : NULL;

		for (size_t k = 0; name && k < n; k++)
			if (strcmp(name, names[k]) == 0) {
				skip_name(&type);
				out[k] = descriptor(&type);
				break;
			}
	}
}

typedef struct variable_walk {
	void *ctx;
	bool (*take)(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type);
	gs_buf name;
	uint32_t n_taken, n_steps; /* of the variable */
} variable_walk;

static void walk_value(variable_walk *w, Dwarf_Die *type, uint64_t addr, unsigned depth);

static void walk_members(variable_walk *w, Dwarf_Die *type, uint64_t addr, unsigned depth)
{
	Dwarf_Die member, inner;
	Dwarf_Attribute attr;
	Dwarf_Word offset;
	size_t n = w->name.n;

	if (dwarf_child(type, &member) != 0)
		return;
	do {
		const char *name = dwarf_diename(&member);

		if (dwarf_tag(&member) != DW_TAG_member || !dwarf_attr(&member, DW_AT_data_member_location, &attr) ||
		    dwarf_formudata(&attr, &offset) != 0 || !type_attr(&member, DW_AT_type, &inner))
			continue;
		gs_buf_c(&w->name, '.');
		gs_buf_z(&w->name, name ? name : "_");
		walk_value(w, &inner, addr + offset, depth + 1);
		w->name.n = n;
	} while (dwarf_siblingof(&member, &member) == 0);
}

/* sync/atomic.Pointer[T] says in a field of no size, [0]*T, what its last one leads to. */
static bool walk_atomic(variable_walk *w, Dwarf_Die *type, uint64_t addr)
{
	const char *name = dwarf_diename(type);
	uint64_t behind = 0;
	Dwarf_Die member, array, pointer;
	Dwarf_Attribute attr;
	Dwarf_Word offset = 0;

	if (!name || !gs_str_starts(gs_str_of(name), GS_S("sync/atomic.Pointer[")) || dwarf_child(type, &member) != 0)
		return false;
	do {
		if (dwarf_tag(&member) != DW_TAG_member || !dwarf_attr(&member, DW_AT_data_member_location, &attr) || dwarf_formudata(&attr, &offset) != 0)
			continue;
		if (!behind && type_attr(&member, DW_AT_type, &array) && type_attr(&array, DW_AT_type, &pointer))
			behind = descriptor_of(&pointer, DW_AT_type);
	} while (dwarf_siblingof(&member, &member) == 0);
	if (behind)
		w->n_taken += w->take(w->ctx, gs_buf_view(&w->name), addr + offset, GS_GO_VARIABLE_POINTER, behind);
	return behind;
}

static void walk_elements(variable_walk *w, Dwarf_Die *type, uint64_t addr, unsigned depth)
{
	Dwarf_Die range, elem;
	Dwarf_Attribute attr;
	Dwarf_Word count = 0, each = 0;
	size_t n = w->name.n;

	if (!type_attr(type, DW_AT_type, &elem) || dwarf_aggregate_size(&elem, &each) != 0 || dwarf_child(type, &range) != 0 ||
	    !dwarf_attr(&range, DW_AT_count, &attr) || dwarf_formudata(&attr, &count) != 0)
		return;
	for (Dwarf_Word i = 0; i < count; i++) {
		uint32_t before = w->n_taken;

		gs_buf_f(&w->name, "[%llu]", (unsigned long long)i);
		walk_value(w, &elem, addr + i * each, depth + 1);
		w->name.n = n;
		if (w->n_taken == before || w->n_taken > MAX_PARTS)
			return; /* nothing in them, or too much */
	}
}

/* The type itself, or what it points to: an element has a descriptor where its slice has none; or what it is made of. */
static void walk_value(variable_walk *w, Dwarf_Die *type, uint64_t addr, unsigned depth)
{
	gs_go_variable_kind kind = GS_GO_VARIABLE_VALUE;
	Dwarf_Attribute attr;
	Dwarf_Word go_kind = 0;
	uint64_t found;

	if (depth > MAX_TYPE_DEPTH || w->n_taken > MAX_PARTS || ++w->n_steps > MAX_STEPS)
		return;
	skip_name(type);
	found = descriptor(type);
	if (!found && dwarf_attr(type, AT_GO_KIND, &attr) && dwarf_formudata(&attr, &go_kind) == 0) {
		switch (go_kind) {
		case GO_STRUCT:
			if (!walk_atomic(w, type, addr))
				walk_members(w, type, addr, depth);
			return;
		case GO_ARRAY:
			walk_elements(w, type, addr, depth);
			return;
		case GO_SLICE:
			kind = GS_GO_VARIABLE_SLICE;
			found = descriptor_of(type, AT_GO_ELEM);
			break;
		case GO_POINTER:
			kind = GS_GO_VARIABLE_POINTER;
			found = descriptor_of(type, DW_AT_type);
			break;
		default:
			return;
		}
	}
	if (!found)
		return;
	w->n_taken += w->take(w->ctx, gs_buf_view(&w->name), addr, kind, found);
}

void gs_go_dwarf_variables(gs_go_dwarf *d, void *ctx,
			   bool (*take)(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type))
{
	variable_walk w = { .ctx = ctx, .take = take };

	go_dwarf_list(d);
	gs_buf_init(&w.name, 1 << 20);
	for (size_t i = 0; i < d->variables.n; i++) {
		Dwarf_Die die, type;
		const char *name;
		uint64_t addr;

		if (!dwarf_offdie(d->dw, d->variables.p[i], &die) || !go_dwarf_location(&die, &addr) || !type_attr(&die, DW_AT_type, &type))
			continue;
		name = dwarf_diename(&die);
		w.name.n = 0;
		w.n_taken = w.n_steps = 0;
		gs_buf_z(&w.name, name ? name : "");
		walk_value(&w, &type, addr, 0);
	}
	gs_buf_release(&w.name);
}

/* ---- local variables ---- */

enum { MAX_SCOPES = 64, MAX_LOCAL_STEPS = 1 << 26 };

typedef struct local_walk {
	variable_walk parts;
	gs_go_local now;
	int64_t place; /* where the variable would begin */
	bool is_behind; /* what is there points to the variable */
	uint64_t n_steps;
	void *ctx;
	void (*take)(void *ctx, const gs_go_local *l);
} local_walk;

static bool on_part(void *ctx, gs_str name, uint64_t offset, gs_go_variable_kind kind, uint64_t type)
{
	local_walk *w = ctx;

	(void)name;
	if (w->is_behind && (offset || kind != GS_GO_VARIABLE_VALUE))
		return true;
	w->now.base = (int64_t)((uint64_t)w->place + offset);
	w->now.kind = w->is_behind ? GS_GO_VARIABLE_POINTER : (uint8_t)kind;
	w->now.type = type;
	w->take(w->ctx, &w->now);
	return true;
}

/* A piece of `size` bytes at `offset` of a variable that lies at `place`. */
static void on_piece(local_walk *w, Dwarf_Die *type, int64_t place, uint64_t offset, uint64_t size, bool is_behind)
{
	w->now.from = place;
	if (__builtin_sub_overflow(place, (int64_t)offset, &w->place) || __builtin_add_overflow(place, (int64_t)size, &w->now.to))
		return;
	w->is_behind = is_behind;
	w->parts.n_taken = w->parts.n_steps = 0;
	w->parts.name.n = 0;
	walk_value(&w->parts, type, 0, 0);
	w->n_steps += w->parts.n_steps;
}

/* Those that Go's compiler writes: a place in the frame, perhaps of what leads to it; or pieces in places and registers. */
static void on_location(local_walk *w, Dwarf_Die *type, const Dwarf_Op *ops, size_t n)
{
	bool is_known = false, is_behind = false;
	uint64_t offset = 0;
	int64_t place = 0;

	for (size_t i = 0; i < n && w->n_steps < MAX_LOCAL_STEPS; i++) {
		switch (ops[i].atom) {
		case DW_OP_fbreg:
			place = (int64_t)ops[i].number;
			is_known = true;
			break;
		case DW_OP_call_frame_cfa:
			place = 0;
			is_known = true;
			break;
		case DW_OP_deref:
			is_known &= !is_behind;
			is_behind = true;
			break;
		case DW_OP_piece:
			if (ops[i].number > INT32_MAX || offset > INT32_MAX)
				return;
			if (is_known && !is_behind)
				on_piece(w, type, place, offset, ops[i].number, false);
			offset += ops[i].number;
			is_known = is_behind = false;
			break;
		default:
			is_known = false;
		}
	}
	if (is_known && offset == 0)
		on_piece(w, type, place, 0, is_behind ? 8 : INT32_MAX, is_behind);
}

static void walk_scope(local_walk *w, Dwarf_Die *scope, unsigned depth)
{
	Dwarf_Die die, type;

	if (depth > MAX_SCOPES || dwarf_child(scope, &die) != 0)
		return;
	do {
		Dwarf_Attribute attr;
		Dwarf_Op *ops;
		size_t n;

		if (++w->n_steps > MAX_LOCAL_STEPS)
			return;
		switch (dwarf_tag(&die)) {
		case DW_TAG_lexical_block:
		case DW_TAG_inlined_subroutine:
			if (dwarf_haspc(&die, w->now.pc) > 0)
				walk_scope(w, &die, depth + 1);
			break;
		case DW_TAG_variable:
		case DW_TAG_formal_parameter:
			if (dwarf_attr(&die, DW_AT_location, &attr) && dwarf_getlocation_addr(&attr, w->now.pc, &ops, &n, 1) == 1 &&
			    dwarf_attr_integrate(&die, DW_AT_type, &attr) && dwarf_formref_die(&attr, &type))
				on_location(w, &type, ops, n);
			break;
		default:
			break;
		}
	} while (dwarf_siblingof(&die, &die) == 0);
}

/* The first function that begins at `addr` or behind it. */
static size_t function_from(const gs_go_dwarf *d, uint64_t addr)
{
	size_t lo = 0, hi = d->functions.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->functions.p[mid].low < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void gs_go_dwarf_locals(gs_go_dwarf *d, const uint64_t *pcs, size_t n_pcs, void *ctx, void (*take)(void *ctx, const gs_go_local *l))
{
	local_walk w = { .parts = { .take = on_part }, .ctx = ctx, .take = take };

	w.parts.ctx = &w;
	go_dwarf_list(d);
	gs_buf_init(&w.parts.name, 1 << 20);
	for (size_t i = 0; i < n_pcs && w.n_steps < MAX_LOCAL_STEPS; i++) {
		size_t behind = pcs[i] < UINT64_MAX ? function_from(d, pcs[i] + 1) : 0;
		Dwarf_Die die;

		if (behind == 0 || pcs[i] >= d->functions.p[behind - 1].high || !dwarf_offdie(d->dw, d->functions.p[behind - 1].at, &die))
			continue;
		w.now.pc = pcs[i];
		walk_scope(&w, &die, 0);
	}
	gs_buf_release(&w.parts.name);
}

/* ---- closures ---- */

typedef struct capture_walk {
	variable_walk parts;
	gs_go_capture now;
	uint64_t start; /* of the variable in the object */
	void *ctx;
	void (*take)(void *ctx, const gs_go_capture *c);
} capture_walk;

static bool on_captured_part(void *ctx, gs_str name, uint64_t offset, gs_go_variable_kind kind, uint64_t type)
{
	capture_walk *w = ctx;

	w->now.name = name;
	w->now.offset = w->start + offset;
	w->now.kind = (uint8_t)kind;
	w->now.type = type;
	w->take(w->ctx, &w->now);
	return true;
}

/* A variable of `type` at byte `offset` of the closure, or a pointer to it. */
static void capture_variable(capture_walk *w, const char *name, Dwarf_Die *type, uint64_t offset, bool is_behind)
{
	w->start = offset;
	w->now.is_behind = is_behind;
	w->parts.n_taken = w->parts.n_steps = 0;
	w->parts.name.n = 0;
	gs_buf_z(&w->parts.name, name);
	if (is_behind)
		on_captured_part(w, gs_buf_view(&w->parts.name), 0, GS_GO_VARIABLE_POINTER, descriptor_of(type, DW_AT_type));
	else
		walk_value(&w->parts, type, 0, 0);
	if (!is_behind && !w->parts.n_taken)
		on_captured_part(w, gs_buf_view(&w->parts.name), 0, GS_GO_VARIABLE_VALUE, 0);
}

/* "&x" is a made-up variable that leads to x: to where it is shared, or into the closure when that has a copy. */
static void on_captured(capture_walk *w, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word offset;
	Dwarf_Die type;
	const char *name = dwarf_diename(die);

	if (name && dwarf_attr(die, AT_GO_CLOSURE_OFFSET, &attr) && dwarf_formudata(&attr, &offset) == 0 && type_attr(die, DW_AT_type, &type))
		capture_variable(w, name[0] == '&' ? name + 1 : name, &type, offset, name[0] == '&');
}

/* The entry of the function that begins at `addr`. */
static bool function_at(const gs_go_dwarf *d, uint64_t addr, Dwarf_Die *die)
{
	size_t at = function_from(d, addr);

	return at < d->functions.n && d->functions.p[at].low == addr && dwarf_offdie(d->dw, d->functions.p[at].at, die);
}

void gs_go_dwarf_captures(gs_go_dwarf *d, const uint64_t *codes, size_t n_codes, void *ctx, void (*take)(void *ctx, const gs_go_capture *c))
{
	capture_walk w = { .parts = { .take = on_captured_part }, .ctx = ctx, .take = take };

	w.parts.ctx = &w;
	go_dwarf_list(d);
	gs_buf_init(&w.parts.name, 1 << 20);
	for (size_t i = 0; i < n_codes; i++) {
		Dwarf_Die die, inner;

		if (!function_at(d, codes[i], &die) || dwarf_child(&die, &inner) != 0)
			continue;
		w.now.code = codes[i];
		do
			on_captured(&w, &inner);
		while (dwarf_siblingof(&inner, &inner) == 0);
	}
	gs_buf_release(&w.parts.name);
}

/* The method that a method value's function calls, when it stands inlined there. */
static bool inlined_method(Dwarf_Die *value, Dwarf_Die *out)
{
	const char *name = dwarf_diename(value);
	size_t n = name ? strlen(name) : 0;
	Dwarf_Die inner;

	if (n < 3 || dwarf_child(value, &inner) != 0)
		return false;
	do {
		const char *method;

		if (dwarf_tag(&inner) != DW_TAG_inlined_subroutine || !type_attr(&inner, DW_AT_abstract_origin, out))
			continue;
		method = dwarf_diename(out);
		if (method && strlen(method) == n - 3 && memcmp(method, name, n - 3) == 0)
			return true;
	} while (dwarf_siblingof(&inner, &inner) == 0);
	return false;
}

void gs_go_dwarf_receiver(gs_go_dwarf *d, uint64_t code, uint64_t method, void *ctx, void (*take)(void *ctx, const gs_go_capture *c))
{
	capture_walk w = { .parts = { .take = on_captured_part }, .now = { .code = code }, .ctx = ctx, .take = take };
	Dwarf_Attribute attr;
	Dwarf_Die value, die, inner, type;

	w.parts.ctx = &w;
	go_dwarf_list(d);
	if (!(function_at(d, code, &value) && inlined_method(&value, &die)) && !(method && function_at(d, method, &die)))
		return;
	if (dwarf_child(&die, &inner) != 0)
		return;
	while (dwarf_tag(&inner) != DW_TAG_formal_parameter) /* the receiver is the first */
		if (dwarf_siblingof(&inner, &inner) != 0)
			return;
	if (!dwarf_attr_integrate(&inner, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
		return;
	gs_buf_init(&w.parts.name, 1 << 20);
	capture_variable(&w, dwarf_diename(&inner) ? dwarf_diename(&inner) : "_", &type, 8, false);
	gs_buf_release(&w.parts.name);
}
