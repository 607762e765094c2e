/* The first byte is the Go version, the rest a table; inline trees are looked for in the table itself. */
#include "format/pclntab/pclntab.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_pclntab t;
	gs_pclntab_place at; /* what it remembers of other functions must not matter */
	gs_err err;

	if (size == 0 || !gs_pclntab_open((gs_str){ (const char *)data + 1, size - 1 }, 0x8000, &t, &err))
		return 0;
	gs_pclntab_set_go(&t, data[0]);
	t.inline_base = 0x4000;
	t.inline_bytes = t.bytes;
	gs_pclntab_place_init(&at);
	for (uint32_t i = 0; i < t.n_funcs && i < 32; i++) {
		gs_pclntab_func f;
		gs_pclntab_frame frames[GS_PCLNTAB_MAX_DEPTH], again[GS_PCLNTAB_MAX_DEPTH];

		if (!gs_pclntab_func_get(&t, i, &f))
			continue;
		at.func = f;
		gs_pclntab_place_set(&t, &at);
		for (uint64_t pc = f.entry, k = 0; k < 16; k++, pc += 5) {
			unsigned n = gs_pclntab_frames(&t, &f, pc, frames, GS_PCLNTAB_MAX_DEPTH);

			if (n == 0 || n > GS_PCLNTAB_MAX_DEPTH)
				__builtin_trap();
			/* Forward and back, and the same answers. */
			if (gs_pclntab_place_frames(&t, &at, pc, again, GS_PCLNTAB_MAX_DEPTH) != n || again[0].line != frames[0].line ||
			    again[0].file.p != frames[0].file.p || again[n - 1].name.p != frames[n - 1].name.p)
				__builtin_trap();
			gs_pclntab_place_frames(&t, &at, f.entry + (pc * 7 & 0x3ff), again, GS_PCLNTAB_MAX_DEPTH);
		}
		gs_pclntab_value(&t, f.pcsp, f.entry, f.entry + 9, NULL);
		gs_pclntab_find(&t, f.entry);
	}
	return 0;
}
