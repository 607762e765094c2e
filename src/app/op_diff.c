#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "limit", GS_ARG_INT, "40", .help = "rows; 0 for all", .unit = "rows", .short_name = 'n' },
	{ "sort", GS_ARG_ENUM, "cum", "flat cum name", .help = "by the size of the difference in own cost, in cost with callees, or by name" },
	{ "significant", GS_ARG_BOOL, .help = "only rows that differ by more than chance explains" },
	{ "fold", GS_ARG_BOOL, "true", .help = "give the cost of runtime.asyncPreempt to the function that was interrupted" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

/* Where the preemption signal lands is chance that would look like a difference: see docs. Before the caller's own transforms. */
static bool fold_preemption(gs_op_call *call, gs_query *q)
{
	static const char *const names[] = { "runtime.asyncPreempt", "runtime.asyncPreempt2" };
	gs_transform *t = gs_new(call->mem, gs_transform, q->n_transforms + 2);

	for (unsigned i = 0; i < 2; i++)
		t[i] = (gs_transform){ GS_HIDE_FUNCTION, gs_str_of(names[i]), 0 };
	if (q->n_transforms)
		memcpy(t + 2, q->transforms, q->n_transforms * sizeof(*t));
	q->transforms = t;
	q->n_transforms += 2;
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_str sort = gs_call_str(call, "sort");
	const gs_view *v;
	gs_rows *r;

	if (call->n_bases == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "diff compares with a base: gospect diff OLD-FILE NEW-FILE");
	if (!gs_call_query(call, q, err))
		return false;
	if (gs_call_bool(call, "fold"))
		fold_preemption(call, q);
	v = gs_call_view_keys(call, q, err);
	r = v ? gs_rows_build(call->mem, v, err) : NULL;
	if (!r)
		return false;
	style.has_state = true;
	style.is_diff_base = true;
	gs_rows_compare(r, call->mem);
	gs_rows_sort(r, gs_str_eq(sort, GS_S("flat")) ? GS_ROWS_BY_FLAT :
			gs_str_eq(sort, GS_S("name")) ? GS_ROWS_BY_NAME :
							GS_ROWS_BY_CUM);
	if (gs_call_bool(call, "significant")) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < r->n; i++)
			if (r->list[i].is_significant)
				r->list[n++] = r->list[i];
		r->n = n;
	}
	gs_call_write_rows(call, r, &style);
	return true;
}

const gs_op gs_op_diff = {
	.name = "diff",
	.summary = "what became slower, faster, new or gone between two profiles",
	.help = "Differences are marked when chance alone would hardly make them: an exact binomial test on raw samples (normal above 25),\n"
		"corrected for the number of functions. It compares the values; --normalize scales the base first, which compares shares.\n"
		"\n"
		"  gospect diff before.pprof after.pprof\n"
		"  gospect diff --significant --format json before.pprof after.pprof\n",
	.operands = "OLD-FILE NEW-FILE",
	.takes_before_after = true,
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json csv",
	.run = run,
	.is_slow = true,
};
