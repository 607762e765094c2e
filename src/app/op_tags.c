#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "limit", GS_ARG_INT, .help = "values a label; 0 for all; default: 20, in JSON 1000", .unit = "rows", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	const gs_view *v;

	if (!gs_call_query(call, q, err))
		return false;
	if (!gs_call_is_set(call, "limit")) /* a label may be an id of its own in every sample */
		style.limit = strcmp(call->format, "json") == 0 ? 1000 : 20;
	v = gs_call_view(call, q, err);
	if (!v)
		return false;
	gs_tags_write(call->mem, v, &style, call->format, call->out);
	return true;
}

const gs_op gs_op_tags = {
	.name = "tags",
	.summary = "labels and what each of their values costs",
	.help = "  gospect tags cpu.pprof\n"
		"  gospect tags --focus ServeHTTP --tagshow tenant cpu.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
