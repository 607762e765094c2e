#include "app/trace_args.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "limit", GS_ARG_INT, "12", .help = "rows of each table; 0: all", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	gs_instance_query q;
	gs_trace_instances *in;
	gs_why *w;
	uint32_t limit = gs_call_rows(call);

	if (!gs_call_trace(call, &src, err) || !gs_call_instances(call, &q, err))
		return false;
	in = gs_trace_instances_find(call->mem, src.timeline, src.profile, &q, err);
	w = in ? gs_why_build(call->mem, src.timeline, src.profile, in, err) : NULL;
	if (!w)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_why_json(call->mem, w, &src, limit, call->out);
	else
		gs_why_text(call->mem, w, &src, limit, call->out);
	return true;
}

const gs_op gs_op_why = {
	.name = "why",
	.summary = "why requests, tasks or regions of an execution trace were slow",
	.help = "Splits their wall time into running, waiting for a processor, each kind of wait with the place and the goroutine that ended\n"
		"it, system calls, GC assist and stops of the world; and shows how the slowest tenth differs. Waits for another goroutine\n"
		"are followed into what that one did meanwhile.\n"
		"\n"
		"HTTP requests are found without any annotation. A program with tasks or regions (runtime/trace) is split by those.\n"
		"\n"
		"  gospect why trace.out\n"
		"  gospect why --request 'handleOrders' trace.out\n"
		"  gospect why --region 'db-.*' --time 1s..3s trace.out\n"
		"  gospect why --goroutine 77 trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &gs_args_instances, &own, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
