/*
 * Instructions of a binary as text in the syntax of Go's own tools (`go tool objdump`, pprof's -disasm), decoded by capstone.
 * Intel and AT&T syntax are capstone's own.
 */
#ifndef GS_LOAD_DISASM_H
#define GS_LOAD_DISASM_H

#include "load/binary.h"

typedef enum gs_asm_syntax {
	GS_ASM_GO,
	GS_ASM_INTEL,
	GS_ASM_ATT,
} gs_asm_syntax;

typedef struct gs_instruction {
	uint64_t addr; /* the file's own */
	uint32_t size;
	gs_str text; /* "?" for bytes that are no instruction */
	gs_str file; /* innermost place; empty when unknown */
	uint32_t line;
	const gs_symbol *frames; /* innermost first: the inline stack */
	unsigned n_frames;
} gs_instruction;

/* Code in [start, end) of the binary. Lives in `mem`; strings of frames as long as the binary. GS_ERR_UNSUPPORTED for processors
 * that we cannot decode, GS_ERR_MISSING when the file has no code there, GS_ERR_LIMIT beyond 16 MB. */
bool gs_disasm(gs_arena *mem, gs_binary *b, uint64_t start, uint64_t end, gs_asm_syntax syntax,
	       const gs_instruction **list, uint32_t *n, gs_err *err);

/* A function as a place in the file. */
typedef struct gs_code_symbol {
	gs_str name; /* linker name */
	uint64_t start, end;
} gs_code_symbol;

/* Every function, by address: of the ELF symbol table, and of pclntab when the file is stripped. Lives with the binary. */
const gs_code_symbol *gs_binary_functions(gs_binary *b, uint32_t *n);
/* The symbol, code or data, around `addr`: its name and start; false when there is none. */
bool gs_binary_symbol_at(gs_binary *b, uint64_t addr, gs_str *name, uint64_t *start);

#endif
