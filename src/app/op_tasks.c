#include "app/spans_call.h"
#include "app/trace_args.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "each", GS_ARG_BOOL, .help = "one by one, the longest first" },
	{ "id", GS_ARG_STRING, .help = "all that happened in this task and the tasks below it", .unit = "task" },
	{ "limit", GS_ARG_INT, "20", .help = "rows; 0: all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Tasks", own_args };

static bool one_task(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	gs_trace_query q;
	gs_task_event *events;
	uint64_t id;
	uint32_t n;

	/* What is selected makes no difference to one task, but must be something. */
	if (!gs_call_trace(call, &src, err) || !gs_call_trace_query(call, &q, err))
		return false;
	if (!gs_str_u64(gs_call_str(call, "id"), 10, &id))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--id wants the number of a task, not \"%.*s\"",
			       GS_FMT(gs_call_str(call, "id")));
	events = gs_trace_task_events(call->mem, src.timeline, id, &n, err);
	if (!events)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_task_events_json(events, n, &src, call->out);
	else
		gs_task_events_text(events, n, &src, call->out);
	return true;
}

static gs_trace_spans *find(const gs_op_call *call, const gs_trace_selection *s, gs_err *err)
{
	return gs_trace_tasks(call->mem, s, gs_call_regex(call, "task"), err);
}

static bool run(gs_op_call *call, gs_err *err)
{
	return gs_call_str(call, "id").n ? one_task(call, err) : gs_call_spans(call, find, err);
}

const gs_op gs_op_tasks = {
	.name = "tasks",
	.summary = "tasks of an execution trace (runtime/trace.NewTask): latencies, members, and all that one did",
	.help = "By name with percentiles and a histogram; one by one with how many goroutines, regions and logs they have and how long the\n"
		"garbage collector was marking meanwhile; or the events of one task.\n"
		"\n"
		"  gospect tasks trace.out\n"
		"  gospect tasks --each --task http-put trace.out\n"
		"  gospect tasks --id 17 trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_select, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
