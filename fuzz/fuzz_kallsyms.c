#include "format/kallsyms/kallsyms.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_arena *mem = gs_arena_create(16 << 20);
	gs_kallsyms k;
	gs_err err;

	if (gs_kallsyms_open(mem, (gs_str){ (const char *)data, size }, &k, &err))
		for (size_t i = 0; i < k.n && i < 64; i++) {
			const gs_kallsym *s = gs_kallsyms_at(&k, k.list[i].addr + 1);

			if (s && s->addr > k.list[i].addr + 1)
				__builtin_trap();
		}
	gs_arena_free(mem);
	return 0;
}
