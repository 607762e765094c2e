/*
 * gs_dwarf: functions, inlined calls and lines of C and C++ code, read by elfutils' libdw (DWARF 2 to 5, compressed sections).
 * Go code is not looked at: pclntab answers for it, faster and in stripped files too.
 *
 * Not thread-safe: libdw caches as it reads; the caller holds a lock. Units are indexed at the first question, the functions of
 * a unit when an address first falls into it.
 */
#ifndef GS_FORMAT_DWARF_DWARF_H
#define GS_FORMAT_DWARF_DWARF_H

#include "format/elf/elf.h"

typedef struct gs_dwarf gs_dwarf;

typedef struct gs_dwarf_frame {
	gs_str name, linker_name, file; /* live as long as the gs_dwarf */
	uint32_t line, start_line;
	bool is_inlined;
} gs_dwarf_frame;

/* GS_ERR_MISSING when the file has no debug information. `e` and its bytes must outlive the result. */
gs_dwarf *gs_dwarf_open(const gs_elf *e, gs_err *err);
void gs_dwarf_close(gs_dwarf *d);
/* Frames at `addr`, innermost first, at most `max`; 0 when nothing is known about it. */
unsigned gs_dwarf_frames(gs_dwarf *d, uint64_t addr, gs_dwarf_frame *out, unsigned max);

#endif
