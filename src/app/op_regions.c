#include "app/select_args.h"
#include "app/trace_args.h"
#include "present/trace_spans.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "each", GS_ARG_BOOL, .help = "one by one, the longest first" },
	{ "limit", GS_ARG_INT, "20", .help = "rows; 0: all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Regions", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	gs_trace_selection *s;
	gs_trace_spans *spans;
	gs_trace_query q;

	if (!gs_call_trace(call, &src, err) || !gs_call_trace_query(call, &q, err))
		return false;
	/* The names select regions here, not what goroutines did in them. */
	q.region = q.task = (gs_str){ 0 };
	s = gs_trace_select(call->mem, src.timeline, src.profile, &q, err);
	spans = s ? gs_trace_regions(call->mem, s, gs_call_regex(call, "region"), gs_call_regex(call, "task"), err) : NULL;
	if (!spans)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_trace_spans_json(spans, &src, gs_call_rows(call), call->out);
	else
		gs_trace_spans_text(spans, &src, gs_call_bool(call, "each"), gs_call_rows(call), call->out);
	return true;
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
