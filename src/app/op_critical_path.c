#include "app/trace_args.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "rank", GS_ARG_INT, "1", .help = "which of what was picked: 1 is the slowest", .unit = "n" },
	{ "min", GS_ARG_DURATION, .help = "leave out steps shorter than this; default: a hundredth of the whole, in JSON nothing is left out" },
	{ 0 },
};
static const gs_arg_group own = { "Path", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	gs_instance_query q;
	gs_trace_instances *in;
	const gs_trace_instance *one;
	gs_path *p;
	int64_t rank = gs_call_int(call, "rank"), min_ns;

	if (!gs_call_trace(call, &src, err) || !gs_call_instances(call, &q, err))
		return false;
	in = gs_trace_instances_find(call->mem, src.timeline, src.profile, &q, err);
	if (!in)
		return false;
	if (rank < 1 || rank > in->n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--rank is between 1 and %u here", in->n);
	one = &in->list[rank - 1];
	p = gs_path_find(call->mem, src.timeline, one->goroutine, one->start_ns, one->end_ns, err);
	if (!p)
		return false;
	if (gs_call_is_set(call, "min"))
		min_ns = gs_call_int(call, "min");
	else
		min_ns = strcmp(call->format, "json") == 0 ? 0 : (one->end_ns - one->start_ns) / 100;
	if (strcmp(call->format, "json") == 0)
		gs_path_json(call->mem, p, one, &src, min_ns, call->out);
	else
		gs_path_text(call->mem, p, one, &src, min_ns, call->out);
	return true;
}

const gs_op gs_op_critical_path = {
	.name = "critical-path",
	.summary = "what a request, task, region or goroutine of an execution trace really waited for, step by step",
	.help = "Goes through its time in order. Where it waited for another goroutine, the path goes over to what that one did\n"
		"meanwhile, and on from there; it comes back when the wait ends. The steps add up to the whole time.\n"
		"\n"
		"  gospect critical-path trace.out                          the slowest request (or task, or region)\n"
		"  gospect critical-path --rank 2 --request handleOrders trace.out\n"
		"  gospect critical-path --goroutine 77 --time 1.20s..1.24s trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &gs_args_instances, &own, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
