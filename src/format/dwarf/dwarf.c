#include "format/dwarf/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "base/buf.h"
#include "base/library.h"
#include "base/map.h"
#include "format/dwarf/image.h"
#include "base/banned.h"

enum {
	MAX_UNITS = 1 << 18,
	MAX_RANGES = 1 << 22,
	MAX_FUNCS = 1 << 22,
	MAX_DEPTH = 64,	       /* of nested scopes: recursion of ours */
	MAX_STEPS = 1 << 22,   /* entries looked at for one unit's index or one address */
	LANG_GO = 0x16,
};
#define BUDGET_BYTES ((uint64_t)8 << 30)

typedef struct range {
	uint64_t start, end;
	uint64_t die; /* offset of the unit's or the function's entry */
	uint32_t unit;
} range;

typedef GS_VEC(range) range_list;

typedef struct unit {
	uint64_t die;
	bool is_indexed;
	range_list funcs;
} unit;

struct gs_dwarf {
	gs_arena *mem;
	Elf *elf;
	Dwarf *dw;
	GS_VEC(unit) units;
	range_list ranges; /* of units, sorted */
	gs_strtab paths; /* of files, made absolute */
	bool is_indexed;
	unsigned steps; /* left for the question at hand */
};

gs_dwarf *gs_dwarf_open(const gs_elf *e, gs_err *err)
{
	gs_arena *mem = gs_arena_create(BUDGET_BYTES);
	gs_dwarf *d = gs_new(mem, gs_dwarf, 1);
	char *image;
	size_t size;

	d->mem = mem;
	if (!gs_strtab_init(&d->paths, mem)) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
		gs_dwarf_close(d);
		return NULL;
	}
	if (!gs_library_load(GS_LIBRARY_ELF, err) || !gs_library_load(GS_LIBRARY_DW, err) ||
	    !gs_dwarf_image(mem, e, GS_DWARF_LINES, &image, &size, err)) {
		gs_dwarf_close(d);
		return NULL;
	}
	elf_version(EV_CURRENT);
	d->elf = elf_memory(image, size);
	d->dw = d->elf ? dwarf_begin_elf(d->elf, DWARF_C_READ, NULL) : NULL;
	if (!d->dw) {
		gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "debug information does not read: %s",
			d->elf ? dwarf_errmsg(-1) : elf_errmsg(-1));
		gs_dwarf_close(d);
		return NULL;
	}
	return d;
}

void gs_dwarf_close(gs_dwarf *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->units.n; i++)
		gs_vec_release(&d->units.p[i].funcs);
	gs_vec_release(&d->units);
	gs_vec_release(&d->ranges);
	dwarf_end(d->dw);
	elf_end(d->elf);
	gs_arena_free(d->mem); /* the image and the handle itself live there */
}

static int by_start(const void *a, const void *b)
{
	const range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* The wider one first: of nested ranges the last that covers is the innermost. */
	return x->end > y->end ? -1 : x->end < y->end;
}

static void add_ranges(Dwarf_Die *die, uint32_t unit_no, range_list *to)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	uint64_t off = dwarf_dieoffset(die);

	while ((at = dwarf_ranges(die, at, &base, &start, &end)) > 0) {
		range *r;

		/* Start 0 is code that the linker has thrown away. */
		if (start == 0 || end <= start)
			continue;
		r = gs_vec_push(to, MAX_RANGES);
		if (!r)
			return;
		*r = (range){ start, end, off, unit_no };
	}
}

static void index_units(gs_dwarf *d)
{
	Dwarf_Off off = 0, next;
	size_t header;

	d->is_indexed = true;
	while (d->units.n < MAX_UNITS && dwarf_nextcu(d->dw, off, &next, &header, NULL, NULL, NULL) == 0) {
		Dwarf_Die die;
		unit *u;

		if (next <= off)
			break;
		if (dwarf_offdie(d->dw, off + header, &die) && dwarf_tag(&die) == DW_TAG_compile_unit &&
		    dwarf_srclang(&die) != LANG_GO) {
			u = gs_vec_push(&d->units, MAX_UNITS);
			if (!u)
				break;
			u->die = dwarf_dieoffset(&die);
			add_ranges(&die, (uint32_t)(d->units.n - 1), &d->ranges);
		}
		off = next;
	}
	if (d->ranges.n)
		qsort(d->ranges.p, d->ranges.n, sizeof(*d->ranges.p), by_start);
}

/* Index of the last range that starts at or before addr and covers it, SIZE_MAX when none does. */
static size_t range_at(const range_list *l, uint64_t addr)
{
	size_t lo = 0, hi = l->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->p[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo, steps = 0; i > 0 && steps < 64; i--, steps++)
		if (addr < l->p[i - 1].end)
			return i - 1;
	return SIZE_MAX;
}

static bool step(gs_dwarf *d)
{
	return d->steps && d->steps--;
}

static void index_functions(gs_dwarf *d, Dwarf_Die *parent, uint32_t u, unsigned depth)
{
	Dwarf_Die child;

	if (depth > MAX_DEPTH || dwarf_child(parent, &child) != 0)
		return;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
			if (d->units.p[u].funcs.n < MAX_FUNCS)
				add_ranges(&child, u, &d->units.p[u].funcs);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
			index_functions(d, &child, u, depth + 1);
			break;
		default:
			break;
		}
	} while (step(d) && dwarf_siblingof(&child, &child) == 0);
}

