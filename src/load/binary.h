/*
 * gs_binary: the symbols of one file, answered from its mapped bytes. Go code through pclntab, C code through DWARF, what is left
 * through the ELF symbol table. Opening reads headers only; DWARF and symbol tables are looked at when the first address needs them.
 *
 * Made once, then any number of threads may ask. All strings live as long as the binary.
 */
#ifndef GS_LOAD_BINARY_H
#define GS_LOAD_BINARY_H

#include "base/file.h"
#include "format/elf/buildinfo.h"
#include "format/pclntab/pclntab.h"

enum { GS_SYMBOL_MAX_DEPTH = GS_PCLNTAB_MAX_DEPTH };

typedef struct gs_symbol {
	gs_str function; /* as the Go runtime prints it: type arguments are "[...]"; C++ and Rust without parameters, as perf prints them */
	gs_str linker_name; /* as the linker has it */
	gs_str file;	 /* empty: unknown */
	uint32_t line, start_line; /* 0: unknown */
	bool is_inlined; /* into the next frame */
	bool is_wrapper; /* compiler-made method wrapper: the runtime leaves it out when it is not the innermost frame */
} gs_symbol;

/* What a profile has beside the function's name: the mangled one, if it has one. */
gs_str gs_symbol_system_name(const gs_symbol *s);

typedef struct gs_binary gs_binary;

/* GS_ERR_FORMAT when it is no ELF file. A binary without any symbols opens, and answers nothing. */
gs_binary *gs_binary_open(const char *path, gs_err *err);
/* The same over bytes that outlive it; `path` is for messages. */
gs_binary *gs_binary_of(gs_str bytes, gs_str path, gs_err *err);
void gs_binary_close(gs_binary *b);

/* Frames at the file's own address `addr`, innermost first, at most `max`; 0 when nothing is known about it. */
unsigned gs_binary_frames(gs_binary *b, uint64_t addr, gs_symbol *out, unsigned max);

/* The function that was last asked for: questions in the order of addresses become cheap. One per thread. */
typedef struct gs_binary_cursor {
	bool is_set;
	uint32_t index;
	gs_pclntab_place place;
	gs_str printed_name;
	/* Printed names of late, by address of the linker's: so that threads seldom meet at a lock. */
	struct {
		const char *linker;
		gs_str printed;
	} names[16];
} gs_binary_cursor;
void gs_binary_cursor_init(gs_binary_cursor *at);
unsigned gs_binary_frames_near(gs_binary *b, gs_binary_cursor *at, uint64_t addr, gs_symbol *out, unsigned max);

gs_str gs_binary_path(const gs_binary *b);
const gs_elf *gs_binary_elf(const gs_binary *b);
/* NULL: not a Go program. */
const gs_pclntab *gs_binary_pclntab(const gs_binary *b);
const gs_go_buildinfo *gs_binary_go(const gs_binary *b);
/* Hex GNU build id, else the Go build id, else empty. */
gs_str gs_binary_build_id(const gs_binary *b);
/* Code range of the named function (printed or linker name, exact; the first of several C++ functions that differ in parameters). */
bool gs_binary_function(gs_binary *b, gs_str name, uint64_t *start, uint64_t *end);

#define GS_AUTO_TYPE_binary gs_binary
static inline void gs_auto_binary(gs_binary **b)
{
	gs_binary_close(*b);
}

#endif
