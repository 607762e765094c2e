#include "analysis/trace_survey.h"

#include "analysis/latency.h"
#include "analysis/names.h"
#include "analysis/trace_contention.h"
#include "analysis/trace_frames.h"
#include "analysis/trace_instances.h"
#include "analysis/trace_sched.h"
#include "analysis/trace_stats.h"

static void add_ranges(const gs_timeline *t, const gs_profile *p, gs_trace_survey *out)
{
	int64_t marking = 0;

	for (uint32_t i = 0; i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];
		gs_str name = gs_profile_str(p, r->name);
		int64_t ns = r->end_ns - r->start_ns;

		if (gs_str_eq(name, GS_S("GC concurrent mark phase"))) {
			marking += ns;
		} else if (gs_str_starts(name, GS_S("stop-the-world"))) {
			out->stw_total_ns += ns;
			out->stw_max_ns = ns > out->stw_max_ns ? ns : out->stw_max_ns;
		}
	}
	out->gc_share = t->duration_ns > 0 ? (double)marking / (double)t->duration_ns : 0;
}

static void add_requests(gs_arena *mem, const gs_timeline *t, const gs_profile *p, gs_trace_survey *out)
{
	gs_instance_query q = { .kind = GS_INSTANCE_REQUEST };
	gs_trace_instances *in = gs_trace_instances_find(mem, t, p, &q, NULL);
	gs_latency *l = gs_new(mem, gs_latency, 1);

	for (uint32_t i = 0; in && i < in->n; i++)
		if (!in->list[i].is_cut)
			gs_latency_add(l, in->list[i].end_ns - in->list[i].start_ns);
	out->requests = (uint32_t)l->count;
	out->request_p50_ns = gs_latency_percentile(l, 0.5);
	out->request_p99_ns = gs_latency_percentile(l, 0.99);
}

/* Idle connections wait in net/http, and who takes the trace in net/http/pprof: that is no news. */
static bool is_news(const gs_profile *p, const gs_wait_place *w)
{
	gs_str package = gs_name_package(gs_trace_node_name(p, w->node));

	return !w->is_collector && !gs_str_starts(package, GS_S("net/http")) &&
	       !gs_name_is_runtime(gs_trace_node_name(p, w->node)) && !gs_str_starts(package, GS_S("runtime/"));
}

bool gs_trace_survey_build(const gs_timeline *t, const gs_profile *p, gs_trace_survey *out, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	gs_sched *sched = gs_sched_build(mem, t, 0, INT64_MAX, err);
	gs_contention *waits = sched ? gs_contention_build(mem, t, p, 0, INT64_MAX, err) : NULL;
	gs_trace_query all = { 0 };
	gs_trace_selection *s = waits ? gs_trace_select(mem, t, p, &all, err) : NULL;
	gs_trace_stats *stats = s ? gs_trace_stats_build(mem, s, false, err) : NULL;

	*out = (gs_trace_survey){ .duration_ns = t->duration_ns, .format_minor = t->format_minor, .goroutines = t->n_goroutines,
				  .is_damaged = t->damage.n != 0 };
	if (!stats)
		return false;
	out->running = t->duration_ns > 0 ? (double)stats->all.exec_ns / (double)t->duration_ns : 0;
	out->waiting_for_proc = sched->mean_waiting;
	out->sched_p99_ns = gs_latency_percentile(&sched->all, 0.99);
	out->sched_max_ns = sched->all.max_ns;
	add_ranges(t, p, out);
	add_requests(mem, t, p, out);
	for (uint32_t i = 0; i < waits->n_places; i++)
		if (is_news(p, &waits->places[i])) {
			out->wait_node = waits->places[i].node;
			out->wait_reason = waits->places[i].reason;
			out->wait_ns = waits->places[i].total_ns;
			out->is_convoy = waits->places[i].is_convoy;
			break;
		}
	return true;
}
