#include "present/trace_spans.h"

#include <inttypes.h>

#include "present/printable.h"
#include "present/trace_stats.h"

static uint32_t shown(uint32_t have, uint32_t want)
{
	return want && want < have ? want : have;
}

static uint64_t id_of(const gs_timeline *t, uint32_t goroutine)
{
	return goroutine == GS_NO_INDEX ? 0 : t->goroutines[goroutine].id;
}

static uint32_t name_of(const gs_trace_spans *s, const gs_timeline *t, uint32_t index)
{
	return s->is_task ? t->tasks[index].name : t->regions[index].name;
}

/* Counts of the histogram as a line of blocks, a decade for each three of them. */
static void put_histogram(gs_buf *out, const gs_latency *l)
{
	static const char *const blocks[] = { " ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84", "\xe2\x96\x85",
					      "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" };
	enum { N = GS_LATENCY_BUCKETS / GS_LATENCY_STEPS };
	uint64_t sums[N] = { 0 }, most = 0;
	unsigned first = N, last = 0;

	for (unsigned i = 0; i < GS_LATENCY_BUCKETS; i++)
		sums[i / GS_LATENCY_STEPS] += l->bucket[i];
	for (unsigned i = 0; i < N; i++) {
		if (!sums[i])
			continue;
		most = sums[i] > most ? sums[i] : most;
		first = first == N ? i : first;
		last = i;
	}
	for (unsigned i = first; i <= last && i < N; i++)
		gs_buf_z(out, blocks[sums[i] ? 1 + sums[i] * 7 / most : 0]);
}

static void put_item(const gs_trace_spans *s, const gs_span_item *item, const gs_trace_source *src, gs_buf *out)
{
	const gs_timeline *t = src->timeline;

	gs_trace_put_ns(out, item->end_ns - item->start_ns, 11);
	gs_buf_z(out, item->is_cut ? "+ " : "  ");
	gs_trace_put_time(out, item->start_ns);
	if (s->is_task) {
		gs_buf_f(out, "%9" PRIu64 "%6" PRIu32 "%6" PRIu32 "%6" PRIu32, t->tasks[item->index].id, item->n_goroutines, item->n_regions,
			 item->n_logs);
		gs_trace_put_ns(out, item->gc_ns, 11);
	} else {
		gs_buf_f(out, "%10" PRIu64, id_of(t, t->regions[item->index].goroutine));
		gs_trace_put_ns(out, item->split.exec_ns, 11);
		gs_trace_put_ns(out, item->split.sched_ns, 11);
		gs_trace_put_ns(out, gs_time_split_blocked(&item->split, t), 11);
		gs_trace_put_ns(out, item->split.syscall_ns + item->split.syscall_blocked_ns, 11);
	}
	gs_buf_z(out, "  ");
	gs_trace_put_name(out, src, name_of(s, t, item->index));
	gs_buf_c(out, '\n');
}

static void put_group(const gs_trace_spans *s, const gs_span_group *g, const gs_trace_source *src, gs_buf *out)
{
	gs_trace_put_latency(out, g->latency);
	gs_buf_z(out, "  ");
	gs_trace_put_name(out, src, g->name);
	gs_buf_z(out, "  ");
	put_histogram(out, g->latency);
	if (g->n_cut)
		gs_buf_f(out, "  and %" PRIu32 " cut by the trace's ends", g->n_cut);
	gs_buf_c(out, '\n');
	if (s->is_task || !g->split.total_ns)
		return;
	gs_buf_z(out, "          running ");
	gs_trace_put_ns(out, g->split.exec_ns, 0);
	gs_buf_z(out, ", runnable ");
	gs_trace_put_ns(out, g->split.sched_ns, 0);
	if (g->split.syscall_ns) {
		gs_buf_z(out, ", syscall ");
		gs_trace_put_ns(out, g->split.syscall_ns, 0);
	}
	if (gs_time_split_blocked(&g->split, src->timeline) || g->split.syscall_blocked_ns) {
		gs_buf_z(out, ", ");
		gs_trace_put_reasons(out, &g->split, src, NULL, 0);
	}
	gs_buf_c(out, '\n');
}

void gs_trace_spans_text(const gs_trace_spans *s, const gs_trace_source *src, bool each, uint32_t limit, gs_buf *out)
{
	uint32_t have = each ? s->n : s->n_groups, n = shown(have, limit);

	if (s->n == 0) {
		gs_buf_f(out, "no %s here: runtime/trace.%s makes them. HTTP requests need none: gospect why finds them\n", s->is_task ? "tasks" : "regions",
			 s->is_task ? "NewTask" : "StartRegion");
		return;
	}
	gs_buf_f(out, "%" PRIu32 " %s%s of %" PRIu32 " name%s\n", s->n, s->is_task ? "task" : "region", s->n == 1 ? "" : "s", s->n_groups,
		 s->n_groups == 1 ? "" : "s");
	if (!each)
		gs_buf_z(out, GS_LATENCY_HEADING "  name, and how latencies spread: each block is twice the one before\n");
	else if (s->is_task)
		gs_buf_z(out, "   duration         start     task  gos  regs  logs         GC  name\n");
	else
		gs_buf_z(out, "   duration         start goroutine    running   runnable    waiting    syscall  name\n");
	for (uint32_t i = 0; i < n; i++) {
		if (each)
			put_item(s, &s->items[i], src, out);
		else
			put_group(s, &s->groups[i], src, out);
	}
	if (n < have)
		gs_buf_f(out, "%" PRIu32 " more: -n 0 shows all\n", have - n);
}

