#include "app/heap_call.h"
#include "app/select_args.h"
#include "app/trace_args.h"
#include "load/heap.h"
#include "present/goroutine_groups.h"
#include "present/trace_stats.h"

static const gs_arg own_args[] = {
	{ "group-by", GS_ARG_STRING, "stack", .help = "stack, state, wait, creator, or label:KEY", .unit = "what" },
	{ "match", GS_ARG_REGEX, .help = "only goroutines with a function or file that matches", .unit = "regex", .short_name = 'm' },
	{ "state", GS_ARG_REGEX, .help = "only goroutines in a state that matches, such as \"chan send\"", .unit = "regex" },
	{ "min-wait", GS_ARG_DURATION, "0", .help = "only goroutines that have waited so long" },
	{ "each", GS_ARG_BOOL, .help = "traces: a row for each goroutine, as with --goroutine and --group" },
	{ "limit", GS_ARG_INT, "20", .help = "groups to show; 0: all", .unit = "groups", .short_name = 'n' },
	{ 0 },
};
static const gs_arg_group own = { "Goroutines", own_args };

static bool read_group_by(gs_str s, gs_goroutine_query *q, gs_err *err)
{
	static const char *const names[] = { "stack", "state", "wait", "creator" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (gs_str_eq(s, gs_str_of(names[i]))) {
			q->by = (gs_goroutine_by)i;
			return true;
		}
	if (!gs_str_starts(s, GS_S("label:")))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "--group-by is stack, state, wait, creator or label:KEY, not \"%.*s\"", GS_FMT(s));
	q->by = GS_GOROUTINES_BY_LABEL;
	q->label = gs_str_skip(s, 6);
	return true;
}

/* Where the time of a trace's goroutines went. */
static bool run_trace(gs_op_call *call, gs_err *err)
{
	bool each = gs_call_bool(call, "each") || gs_call_is_set(call, "goroutine") || gs_call_is_set(call, "group");
	gs_trace_selection *s = gs_call_selection(call, err);
	gs_trace_stats *stats = s ? gs_trace_stats_build(call->mem, s, each, err) : NULL;
	gs_trace_source src;

	if (!stats || !gs_call_trace(call, &src, err))
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_trace_stats_json(stats, &src, gs_call_rows(call), call->out);
	else
		gs_trace_stats_text(stats, &src, gs_call_rows(call), call->out);
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_document *d = call->docs[0];
	gs_goroutine_query q = { .match = gs_call_regex(call, "match"),
				 .state = gs_call_regex(call, "state"),
				 .min_wait_ns = gs_call_int(call, "min-wait") };
	int64_t n = gs_call_int(call, "limit");
	gs_goroutine_groups *g;

	GS_AUTO(document) *of_heap = NULL;

	if (d->timeline)
		return run_trace(call, err);
	if (d->heap) { /* of a session: the command line opens the goroutines alone */
		of_heap = gs_document_create(d->name, d->path);
		if (!gs_heap_goroutine_dump(d->heap, (gs_str){ 0 }, of_heap, err))
			return false;
		d = of_heap;
	}
	if (!read_group_by(gs_call_str(call, "group-by"), &q, err))
		return false;
	if (call->n_docs > 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "goroutines looks at one input at a time, not %u", call->n_docs);
	g = gs_goroutine_groups_build(call->mem, d, &q, err);
	if (!g)
		return false;
	if (n > UINT32_MAX)
		n = 0;
	if (strcmp(call->format, "json") == 0)
		gs_goroutine_groups_json(g, d, (uint32_t)n, call->out);
	else
		gs_goroutine_groups_text(g, d, (uint32_t)n, call->out);
	return true;
}

const gs_op gs_op_goroutines = {
	.name = "goroutines",
	.summary = "goroutines of a dump or profile by stack, state, creator...; of an execution trace with where their time went",
	.help = "Reads dumps of every kind (debug=2, a panic or SIGQUIT in a log) and goroutine profiles. Of a process (a PID) or a core it reads\n"
		"them out of the memory: no endpoint and no symbols are needed, and the process stands still for a few milliseconds.\n"
		"\n"
		"Of an execution trace it shows, by start function or for each goroutine: time running, runnable, waiting for each reason, in\n"
		"system calls, and in GC assist, sweep and stops of the world (which overlap with the rest).\n"
		"\n"
		"  gospect goroutines goroutines.txt\n"
		"  gospect goroutines 4242\n"
		"  gospect goroutines --group-by creator --min-wait 10m panic.log\n"
		"  gospect goroutines trace.out\n"
		"  gospect goroutines --group 'http.*serve' --time 1s..2s trace.out\n"
		"  gospect goroutines --state 'chan send' --match 'internal/queue' goroutine.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.part = "goroutines",
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_select, &gs_heap_args, NULL },
	.formats = "text json",
	.run = run,
};
