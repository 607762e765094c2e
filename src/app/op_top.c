#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "limit", GS_ARG_INT, "40", .help = "rows; 0 for all", .unit = "rows", .short_name = 'n' },
	{ "sort", GS_ARG_ENUM, "flat", "flat cum name", .help = "own cost, cost with callees, or name" },
	{ "cum", GS_ARG_BOOL, .help = "the same as --sort cum" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_str sort = gs_call_str(call, "sort");
	const gs_view *v;
	gs_rows *r;

	if (!gs_call_query(call, q, err))
		return false;
	v = gs_call_view_keys(call, q, err);
	r = v ? gs_rows_build(call->mem, v, err) : NULL;
	if (!r)
		return false;
	gs_rows_sort(r, gs_call_bool(call, "cum") || gs_str_eq(sort, GS_S("cum")) ? GS_ROWS_BY_CUM :
			gs_str_eq(sort, GS_S("name"))				   ? GS_ROWS_BY_NAME :
										     GS_ROWS_BY_FLAT);
	gs_call_write_rows(call, r, &style);
	return true;
}

const gs_op gs_op_top = {
	.name = "top",
	.summary = "the functions that cost most",
	.help = "flat is what a function costs itself, cum what it costs with all that it calls. Percentages are of the whole profile,\n"
		"also when filters leave only a part of it.\n"
		"\n"
		"  gospect top cpu.pprof\n"
		"  gospect top --cum -n 20 --focus ServeHTTP cpu.pprof\n"
		"  gospect top -s alloc_space -g packages heap.pprof\n"
		"  gospect top --base before.pprof after.pprof\n"
		"  gospect top --format csv -n 0 cpu.pprof > cpu.csv\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_average, GS_ARGS_PROFILE, NULL },
	.formats = "text json csv",
	.run = run,
	.wants_profile = gs_call_is_of_profile,
	.is_slow = true,
};
