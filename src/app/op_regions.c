#include "app/spans_call.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "each", GS_ARG_BOOL, .help = "one by one, the longest first" },
	{ "limit", GS_ARG_INT, "20", .help = "rows; 0: all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Regions", own_args };

static gs_trace_spans *find(const gs_op_call *call, const gs_trace_selection *s, gs_err *err)
{
	return gs_trace_regions(call->mem, s, gs_call_regex(call, "region"), gs_call_regex(call, "task"), err);
}

static bool run(gs_op_call *call, gs_err *err)
{
	return gs_call_spans(call, find, err);
}

const gs_op gs_op_regions = {
	.name = "regions",
	.summary = "regions of an execution trace (runtime/trace.StartRegion): latencies, and where their time went",
	.help = "By name with percentiles and a histogram, or one by one. Regions nest: the time of an inner one is also the outer one's.\n"
		"\n"
		"  gospect regions trace.out\n"
		"  gospect regions --each --region 'db-.*' -n 10 trace.out\n"
		"  gospect flame --sample-index wall --region 'db-.*' trace.out -o db.svg\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_select, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
