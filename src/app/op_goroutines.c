#include "app/op.h"
#include "present/goroutine_groups.h"

static const gs_arg own_args[] = {
	{ "group-by", GS_ARG_STRING, "stack", .help = "stack, state, wait, creator, or label:KEY", .unit = "what" },
	{ "match", GS_ARG_REGEX, .help = "only goroutines with a function or file that matches", .unit = "regex", .short_name = 'm' },
	{ "state", GS_ARG_REGEX, .help = "only goroutines in a state that matches, such as \"chan send\"", .unit = "regex" },
	{ "min-wait", GS_ARG_DURATION, "0", .help = "only goroutines that have waited so long" },
	{ "n", GS_ARG_INT, "20", .help = "groups to show; 0: all", .unit = "groups", .short_name = 'n' },
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

static bool run(gs_op_call *call, gs_err *err)
{
	const gs_document *d = call->docs[0];
	gs_goroutine_query q = { .match = gs_call_regex(call, "match"),
				 .state = gs_call_regex(call, "state"),
				 .min_wait_ns = gs_call_int(call, "min-wait") };
	int64_t n = gs_call_int(call, "n");
	gs_goroutine_groups *g;

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
	.summary = "goroutines of a dump or profile, grouped by stack, state, time waited, creator or label",
	.help = "Reads dumps of every kind (debug=2, a panic or SIGQUIT in a log) and goroutine profiles.\n"
		"\n"
		"  gospect goroutines goroutines.txt\n"
		"  gospect goroutines --group-by creator --min-wait 10m panic.log\n"
		"  gospect goroutines --state 'chan send' --match 'internal/queue' goroutine.pprof\n",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, NULL },
	.formats = "text json",
	.run = run,
};
