#include "app/trace_args.h"

#include "base/banned.h"

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	int64_t from, to;
	gs_stops *r;

	if (!gs_call_trace(call, &src, err) || !gs_call_time(call, &from, &to, err))
		return false;
	r = gs_stops_build(call->mem, src.timeline, src.profile, from, to, err);
	if (!r)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_stops_json(call->mem, r, &src, gs_call_rows(call), call->out);
	else
		gs_stops_text(call->mem, r, &src, gs_call_rows(call), call->out);
	return true;
}

const gs_op gs_op_stw = {
	.name = "stw",
	.summary = "stops of the world in an execution trace, and which goroutine delayed each",
	.help = "A stop waits until every running goroutine has left its processor: the last one to do so made everybody wait.\n"
		"\n"
		"  gospect stw trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &gs_args_time, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
