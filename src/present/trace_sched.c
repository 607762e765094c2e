#include <inttypes.h>

#include "analysis/trace_frames.h"
#include "present/printable.h"
#include "present/trace.h"

static uint32_t rows(uint32_t n, uint32_t limit)
{
	return limit && limit < n ? limit : n;
}

void gs_sched_text(gs_arena *mem, const gs_sched *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	uint32_t n = rows(s->n_groups, limit), n_worst = rows(s->n_worst, limit ? (limit + 1) / 2 : 0);

	gs_buf_f(out, "%.2f goroutines waited for a processor on average", s->mean_waiting);
	if (s->most_waiting) {
		gs_buf_f(out, ", at most %" PRIu32 " at once, at ", s->most_waiting);
		gs_trace_put_time(out, s->most_waiting_at_ns);
	}
	gs_buf_z(out, "\n\n" GS_LATENCY_HEADING "  goroutines started with\n");
	for (uint32_t i = 0; i < n; i++) {
		gs_trace_put_latency(out, &s->groups[i].latency);
		gs_buf_z(out, "  ");
		gs_trace_put_name(out, src, s->groups[i].name);
		gs_buf_c(out, '\n');
	}
	if (n < s->n_groups)
		gs_buf_f(out, "  %" PRIu32 " more (-n 0 shows all)\n", s->n_groups - n);
	gs_trace_put_latency(out, &s->all);
	gs_buf_z(out, "  all\n");
	if (n_worst)
		gs_buf_z(out, "\nlongest waits\n");
	for (uint32_t i = 0; i < n_worst; i++) {
		const gs_sched_wait *w = &s->worst[i];

		gs_trace_put_ns(out, w->end_ns - w->start_ns, 11);
		gs_buf_z(out, "  at ");
		gs_trace_put_time(out, w->start_ns);
		gs_buf_f(out, "  goroutine %" PRIu64 " ", src->timeline->goroutines[w->goroutine].id);
		gs_printable(out, gs_trace_goroutine_name(mem, src->profile, src->timeline, w->goroutine));
		for (unsigned k = 0; k < w->n_runners; k++) {
			gs_buf_z(out, k ? ", " : "; meanwhile ran ");
			gs_trace_put_name(out, src, w->runners[k].name);
			gs_buf_c(out, ' ');
			gs_trace_put_ns(out, w->runners[k].ns, 0);
		}
		gs_buf_c(out, '\n');
	}
}

void gs_sched_json(gs_arena *mem, const gs_sched *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_kf64(j, "mean_waiting", s->mean_waiting);
	gs_json_ku64(j, "most_waiting", s->most_waiting);
	gs_json_ki64(j, "most_waiting_at_ns", s->most_waiting_at_ns);
	gs_json_key(j, "all");
	gs_trace_latency_json(j, &s->all);
	gs_json_key(j, "groups");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(s->n_groups, limit); i++) {
		gs_json_object(j);
		gs_json_kstr(j, "name", gs_profile_str(src->profile, s->groups[i].name));
		gs_json_key(j, "latency");
		gs_trace_latency_json(j, &s->groups[i].latency);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "worst");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(s->n_worst, limit); i++) {
		const gs_sched_wait *w = &s->worst[i];

		gs_json_object(j);
		gs_json_ki64(j, "start_ns", w->start_ns);
		gs_json_ki64(j, "end_ns", w->end_ns);
		gs_json_ku64(j, "goroutine", src->timeline->goroutines[w->goroutine].id);
		gs_json_kstr(j, "name", gs_trace_goroutine_name(mem, src->profile, src->timeline, w->goroutine));
		gs_json_key(j, "runners");
		gs_json_array(j);
		for (unsigned k = 0; k < w->n_runners; k++) {
			gs_json_object(j);
			gs_json_kstr(j, "name", gs_profile_str(src->profile, w->runners[k].name));
			gs_json_ki64(j, "ns", w->runners[k].ns);
			gs_json_object_end(j);
		}
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}

