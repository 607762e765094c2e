#include "app/spans_call.h"

#include "app/trace_args.h"

#include "base/banned.h"

bool gs_call_spans(gs_op_call *call, gs_trace_spans *(*find)(const gs_op_call *call, const gs_trace_selection *s, gs_err *err), gs_err *err)
{
	gs_trace_source src;
	gs_trace_selection *s;
	gs_trace_spans *spans;
	gs_trace_query q;

	if (!gs_call_trace(call, &src, err) || !gs_call_trace_query(call, &q, err))
		return false;
	q.region = q.task = (gs_str){ 0 };
	s = gs_trace_select(call->mem, src.timeline, src.profile, &q, err);
	spans = s ? find(call, s, err) : NULL;
	if (!spans)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_trace_spans_json(spans, &src, gs_call_rows(call), call->out);
	else
		gs_trace_spans_text(spans, &src, gs_call_bool(call, "each"), gs_call_rows(call), call->out);
	return true;
}
