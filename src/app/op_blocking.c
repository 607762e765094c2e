/* gospect blocking: the blocking profiles of go tool trace, of any part of a trace. */
#include "analysis/flame.h"
#include "analysis/trace_profile.h"
#include "app/call_view.h"
#include "app/common_args.h"
#include "app/pprof_bytes.h"
#include "app/table_style.h"
#include "app/trace_args.h"
#include "model/timeline_sums.h"
#include "present/flame.h"
#include "present/report.h"

#include "base/banned.h"

static const gs_arg own_args[] = {
	{ "kind", GS_ARG_ENUM, "sync", "network sync syscall sched wait",
	  .help = "waits for the network; channels, select and locks; system calls; a processor; or anything", .short_name = 'k' },
	{ "closed", GS_ARG_BOOL, .help = "leave out waits that the trace ends in, as go tool trace does" },
	{ "limit", GS_ARG_INT, "40", .help = "rows; 0 for all", .unit = "rows", .short_name = 'n' },
	{ "cum", GS_ARG_BOOL, .help = "order by time with callees" },
	{ 0 },
};
static const gs_arg_group own = { "Blocking", own_args };

/* Of the kinds, in the order of the argument's values: the count's column; the time's comes behind it. */
static gs_time_value count_of(gs_str kind)
{
	return gs_str_eq(kind, GS_S("network")) ? GS_TIME_NETWORK_COUNT :
	       gs_str_eq(kind, GS_S("syscall")) ? GS_TIME_SYSCALL_COUNT :
	       gs_str_eq(kind, GS_S("sched"))	? GS_TIME_SCHED_COUNT :
	       gs_str_eq(kind, GS_S("wait"))	? GS_TIME_WAIT_COUNT :
						  GS_TIME_SYNC_COUNT;
}

/* Two columns of `p`, samples without time left out. */
static gs_profile *two_columns(gs_arena *mem, const gs_profile *p, gs_time_value first, gs_err *err)
{
	gs_profile *out = gs_try_new(mem, gs_profile, 1);
	uint32_t *nodes = gs_try_new(mem, uint32_t, p->n_samples), *labels = gs_try_new(mem, uint32_t, p->n_samples);
	int64_t *counts = gs_try_new(mem, int64_t, p->n_samples), *times = gs_try_new(mem, int64_t, p->n_samples);
	uint32_t n = 0;

	if (!out || !nodes || !labels || !counts || !times) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the profile");
		return NULL;
	}
	for (uint32_t i = 0; i < p->n_samples; i++) {
		if (!p->values[first + 1][i])
			continue;
		nodes[n] = p->sample_node[i];
		labels[n] = p->sample_labels[i];
		counts[n] = p->values[first][i];
		times[n++] = p->values[first + 1][i];
	}
	*out = *p;
	out->mem = mem;
	out->n_types = 2;
	out->types[0] = p->types[first];
	out->types[1] = p->types[first + 1];
	out->default_type = 0;
	out->n_samples = n;
	out->sample_node = nodes;
	out->sample_labels = labels;
	out->values[0] = counts;
	out->values[1] = times;
	return out;
}

static bool write_profile(gs_op_call *call, gs_query *q, gs_time_value first, gs_err *err)
{
	const gs_profile *p = gs_call_first_profile(call, q, err);
	gs_report r;

	p = p ? two_columns(call->mem, p, first, err) : NULL;
	q->sample_index = (gs_str){ 0 };
	if (!p || !gs_report_init(&r, call->mem, p, q, GS_REPORT_PROTO, (gs_str){ 0 }, err))
		return false;
	p = gs_report_profile(&r, err);
	return p && gs_write_pprof_bytes(call, p, NULL, err);
}

static bool write_folded(gs_op_call *call, const gs_query *q, gs_err *err)
{
	gs_flame_options options = { 0 };
	const gs_view *v = gs_call_view(call, q, err);
	gs_flame *f = v ? gs_flame_build(call->mem, v, &options, err) : NULL;

	if (f)
		gs_flame_write_folded(f, false, call->out);
	return f != NULL;
}

static bool wants_profile(const gs_op_call *call)
{
	return !gs_call_bool(call, "closed") && gs_call_is_of_profile(call);
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_table_style style = gs_call_table_style(call);
	gs_time_value first = count_of(gs_call_str(call, "kind"));
	const gs_document *trace;
	const gs_view *v;
	gs_rows *r;

	if (!gs_call_trace_document(call, &trace, err) || !gs_call_query(call, q, err))
		return false;
	q->sample_index = gs_str_of(gs_time_value_name(first + 1));
	q->trace.without_open = gs_call_bool(call, "closed");
	if (strcmp(call->format, "pprof") == 0 || strcmp(call->format, "proto") == 0)
		return write_profile(call, q, first, err);
	if (strcmp(call->format, "folded") == 0)
		return write_folded(call, q, err);
	v = gs_call_view_keys(call, q, err);
	r = v ? gs_rows_build(call->mem, v, err) : NULL;
	if (!r)
		return false;
	gs_rows_sort(r, gs_call_bool(call, "cum") ? GS_ROWS_BY_CUM : GS_ROWS_BY_FLAT);
	gs_call_write_rows(call, r, &style);
	return true;
}

const gs_op gs_op_blocking = {
	.name = "blocking",
	.summary = "where goroutines of an execution trace waited: the blocking profiles, of all or any part of it",
	.help = "What go tool trace -pprof=net|sync|syscall|sched makes, for all goroutines, a group, a region, a task or a stretch of time.\n"
		"Waits that go on at the end of the trace are part of it, which go tool trace leaves out: --closed does so too. The first\n"
		"wait of a goroutine for a processor counts here; go tool trace forgets it.\n"
		"\n"
		"  gospect blocking trace.out\n"
		"  gospect blocking --kind network --group 'http.*serve' trace.out\n"
		"  gospect blocking --kind sched --region db-query --format pprof trace.out -o sched.pprof\n"
		"  gospect flame --sample-index sync --time 1.2s..1.4s trace.out -o sync.svg\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json csv pprof proto folded",
	.run = run,
	.is_slow = true,
	.wants_profile = wants_profile,
};
