/* Parts of format/goruntime/dwarf.h. */
#ifndef GS_FORMAT_GORUNTIME_DWARF_PARTS_H
#define GS_FORMAT_GORUNTIME_DWARF_PARTS_H

#include <dwarf.h>
#include <elfutils/libdw.h>

#include "base/buf.h"
#include "format/goruntime/dwarf.h"

typedef struct go_dwarf_function {
	uint64_t low, high; /* of its code */
	Dwarf_Off at;
} go_dwarf_function;

struct gs_go_dwarf {
	gs_arena *mem; /* of the unpacked sections */
	Elf *elf;
	Dwarf *dw;
	/* See go_dwarf_list. */
	GS_VEC(go_dwarf_function) functions; /* by address */
	GS_VEC(Dwarf_Off) variables;	     /* package-level ones that have an address */
	GS_VEC(Dwarf_Off) types;	     /* with names of their own */
	bool is_listed;
};

/* Fill these lists, once: of Go's units. */
void go_dwarf_list(gs_go_dwarf *d);
/* A fixed address: DW_OP_addr and eight bytes. */
bool go_dwarf_location(Dwarf_Die *die, uint64_t *addr);

#endif
