#include "analysis/query.h"

void gs_query_init(gs_query *q)
{
	*q = (gs_query){
		.unit = GS_S("minimum"),
		.divide_by = 1,
		.trim = true,
		.node_count = -1,
		.node_fraction = 0.005,
		.edge_fraction = 0.001,
	};
}

bool gs_granularity_parse(gs_str s, gs_granularity *out, gs_err *err)
{
	static const struct {
		const char *name;
		gs_granularity value;
	} all[] = {
		{ "", GS_BY_DEFAULT },
		{ "functions", GS_BY_FUNCTIONS },
		{ "filefunctions", GS_BY_FILEFUNCTIONS },
		{ "files", GS_BY_FILES },
		{ "lines", GS_BY_LINES },
		{ "addresses", GS_BY_ADDRESSES },
		{ "packages", GS_BY_PACKAGES },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (gs_str_eq(s, gs_str_of(all[i].name))) {
			*out = all[i].value;
			return true;
		}
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
		       "no such granularity \"%.*s\": functions, filefunctions, files, lines, addresses or packages",
		       GS_FMT(s));
}

bool gs_transform_parse(gs_str s, gs_transform *out, gs_err *err)
{
	static const struct {
		const char *name;
		gs_transform_kind kind;
	} all[] = {
		{ "focus-function", GS_FOCUS_FUNCTION },
		{ "focus-subtree", GS_FOCUS_SUBTREE },
		{ "only-function", GS_ONLY_FUNCTION },
		{ "hide-function", GS_HIDE_FUNCTION },
		{ "merge-function", GS_HIDE_FUNCTION },
		{ "drop-function", GS_DROP_FUNCTION },
		{ "collapse-function", GS_COLLAPSE_FUNCTION },
		{ "collapse-recursion", GS_COLLAPSE_RECURSION },
		{ "collapse-package", GS_COLLAPSE_PACKAGE },
		{ "invert", GS_INVERT },
	};
	gs_str kind, name;
	bool has_name = gs_str_cut(s, ':', &kind, &name);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		uint64_t node = 0;

		if (!gs_str_eq(kind, gs_str_of(all[i].name)))
			continue;
		if (has_name == (all[i].kind == GS_INVERT) || (has_name && name.n == 0))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       all[i].kind == GS_INVERT ? "transform \"%s\" takes no name" :
								  "transform \"%s\" needs a name after a colon",
				       all[i].name);
		if (all[i].kind == GS_FOCUS_SUBTREE && (!gs_str_u64(name, 10, &node) || node >= UINT32_MAX))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       "transform focus-subtree needs the number of a node, not \"%.*s\"",
				       GS_FMT(name));
		*out = (gs_transform){ all[i].kind, name, (uint32_t)node };
		return true;
	}
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "no such transform \"%.*s\"", GS_FMT(kind));
}
