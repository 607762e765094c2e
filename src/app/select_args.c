#include "app/select_args.h"

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

bool gs_time_range_parse(gs_str text, int64_t *start_ns, int64_t *end_ns, gs_err *err)
{
	size_t at = gs_str_find(text, GS_S(".."));
	gs_str from = gs_str_slice(text, 0, at), to = gs_str_skip(text, at == SIZE_MAX ? text.n : at + 2);

	*start_ns = *end_ns = 0;
	if (!text.n)
		return true;
	if (at == SIZE_MAX || (from.n && !gs_duration_read(from, start_ns)) || (to.n && !gs_duration_read(to, end_ns)))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "--time wants two times since the trace's start, such as 1.2s..1.4s, not \"%.*s\"", GS_FMT(text));
	if (!to.n)
		*end_ns = INT64_MAX;
	if (*end_ns <= *start_ns)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--time %.*s ends before it starts", GS_FMT(text));
	return true;
}

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
	const gs_document *d = call->docs[0];
	gs_trace_query q;

	if (call->n_docs > 1) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s looks at one trace at a time, not %u", call->op->name, call->n_docs);
		return NULL;
	}
	if (!d->timeline) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no execution trace", GS_FMT(d->path));
		return NULL;
	}
	return gs_call_trace_query(call, &q, err) ? gs_trace_select(call->mem, d->timeline, d->profile, &q, err) : NULL;
}