static void group_json(gs_json *j, const gs_trace_spans *s, const gs_span_group *g, const gs_trace_source *src)
{
	gs_json_object(j);
	gs_json_kstr(j, "name", gs_profile_str(src->profile, g->name));
	gs_json_key(j, "latency");
	gs_trace_latency_json(j, g->latency);
	gs_json_ku64(j, "cut", g->n_cut);
	gs_json_key(j, "histogram");
	gs_json_array(j);
	for (unsigned i = 0; i < GS_LATENCY_BUCKETS; i++) {
		int64_t from, to;

		if (!g->latency->bucket[i])
			continue;
		gs_latency_bounds(i, &from, &to);
		gs_json_object(j);
		gs_json_ki64(j, "from_ns", from);
		gs_json_ki64(j, "to_ns", to);
		gs_json_ku64(j, "count", g->latency->bucket[i]);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	if (!s->is_task) {
		gs_json_key(j, "split");
		gs_json_object(j);
		gs_trace_split_json(j, &g->split, src, NULL, 0);
		gs_json_object_end(j);
	}
	gs_json_object_end(j);
}

static void item_json(gs_json *j, const gs_trace_spans *s, const gs_span_item *item, const gs_trace_source *src)
{
	const gs_timeline *t = src->timeline;
	uint32_t task = s->is_task ? t->tasks[item->index].parent : t->regions[item->index].task;

	gs_json_object(j);
	gs_json_kstr(j, "name", gs_profile_str(src->profile, name_of(s, t, item->index)));
	gs_json_ki64(j, "start_ns", item->start_ns);
	gs_json_ki64(j, "end_ns", item->end_ns);
	gs_json_kbool(j, "cut", item->is_cut);
	gs_json_ku64(j, "goroutine", id_of(t, s->is_task ? t->tasks[item->index].start_goroutine : t->regions[item->index].goroutine));
	if (task != GS_NO_INDEX)
		gs_json_ku64(j, s->is_task ? "parent" : "task", t->tasks[task].id);
	if (s->is_task) {
		gs_json_ku64(j, "id", t->tasks[item->index].id);
		gs_json_ku64(j, "goroutines", item->n_goroutines);
		gs_json_ku64(j, "regions", item->n_regions);
		gs_json_ku64(j, "logs", item->n_logs);
		gs_json_ku64(j, "children", item->n_children);
		gs_json_ki64(j, "gc_ns", item->gc_ns);
	} else {
		gs_json_ku64(j, "depth", t->regions[item->index].depth);
		gs_json_key(j, "split");
		gs_json_object(j);
		gs_trace_split_json(j, &item->split, src, NULL, 0);
		gs_json_object_end(j);
	}
	gs_json_object_end(j);
}

void gs_trace_spans_json(const gs_trace_spans *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_ku64(&j, "total", s->n);
	gs_json_key(&j, "groups");
	gs_json_array(&j);
	for (uint32_t i = 0; i < s->n_groups; i++)
		group_json(&j, s, &s->groups[i], src);
	gs_json_array_end(&j);
	gs_json_key(&j, "items");
	gs_json_array(&j);
	for (uint32_t i = 0; i < shown(s->n, limit); i++)
		item_json(&j, s, &s->items[i], src);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}

static const char *const event_names[] = { "task begins", "task ends", "region begins", "region ends", "log" };

static uint32_t event_name(const gs_task_event *e, const gs_timeline *t)
{
	return e->kind == GS_TASK_BEGIN || e->kind == GS_TASK_END ? t->tasks[e->index].name :
	       e->kind == GS_TASK_LOG				  ? t->logs[e->index].key :
								    t->regions[e->index].name;
}

void gs_task_events_text(const gs_task_event *e, uint32_t n, const gs_trace_source *src, gs_buf *out)
{
	gs_buf_z(out, "           time      after  goroutine  what\n");
	for (uint32_t i = 0; i < n; i++) {
		gs_buf_z(out, "  ");
		gs_trace_put_time(out, e[i].time_ns);
		gs_buf_c(out, ' ');
		gs_trace_put_ns(out, e[i].time_ns - e[0].time_ns, 10);
		gs_buf_f(out, "%11" PRIu64 "  %s ", id_of(src->timeline, e[i].goroutine), event_names[e[i].kind]);
		gs_trace_put_name(out, src, event_name(&e[i], src->timeline));
		if (e[i].kind == GS_TASK_LOG) {
			gs_buf_z(out, ": ");
			gs_printable(out, gs_profile_str(src->profile, src->timeline->logs[e[i].index].value));
		}
		gs_buf_c(out, '\n');
	}
}

void gs_task_events_json(const gs_task_event *e, uint32_t n, const gs_trace_source *src, gs_buf *out)
{
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_key(&j, "events");
	gs_json_array(&j);
	for (uint32_t i = 0; i < n; i++) {
		gs_json_object(&j);
		gs_json_ki64(&j, "time_ns", e[i].time_ns);
		gs_json_kstr(&j, "what", gs_str_of(event_names[e[i].kind]));
		gs_json_kstr(&j, "name", gs_profile_str(src->profile, event_name(&e[i], src->timeline)));
		gs_json_ku64(&j, "goroutine", id_of(src->timeline, e[i].goroutine));
		if (e[i].kind == GS_TASK_LOG)
			gs_json_kstr(&j, "value", gs_profile_str(src->profile, src->timeline->logs[e[i].index].value));
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
