#include "base/go_name.h"

/* Type arguments hold import paths of their own: look only at what comes before the first '['. */
static gs_str without_type_args(gs_str name)
{
	return gs_str_slice(name, 0, gs_str_find_char(name, '['));
}

gs_go_name gs_go_name_split(gs_str name)
{
	gs_str head = without_type_args(name);
	size_t slash, dot;

	/* A receiver may stand in parentheses before any dot of a package: "(*T).m" has none. C++ has "::". */
	if (head.n == 0 || head.p[0] == '(' || gs_str_has(head, GS_S("::")))
		return (gs_go_name){ { 0 }, name };
	head = gs_str_slice(head, 0, gs_str_find_char(head, '('));
	slash = gs_str_rfind_char(head, '/');
	slash = slash == SIZE_MAX ? 0 : slash + 1;
	dot = gs_str_find_char(gs_str_skip(head, slash), '.');
	if (dot == SIZE_MAX || slash + dot == 0 || gs_str_find_char(head, ' ') != SIZE_MAX)
		return (gs_go_name){ { 0 }, name };
	return (gs_go_name){ gs_str_slice(name, 0, slash + dot), gs_str_skip(name, slash + dot + 1) };
}

bool gs_go_name_is_runtime(gs_str name)
{
	gs_str package = gs_go_name_split(name).package;

	return gs_str_eq(package, GS_S("runtime")) || gs_str_starts(package, GS_S("runtime/")) ||
	       gs_str_starts(package, GS_S("internal/runtime/"));
}
