#include "app/report_text.h"

#include "present/printable.h"

bool gs_call_write_safely(gs_op_call *call, gs_report *r, gs_err *err)
{
	GS_AUTO(buf) text = { .max = call->out->max };
	gs_str rest, line;

	if (!gs_report_write(r, &text, err))
		return false;
	rest = gs_buf_view(&text);
	while (rest.n) {
		gs_str_cut(rest, '\n', &line, &rest);
		gs_printable(call->out, line);
		gs_buf_c(call->out, '\n');
	}
	return true;
}
