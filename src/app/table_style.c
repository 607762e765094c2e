#include "app/table_style.h"

#include "base/banned.h"

gs_table_style gs_call_table_style(const gs_op_call *call)
{
	gs_table_style s = { .unit = gs_call_str(call, "unit"),
			     .is_diff_base = call->is_diff_base,
			     .use_color = call->use_color,
			     .width = call->width };
	int64_t n = gs_op_find_arg(call->op, GS_S("limit")) ? gs_call_int(call, "limit") : 0;

	if (gs_op_find_arg(call->op, GS_S("divide-by")))
		s.divide_by = gs_call_float(call, "divide-by");
	s.limit = n > 0 && n < UINT32_MAX ? (uint32_t)n : 0;
	return s;
}

void gs_call_write_rows(gs_op_call *call, gs_rows *rows, const gs_table_style *style)
{
	if (strcmp(call->format, "json") == 0)
		gs_top_json(rows, style, call->out);
	else if (strcmp(call->format, "csv") == 0)
		gs_top_csv(rows, style, call->out);
	else
		gs_top_text(rows, style, call->out);
}

void gs_call_write_tree(gs_op_call *call, const gs_view *v)
{
	gs_table_style style = gs_call_table_style(call);
	int64_t depth = gs_call_int(call, "depth");
	uint32_t levels = depth > 0 ? (uint32_t)depth : 0;

	if (strcmp(call->format, "json") == 0)
		gs_tree_json(call->mem, v, 0, gs_call_float(call, "min"), levels, &style, call->out);
	else
		gs_tree_text(call->mem, v, 0, gs_call_float(call, "min"), levels, &style, call->out);
}
