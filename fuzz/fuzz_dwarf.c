/* Debug information through libdw, as it would be asked for addresses of a file from anywhere. */
#include "format/dwarf/dwarf.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_arena *mem = gs_arena_create(16 << 20);
	gs_elf e;
	gs_err err;
	gs_dwarf *d;

	if (gs_elf_open(mem, (gs_str){ (const char *)data, size }, &e, &err) && (d = gs_dwarf_open(&e, &err))) {
		for (unsigned i = 0; i < 24; i++) {
			gs_dwarf_frame f[16];

			gs_dwarf_frames(d, e.entry + i * 7, f, 16);
		}
		gs_dwarf_close(d);
	}
	gs_arena_free(mem);
	return 0;
}