void gs_stops_text(gs_arena *mem, const gs_stops *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	uint32_t n = rows(s->n, limit);

	gs_buf_f(out, "the world was stopped %" PRIu32 " times, ", s->n);
	gs_trace_put_ns(out, s->total_ns, 0);
	gs_buf_z(out, " in all\n");
	if (!s->n)
		return;
	gs_buf_z(out, "\n" GS_LATENCY_HEADING "  stop; until all stood: p50, max\n");
	for (uint32_t i = 0; i < s->n_kinds; i++) {
		gs_trace_put_latency(out, &s->kinds[i].latency);
		gs_buf_z(out, "  ");
		gs_trace_put_name(out, src, s->kinds[i].kind);
		gs_buf_z(out, "; ");
		gs_trace_put_ns(out, gs_latency_percentile(&s->kinds[i].stopping, 0.5), 0);
		gs_buf_z(out, ", ");
		gs_trace_put_ns(out, s->kinds[i].stopping.max_ns, 0);
		gs_buf_c(out, '\n');
	}
	gs_buf_z(out, "\nlongest\n");
	for (uint32_t i = 0; i < n; i++) {
		const gs_stop *x = &s->list[i];

		gs_trace_put_ns(out, x->end_ns - x->start_ns, 11);
		gs_buf_z(out, "  at ");
		gs_trace_put_time(out, x->start_ns);
		gs_buf_z(out, "  ");
		gs_trace_put_name(out, src, x->kind);
		if (x->last_goroutine != GS_NO_INDEX) {
			gs_buf_z(out, "; ");
			gs_trace_put_ns(out, x->stopping_ns, 0);
			gs_buf_f(out, " until goroutine %" PRIu64 " ", src->timeline->goroutines[x->last_goroutine].id);
			gs_printable(out, gs_trace_goroutine_name(mem, src->profile, src->timeline, x->last_goroutine));
			gs_buf_z(out, " left its processor");
			if (x->last_stack) {
				gs_buf_z(out, " at ");
				gs_trace_put_place(out, src, gs_trace_own_node(src->profile, x->last_stack));
			}
		}
		gs_buf_c(out, '\n');
	}
	if (n < s->n)
		gs_buf_f(out, "  %" PRIu32 " more (-n 0 shows all)\n", s->n - n);
}

void gs_stops_json(gs_arena *mem, const gs_stops *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_ku64(j, "count", s->n);
	gs_json_ki64(j, "total_ns", s->total_ns);
	gs_json_key(j, "kinds");
	gs_json_array(j);
	for (uint32_t i = 0; i < s->n_kinds; i++) {
		gs_json_object(j);
		gs_json_kstr(j, "kind", gs_profile_str(src->profile, s->kinds[i].kind));
		gs_json_key(j, "latency");
		gs_trace_latency_json(j, &s->kinds[i].latency);
		gs_json_key(j, "stopping");
		gs_trace_latency_json(j, &s->kinds[i].stopping);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "stops");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(s->n, limit); i++) {
		const gs_stop *x = &s->list[i];

		gs_json_object(j);
		gs_json_kstr(j, "kind", gs_profile_str(src->profile, x->kind));
		gs_json_ki64(j, "start_ns", x->start_ns);
		gs_json_ki64(j, "end_ns", x->end_ns);
		gs_json_ki64(j, "stopping_ns", x->stopping_ns);
		if (x->last_goroutine != GS_NO_INDEX) {
			gs_json_ku64(j, "last_goroutine", src->timeline->goroutines[x->last_goroutine].id);
			gs_json_kstr(j, "last_name", gs_trace_goroutine_name(mem, src->profile, src->timeline, x->last_goroutine));
			gs_json_key(j, "last_at");
			gs_trace_place_json(j, src, gs_trace_own_node(src->profile, x->last_stack));
		}
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}
