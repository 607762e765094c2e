#include "format/gotrace/generation.h"

const gs_gotrace_spec *gs_gotrace_spec_of(unsigned type)
{
	static const gs_gotrace_spec none;
	static const gs_gotrace_spec specs[] = {
#define X(code, id, name, args, n, stack, new_stack, strings) [code] = { name, args, n, stack, new_stack, strings },
		GS_GOTRACE_EVENTS(X)
#undef X
	};

	return type < sizeof(specs) / sizeof(*specs) ? &specs[type] : &none;
}

const gs_gotrace_shape gs_gotrace_shapes[256] = {
#define NOTHING(from, to) [from ... to] = { .n_args = GS_GOTRACE_NO_EVENT }
	NOTHING(0, 8), NOTHING(49, 127), NOTHING(137, 255),
#undef NOTHING
#define FIRST(bits) ((bits)&1 ? 0 : (bits)&2 ? 1 : (bits)&4 ? 2 : 0)
#define X(code, id, name, args, n, stack, new_stack, strings) \
	[code] = { n, \
		   (uint8_t)((stack) ? (stack)-1 : 0), \
		   FIRST(strings), \
		   new_stack, \
		   (uint8_t)((strings) & ((strings)-1)), \
		   (stack) ? UINT64_MAX : 0, \
		   (strings) ? UINT64_MAX : 0 },
	GS_GOTRACE_EVENTS(X)
#undef X
#undef FIRST
};
