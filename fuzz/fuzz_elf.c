/* Everything that is read out of an ELF file but DWARF. */
#include "format/elf/buildinfo.h"
#include "format/pclntab/pclntab.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_arena *mem = gs_arena_create(64 << 20);
	gs_elf e;
	gs_err err;
	gs_go_buildinfo info;
	gs_elf_symbols symbols;
	gs_elf_symbol one;
	gs_pclntab t;
	gs_str s;
	uint32_t crc;
	uint64_t v;

	if (gs_elf_open(mem, (gs_str){ (const char *)data, size }, &e, &err)) {
		for (uint32_t i = 0; i < e.n_sections && i < 64; i++)
			gs_elf_section_data(&e, &e.sections[i], &s, &err);
		gs_elf_load_relocs(&e, &err);
		gs_elf_pointer(&e, e.entry, &v);
		gs_elf_offset_of_addr(&e, e.entry, &v);
		gs_elf_addr_of_offset(&e, e.entry, &v);
		gs_elf_build_id_hex(&e, mem);
		gs_elf_go_build_id(&e);
		gs_elf_debuglink(&e, &crc);
		gs_elf_go_buildinfo(&e, &info, &err);
		if (gs_elf_symbols_load(&e, mem, &symbols, &err))
			gs_elf_symbol_at(&symbols, e.entry);
		gs_elf_symbols_load_all(&e, mem, &symbols, &err);
		gs_elf_symbol_named(&e, GS_S("runtime.text"), &one);
		if (gs_pclntab_locate(&e, (unsigned)(size % 30), &t, &err))
			for (uint32_t i = 0; i < t.n_funcs && i < 8; i++) {
				gs_pclntab_func f;
				gs_pclntab_frame frames[GS_PCLNTAB_MAX_DEPTH];

				if (gs_pclntab_func_get(&t, i, &f))
					gs_pclntab_frames(&t, &f, f.entry, frames, GS_PCLNTAB_MAX_DEPTH);
			}
	}
	gs_arena_free(mem);
	return 0;
}
