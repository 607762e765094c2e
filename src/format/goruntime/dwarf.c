#include <stdlib.h>

#include "base/library.h"
#include "format/dwarf/image.h"
#include "format/goruntime/dwarf_parts.h"

#include "base/banned.h"

#define BUDGET_BYTES ((uint64_t)4 << 30)

enum { LANG_GO = 0x16, MAX_FUNCTIONS = 1 << 24, MAX_VARIABLES = 1 << 22, MAX_TYPES = 1 << 24 };

/* libdw over a clean copy of the debug sections. */
gs_go_dwarf *gs_go_dwarf_open(const gs_elf *e, bool with_locations, gs_err *err)
{
	gs_arena *mem;
	gs_go_dwarf *d;
	char *image;
	size_t size;

	if (!gs_library_load(GS_LIBRARY_ELF, err) || !gs_library_load(GS_LIBRARY_DW, err))
		return NULL;
	mem = gs_arena_create(BUDGET_BYTES);
	d = gs_new(mem, gs_go_dwarf, 1);
	d->mem = mem;
	if (!gs_dwarf_image(mem, e, with_locations ? GS_DWARF_LOCATIONS : GS_DWARF_ENTRIES, &image, &size, err)) {
		gs_arena_free(mem);
		return NULL;
	}
	elf_version(EV_CURRENT);
	d->elf = elf_memory(image, size);
	d->dw = d->elf ? dwarf_begin_elf(d->elf, DWARF_C_READ, NULL) : NULL;
	if (d->dw)
		return d;
	gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "debug information does not read: %s", d->elf ? dwarf_errmsg(-1) : elf_errmsg(-1));
	gs_go_dwarf_close(d);
	return NULL;
}

void gs_go_dwarf_close(gs_go_dwarf *d)
{
	if (!d)
		return;
	if (d->dw)
		dwarf_end(d->dw);
	if (d->elf)
		elf_end(d->elf);
	gs_vec_release(&d->functions);
	gs_vec_release(&d->variables);
	gs_vec_release(&d->types);
	gs_arena_free(d->mem);
}

bool go_dwarf_location(Dwarf_Die *die, uint64_t *addr)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;

	if (!dwarf_attr(die, DW_AT_location, &attr) || dwarf_formblock(&attr, &block) != 0 || block.length != 9 ||
	    block.data[0] != DW_OP_addr)
		return false;
	memcpy(addr, block.data + 1, sizeof(*addr));
	return true;
}

static int by_address(const void *a, const void *b)
{
	const go_dwarf_function *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void list_one(gs_go_dwarf *d, Dwarf_Die *die)
{
	go_dwarf_function f, *function;
	uint64_t addr;
	Dwarf_Off *at;

	switch (dwarf_tag(die)) {
	case DW_TAG_variable:
		at = go_dwarf_location(die, &addr) ? gs_vec_push(&d->variables, MAX_VARIABLES) : NULL;
		if (at)
			*at = dwarf_dieoffset(die);
		break;
	case DW_TAG_typedef:
		at = gs_vec_push(&d->types, MAX_TYPES);
		if (at)
			*at = dwarf_dieoffset(die);
		break;
	case DW_TAG_subprogram:
		if (dwarf_lowpc(die, &f.low) != 0 || dwarf_highpc(die, &f.high) != 0)
			break; /* only what is inlined elsewhere */
		f.at = dwarf_dieoffset(die);
		function = gs_vec_push(&d->functions, MAX_FUNCTIONS);
		if (function)
			*function = f;
		break;
	default:
		break;
	}
}

void go_dwarf_list(gs_go_dwarf *d)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit, die;
	uint8_t kind;

	if (d->is_listed)
		return;
	d->is_listed = true;
	while (dwarf_get_units(d->dw, cu, &cu, NULL, &kind, &unit, NULL) == 0) {
		if (dwarf_srclang(&unit) != LANG_GO || dwarf_child(&unit, &die) != 0)
			continue;
		do
			list_one(d, &die);
		while (dwarf_siblingof(&die, &die) == 0);
	}
	if (d->functions.n)
		qsort(d->functions.p, d->functions.n, sizeof(*d->functions.p), by_address);
}
