#include "format/goruntime/dwarf_parts.h"

#include "base/banned.h"

/* The linker puts every type of the program, the runtime's variables and its constants into the units named "runtime"; Go 1.25 has several. */

enum {
	MAX_TYPES = 64,	     /* distinct structures in our list */
	MAX_ENTRIES = 1 << 24, /* of the unit */
};

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

static void look_at_variable(search *s, Dwarf_Die *die, gs_str name)
{
	uint64_t addr;

	if (gs_str_eq(name, GS_S("runtime.semtable")))
		look_at_semtable(s, die);
	if (!go_dwarf_location(die, &addr))
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

bool gs_go_dwarf_offsets(gs_go_dwarf *d, gs_go_offsets *out, gs_go_variables *vars, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	search *s = gs_new(scratch, search, 1);

	memset(out, 0xff, sizeof(*out)); /* GS_GO_NONE everywhere */
	s->offsets = out;
	s->variables = vars ? vars : gs_new(scratch, gs_go_variables, 1);
	*s->variables = (gs_go_variables){ 0 };
	list_types(s);
	return read_all(s, d->dw, err);
}
