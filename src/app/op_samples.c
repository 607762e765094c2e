#include "analysis/sample_rows.h"
#include "app/call_view.h"
#include "app/common_args.h"
#include "app/table_style.h"
#include "present/tables.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "limit", GS_ARG_INT, "40", .help = "samples; 0 for all", .unit = "samples", .short_name = 'n' },
	{ "offset", GS_ARG_INT, "0", .help = "leave out the first ones", .unit = "samples" },
	{ "sort", GS_ARG_ENUM, "time", "time value", .help = "as they were taken, or heaviest first" },
	{ "stacks", GS_ARG_BOOL, .help = "with their whole stacks" },
	{ 0 },
};
static const gs_arg_group own = { "Table", own_args };

static uint32_t count(const gs_op_call *call, const char *name)
{
	int64_t n = gs_call_int(call, name);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (uint32_t)n;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_samples_page page = { .offset = count(call, "offset"),
				 .limit = count(call, "limit"),
				 .with_stacks = gs_call_bool(call, "stacks") };
	bool by_value = gs_str_eq(gs_call_str(call, "sort"), GS_S("value"));
	const gs_view *v;
	gs_sample_rows *rows;

	if (!gs_call_query(call, q, err))
		return false;
	q->each_sample = true;
	v = gs_call_view(call, q, err);
	rows = v ? gs_sample_rows_build(call->mem, v, by_value ? GS_SAMPLES_BY_VALUE : GS_SAMPLES_BY_TIME, err) : NULL;
	if (!rows)
		return false;
	gs_samples_write(call->mem, rows, &page, &style, strcmp(call->format, "json") == 0, call->out);
	return true;
}

const gs_op gs_op_samples = {
	.name = "samples",
	.summary = "the samples themselves: time, CPU, process, thread, goroutine, depth, labels",
	.help = "One row for each sample that the filters leave. What a column says depends on the input: perf data and execution traces\n"
		"know times and threads, pprof profiles have labels.\n"
		"\n"
		"  gospect samples perf.data\n"
		"  gospect samples --filter 'function == \"main.handle\" && time in 1.2s..1.4s' perf.data\n"
		"  gospect samples --filter 'label[\"path\"] =~ \"^/api\"' --sort value --stacks cpu.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
