#include "app/trace_index.h"
#include "present/trace_json.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "kind", GS_ARG_ENUM, "goroutines", "goroutines procs threads tasks", .help = "lanes of what", .short_name = 'k' },
	{ "group-by", GS_ARG_ENUM, "none", "none function creator task", .short_name = 'g',
	  .help = "by the function that they were started with, in the order of who created whom, or by task" },
	{ "group", GS_ARG_STRING, .help = "only this group: the function or name of tasks", .unit = "name" },
	{ "lane", GS_ARG_STRING, .help = "this one alone, as an earlier answer called it: g7, p0, m3, t2", .unit = "lane" },
	{ "match", GS_ARG_REGEX, .help = "only lanes whose name or number matches", .unit = "regex", .short_name = 'm' },
	{ "task", GS_ARG_REGEX, .help = "only goroutines that worked for a task of such a name", .unit = "regex" },
	{ "state", GS_ARG_LIST, .help = "only lanes that were in this state: running, runnable, syscall, network, sync, channel, sleep, gc, waiting",
	  .unit = "state" },
	{ "min", GS_ARG_DURATION, "0", .help = "only lanes that lived, or with --state were in it, so long" },
	{ "system", GS_ARG_BOOL, "1", .help = "with goroutines of the runtime" },
	{ "sort", GS_ARG_ENUM, "start", "start id name duration transitions time marked",
	  .help = "time: in the states asked for, or running; marked: in stacks with the function" },
	{ "reverse", GS_ARG_BOOL, .help = "the other way round" },
	{ "limit", GS_ARG_INT, "100", .help = "rows; 0: all", .unit = "lanes", .short_name = 'n' },
	{ "offset", GS_ARG_INT, "0", .help = "leave out the first ones", .unit = "lanes" },
	{ 0 },
};
static const gs_arg_group own = { "Lanes", own_args };

/* Index of the word in a list separated by blanks; it is one of them. */
static unsigned word_at(const char *list, gs_str want)
{
	gs_str rest = gs_str_of(list), word;
	unsigned i = 0;

	while (gs_word_next(&rest, &word) && !gs_str_eq(word, want))
		i++;
	return i;
}

static bool read_states(const gs_op_call *call, unsigned *states, gs_err *err)
{
	unsigned n;
	const gs_str *list = gs_call_list(call, "state", &n);

	for (unsigned i = 0; i < n; i++) {
		unsigned s = GS_LANE_RUNNING;

		while (s < GS_N_LANE_STATES && !gs_str_eq(list[i], gs_str_of(gs_lane_state_name((gs_lane_state)s))))
			s++;
		if (s == GS_N_LANE_STATES)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "lanes: \"%.*s\" is no state", GS_FMT(list[i]));
		*states |= 1u << s;
	}
	return true;
}

static uint32_t number(const gs_op_call *call, const char *name)
{
	int64_t n = gs_call_int(call, name);

	return n > INT32_MAX ? INT32_MAX : (uint32_t)n;
}

static bool run(gs_op_call *call, gs_err *err)
{
	static const gs_lane_order orders[] = { GS_LANES_BY_START, GS_LANES_BY_ID, GS_LANES_BY_NAME, GS_LANES_BY_DURATION,
						GS_LANES_BY_TRANSITIONS, GS_LANES_BY_TIME, GS_LANES_BY_HITS };
	static const gs_lane_kind kinds[] = { GS_LANE_OF_GOROUTINE, GS_LANE_OF_PROC, GS_LANE_OF_THREAD, GS_LANE_OF_TASK };
	static const gs_lane_grouping groupings[] = { GS_LANES_FLAT, GS_LANES_BY_FUNCTION, GS_LANES_BY_CREATOR, GS_LANES_BY_TASK };
	const gs_trace_index *x = gs_call_lanes(call, err);
	gs_lane_query q = { .match = gs_call_regex(call, "match"),
			    .task = gs_call_regex(call, "task"),
			    .min_ns = gs_call_int(call, "min"),
			    .no_system = !gs_call_bool(call, "system"),
			    .is_rising = gs_call_bool(call, "reverse"),
			    .has_lane = gs_call_is_set(call, "lane"),
			    .has_group = gs_call_is_set(call, "group") };
	gs_lane_page page = { .offset = number(call, "offset"), .limit = number(call, "limit") };
	gs_stack_set set = { 0 };
	gs_lane_list *list;

	if (!x || !gs_call_window(call, x, &q.from_ns, &q.to_ns, err) || !read_states(call, &q.states, err) ||
	    !gs_call_stack_set(call, x, &set, &page.has_hits, err))
		return false;
	if (q.has_lane && !gs_lane_read(x->timeline, gs_call_str(call, "lane"), &q.lane))
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "lanes: the trace has no lane \"%.*s\"", GS_FMT(gs_call_str(call, "lane")));
	q.kind = kinds[word_at("goroutines procs threads tasks", gs_call_str(call, "kind"))];
	q.by = groupings[word_at("none function creator task", gs_call_str(call, "group-by"))];
	q.order = orders[word_at("start id name duration transitions time marked", gs_call_str(call, "sort"))];
	q.set = page.has_hits ? &set : NULL;
	if (q.has_group)
		q.group = gs_strtab_find(&gs_lanes_profile(x->lanes)->strings, gs_call_str(call, "group"));
	if (!page.limit && !gs_call_int(call, "limit"))
		page.limit = UINT32_MAX;
	list = gs_lane_list_build(call->mem, x->lanes, x->extras, &q, err);
	if (!list)
		return false;
	if (strcmp(call->format, "json") == 0)
		gs_lanes_write_json(call->mem, x->lanes, x->extras, list, &page, call->out);
	else
		gs_lanes_write_text(call->mem, x->lanes, list, &page, call->out);
	return true;
}

const gs_op gs_op_lanes = {
	.name = "lanes",
	.summary = "lanes of an execution trace: goroutines, Ps, threads and tasks, filtered and grouped",
	.help = "What the timeline of the page lists. Times are of the whole trace, of groups and with a function of the time asked for.\n"
		"\n"
		"  gospect lanes --sort time --state sync trace.out\n"
		"  gospect lanes --match 'handle' --min 100ms --time 1s..2s trace.out\n"
		"  gospect lanes --function 'main.(*cache).get' --value sync --sort marked trace.out\n"
		"  gospect lanes --group-by creator trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_trace_window, &gs_args_trace_stacks, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
