#include "base/demangle.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_buf text;

	gs_buf_init(&text, 1 << 14);
	for (gs_demangle_style style = GS_DEMANGLE_SHORT; style <= GS_DEMANGLE_FULL; style++)
		if (gs_demangle(&text, (gs_str){ (const char *)data, size }, style) && (text.n == 0 || text.n > 1 << 13))
			__builtin_trap();
	gs_buf_release(&text);
	return 0;
}
