/*
 * A clean ELF file in memory that holds the debug sections of another and nothing else, unpacked. libdw gets to see only headers that
 * we wrote: it unpacks sections in place (which a read-only mapping does not survive) and trusts what it finds there.
 */
#ifndef GS_FORMAT_DWARF_IMAGE_H
#define GS_FORMAT_DWARF_IMAGE_H

#include "format/elf/elf.h"

/* Which sections. */
typedef enum gs_dwarf_part {
	GS_DWARF_ENTRIES,   /* names, types, where functions begin and end */
	GS_DWARF_LINES,	    /* also lines and the ranges of inlined calls */
	GS_DWARF_LOCATIONS, /* instead of lines where variables are */
} gs_dwarf_part;

/* In `mem`, writable. GS_ERR_MISSING when the file has no .debug_info. */
bool gs_dwarf_image(gs_arena *mem, const gs_elf *e, gs_dwarf_part which, char **image, size_t *size, gs_err *err);

#endif
