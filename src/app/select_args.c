#include "app/select_args.h"

#include "app/trace_args.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "time", GS_ARG_STRING, .help = "only this stretch of the trace, such as 1.2s..1.4s", .unit = "from..to" },
	{ "goroutine", GS_ARG_LIST, .help = "only this goroutine; may be given several times", .unit = "id" },
	{ "group", GS_ARG_REGEX, .help = "only goroutines whose start function matches", .unit = "regex" },
	{ "region", GS_ARG_REGEX, .help = "only what goroutines did inside regions whose name matches", .unit = "regex" },
	{ "task", GS_ARG_REGEX, .help = "only what goroutines did for tasks whose name matches", .unit = "regex" },
	{ 0 },
};
const gs_arg_group gs_args_select = { "Part of an execution trace", args };

bool gs_call_trace_query(const gs_op_call *call, gs_trace_query *q, gs_err *err)
{
	unsigned n;
	const gs_str *texts = gs_call_list(call, "goroutine", &n);
	uint64_t *ids = gs_new(call->mem, uint64_t, n);

	for (unsigned i = 0; i < n; i++)
		if (!gs_str_u64(texts[i], 10, &ids[i]))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--goroutine wants the number of a goroutine, not \"%.*s\"",
				       GS_FMT(texts[i]));
	*q = (gs_trace_query){ .goroutines = ids,
			       .n_goroutines = n,
			       .group = gs_call_str(call, "group"),
			       .region = gs_call_str(call, "region"),
			       .task = gs_call_str(call, "task") };
	return gs_time_range_parse(gs_call_str(call, "time"), &q->start_ns, &q->end_ns, err);
}

gs_trace_selection *gs_call_selection(const gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	gs_trace_query q;

	if (!gs_call_trace(call, &src, err) || !gs_call_trace_query(call, &q, err))
		return NULL;
	return gs_trace_select(call->mem, src.timeline, src.profile, &q, err);
}
