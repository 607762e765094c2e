#include "present/trace_json.h"

#include "present/trace.h"

#include <inttypes.h>
#include <math.h>

#include "present/printable.h"

#include "base/banned.h"

static const char kinds[] = "gpmt";

void gs_lane_name(gs_lane lane, char out[16])
{
	snprintf(out, 16, "%c%u", kinds[lane.kind], lane.index);
}

bool gs_lane_read(const gs_timeline *t, gs_str s, gs_lane *out)
{
	const uint32_t counts[] = { t->n_goroutines, t->n_procs, t->n_threads, t->n_tasks };
	const char *kind = s.n > 1 ? strchr(kinds, s.p[0]) : NULL;
	uint64_t index;

	if (!kind || !*kind || !gs_str_u64(gs_str_skip(s, 1), 10, &index) || index >= counts[kind - kinds])
		return false;
	*out = (gs_lane){ (gs_lane_kind)(kind - kinds), (uint32_t)index };
	return true;
}

static gs_str text(const gs_lanes *l, uint32_t id)
{
	return gs_profile_str(gs_lanes_profile(l), id);
}

static void put_lane(gs_json *j, const char *key, gs_lane lane)
{
	char name[16];

	gs_lane_name(lane, name);
	gs_json_kstr(j, key, gs_str_of(name));
}

static void put_totals(gs_json *j, const int64_t *total_ns)
{
	gs_json_key(j, "total_ns");
	gs_json_object(j);
	for (unsigned s = GS_LANE_NONE + 1; s < GS_N_LANE_STATES; s++)
		if (total_ns[s])
			gs_json_ki64(j, gs_lane_state_name((gs_lane_state)s), total_ns[s]);
	gs_json_object_end(j);
}

static void put_row(gs_json *j, gs_arena *mem, const gs_lanes *l, const gs_lane_extras *x, const gs_lane_row *r, const gs_lane_page *page)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	int64_t total[GS_N_LANE_STATES];
	uint64_t n;

	gs_json_object(j);
	put_lane(j, "lane", r->lane);
	gs_json_ku64(j, "id", gs_lane_id(l, r->lane));
	gs_json_kstr(j, "name", gs_lane_title(mem, l, r->lane));
	gs_json_ki64(j, "start_ns", r->start_ns);
	gs_json_ki64(j, "end_ns", r->end_ns);
	if (r->level)
		gs_json_ku64(j, "level", r->level);
	if (r->lane.kind == GS_LANE_OF_GOROUTINE) {
		const gs_timeline_goroutine *g = &t->goroutines[r->lane.index];

		if (gs_lane_region_depth(x, r->lane.index))
			gs_json_ku64(j, "depth", gs_lane_region_depth(x, r->lane.index));
		if (gs_lane_log_count(x, r->lane.index))
			gs_json_ku64(j, "logs", gs_lane_log_count(x, r->lane.index));
		if (g->is_system)
			gs_json_kbool(j, "system", true);
		if (page->has_hits)
			gs_json_ki64(j, "hit_ns", r->hit_ns);
	}
	if (r->lane.kind == GS_LANE_OF_TASK) {
		uint32_t g = gs_timeline_task_goroutine(&t->tasks[r->lane.index]);

		if (g != GS_NO_INDEX)
			gs_json_ku64(j, "goroutine", t->goroutines[g].id);
	} else {
		gs_lane_totals(l, r->lane, total, &n);
		gs_json_ku64(j, "transitions", n);
		put_totals(j, total);
	}
	gs_json_object_end(j);
}

