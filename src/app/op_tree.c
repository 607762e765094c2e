#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "min", GS_ARG_FLOAT, "0.01", .help = "leave out what is below this share", .unit = "ratio" },
	{ "limit", GS_ARG_INT, "0", .help = "only the heaviest so many; 0: all", .unit = "rows", .short_name = 'n' },
	{ "depth", GS_ARG_INT, "0", .help = "levels; 0 for all", .unit = "levels" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	const gs_view *v;

	if (!gs_call_query(call, q, err))
		return false;
	v = gs_call_view(call, q, err);
	if (!v)
		return false;
	gs_call_write_tree(call, v);
	return true;
}

const gs_op gs_op_tree = {
	.name = "tree",
	.summary = "the call tree, heaviest branches first",
	.help = "A chain of single calls stays on one level, so that deep stacks stay readable.\n"
		"\n"
		"  gospect tree cpu.pprof\n"
		"  gospect tree --min 0.05 --show-from 'main\\.handle' cpu.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_average, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.wants_profile = gs_call_is_of_profile,
	.is_slow = true,
};
