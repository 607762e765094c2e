#include "format/goruntime/offsets.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "base/library.h"
#include "format/dwarf/image.h"
#include "base/buf.h"
#include "base/banned.h"

/* The linker puts every type of the program, the runtime's variables and its constants into the units named "runtime"; Go 1.25 has several. */

enum {
	MAX_TYPES = 64,	     /* distinct structures in our list */
	MAX_ENTRIES = 1 << 24, /* of the unit */
};
#define BUDGET_BYTES ((uint64_t)4 << 30)

typedef struct wanted {
	const char *type, *member;
	size_t at;
} wanted;

static const wanted fields[] = {
#define X(name, type, member) { type, member, offsetof(gs_go_offsets, name) },
	GS_GO_OFFSETS(X)
#undef X
};
static const wanted constants[] = {
#define X(name, constant) { constant, NULL, offsetof(gs_go_offsets, name) },
	GS_GO_CONSTANTS(X)
#undef X
};
static const wanted variables[] = {
#define X(name, variable) { variable, NULL, offsetof(gs_go_variables, name) },
	GS_GO_VARIABLES(X)
#undef X
};

enum { N_FIELDS = sizeof(fields) / sizeof(*fields) };

typedef struct search {
	gs_go_offsets *offsets;
	gs_go_variables *variables;
	gs_str names[MAX_TYPES]; /* of structures in the lists */
	Dwarf_Die dies[MAX_TYPES];
	bool is_found[MAX_TYPES];
	unsigned n_types, n_found;
} search;

static void set(gs_go_offsets *o, size_t at, int64_t v)
{
	int32_t narrow = v < 0 || v > INT32_MAX ? GS_GO_NONE : (int32_t)v;

	memcpy((char *)o + at, &narrow, sizeof(narrow));
}

/* Types behind names and arrays. */
static bool strip(Dwarf_Die *die)
{
	for (unsigned depth = 0; depth < 16; depth++) {
		Dwarf_Attribute attr;

		switch (dwarf_tag(die)) {
		case DW_TAG_typedef:
		case DW_TAG_array_type:
			if (!dwarf_attr(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, die))
				return false;
			break;
		case DW_TAG_structure_type:
			return true;
		default:
			return false;
		}
	}
	return false;
}

