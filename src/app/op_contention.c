#include "app/trace_args.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	int64_t from, to;
	gs_contention *r;

	if (!gs_call_trace(call, &src, err) || !gs_call_time(call, &from, &to, err))
		return false;
	r = gs_contention_build(call->mem, src.timeline, src.profile, from, to, err);
	if (!r)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_contention_json(r, &src, gs_call_rows(call), call->out);
	else
		gs_contention_text(r, &src, gs_call_rows(call), call->out);
	return true;
}

const gs_op gs_op_contention = {
	.name = "contention",
	.summary = "locks and channels that goroutines of an execution trace wait at: convoys and ping-pong",
	.help = "By place: how many waited, for how long, how many at once, and who let them go on. A convoy is a place where the waiters are woken\n"
		"by goroutines that just queued there themselves; ping-pong are two goroutines that wake each other in turn with hardly any work.\n"
		"\n"
		"  gospect contention trace.out\n"
		"  gospect contention --time 1s..2s trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &gs_args_time, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
