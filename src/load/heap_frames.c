#include "load/heap_build.h"

#include "base/banned.h"

enum { MAX_FRAMES = 1 << 27 };

uint32_t heap_frames_at(heap_build *b, uint64_t pc, bool is_call)
{
	gs_symbol symbols[GS_SYMBOL_MAX_DEPTH];
	uint64_t look_at = is_call ? pc - 1 : pc;
	uint32_t *known, first = (uint32_t)b->code.n;
	bool is_new;
	unsigned n;

	known = gs_map_put(&b->code_at, look_at, &is_new);
	if (!known)
		return UINT32_MAX;
	if (!is_new)
		return *known;
	*known = first;
	n = gs_binary_frames_near(b->in->exe, &b->cursor, look_at - b->rt.bias, symbols, GS_SYMBOL_MAX_DEPTH);
	if (n == 0)
		symbols[n++] = (gs_symbol){ .function = GS_S("?") };
	for (unsigned i = 0; i < n; i++) {
		gs_heap_frame *f = gs_vec_push(&b->code, MAX_FRAMES);

		gs_heap_symbol *symbol = gs_vec_push(&b->code_symbols, MAX_FRAMES);

		if (!f || !symbol)
			return UINT32_MAX;
		*symbol = (gs_heap_symbol){ heap_string(b, symbols[i].linker_name.n ? symbols[i].linker_name : symbols[i].function), symbols[i].start_line };
		*f = (gs_heap_frame){ .function = heap_string(b, symbols[i].function),
				      .file = heap_string(b, symbols[i].file),
				      .line = symbols[i].line,
				      .is_inlined = i + 1 < n };
	}
	return first;
}
