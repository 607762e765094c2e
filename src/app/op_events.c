#include "app/trace_args.h"
#include "present/trace_events.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "match", GS_ARG_REGEX, .help = "only events whose text, or a function or file of whose stack, matches", .unit = "regex", .short_name = 'm' },
	{ "kind", GS_ARG_STRING, .unit = "kinds",
	  .help = "only these, with commas: goroutine proc range-begin range-end task-begin task-end region-begin region-end log sample "
		  "heap heap-goal gomaxprocs memory" },
	{ "goroutine", GS_ARG_STRING, .help = "only what it did, and what was done to it", .unit = "id" },
	{ "time", GS_ARG_STRING, .help = "only this part of the trace, such as 1.2s..1.4s", .unit = "from..to" },
	{ "limit", GS_ARG_INT, "100", .help = "events; 0 for all", .unit = "events", .short_name = 'n' },
	{ "offset", GS_ARG_INT, "0", .help = "leave out the first ones", .unit = "events" },
	{ "stacks", GS_ARG_BOOL, .help = "with their whole stacks" },
	{ 0 },
};
static const gs_arg_group own = { "Events", own_args };

static bool read_kinds(gs_str list, uint32_t *kinds, gs_err *err)
{
	gs_str word;

	*kinds = list.n ? 0 : UINT32_MAX;
	while (list.n) {
		unsigned k = 0;

		gs_str_cut(list, ',', &word, &list);
		while (k < GS_N_TRACE_EVENT_KINDS && !gs_str_eq(word, gs_str_of(gs_trace_event_kind_name((gs_trace_event_kind)k))))
			k++;
		if (k == GS_N_TRACE_EVENT_KINDS)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no event kind \"%.*s\": see gospect help events",
				       GS_FMT(word));
		*kinds |= 1u << k;
	}
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_trace_source src;
	gs_trace_event_query q = { .goroutine = GS_NO_INDEX };
	gs_events_page page = { .match = gs_call_regex(call, "match"),
				.offset = (uint64_t)gs_call_int(call, "offset"),
				.limit = (uint64_t)gs_call_int(call, "limit"),
				.with_stacks = gs_call_bool(call, "stacks") };
	gs_str goroutine = gs_call_str(call, "goroutine");
	uint64_t id;

	if (!gs_call_trace(call, &src, err) || !gs_call_time(call, &q.start_ns, &q.end_ns, err) ||
	    !read_kinds(gs_call_str(call, "kind"), &q.kinds, err))
		return false;
	if (goroutine.n) {
		if (!gs_str_u64(goroutine, 10, &id))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--goroutine wants a number, not \"%.*s\"",
				       GS_FMT(goroutine));
		q.goroutine = gs_timeline_goroutine_of(src.timeline, id);
		if (q.goroutine == GS_NO_INDEX)
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "this trace has no goroutine %.*s", GS_FMT(goroutine));
	}
	return gs_events_write(call->mem, &src, &q, &page, strcmp(call->format, "json") == 0, call->out, err);
}

const gs_op gs_op_events = {
	.name = "events",
	.summary = "the events of an execution trace in order of time; what grep is for text",
	.help = "  gospect events -m 'handleOrders' --time 1.2s..1.3s trace.out\n"
		"  gospect events --goroutine 77 --stacks trace.out\n"
		"  gospect events --kind log,task-begin,task-end -n 0 trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
