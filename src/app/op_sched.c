#include "app/trace_args.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	int64_t from, to;
	gs_sched *r;

	if (!gs_call_trace(call, &src, err) || !gs_call_time(call, &from, &to, err))
		return false;
	r = gs_sched_build(call->mem, src.timeline, from, to, err);
	if (!r)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_sched_json(call->mem, r, &src, gs_call_rows(call), call->out);
	else
		gs_sched_text(call->mem, r, &src, gs_call_rows(call), call->out);
	return true;
}

const gs_op gs_op_sched = {
	.name = "sched",
	.summary = "how long goroutines of an execution trace waited for a processor",
	.help = "Percentiles by the function that the goroutines were started with, the worst moments with what had the processors then, and\n"
		"how many goroutines waited at once.\n"
		"\n"
		"  gospect sched trace.out\n"
		"  gospect sched --time 1.2s..1.4s trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &gs_args_time, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
