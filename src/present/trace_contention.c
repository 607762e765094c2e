#include <inttypes.h>

#include "present/printable.h"
#include "present/trace.h"

static uint32_t rows(uint32_t n, uint32_t limit)
{
	return limit && limit < n ? limit : n;
}

static void place_text(const gs_wait_place *p, const gs_trace_source *src, gs_buf *out)
{
	gs_trace_put_ns(out, p->total_ns, 11);
	gs_buf_f(out, " %8" PRIu64, p->count);
	gs_trace_put_ns(out, p->max_ns, 11);
	gs_buf_f(out, " %8.2f %6" PRIu32 "  ", p->mean_waiting, p->most_waiting);
	gs_printable(out, gs_profile_str(src->profile, src->timeline->reasons[p->reason]));
	gs_buf_z(out, p->is_collector ? " for the garbage collector" : "");
	gs_trace_put_at(out, src, p->node, false);
	if (p->is_convoy)
		gs_buf_f(out, "  CONVOY: %.0f%% handed on from one waiter to the next",
			 100.0 * (double)p->handed_on / (double)p->count);
	gs_buf_c(out, '\n');
	if (p->waker_node) {
		gs_buf_z(out, "                                                  mostly until ");
		gs_trace_put_place(out, src, p->waker_node);
		gs_buf_z(out, " in ");
		gs_trace_put_name(out, src, p->waker_name);
		gs_buf_f(out, " (%.0f%%)\n", p->total_ns ? 100.0 * (double)p->waker_ns / (double)p->total_ns : 0.0);
	}
}

void gs_contention_text(const gs_contention *c, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	uint32_t n = rows(c->n_places, limit), n_pongs = rows(c->n_ping_pongs, limit);

	gs_trace_put_ns(out, c->total_ns, 0);
	gs_buf_z(out, " waited for locks, channels and select\n");
	if (n)
		gs_buf_z(out, "\n       time    count        max     mean   most  waiting\n");
	for (uint32_t i = 0; i < n; i++)
		place_text(&c->places[i], src, out);
	if (n < c->n_places)
		gs_buf_f(out, "  %" PRIu32 " more (-n 0 shows all)\n", c->n_places - n);
	if (n_pongs)
		gs_buf_z(out, "\nping-pong: goroutines that wake each other in turn\n    turns    pairs   work/turn switch/turn\n");
	for (uint32_t i = 0; i < n_pongs; i++) {
		const gs_ping_pong *p = &c->ping_pongs[i];

		gs_buf_f(out, "%9" PRIu64 " %8" PRIu32, p->turns, p->pairs);
		gs_trace_put_ns(out, p->busy_ns / (int64_t)p->turns, 12);
		gs_trace_put_ns(out, p->switch_ns / (int64_t)p->turns, 12);
		gs_buf_z(out, "  ");
		gs_trace_put_place(out, src, p->node_a);
		gs_buf_z(out, " in ");
		gs_trace_put_name(out, src, p->name_a);
		gs_buf_z(out, "  <->  ");
		gs_trace_put_place(out, src, p->node_b);
		gs_buf_z(out, " in ");
		gs_trace_put_name(out, src, p->name_b);
		gs_buf_c(out, '\n');
	}
}

void gs_contention_json(const gs_contention *c, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_ki64(j, "total_ns", c->total_ns);
	gs_json_key(j, "places");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(c->n_places, limit); i++) {
		const gs_wait_place *p = &c->places[i];

		gs_json_object(j);
		gs_json_kstr(j, "reason", gs_profile_str(src->profile, src->timeline->reasons[p->reason]));
		gs_json_kbool(j, "is_collector", p->is_collector);
		gs_json_key(j, "at");
		gs_trace_place_json(j, src, p->node);
		gs_json_ku64(j, "count", p->count);
		gs_json_ki64(j, "total_ns", p->total_ns);
		gs_json_ki64(j, "max_ns", p->max_ns);
		gs_json_kf64(j, "mean_waiting", p->mean_waiting);
		gs_json_ku64(j, "most_waiting", p->most_waiting);
		gs_json_ku64(j, "handed_on", p->handed_on);
		gs_json_kbool(j, "is_convoy", p->is_convoy);
		gs_json_key(j, "waker_at");
		gs_trace_place_json(j, src, p->waker_node);
		gs_json_kstr(j, "waker_goroutine", gs_profile_str(src->profile, p->waker_name));
		gs_json_ki64(j, "waker_ns", p->waker_ns);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "ping_pong");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(c->n_ping_pongs, limit); i++) {
		const gs_ping_pong *p = &c->ping_pongs[i];

		gs_json_object(j);
		gs_json_key(j, "at");
		gs_trace_place_json(j, src, p->node_a);
		gs_json_kstr(j, "goroutine", gs_profile_str(src->profile, p->name_a));
		gs_json_key(j, "other_at");
		gs_trace_place_json(j, src, p->node_b);
		gs_json_kstr(j, "other_goroutine", gs_profile_str(src->profile, p->name_b));
		gs_json_ku64(j, "turns", p->turns);
		gs_json_ku64(j, "pairs", p->pairs);
		gs_json_ki64(j, "busy_ns", p->busy_ns);
		gs_json_ki64(j, "switch_ns", p->switch_ns);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}