static bool find_member(Dwarf_Die *type, gs_str name, Dwarf_Word *at, Dwarf_Die *member_type)
{
	Dwarf_Die child;
	Dwarf_Attribute attr;

	if (dwarf_child(type, &child) != 0)
		return false;
	do {
		const char *n = dwarf_diename(&child);

		if (dwarf_tag(&child) != DW_TAG_member || !n || !gs_str_eq(gs_str_of(n), name))
			continue;
		return dwarf_attr(&child, DW_AT_data_member_location, &attr) && dwarf_formudata(&attr, at) == 0 &&
		       dwarf_attr(&child, DW_AT_type, &attr) && dwarf_formref_die(&attr, member_type);
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

/* "a.b" or "a#" in a structure. */
static int64_t follow(const Dwarf_Die *type, gs_str path)
{
	Dwarf_Die at = *type;
	bool want_size = gs_str_ends(path, GS_S("#"));
	Dwarf_Word sum = 0;
	gs_str part, rest = want_size ? gs_str_slice(path, 0, path.n - 1) : path;

	for (bool is_more = true; is_more;) {
		Dwarf_Word offset;
		Dwarf_Die next;

		is_more = gs_str_cut(rest, '.', &part, &rest);
		if (!strip(&at) || !find_member(&at, part, &offset, &next))
			return GS_GO_NONE;
		sum += offset;
		at = next;
	}
	if (want_size) {
		Dwarf_Word size;

		return dwarf_aggregate_size(&at, &size) == 0 ? (int64_t)size : GS_GO_NONE;
	}
	return (int64_t)sum;
}

static const Dwarf_Die *type_named(const search *s, gs_str name)
{
	for (unsigned i = 0; i < s->n_types; i++)
		if (s->is_found[i] && gs_str_eq(s->names[i], name))
			return &s->dies[i];
	return NULL;
}

static int64_t resolve(const search *s, const wanted *w)
{
	gs_str name, names = gs_str_of(w->type), path, paths;

	for (bool is_more = true; is_more;) {
		const Dwarf_Die *type;

		is_more = gs_str_cut(names, '|', &name, &names);
		type = type_named(s, name);
		if (!type)
			continue;
		if (!w->member[0]) {
			Dwarf_Die copy = *type;
			int size = dwarf_bytesize(&copy);

			return size;
		}
		paths = gs_str_of(w->member);
		for (bool is_more_paths = true; is_more_paths;) {
			int64_t v;

			is_more_paths = gs_str_cut(paths, '|', &path, &paths);
			v = follow(type, path);
			if (v >= 0)
				return v;
		}
	}
	return GS_GO_NONE;
}

static void list_types(search *s)
{
	for (unsigned i = 0; i < N_FIELDS; i++) {
		gs_str name, names = gs_str_of(fields[i].type);

		for (bool is_more = true; is_more;) {
			bool is_known = false;

			is_more = gs_str_cut(names, '|', &name, &names);
			for (unsigned k = 0; k < s->n_types; k++)
				is_known |= gs_str_eq(s->names[k], name);
			if (!is_known && s->n_types < MAX_TYPES)
				s->names[s->n_types++] = name;
		}
	}
}

static void look_at_type(search *s, Dwarf_Die *die, gs_str name)
{
	for (unsigned i = 0; i < s->n_types; i++)
		if (!s->is_found[i] && gs_str_eq(s->names[i], name)) {
			s->dies[i] = *die;
			s->is_found[i] = true;
			s->n_found++;
		}
}

/* The table of semaphores is an array of a structure without a name. */
static void look_at_semtable(search *s, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (dwarf_attr(die, DW_AT_type, &attr) && dwarf_formref_die(&attr, &type) && strip(&type))
		look_at_type(s, &type, GS_S("runtime.semTable"));
}

/* DW_OP_addr and eight bytes. */
static bool location(Dwarf_Die *die, uint64_t *addr)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;

	if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_formblock(&attr, &block) != 0 || block.length != 9 ||
	    block.data[0] != DW_OP_addr)
		return false;
	memcpy(addr, block.data + 1, sizeof(*addr));
	return true;
}