void gs_gaps_json(gs_json *j, const gs_timeline *t)
{
	if (!t->n_gaps)
		return;
	gs_json_key(j, "gaps");
	gs_json_array(j);
	for (uint32_t i = 0; i < t->n_gaps; i++) {
		const gs_timeline_gap *g = &t->gaps[i];

		gs_json_object(j);
		gs_json_ki64(j, "start_ns", g->start_ns);
		gs_json_ki64(j, "end_ns", g->end_ns);
		if (g->last_generation >= g->first_generation) {
			gs_json_ku64(j, "first_generation", g->first_generation);
			gs_json_ku64(j, "last_generation", g->last_generation);
		}
		gs_json_ku64(j, "from_at", g->from_at);
		gs_json_ku64(j, "until_at", g->until_at);
		gs_json_ku64(j, "lost_bytes", g->lost_bytes);
		gs_json_kstr(j, "why", g->why);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_lanes_write_json(gs_arena *mem, const gs_lanes *l, const gs_lane_extras *x, const gs_lane_list *list, const gs_lane_page *page,
			 gs_buf *out)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_ki64(&j, "duration_ns", t->duration_ns);
	gs_json_ku64(&j, "goroutines", t->n_goroutines);
	gs_json_ku64(&j, "procs", t->n_procs);
	gs_json_ku64(&j, "threads", t->n_threads);
	gs_json_ku64(&j, "tasks", t->n_tasks);
	gs_json_ku64(&j, "transitions", t->n_transitions);
	if (t->n_overlays)
		gs_overlays_json(&j, gs_lanes_profile(l), t);
	if (t->damage.n)
		gs_json_kstr(&j, t->is_cut ? "incomplete" : "damage", t->damage);
	gs_gaps_json(&j, t);
	if (page->has_hits)
		gs_json_ki64(&j, "hit_ns", list->hit_ns);
	gs_json_ku64(&j, "count", list->n_rows);
	if (list->groups) {
		gs_json_key(&j, "groups");
		gs_json_array(&j);
		for (uint32_t i = 0; i < list->n_groups; i++) {
			char name[16];

			snprintf(name, sizeof(name), "n%u", list->groups[i].name);
			gs_json_object(&j);
			gs_json_kstr(&j, "lane", gs_str_of(name));
			gs_json_kstr(&j, "name", text(l, list->groups[i].name));
			gs_json_ku64(&j, "count", list->groups[i].n);
			if (list->groups[i].is_system)
				gs_json_kbool(&j, "system", true);
			if (page->has_hits)
				gs_json_ki64(&j, "hit_ns", list->groups[i].hit_ns);
			put_totals(&j, list->groups[i].total_ns);
			gs_json_object_end(&j);
		}
		gs_json_array_end(&j);
	}
	gs_json_key(&j, "rows");
	gs_json_array(&j);
	for (uint32_t i = page->offset; i < list->n_rows && i - page->offset < page->limit; i++)
		put_row(&j, mem, l, x, &list->rows[i], page);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
}

void gs_lanes_write_text(gs_arena *mem, const gs_lanes *l, const gs_lane_list *list, const gs_lane_page *page, gs_buf *out)
{
	gs_buf_f(out, "%u lanes\n%10s %12s %12s %12s %12s %12s %12s  %s\n", list->n_rows, "id", "start", "end", "running", "runnable", "syscall",
		 "waiting", "name");
	for (uint32_t i = page->offset; i < list->n_rows && i - page->offset < page->limit; i++) {
		const gs_lane_row *r = &list->rows[i];
		int64_t total[GS_N_LANE_STATES] = { 0 }, shown[4];
		uint64_t n;

		if (r->lane.kind != GS_LANE_OF_TASK)
			gs_lane_totals(l, r->lane, total, &n);
		shown[0] = total[GS_LANE_RUNNING];
		shown[1] = total[GS_LANE_RUNNABLE];
		shown[2] = total[GS_LANE_SYSCALL];
		shown[3] = 0;
		for (unsigned s = GS_LANE_NETWORK; s <= GS_LANE_WAITING; s++)
			shown[3] += total[s];
		gs_buf_f(out, "%10" PRIu64 " ", gs_lane_id(l, r->lane));
		gs_trace_put_ns(out, r->start_ns, 12);
		gs_buf_c(out, ' ');
		gs_trace_put_ns(out, r->end_ns, 12);
		for (unsigned s = 0; s < 4; s++) {
			gs_buf_c(out, ' ');
			gs_trace_put_ns(out, shown[s], 12);
		}
		gs_buf_f(out, "  %*s", (int)(r->level > 40 ? 80 : r->level * 2), "");
		gs_printable(out, gs_lane_title(mem, l, r->lane));
		gs_buf_c(out, '\n');
	}
}

static void put_frames(gs_json *j, const gs_profile *p, uint32_t node)
{
	gs_json_array(j);
	for (; node != GS_ROOT_NODE; node = p->nodes[node].parent) {
		const gs_frame *f = &p->frames[p->nodes[node].frame];
		const gs_function *fn = &p->functions[f->function];

		gs_json_object(j);
		gs_json_kstr(j, "name", gs_profile_str(p, fn->name));
		gs_json_kstr(j, "file", gs_profile_str(p, fn->file));
		gs_json_ki64(j, "line", f->line);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void put_goroutine(gs_json *j, const gs_lanes *l, uint32_t g)
{
	const gs_timeline *t = gs_lanes_timeline(l);

	if (g == GS_NO_INDEX) {
		gs_json_null(j);
		return;
	}
	gs_json_object(j);
	put_lane(j, "lane", (gs_lane){ GS_LANE_OF_GOROUTINE, g });
	gs_json_ku64(j, "id", t->goroutines[g].id);
	gs_json_kstr(j, "name", text(l, t->goroutines[g].name));
	gs_json_object_end(j);
}

static gs_str reason_text(const gs_lanes *l, uint8_t reason)
{
	const gs_timeline *t = gs_lanes_timeline(l);

	return reason < t->n_reasons ? text(l, t->reasons[reason]) : (gs_str){ 0 };
}

static void put_peers(gs_json *j, const char *key, const gs_lanes *l, const gs_peer_sum *peers, uint32_t n)
{
	gs_json_key(j, key);
	gs_json_array(j);
	for (uint32_t i = 0; i < n; i++) {
		gs_json_object(j);
		gs_json_key(j, "goroutine");
		put_goroutine(j, l, peers[i].goroutine);
		gs_json_ku64(j, "count", peers[i].count);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void put_optional_id(gs_json *j, const char *key, uint16_t index, uint64_t id)
{
	if (index != UINT16_MAX)
		gs_json_ku64(j, key, id);
}

static void put_spans(gs_json *j, const gs_lanes *l, const gs_goroutine_detail *d)
{
	const gs_timeline *t = gs_lanes_timeline(l);

	gs_json_key(j, "spans");
	gs_json_array(j);
	for (uint32_t i = 0; i < d->n_spans; i++) {
		const gs_goroutine_span *s = &d->spans[i];

		gs_json_object(j);
		gs_json_ki64(j, "start_ns", s->span.start_ns);
		gs_json_ki64(j, "end_ns", s->span.end_ns);
		gs_json_kstr(j, "state", gs_str_of(gs_lane_state_name((gs_lane_state)s->span.state)));
		if (s->span.reason)
			gs_json_kstr(j, "reason", reason_text(l, s->span.reason));
		put_optional_id(j, "proc", s->proc, s->proc < t->n_procs ? t->procs[s->proc].id : 0);
		put_optional_id(j, "thread", s->thread, s->thread < t->n_threads ? t->threads[s->thread].id : 0);
		if (s->peer != GS_NO_INDEX) {
			gs_json_key(j, "peer");
			put_goroutine(j, l, s->peer);
		}
		gs_json_key(j, "stack");
		put_frames(j, gs_lanes_profile(l), s->stack);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_goroutine_write_json(const gs_lanes *l, const gs_lane_extras *x, const gs_goroutine_detail *d, gs_buf *out)
{
	const gs_timeline_goroutine *g = &gs_lanes_timeline(l)->goroutines[d->goroutine];
	gs_json json = gs_json_to(out), *j = &json;
	uint32_t n_regions;

	gs_lane_regions(x, d->goroutine, &n_regions);
	gs_json_object(j);
	put_lane(j, "lane", (gs_lane){ GS_LANE_OF_GOROUTINE, d->goroutine });
	gs_json_ku64(j, "id", g->id);
	gs_json_kstr(j, "name", text(l, g->name));
	gs_json_kbool(j, "system", g->is_system);
	gs_json_ki64(j, "start_ns", g->start_ns);
	gs_json_ki64(j, "end_ns", g->end_ns);
	gs_json_kbool(j, "saw_start", g->saw_start);
	gs_json_kbool(j, "saw_end", g->saw_end);
	gs_json_key(j, "creator");
	put_goroutine(j, l, g->creator);
	gs_json_key(j, "create_stack");
	put_frames(j, gs_lanes_profile(l), g->create_stack);
	gs_json_ku64(j, "children", d->n_children);
	gs_json_ku64(j, "regions", n_regions);
	gs_json_ku64(j, "logs", gs_lane_log_count(x, d->goroutine));
	gs_json_ku64(j, "transitions", d->n_transitions);
	put_totals(j, d->total_ns);
	gs_json_key(j, "waits");
	gs_json_array(j);
	for (uint32_t i = 0; i < d->n_waits; i++) {
		gs_json_object(j);
		gs_json_kstr(j, "state", gs_str_of(gs_lane_state_name((gs_lane_state)d->waits[i].state)));
		gs_json_kstr(j, "reason", reason_text(l, d->waits[i].reason));
		gs_json_ku64(j, "count", d->waits[i].count);
		gs_json_ki64(j, "total_ns", d->waits[i].total_ns);
		gs_json_ki64(j, "longest_ns", d->waits[i].longest_ns);
		gs_json_ki64(j, "longest_at_ns", d->waits[i].longest_at_ns);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "ranges");
	gs_json_array(j);
	for (uint32_t i = 0; i < d->n_ranges; i++) {
		gs_json_object(j);
		gs_json_kstr(j, "name", text(l, d->ranges[i].name));
		gs_json_ku64(j, "count", d->ranges[i].count);
		gs_json_ki64(j, "total_ns", d->ranges[i].total_ns);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	put_peers(j, "woken_by", l, d->woken_by, d->n_woken_by);
	put_peers(j, "woke", l, d->woke, d->n_woke);
	gs_json_ku64(j, "span_count", d->n_spans_all);
	put_spans(j, l, d);
	gs_json_object_end(j);
}

void gs_goroutine_write_text(const gs_lanes *l, const gs_goroutine_detail *d, gs_buf *out)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	const gs_timeline_goroutine *g = &t->goroutines[d->goroutine];
	const gs_profile *p = gs_lanes_profile(l);

	gs_buf_f(out, "goroutine %" PRIu64 "  ", g->id);
	gs_printable(out, text(l, g->name));
	if (g->creator != GS_NO_INDEX)
		gs_buf_f(out, "\ncreated by goroutine %" PRIu64, t->goroutines[g->creator].id);
	gs_buf_z(out, "\n\n");
	for (uint32_t i = 0; i < d->n_waits; i++) {
		gs_trace_put_ns(out, d->waits[i].total_ns, 12);
		gs_buf_f(out, " %8u %-6s longest ", d->waits[i].count, d->waits[i].count == 1 ? "time," : "times,");
		gs_trace_put_ns(out, d->waits[i].longest_ns, 12);
		gs_buf_f(out, "  %s", gs_lane_state_name((gs_lane_state)d->waits[i].state));
		if (d->waits[i].reason) {
			gs_buf_z(out, ", ");
			gs_printable(out, reason_text(l, d->waits[i].reason));
		}
		gs_buf_c(out, '\n');
	}
	for (unsigned way = 0; way < 2; way++) {
		const gs_peer_sum *peers = way ? d->woke : d->woken_by;
		uint32_t n = way ? d->n_woke : d->n_woken_by;

		for (uint32_t i = 0; i < n; i++) {
			gs_buf_f(out, "%s%8u times  ", i ? "          " : way ? "\nwoke      " : "\nwoken by  ", peers[i].count);
			if (peers[i].goroutine == GS_NO_INDEX) {
				gs_buf_z(out, "the runtime (network, timer)\n");
				continue;
			}
			gs_buf_f(out, "goroutine %" PRIu64 "  ", t->goroutines[peers[i].goroutine].id);
			gs_printable(out, text(l, t->goroutines[peers[i].goroutine].name));
			gs_buf_c(out, '\n');
		}
	}
	gs_buf_f(out, "\n%u of %" PRIu64 " spans\n", d->n_spans, d->n_spans_all);
	for (uint32_t i = 0; i < d->n_spans; i++) {
		const gs_goroutine_span *s = &d->spans[i];

		gs_buf_f(out, "%16.6f ms ", (double)s->span.start_ns / 1e6);
		gs_trace_put_ns(out, s->span.end_ns - s->span.start_ns, 12);
		gs_buf_f(out, "  %-9s", gs_lane_state_name((gs_lane_state)s->span.state));
		if (s->peer != GS_NO_INDEX)
			gs_buf_f(out, " woken by %" PRIu64, t->goroutines[s->peer].id);
		if (s->span.reason) {
			gs_buf_c(out, ' ');
			gs_printable(out, reason_text(l, s->span.reason));
		}
		if (s->stack != GS_ROOT_NODE) {
			gs_buf_z(out, "  ");
			gs_printable(out, gs_profile_str(p, p->functions[p->frames[p->nodes[s->stack].frame].function].name));
		}
		gs_buf_c(out, '\n');
	}
}
