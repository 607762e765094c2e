#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "function", GS_ARG_STRING, .help = "its exact name", .unit = "function" },
	{ "min", GS_ARG_FLOAT, "0.01", .help = "leave out what is below this share", .unit = "ratio" },
	{ "depth", GS_ARG_INT, "0", .help = "levels; 0 for all", .unit = "levels" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

/* Everything at and above the function, upside down: its callers become its branches. */
static bool turn_round(gs_op_call *call, gs_query *q, gs_str function)
{
	gs_transform *t = gs_new(call->mem, gs_transform, q->n_transforms + 3);
	unsigned n = q->n_transforms;

	if (n)
		memcpy(t, q->transforms, n * sizeof(*t));
	t[n++] = (gs_transform){ GS_ONLY_FUNCTION, function, 0 };
	t[n++] = (gs_transform){ GS_COLLAPSE_FUNCTION, function, 0 };
	t[n++] = (gs_transform){ GS_INVERT, (gs_str){ 0 }, 0 };
	q->transforms = t;
	q->n_transforms = n;
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_str function = gs_call_str(call, "function");
	int64_t depth = gs_call_int(call, "depth");
	const gs_view *v;

	if (!function.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "callers needs --function NAME");
	if (!gs_call_query(call, q, err))
		return false;
	turn_round(call, q, function);
	v = gs_call_view(call, q, err);
	if (!v)
		return false;
	if (v->n_nodes < 2)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
			       "no function \"%.*s\" in the profile (gospect search finds names)", GS_FMT(function));
	if (strcmp(call->format, "json") == 0)
		gs_tree_json(call->mem, v, 0, gs_call_float(call, "min"), depth > 0 ? (uint32_t)depth : 0, &style, call->out);
	else
		gs_tree_text(call->mem, v, 0, gs_call_float(call, "min"), depth > 0 ? (uint32_t)depth : 0, &style,
			     call->out);
	return true;
}

const gs_op gs_op_callers = {
	.name = "callers",
	.summary = "the ways that lead to a function",
	.help = "The function on top, below it its callers with their share of its cost, and theirs.\n"
		"\n"
		"  gospect callers cpu.pprof runtime.mallocgc\n",
	.operands = "FILE|CAPTURE|URL|PID... FUNCTION",
	.pattern_arg = "function",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_average, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