static void look_at_variable(search *s, Dwarf_Die *die, gs_str name)
{
	uint64_t addr;

	if (gs_str_eq(name, GS_S("runtime.semtable")))
		look_at_semtable(s, die);
	if (!location(die, &addr))
		return;
	for (unsigned i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		if (gs_str_eq(gs_str_of(variables[i].type), name))
			memcpy((char *)s->variables + variables[i].at, &addr, sizeof(addr));
}

static void look_at_constant(search *s, Dwarf_Die *die, gs_str name)
{
	Dwarf_Attribute attr;
	Dwarf_Sword v;

	for (unsigned i = 0; i < sizeof(constants) / sizeof(*constants); i++)
		if (gs_str_eq(gs_str_of(constants[i].type), name) &&
		    dwarf_attr(die, DW_AT_const_value, &attr) && dwarf_formsdata(&attr, &v) == 0)
			set(s->offsets, constants[i].at, v);
}

static void look_at_unit(search *s, Dwarf_Die *unit)
{
	Dwarf_Die die;
	unsigned n = 0;

	if (dwarf_child(unit, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		const char *z;
		gs_str name;

		if (tag != DW_TAG_structure_type && tag != DW_TAG_variable && tag != DW_TAG_constant)
			continue;
		z = dwarf_diename(&die);
		name = gs_str_of(z ? z : "");
		if (!gs_str_starts(name, GS_S("runtime.")) && !gs_str_starts(name, GS_S("internal/")))
			continue;
		if (tag == DW_TAG_structure_type)
			look_at_type(s, &die, name);
		else if (tag == DW_TAG_variable)
			look_at_variable(s, &die, name);
		else
			look_at_constant(s, &die, name);
	} while (++n < MAX_ENTRIES && dwarf_siblingof(&die, &die) == 0);
}

static bool is_runtime_unit(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	return name && strcmp(name, "runtime") == 0;
}

/* libdw over a clean copy of the debug sections. */
typedef struct opened {
	Elf *elf;
	Dwarf *dw;
} opened;

static bool open_dwarf(gs_arena *scratch, const gs_elf *e, bool with_locations, opened *out, gs_err *err)
{
	char *image;
	size_t size;

	*out = (opened){ 0 };
	if (!gs_library_load(GS_LIBRARY_ELF, err) || !gs_library_load(GS_LIBRARY_DW, err) ||
	    !gs_dwarf_image(scratch, e, with_locations, &image, &size, err))
		return false;
	elf_version(EV_CURRENT);
	out->elf = elf_memory(image, size);
	out->dw = out->elf ? dwarf_begin_elf(out->elf, DWARF_C_READ, NULL) : NULL;
	return out->dw || gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "debug information does not read: %s",
				  out->elf ? dwarf_errmsg(-1) : elf_errmsg(-1));
}

static void close_dwarf(opened *o)
{
	if (o->dw)
		dwarf_end(o->dw);
	if (o->elf)
		elf_end(o->elf);
}

static bool read_all(search *s, Dwarf *dw, gs_err *err)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t kind;

	while (dwarf_get_units(dw, cu, &cu, NULL, &kind, &die, NULL) == 0)
		if (is_runtime_unit(&die))
			look_at_unit(s, &die);
	for (unsigned i = 0; i < N_FIELDS; i++)
		set(s->offsets, fields[i].at, resolve(s, &fields[i]));
	if (!type_named(s, GS_S("runtime.mspan")) || !type_named(s, GS_S("runtime.g")))
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
			       "the debug information does not describe Go's runtime");
	return true;
}

bool gs_go_offsets_dwarf(const gs_elf *e, gs_go_offsets *out, gs_go_variables *vars, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(BUDGET_BYTES);
	search *s = gs_new(scratch, search, 1);
	opened o;
	bool ok;

	memset(out, 0xff, sizeof(*out)); /* GS_GO_NONE everywhere */
	s->offsets = out;
	s->variables = vars ? vars : gs_new(scratch, gs_go_variables, 1);
	*s->variables = (gs_go_variables){ 0 };
	list_types(s);
	ok = open_dwarf(scratch, e, false, &o, err) && read_all(s, o.dw, err);
	close_dwarf(&o);
	return ok;
}

/* Go's own attributes. */
enum { AT_GO_KIND = 0x2900, AT_GO_ELEM = 0x2902, AT_GO_RUNTIME_TYPE = 0x2904, AT_GO_CLOSURE_OFFSET = 0x2907, LANG_GO = 0x16, GO_ARRAY = 17, GO_POINTER = 22, GO_SLICE = 23, GO_STRUCT = 25,
       MAX_PARTS = 1 << 16, MAX_STEPS = 1 << 18, MAX_TYPE_DEPTH = 32 };

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

typedef struct variable_walk {
	void *ctx;
	void (*take)(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type);
	gs_buf name;
	uint32_t n_taken, n_steps; /* of the variable */
} variable_walk;

