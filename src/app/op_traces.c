#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "limit", GS_ARG_INT, "20", .help = "stacks; 0 for all", .unit = "stacks", .short_name = 'n' },
	{ "offset", GS_ARG_INT, "0", .help = "leave out the first ones", .unit = "stacks" },
	{ "sort", GS_ARG_ENUM, "value", "value order", .help = "heaviest first, or as in the profile" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static uint32_t count(const gs_op_call *call, const char *name)
{
	int64_t n = gs_call_int(call, name);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (uint32_t)n;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_traces_page page = { .offset = count(call, "offset"),
				.limit = count(call, "limit"),
				.by_value = gs_str_eq(gs_call_str(call, "sort"), GS_S("value")) };
	const gs_view *v;

	if (!gs_call_query(call, q, err))
		return false;
	v = gs_call_view(call, q, err);
	return v && gs_traces_write(call->mem, v, &page, &style, strcmp(call->format, "json") == 0, call->out, err);
}

const gs_op gs_op_traces = {
	.name = "traces",
	.summary = "single stacks with their values and labels",
	.help = "  gospect traces -n 5 cpu.pprof\n"
		"  gospect traces --focus mallocgc --format json heap.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