/* The chain of scopes from a function down to the innermost inlined call at addr: out[0] is the function. */
static unsigned inline_chain(gs_dwarf *d, Dwarf_Die *func, uint64_t addr, Dwarf_Die *out, unsigned max)
{
	unsigned n = 1;
	Dwarf_Die at = *func, child;

	out[0] = *func;
	for (unsigned depth = 0; depth < MAX_DEPTH && dwarf_child(&at, &child) == 0; depth++) {
		bool is_deeper = false;

		do {
			int tag = dwarf_tag(&child);

			if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
			    dwarf_haspc(&child, addr) == 1) {
				is_deeper = true;
				break;
			}
		} while (step(d) && dwarf_siblingof(&child, &child) == 0);
		if (!is_deeper)
			break;
		at = child;
		if (dwarf_tag(&child) == DW_TAG_inlined_subroutine && n < max)
			out[n++] = child;
	}
	return n;
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;

	return dwarf_attr_integrate(die, name, &attr) && dwarf_formudata(&attr, &v) == 0 && v <= UINT32_MAX ?
		       (uint32_t)v :
		       0;
}

static gs_str string_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;

	return dwarf_attr_integrate(die, name, &attr) ? gs_str_of(dwarf_formstring(&attr)) : (gs_str){ 0 };
}

/* Where the compiler stood counts: paths come out absolute when it says so. */
static gs_str full_path(gs_dwarf *d, Dwarf_Die *cu, const char *file)
{
	GS_AUTO(buf) b = { 0 };
	gs_str name = gs_str_of(file), dir;
	uint32_t id;

	if (name.n == 0 || name.p[0] == '/')
		return name;
	dir = string_of(cu, DW_AT_comp_dir);
	if (dir.n == 0)
		return name;
	gs_buf_init(&b, 1 << 16);
	gs_buf_f(&b, "%.*s/%.*s", GS_FMT(dir), GS_FMT(name));
	id = b.bad ? UINT32_MAX : gs_strtab_id(&d->paths, gs_buf_view(&b));
	return id == UINT32_MAX ? name : gs_strtab_get(&d->paths, id);
}

static gs_str call_file(gs_dwarf *d, Dwarf_Die *cu, Dwarf_Die *die)
{
	Dwarf_Files *files;
	size_t n;
	uint32_t i = number_of(die, DW_AT_call_file);

	if (dwarf_getsrcfiles(cu, &files, &n) != 0 || i >= n)
		return (gs_str){ 0 };
	return full_path(d, cu, dwarf_filesrc(files, i, NULL, NULL));
}

unsigned gs_dwarf_frames(gs_dwarf *d, uint64_t addr, gs_dwarf_frame *out, unsigned max)
{
	Dwarf_Die cu, func, chain[MAX_DEPTH];
	Dwarf_Line *line;
	gs_str file = { 0 };
	uint32_t line_no = 0;
	size_t i;
	unsigned n;
	unit *u;

	if (!d->is_indexed)
		index_units(d);
	i = range_at(&d->ranges, addr);
	if (i == SIZE_MAX || max == 0)
		return 0;
	u = &d->units.p[d->ranges.p[i].unit];
	if (!dwarf_offdie(d->dw, u->die, &cu))
		return 0;
	d->steps = MAX_STEPS;
	if (!u->is_indexed) {
		u->is_indexed = true;
		index_functions(d, &cu, d->ranges.p[i].unit, 0);
		if (u->funcs.n)
			qsort(u->funcs.p, u->funcs.n, sizeof(*u->funcs.p), by_start);
	}
	i = range_at(&u->funcs, addr);
	if (i == SIZE_MAX || !dwarf_offdie(d->dw, u->funcs.p[i].die, &func))
		return 0;
	line = dwarf_getsrc_die(&cu, addr);
	if (line) {
		int no = 0;

		file = full_path(d, &cu, dwarf_linesrc(line, NULL, NULL));
		if (dwarf_lineno(line, &no) == 0 && no > 0)
			line_no = (uint32_t)no;
	}
	d->steps = MAX_STEPS;
	n = inline_chain(d, &func, addr, chain, max < MAX_DEPTH ? max : MAX_DEPTH);
	for (unsigned k = 0; k < n; k++) {
		Dwarf_Die *die = &chain[n - 1 - k];

		out[k] = (gs_dwarf_frame){ .name = string_of(die, DW_AT_name),
					   .linker_name = string_of(die, DW_AT_linkage_name),
					   .file = file,
					   .line = line_no,
					   .start_line = number_of(die, DW_AT_decl_line),
					   .is_inlined = k + 1 < n };
		if (out[k].name.n == 0)
			out[k].name = out[k].linker_name;
		if (out[k].linker_name.n == 0)
			out[k].linker_name = out[k].name;
		file = call_file(d, &cu, die);
		line_no = number_of(die, DW_AT_call_line);
	}
	/* Code without a name helps nobody; the symbol table may know better. */
	return out[n - 1].name.n ? n : 0;
}