static bool type_attr(Dwarf_Die *die, unsigned attr_name, Dwarf_Die *out)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, attr_name, &attr) && dwarf_formref_die(&attr, out);
}

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
	Dwarf_Die elem;
	Dwarf_Word go_kind = 0;
	uint64_t found = descriptor(type);

	if (depth > MAX_TYPE_DEPTH || w->n_taken > MAX_PARTS || ++w->n_steps > MAX_STEPS)
		return;
	if (!found && dwarf_tag(type) == DW_TAG_typedef && !dwarf_attr(type, AT_GO_KIND, &attr)) { /* a struct's name */
		if (type_attr(type, DW_AT_type, &elem))
			walk_value(w, &elem, addr, depth + 1);
		return;
	}
	if (!found && dwarf_attr(type, AT_GO_KIND, &attr) && dwarf_formudata(&attr, &go_kind) == 0) {
		switch (go_kind) {
		case GO_STRUCT:
			walk_members(w, type, addr, depth);
			return;
		case GO_ARRAY:
			walk_elements(w, type, addr, depth);
			return;
		case GO_SLICE:
			kind = GS_GO_VARIABLE_SLICE;
			found = type_attr(type, AT_GO_ELEM, &elem) ? descriptor(&elem) : 0;
			break;
		case GO_POINTER:
			kind = GS_GO_VARIABLE_POINTER;
			found = type_attr(type, DW_AT_type, &elem) ? descriptor(&elem) : 0;
			break;
		default:
			return;
		}
	}
	if (!found)
		return;
	w->n_taken++;
	w->take(w->ctx, gs_buf_view(&w->name), addr, kind, found);
}

bool gs_go_dwarf_variables(const gs_elf *e, void *ctx,
			   void (*take)(void *ctx, gs_str name, uint64_t addr, gs_go_variable_kind kind, uint64_t type))
{
	GS_AUTO(arena) *scratch = gs_arena_create(BUDGET_BYTES);
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die, type;
	variable_walk w = { .ctx = ctx, .take = take };
	uint8_t version;
	opened o;
	bool ok = open_dwarf(scratch, e, false, &o, NULL);

	gs_buf_init(&w.name, 1 << 20);
	while (ok && dwarf_get_units(o.dw, cu, &cu, NULL, &version, &unit, NULL) == 0) {
		if (dwarf_srclang(&unit) != LANG_GO || dwarf_child(&unit, &die) != 0)
			continue;
		do {
			const char *name;
			uint64_t addr;

			if (dwarf_tag(&die) != DW_TAG_variable || !location(&die, &addr) || !type_attr(&die, DW_AT_type, &type))
				continue;
			name = dwarf_diename(&die);
			w.name.n = 0;
			w.n_taken = w.n_steps = 0;
			gs_buf_z(&w.name, name ? name : "");
			walk_value(&w, &type, addr, 0);
		} while (dwarf_siblingof(&die, &die) == 0);
	}
	gs_buf_release(&w.name);
	close_dwarf(&o);
	return ok;
}

/* ---- local variables ---- */

enum { MAX_SCOPES = 64, MAX_LOCAL_STEPS = 1 << 26 };

typedef struct local_walk {
	variable_walk parts;
	gs_go_local now;
	int64_t place; /* where the variable would begin */
	bool is_behind; /* what is there points to the variable */
	const uint64_t *pcs;
	size_t n_pcs;
	uint64_t n_steps;
	void *ctx;
	void (*take)(void *ctx, const gs_go_local *l);
} local_walk;

static void on_part(void *ctx, gs_str name, uint64_t offset, gs_go_variable_kind kind, uint64_t type)
{
	local_walk *w = ctx;

	(void)name;
	if (w->is_behind && (offset || kind != GS_GO_VARIABLE_VALUE))
		return;
	w->now.base = (int64_t)((uint64_t)w->place + offset);
	w->now.kind = w->is_behind ? GS_GO_VARIABLE_POINTER : (uint8_t)kind;
	w->now.type = type;
	w->take(w->ctx, &w->now);
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

static void walk_function(local_walk *w, Dwarf_Die *die)
{
	Dwarf_Addr low, high;
	size_t lo = 0, hi = w->n_pcs;

	if (dwarf_lowpc(die, &low) != 0 || dwarf_highpc(die, &high) != 0)
		return;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->pcs[mid] < low)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < w->n_pcs && w->pcs[lo] < high && w->n_steps < MAX_LOCAL_STEPS; lo++) {
		w->now.pc = w->pcs[lo];
		walk_scope(w, die, 0);
	}
}

