#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "function", GS_ARG_STRING, .help = "its exact name, or a regular expression", .unit = "function" },
	{ "limit", GS_ARG_INT, "10", .help = "functions; 0 for all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_graph_options o = { .is_whole = true, .has_raw = true };
	gs_str function = gs_call_str(call, "function");
	const gs_view *v;
	gs_graph *g;

	if (!function.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "peek needs a function: gospect peek FILE PATTERN");
	if (!gs_call_query(call, q, err))
		return false;
	v = gs_call_view_keys(call, q, err);
	g = v ? gs_graph_build(call->mem, v, &o, err) : NULL;
	if (!g)
		return false;
	gs_graph_sort_by_cum(g);
	return gs_peek_write(g, function, &style, strcmp(call->format, "json") == 0, call->out, err);
}

const gs_op gs_op_peek = {
	.name = "peek",
	.summary = "who calls a function and what it calls",
	.help = "Percentages of callers and callees are of the function's own cumulative cost.\n"
		"\n"
		"  gospect peek cpu.pprof runtime.mallocgc\n"
		"  gospect peek -n 3 cpu.pprof 'json\\.'\n",
	.operands = "FILE|CAPTURE|URL|PID... PATTERN",
	.pattern_arg = "function",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_average, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.wants_profile = gs_call_is_of_profile,
	.is_slow = true,
};
