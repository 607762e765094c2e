#include "present/trace_stats.h"

#include <inttypes.h>

#include "present/printable.h"

static uint32_t shown(uint32_t have, uint32_t want)
{
	return want && want < have ? want : have;
}

void gs_trace_put_split(gs_buf *out, const gs_time_split *s, const gs_timeline *t)
{
	gs_trace_put_ns(out, s->total_ns, 11);
	gs_trace_put_ns(out, s->exec_ns, 11);
	gs_trace_put_ns(out, s->sched_ns, 11);
	gs_trace_put_ns(out, gs_time_split_blocked(s, t), 11);
	gs_trace_put_ns(out, s->syscall_ns + s->syscall_blocked_ns, 11);
}

static void put_part(gs_buf *out, bool *has_any, const char *separator, gs_str name, int64_t ns)
{
	if (!ns)
		return;
	gs_buf_z(out, *has_any ? separator : "");
	*has_any = true;
	gs_printable(out, name);
	gs_buf_c(out, ' ');
	gs_trace_put_ns(out, ns, 0);
}

/* Reasons that have time, the longest first. */
static uint32_t sorted_reasons(const gs_time_split *s, const gs_timeline *t, uint32_t order[256])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_reasons && i < 256; i++) {
		uint32_t at = n;

		if (!s->block_ns[i])
			continue;
		for (; at > 0 && s->block_ns[order[at - 1]] < s->block_ns[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
		n++;
	}
	return n;
}

static gs_str reason_name(const gs_trace_source *src, uint32_t reason)
{
	return reason ? gs_profile_str(src->profile, src->timeline->reasons[reason]) : GS_S("unknown reason");
}

void gs_trace_put_reasons(gs_buf *out, const gs_time_split *s, const gs_trace_source *src, const uint32_t *range_names,
			  uint32_t n_ranges)
{
	uint32_t order[256], n = sorted_reasons(s, src->timeline, order);
	bool has_any = false;

	for (uint32_t i = 0; i < n; i++)
		put_part(out, &has_any, ", ", reason_name(src, order[i]), s->block_ns[order[i]]);
	put_part(out, &has_any, ", ", GS_S("syscall without a proc"), s->syscall_blocked_ns);
	put_part(out, &has_any, ", ", GS_S("unknown"), s->unknown_ns);
	for (uint32_t i = 0; i < n_ranges; i++)
		put_part(out, &has_any, "; ", gs_profile_str(src->profile, range_names[i]), s->range_ns[i]);
}

void gs_trace_stats_text(const gs_trace_stats *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	const gs_timeline *t = src->timeline;
	bool each = s->n && s->rows[0].goroutine != GS_NO_INDEX;
	uint32_t n = shown(s->n, limit);

	gs_buf_f(out, "%" PRIu32 " goroutine%s", s->selection->n, s->selection->n == 1 ? "" : "s");
	if (!each)
		gs_buf_f(out, " of %" PRIu32 " start function%s", s->n, s->n == 1 ? "" : "s");
	gs_buf_z(out, " in ");
	gs_trace_put_ns(out, s->selection->time.end_ns - s->selection->time.start_ns, 0);
	gs_buf_f(out, "\n%s%s  %s\n", each ? " goroutine" : "     count", GS_SPLIT_HEADING, "start function; what it waited for; GC and stops");
	for (uint32_t i = 0; i < n; i++) {
		const gs_stats_row *r = &s->rows[i];
		GS_AUTO(buf) parts = { .max = 65536 };

		gs_buf_f(out, "%10" PRIu64, each ? t->goroutines[r->goroutine].id : r->n);
		gs_trace_put_split(out, &r->split, t);
		gs_buf_z(out, "  ");
		gs_trace_put_name(out, src, r->name);
		gs_trace_put_reasons(&parts, &r->split, src, s->range_names, s->n_ranges);
		if (parts.n) {
			gs_buf_z(out, "\n                                                                      ");
			gs_buf_str(out, gs_buf_view(&parts));
		}
		gs_buf_c(out, '\n');
	}
	if (n < s->n)
		gs_buf_f(out, "%" PRIu32 " more: -n 0 shows all\n", s->n - n);
}

void gs_trace_split_json(gs_json *j, const gs_time_split *s, const gs_trace_source *src, const uint32_t *range_names,
			 uint32_t n_ranges)
{
	gs_json_ki64(j, "total_ns", s->total_ns);
	gs_json_ki64(j, "running_ns", s->exec_ns);
	gs_json_ki64(j, "runnable_ns", s->sched_ns);
	gs_json_ki64(j, "syscall_ns", s->syscall_ns);
	gs_json_ki64(j, "syscall_blocked_ns", s->syscall_blocked_ns);
	gs_json_ki64(j, "unknown_ns", s->unknown_ns);
	gs_json_key(j, "waiting_ns");
	gs_json_object(j);
	for (uint32_t i = 0; i < src->timeline->n_reasons; i++)
		if (s->block_ns[i]) {
			gs_json_key_str(j, i ? reason_name(src, i) : GS_S(""));
			gs_json_i64(j, s->block_ns[i]);
		}
	gs_json_object_end(j);
	gs_json_key(j, "ranges_ns");
	gs_json_object(j);
	for (uint32_t i = 0; i < n_ranges; i++)
		if (s->range_ns[i]) {
			gs_json_key_str(j, gs_profile_str(src->profile, range_names[i]));
			gs_json_i64(j, s->range_ns[i]);
		}
	gs_json_object_end(j);
}

void gs_trace_stats_json(const gs_trace_stats *s, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	const gs_timeline *t = src->timeline;
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_ki64(&j, "start_ns", s->selection->time.start_ns);
	gs_json_ki64(&j, "end_ns", s->selection->time.end_ns);
	gs_json_ku64(&j, "goroutines", s->selection->n);
	gs_json_ku64(&j, "rows_total", s->n);
	gs_json_key(&j, "all");
	gs_json_object(&j);
	gs_trace_split_json(&j, &s->all, src, s->range_names, s->n_ranges);
	gs_json_object_end(&j);
	gs_json_key(&j, "rows");
	gs_json_array(&j);
	for (uint32_t i = 0; i < shown(s->n, limit); i++) {
		const gs_stats_row *r = &s->rows[i];

		gs_json_object(&j);
		gs_json_kstr(&j, "function", gs_profile_str(src->profile, r->name));
		if (r->goroutine == GS_NO_INDEX) {
			gs_json_ku64(&j, "count", r->n);
		} else {
			const gs_timeline_goroutine *g = &t->goroutines[r->goroutine];

			gs_json_ku64(&j, "goroutine", g->id);
			gs_json_ki64(&j, "start_ns", g->start_ns);
			gs_json_ki64(&j, "end_ns", g->end_ns);
			gs_json_kbool(&j, "saw_start", g->saw_start);
			gs_json_kbool(&j, "saw_end", g->saw_end);
			gs_json_kbool(&j, "system", g->is_system);
		}
		gs_trace_split_json(&j, &r->split, src, s->range_names, s->n_ranges);
		gs_json_object_end(&j);
	}
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
