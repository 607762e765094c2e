#include "app/trace_args.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "task", GS_ARG_REGEX, .help = "tasks (runtime/trace.NewTask) whose name matches", .unit = "regex" },
	{ "region", GS_ARG_REGEX, .help = "regions (runtime/trace.StartRegion) whose name matches", .unit = "regex" },
	{ "request", GS_ARG_REGEX, .help = "HTTP requests whose handler matches; nothing in the program needs to be annotated", .unit = "regex" },
	{ "group", GS_ARG_REGEX, .help = "goroutines whose start function matches, from start to end", .unit = "regex" },
	{ "goroutine", GS_ARG_STRING, .help = "only this goroutine", .unit = "id" },
	{ "time", GS_ARG_STRING, .help = "only this part of the trace, such as 1.2s..1.4s", .unit = "from..to" },
	{ 0 },
};
const gs_arg_group gs_args_instances = { "What to look at (default: tasks, else regions, else HTTP requests, else goroutines)", args };

bool gs_call_trace_document(const gs_op_call *call, const gs_document **out, gs_err *err)
{
	const gs_document *d = call->docs[0];

	if (call->n_docs > 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s looks at one trace at a time, not %u", call->op->name,
			       call->n_docs);
	if (d->kind != GS_DOCUMENT_TRACE)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no execution trace", GS_FMT(d->path));
	*out = d;
	return true;
}

bool gs_call_trace(const gs_op_call *call, gs_trace_source *out, gs_err *err)
{
	const gs_document *d = NULL;

	if (!gs_call_trace_document(call, &d, err))
		return false;
	*out = (gs_trace_source){ .timeline = d->timeline, .profile = d->profile, .path = d->path };
	return true;
}

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

static const gs_arg time_args[] = {
	{ "time", GS_ARG_STRING, .help = "only this part of the trace, such as 1.2s..1.4s", .unit = "from..to" },
	{ "limit", GS_ARG_INT, "20", .help = "rows of each table; 0: all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
const gs_arg_group gs_args_time = { "What to look at", time_args };

bool gs_call_time(const gs_op_call *call, int64_t *start_ns, int64_t *end_ns, gs_err *err)
{
	if (!gs_time_range_parse(gs_call_str(call, "time"), start_ns, end_ns, err))
		return false;
	if (*end_ns == 0)
		*end_ns = INT64_MAX;
	return true;
}

uint32_t gs_call_rows(const gs_op_call *call)
{
	int64_t n = gs_call_int(call, "limit");

	return n > UINT32_MAX ? 0 : (uint32_t)n;
}

bool gs_call_instances(const gs_op_call *call, gs_instance_query *q, gs_err *err)
{
	static const char *const names[] = { "task", "region", "request", "group" };
	static const gs_instance_kind kinds[] = { GS_INSTANCE_TASK, GS_INSTANCE_REGION, GS_INSTANCE_REQUEST, GS_INSTANCE_GOROUTINE };
	gs_str goroutine = gs_call_str(call, "goroutine");
	unsigned n = 0;

	*q = (gs_instance_query){ 0 };
	for (unsigned i = 0; i < 4; i++)
		if (gs_call_is_set(call, names[i])) {
			q->kind = kinds[i];
			q->name = gs_call_regex(call, names[i]);
			n++;
		}
	if (n > 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "of --task, --region, --request and --group only one can be given");
	if (!gs_time_range_parse(gs_call_str(call, "time"), &q->start_ns, &q->end_ns, err))
		return false;
	if (!goroutine.n)
		return true;
	q->has_goroutine = true;
	if (!n)
		q->kind = GS_INSTANCE_GOROUTINE;
	return gs_str_u64(goroutine, 10, &q->goroutine) ||
	       gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--goroutine wants a number, not \"%.*s\"", GS_FMT(goroutine));
}
