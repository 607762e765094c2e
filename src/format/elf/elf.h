/*
 * gs_elf: a thin view of an ELF file in memory (System V gABI chapter 4 and 5; 32 and 64 bit, both byte orders). Nothing is
 * copied but the header tables; nothing is read that is not asked for, so opening a mapped file of any size is cheap.
 *
 * "Address" is always the file's own virtual address (p_vaddr space): subtract the load bias of a running process first.
 * Works without section headers (stripped to the bone, or dumped from memory) through the program headers.
 */
#ifndef GS_FORMAT_ELF_ELF_H
#define GS_FORMAT_ELF_ELF_H

#include "base/arena.h"
#include "base/err.h"
#include "format/peek.h"

enum {
	GS_ELF_EXEC = 2,
	GS_ELF_DYN = 3,
	GS_ELF_CORE = 4,

	GS_ELF_386 = 3,
	GS_ELF_ARM = 40,
	GS_ELF_S390 = 22,
	GS_ELF_PPC64 = 21,
	GS_ELF_MIPS = 8,
	GS_ELF_X86_64 = 62,
	GS_ELF_AARCH64 = 183,
	GS_ELF_RISCV = 243,
	GS_ELF_LOONGARCH = 258,
};

typedef struct gs_elf_section {
	gs_str name;
	uint32_t type, link, info;
	uint64_t flags, addr, offset, size, entsize;
} gs_elf_section;

typedef struct gs_elf_segment {
	uint32_t type, flags; /* flags: 1 execute, 2 write, 4 read */
	uint64_t offset, addr, file_size, mem_size;
} gs_elf_segment;

typedef struct gs_elf_reloc { /* a RELATIVE relocation: the word at `at` becomes load bias + value */
	uint64_t at, value;
} gs_elf_reloc;

typedef struct gs_elf {
	gs_arena *mem;
	gs_str bytes;
	bool is_64, is_big;
	uint16_t type, machine;
	uint64_t entry;
	gs_elf_section *sections;
	gs_elf_segment *segments;
	uint32_t n_sections, n_segments;
	gs_elf_reloc *relocs; /* sorted by `at`; filled by gs_elf_load_relocs */
	size_t n_relocs;
	bool has_relocs; /* gs_elf_load_relocs ran */
} gs_elf;

/* `bytes` are borrowed and must outlive *out; tables live in `mem`. GS_ERR_FORMAT names the offset. */
bool gs_elf_open(gs_arena *mem, gs_str bytes, gs_elf *out, gs_err *err);
static inline bool gs_elf_is(gs_str bytes)
{
	return bytes.n >= 4 && memcmp(bytes.p, "\177ELF", 4) == 0;
}

/* NULL when absent. */
const gs_elf_section *gs_elf_section_find(const gs_elf *e, gs_str name);
/* The bytes as they lie in the file, cut at its end; empty for SHT_NOBITS. */
gs_str gs_elf_section_raw(const gs_elf *e, const gs_elf_section *s);
/* As above, inflated when compressed (SHF_COMPRESSED zlib or zstd, .zdebug_*): then a copy in e->mem. */
bool gs_elf_section_data(const gs_elf *e, const gs_elf_section *s, gs_str *out, gs_err *err);

/* File bytes from address `addr` to the end of its segment; empty when the file has none there. */
gs_str gs_elf_at(const gs_elf *e, uint64_t addr);
/* False when no loaded segment covers it. */
bool gs_elf_addr_of_offset(const gs_elf *e, uint64_t offset, uint64_t *addr);
bool gs_elf_offset_of_addr(const gs_elf *e, uint64_t addr, uint64_t *offset);

/* Read the RELATIVE relocations of a position-independent file; a file without any is fine. */
bool gs_elf_load_relocs(gs_elf *e, gs_err *err);
/* The pointer stored at `addr` as the loader would leave it for load bias 0. Call gs_elf_load_relocs first for GS_ELF_DYN. */
bool gs_elf_pointer(const gs_elf *e, uint64_t addr, uint64_t *out);

static inline unsigned gs_elf_pointer_size(const gs_elf *e)
{
	return e->is_64 ? 8 : 4;
}

/* GNU build id as raw bytes (usually 20); empty when there is none. Go build id as text. */
gs_str gs_elf_gnu_build_id(const gs_elf *e);
gs_str gs_elf_go_build_id(const gs_elf *e);
/* Lower-case hex in `mem`. */
gs_str gs_elf_build_id_hex(const gs_elf *e, gs_arena *mem);
/* .gnu_debuglink: file name and CRC; empty when absent. */
gs_str gs_elf_debuglink(const gs_elf *e, uint32_t *crc);

/* Symbol tables. */
typedef struct gs_elf_symbol {
	uint64_t addr, size;
	gs_str name; /* borrowed from the file */
	uint8_t type; /* 1 object, 2 function */
} gs_elf_symbol;

typedef struct gs_elf_symbols {
	gs_elf_symbol *list; /* sorted by address; of gs_elf_symbols_load functions and untyped labels in executable places */
	size_t n;
} gs_elf_symbols;

/* Functions of .symtab, else of .dynsym, sorted for gs_elf_symbol_at. n 0 when the file has none. */
bool gs_elf_symbols_load(const gs_elf *e, gs_arena *mem, gs_elf_symbols *out, gs_err *err);
/* Data too. */
bool gs_elf_symbols_load_all(const gs_elf *e, gs_arena *mem, gs_elf_symbols *out, gs_err *err);
/* The symbol that covers `addr`; a symbol without size reaches to the next one. NULL when none does. */
const gs_elf_symbol *gs_elf_symbol_at(const gs_elf_symbols *s, uint64_t addr);
/* One symbol by exact name, by a walk over .symtab and .dynsym. */
bool gs_elf_symbol_named(const gs_elf *e, gs_str name, gs_elf_symbol *out);

#endif