bool gs_go_dwarf_locals(const gs_elf *e, const uint64_t *pcs, size_t n_pcs, void *ctx, void (*take)(void *ctx, const gs_go_local *l))
{
	GS_AUTO(arena) *scratch = gs_arena_create(BUDGET_BYTES);
	local_walk w = { .parts = { .take = on_part }, .pcs = pcs, .n_pcs = n_pcs, .ctx = ctx, .take = take };
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die;
	uint8_t version;
	opened o;
	bool ok = open_dwarf(scratch, e, true, &o, NULL);

	w.parts.ctx = &w;
	gs_buf_init(&w.parts.name, 1 << 20);
	while (ok && dwarf_get_units(o.dw, cu, &cu, NULL, &version, &unit, NULL) == 0) {
		if (dwarf_srclang(&unit) != LANG_GO || dwarf_child(&unit, &die) != 0)
			continue;
		do {
			if (dwarf_tag(&die) == DW_TAG_subprogram)
				walk_function(&w, &die);
		} while (dwarf_siblingof(&die, &die) == 0);
	}
	gs_buf_release(&w.parts.name);
	close_dwarf(&o);
	return ok;
}

/* ---- closures ---- */

typedef struct capture_walk {
	variable_walk parts;
	gs_go_capture now;
	uint64_t start; /* of the variable in the object */
	void *ctx;
	void (*take)(void *ctx, const gs_go_capture *c);
} capture_walk;

static void on_captured_part(void *ctx, gs_str name, uint64_t offset, gs_go_variable_kind kind, uint64_t type)
{
	capture_walk *w = ctx;

	(void)name;
	w->now.offset = w->start + offset;
	w->now.kind = (uint8_t)kind;
	w->now.type = type;
	w->take(w->ctx, &w->now);
}

/* "&x" is a made-up variable that leads to x: to where it is shared, or into the closure when that has a copy. */
static void on_captured(capture_walk *w, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Word offset;
	Dwarf_Die type, behind;
	const char *name = dwarf_diename(die);

	if (!dwarf_attr(die, AT_GO_CLOSURE_OFFSET, &attr) || dwarf_formudata(&attr, &offset) != 0 || !type_attr(die, DW_AT_type, &type))
		return;
	w->start = offset;
	w->now.is_behind = name && name[0] == '&';
	w->parts.n_taken = w->parts.n_steps = 0;
	w->parts.name.n = 0;
	if (!w->now.is_behind)
		walk_value(&w->parts, &type, 0, 0);
	else if (type_attr(&type, DW_AT_type, &behind) && descriptor(&behind))
		on_captured_part(w, (gs_str){ 0 }, 0, GS_GO_VARIABLE_POINTER, descriptor(&behind));
}

static bool is_listed(const uint64_t *codes, size_t n, uint64_t code)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (codes[mid] < code)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && codes[lo] == code;
}

bool gs_go_dwarf_captures(const gs_elf *e, const uint64_t *codes, size_t n_codes, void *ctx, void (*take)(void *ctx, const gs_go_capture *c))
{
	GS_AUTO(arena) *scratch = gs_arena_create(BUDGET_BYTES);
	capture_walk w = { .parts = { .take = on_captured_part }, .ctx = ctx, .take = take };
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die, inner;
	uint8_t version;
	opened o;
	bool ok = open_dwarf(scratch, e, true, &o, NULL);

	w.parts.ctx = &w;
	gs_buf_init(&w.parts.name, 1 << 20);
	while (ok && dwarf_get_units(o.dw, cu, &cu, NULL, &version, &unit, NULL) == 0) {
		if (dwarf_srclang(&unit) != LANG_GO || dwarf_child(&unit, &die) != 0)
			continue;
		do {
			if (dwarf_tag(&die) != DW_TAG_subprogram || dwarf_lowpc(&die, &w.now.code) != 0 || !is_listed(codes, n_codes, w.now.code) ||
			    dwarf_child(&die, &inner) != 0)
				continue;
			do
				on_captured(&w, &inner);
			while (dwarf_siblingof(&inner, &inner) == 0);
		} while (dwarf_siblingof(&die, &die) == 0);
	}
	gs_buf_release(&w.parts.name);
	close_dwarf(&o);
	return ok;
}
