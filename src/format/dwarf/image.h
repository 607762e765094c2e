/*
 * A clean ELF file in memory that holds the debug sections of another and nothing else, unpacked. libdw gets to see only headers that
 * we wrote: it unpacks sections in place (which a read-only mapping does not survive) and trusts what it finds there.
 */
#ifndef GS_FORMAT_DWARF_IMAGE_H
#define GS_FORMAT_DWARF_IMAGE_H

#include "format/elf/elf.h"

/* In `mem`, writable. `with_locations`: also the lists of where variables are. GS_ERR_MISSING when the file has no .debug_info. */
bool gs_dwarf_image(gs_arena *mem, const gs_elf *e, bool with_locations, char **image, size_t *size, gs_err *err);

#endif
