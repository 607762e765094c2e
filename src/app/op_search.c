#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "query", GS_ARG_REGEX, .help = "regular expression over the names", .unit = "regex" },
	{ "limit", GS_ARG_INT, "40", .help = "functions; 0 for all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_str query = gs_call_str(call, "query");
	const gs_view *v;

	if (!query.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "search needs a pattern: gospect search FILE PATTERN");
	if (!gs_call_query(call, q, err))
		return false;
	v = gs_call_view(call, q, err);
	return v && gs_search_write(call->mem, v, query, &style, strcmp(call->format, "json") == 0, call->out, err);
}

const gs_op gs_op_search = {
	.name = "search",
	.summary = "functions that match, and the share of the stacks that they are in",
	.help = "A stack with several matching frames counts once.\n"
		"\n"
		"  gospect search cpu.pprof 'runtime\\.(mallocgc|gc)'\n",
	.operands = "FILE|CAPTURE|URL|PID... PATTERN",
	.pattern_arg = "query",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
