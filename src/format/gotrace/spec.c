#include "format/gotrace/gotrace.h"

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
