#include "app/select_args.h"
#include "app/trace_args.h"
#include "present/trace_diff.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "base", GS_ARG_LIST, .help = "compare with this trace", .unit = "file" },
	{ "diff-base", GS_ARG_LIST, .help = "the same", .unit = "file" },
	{ "of", GS_ARG_ENUM, "auto", "auto task region request goroutine", .help = "whose latencies; auto: the first that both have" },
	{ "limit", GS_ARG_INT, "20", .help = "rows of each table; 0: all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Comparison", own_args };

static gs_instance_kind kind_of(gs_str name)
{
	gs_instance_kind k = GS_INSTANCE_GOROUTINE;

	while (k > GS_INSTANCE_AUTO && !gs_str_eq(name, gs_str_of(gs_instance_kind_name(k))))
		k--;
	return k;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_query q = { 0 };
	gs_trace_side sides[2];
	gs_trace_source after;
	gs_trace_diff *d;

	if (call->n_bases != 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "trace-diff compares two traces: gospect trace-diff BEFORE AFTER");
	if (!gs_call_trace(call, &after, err) || !gs_call_trace_query(call, &q, err))
		return false;
	if (!call->bases[0]->timeline)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no execution trace", GS_FMT(call->bases[0]->path));
	sides[0] = (gs_trace_side){ call->bases[0]->timeline, call->bases[0]->profile };
	sides[1] = (gs_trace_side){ after.timeline, after.profile };
	d = gs_trace_diff_build(call->mem, sides, &q, kind_of(gs_call_str(call, "of")), err);
	if (!d)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_trace_diff_json(d, gs_call_rows(call), call->out);
	else
		gs_trace_diff_text(d, gs_call_rows(call), call->out);
	return true;
}

const gs_op gs_op_trace_diff = {
	.name = "trace-diff",
	.summary = "two execution traces: what goroutines did, and how long requests, tasks or regions took",
	.help = "Times are for each second of trace. `gospect diff -s sync BEFORE AFTER` compares the stacks that waited, and so on for the\n"
		"other sample types of a trace.\n"
		"\n"
		"  gospect trace-diff before.out after.out\n"
		"  gospect trace-diff --of region --group 'http.*serve' before.out after.out\n",
	.operands = "BEFORE AFTER",
	.input = GS_INPUT_DOCUMENTS,
	.takes_before_after = true,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_select, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
