#include "app/trace_index.h"
#include "present/trace_json.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "id", GS_ARG_INT, .help = "the goroutine, as the runtime numbers it", .unit = "number", .short_name = 'g' },
	{ "limit", GS_ARG_INT, "100", .help = "spans to show", .unit = "spans", .short_name = 'n' },
	{ "offset", GS_ARG_INT, "0", .help = "leave out the first ones", .unit = "spans" },
	{ 0 },
};
static const gs_arg_group own = { "Goroutine", own_args };

static uint32_t number(const gs_op_call *call, const char *name)
{
	int64_t n = gs_call_int(call, name);

	return n > INT32_MAX ? INT32_MAX : (uint32_t)n;
}

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_trace_index *x = gs_call_lanes(call, err);
	int64_t from, to;
	uint32_t g;
	gs_goroutine_detail *d;

	if (!x || !gs_call_window(call, x, &from, &to, err))
		return false;
	if (!gs_call_is_set(call, "id"))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "goroutine needs --id: see gospect lanes for which there are");
	g = gs_timeline_goroutine_of(x->timeline, (uint64_t)gs_call_int(call, "id"));
	if (g == GS_NO_INDEX)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the trace has no goroutine %lld", (long long)gs_call_int(call, "id"));
	d = gs_goroutine_detail_build(call->mem, x->lanes, g, from, to, number(call, "offset"), number(call, "limit"), err);
	if (!d)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_goroutine_write_json(x->lanes, x->extras, d, call->out);
	else
		gs_goroutine_write_text(x->lanes, d, call->out);
	return true;
}

const gs_op gs_op_goroutine = {
	.name = "goroutine",
	.summary = "one goroutine of an execution trace: where its time went, who woke it, its spans with their stacks",
	.help = "  gospect goroutine --id 42 trace.out\n"
		"  gospect goroutine --id 42 --time 1.2s..1.3s trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_trace_window, NULL },
	.formats = "text json",
	.run = run,
};
