#include <inttypes.h>

#include "analysis/trace_frames.h"
#include "analysis/units.h"
#include "present/printable.h"
#include "present/trace.h"

static void percent(gs_buf *out, int64_t part, int64_t whole)
{
	gs_buf_f(out, "%6.1f%%", whole ? 100.0 * (double)part / (double)whole : 0.0);
}

static void goroutine(gs_arena *mem, gs_buf *out, const gs_trace_source *src, uint32_t index)
{
	gs_printable(out, gs_trace_goroutine_name(mem, src->profile, src->timeline, index));
}

static const gs_why_part *part_of(const gs_why *w, gs_phase phase)
{
	for (uint32_t i = 0; i < w->n_parts; i++)
		if (w->parts[i].phase == phase)
			return &w->parts[i];
	return NULL;
}

/* One sentence: what most of the time was. */
static void verdict(const gs_why *w, const gs_trace_source *src, gs_buf *out)
{
	const gs_why_part *most = w->n_parts ? &w->parts[0] : NULL;
	const gs_why_part *running = part_of(w, GS_PHASE_RUNNING);

	if (!most || !w->total_ns)
		return;
	gs_buf_z(out, "Mostly ");
	gs_trace_put_phase(out, src, most->phase, most->reason);
	gs_buf_z(out, most->is_collector ? " for the garbage collector" : "");
	gs_buf_f(out, " (%.0f%% of the time)", 100.0 * (double)most->total_ns / (double)w->total_ns);
	if (most->phase == GS_PHASE_WAITING) {
		for (uint32_t i = 0; i < w->n_blockers; i++) {
			const gs_why_blocker *b = &w->blockers[i];

			if (b->reason != most->reason || b->is_collector != most->is_collector)
				continue;
			gs_trace_put_at(out, src, b->node, b->is_older);
			if (b->waker_node && !b->is_collector) {
				gs_buf_z(out, ", until ");
				gs_trace_put_place(out, src, b->waker_node);
				gs_buf_z(out, " let them go on");
			}
			break;
		}
	} else if (most->phase == GS_PHASE_RUNNABLE) {
		gs_buf_z(out, ": more goroutines want to run than there are processors");
	} else if (most == running && w->assist_ns * 5 > most->total_ns) {
		gs_buf_f(out, ", %.0f%% of that helping the garbage collector",
			 100.0 * (double)w->assist_ns / (double)most->total_ns);
	} else {
		for (uint32_t i = 0; i < w->n_causes; i++)
			if (w->causes[i].phase == most->phase && !w->causes[i].is_other && w->causes[i].node) {
				gs_buf_z(out, ", most at ");
				gs_trace_put_place(out, src, w->causes[i].node);
				break;
			}
	}
	gs_buf_z(out, ".\n\n");
}

static void more(gs_buf *out, uint32_t shown, uint32_t n)
{
	if (shown < n)
		gs_buf_f(out, "  %" PRIu32 " more (-n 0 shows all)\n", n - shown);
}

static uint32_t rows(uint32_t n, uint32_t limit)
{
	return limit && limit < n ? limit : n;
}

static void parts_text(const gs_why *w, const gs_trace_source *src, gs_buf *out)
{
	gs_buf_f(out, "what they did                                    time   share  slowest %" PRIu32 "\n", w->n_slow);
	for (uint32_t i = 0; i < w->n_parts; i++) {
		const gs_why_part *p = &w->parts[i];
		size_t from = out->n;

		gs_buf_z(out, "  ");
		gs_trace_put_phase(out, src, p->phase, p->reason);
		if (p->phase == GS_PHASE_RUNNABLE)
			gs_buf_z(out, " (no processor free)");
		gs_buf_z(out, p->is_collector ? " (garbage collector)" : "");
		gs_buf_fill(out, ' ', out->n - from < 42 ? 42 - (out->n - from) : 1);
		gs_trace_put_ns(out, p->total_ns, 11);
		gs_buf_c(out, ' ');
		percent(out, p->total_ns, w->total_ns);
		gs_buf_z(out, "    ");
		percent(out, p->slow_ns, w->slow_ns);
		gs_buf_c(out, '\n');
	}
	if (w->assist_ns) {
		gs_buf_z(out, "    of it GC assist                       ");
		gs_trace_put_ns(out, w->assist_ns, 11);
		gs_buf_c(out, ' ');
		percent(out, w->assist_ns, w->total_ns);
		gs_buf_z(out, "    ");
		percent(out, w->assist_slow_ns, w->slow_ns);
		gs_buf_c(out, '\n');
	}
	if (w->stw_ns) {
		gs_buf_z(out, "    of it while the world stood           ");
		gs_trace_put_ns(out, w->stw_ns, 11);
		gs_buf_c(out, ' ');
		percent(out, w->stw_ns, w->total_ns);
		gs_buf_z(out, "    ");
		percent(out, w->stw_slow_ns, w->slow_ns);
		gs_buf_c(out, '\n');
	}
}

static void blockers_text(gs_arena *mem, const gs_why *w, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	uint32_t n = rows(w->n_blockers, limit);

	if (!w->n_blockers)
		return;
	gs_buf_z(out, "\nwhere they waited, and who let them go on\n       time   share    count        max\n");
	for (uint32_t i = 0; i < n; i++) {
		const gs_why_blocker *b = &w->blockers[i];

		gs_trace_put_ns(out, b->total_ns, 11);
		gs_buf_c(out, ' ');
		percent(out, b->total_ns, w->total_ns);
		gs_buf_f(out, " %8" PRIu64 " ", b->count);
		gs_trace_put_ns(out, b->max_ns, 10);
		gs_buf_z(out, "  ");
		gs_printable(out, b->reason ? gs_profile_str(src->profile, src->timeline->reasons[b->reason]) : GS_S("waiting"));
		gs_buf_z(out, b->is_collector ? " for the garbage collector" : "");
		gs_trace_put_at(out, src, b->node, b->is_older);
		if (b->name) {
			gs_buf_z(out, ", in ");
			gs_printable(out, gs_profile_str(src->profile, b->name));
		}
		gs_buf_z(out, "\n                                         ");
		if (b->waker_node) {
			gs_buf_z(out, "until ");
			gs_trace_put_place(out, src, b->waker_node);
			gs_buf_z(out, " (");
			if (b->waker_name)
				gs_printable(out, gs_profile_str(src->profile, b->waker_name));
			else
				goroutine(mem, out, src, b->max_waker);
			gs_buf_z(out, ")");
		} else {
			gs_buf_z(out, "until something outside the program, a timer or the runtime did");
		}
		gs_buf_f(out, "; longest by goroutine %" PRIu64 " at ", src->timeline->goroutines[b->max_goroutine].id);
		gs_trace_put_time(out, b->max_at_ns);
		gs_buf_c(out, '\n');
	}
	more(out, n, w->n_blockers);
}

static void causes_text(const gs_why *w, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	uint32_t n = rows(w->n_causes, limit);

	gs_buf_f(out, "\nwhat the time went for in the end (waits for a goroutine replaced by what that one did)\n"
		      "       time   share  slowest %" PRIu32 "\n",
		 w->n_slow);
	for (uint32_t i = 0; i < n; i++) {
		const gs_why_cause *c = &w->causes[i];

		gs_trace_put_ns(out, c->total_ns, 11);
		gs_buf_c(out, ' ');
		percent(out, c->total_ns, w->total_ns);
		gs_buf_z(out, "    ");
		percent(out, c->slow_ns, w->slow_ns);
		gs_buf_z(out, "   ");
		gs_trace_put_phase(out, src, c->phase, c->reason);
		gs_buf_z(out, c->is_collector ? " for the garbage collector" : "");
		if (c->phase == GS_PHASE_RUNNABLE) {
			gs_buf_z(out, ", no processor free");
		} else if (c->phase == GS_PHASE_RUNNING && !c->node) {
			gs_buf_z(out, " (too few CPU samples to say where)");
		} else if (c->phase != GS_PHASE_RUNNING) {
			gs_trace_put_at(out, src, c->node, c->is_older);
		} else {
			gs_buf_c(out, ' ');
			gs_trace_put_place(out, src, c->node);
		}
		if (c->is_older && !c->is_other && c->goroutine_name) {
			gs_buf_z(out, ", in ");
			gs_printable(out, gs_profile_str(src->profile, c->goroutine_name));
		}
		if (c->is_other) {
			gs_buf_z(out, "  in another goroutine: ");
			gs_printable(out, c->goroutine_name ? gs_profile_str(src->profile, c->goroutine_name) : GS_S("unknown"));
		}
		gs_buf_c(out, '\n');
	}
	more(out, n, w->n_causes);
}

void gs_why_text(gs_arena *mem, const gs_why *w, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	const gs_trace_instances *in = w->instances;
	uint32_t n = rows(in->n, limit ? (limit + 1) / 2 : 0);

	gs_buf_f(out, "%" PRIu32 " %s%s, ", in->n, gs_instance_kind_name(in->kind), in->n == 1 ? "" : "s");
	gs_trace_put_ns(out, in->total_ns, 0);
	gs_buf_z(out, " of wall time; p50 ");
	gs_trace_put_ns(out, w->p50_ns, 0);
	gs_buf_z(out, ", p90 ");
	gs_trace_put_ns(out, w->p90_ns, 0);
	gs_buf_z(out, ", p99 ");
	gs_trace_put_ns(out, w->p99_ns, 0);
	gs_buf_z(out, ", max ");
	gs_trace_put_ns(out, w->max_ns, 0);
	gs_buf_c(out, '\n');
	if (w->n_looked < in->n)
		gs_buf_f(out, "Below are the longest %" PRIu32 " of them.\n", w->n_looked);
	verdict(w, src, out);
	parts_text(w, src, out);
	blockers_text(mem, w, src, limit, out);
	causes_text(w, src, limit, out);
	gs_buf_z(out, "\nslowest\n");
	for (uint32_t i = 0; i < n; i++) {
		const gs_trace_instance *x = &in->list[i];

		gs_trace_put_ns(out, x->end_ns - x->start_ns, 11);
		gs_buf_z(out, "  ");
		gs_printable(out, x->name);
		gs_buf_f(out, "%s: --goroutine %" PRIu64 " --time ", x->is_cut ? " (cut by the trace's ends)" : "",
			 src->timeline->goroutines[x->goroutine].id);
		gs_trace_put_time(out, x->start_ns);
		gs_buf_z(out, "..");
		gs_trace_put_time(out, x->end_ns);
		gs_buf_c(out, '\n');
	}
	gs_buf_z(out, "`gospect critical-path` with these options shows one of them step by step.\n");
	if (w->is_cut)
		gs_buf_z(out, "Some were too long to be followed to their end.\n");
}

static void places_json(gs_json *j, const gs_trace_source *src, const gs_why *w, uint32_t limit)
{
	gs_json_key(j, "blockers");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(w->n_blockers, limit); i++) {
		const gs_why_blocker *b = &w->blockers[i];

		gs_json_object(j);
		gs_json_kstr(j, "reason", gs_profile_str(src->profile, src->timeline->reasons[b->reason]));
		gs_json_kbool(j, "is_collector", b->is_collector);
		gs_json_key(j, "at");
		gs_trace_place_json(j, src, b->node);
		gs_json_kbool(j, "is_older", b->is_older);
		if (b->is_older)
			gs_json_kstr(j, "goroutine", gs_profile_str(src->profile, b->name));
		gs_json_key(j, "waker");
		gs_trace_place_json(j, src, b->waker_node);
		gs_json_kstr(j, "waker_goroutine", gs_profile_str(src->profile, b->waker_name));
		gs_json_ku64(j, "count", b->count);
		gs_json_ki64(j, "total_ns", b->total_ns);
		gs_json_ki64(j, "slow_ns", b->slow_ns);
		gs_json_ki64(j, "max_ns", b->max_ns);
		gs_json_ki64(j, "max_at_ns", b->max_at_ns);
		gs_json_ku64(j, "max_goroutine", src->timeline->goroutines[b->max_goroutine].id);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "causes");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(w->n_causes, limit); i++) {
		const gs_why_cause *c = &w->causes[i];

		gs_json_object(j);
		gs_json_kstr(j, "state", gs_str_of(gs_phase_name(c->phase)));
		gs_json_kstr(j, "reason", gs_profile_str(src->profile, src->timeline->reasons[c->reason]));
		gs_json_kbool(j, "is_collector", c->is_collector);
		gs_json_key(j, "at");
		gs_trace_place_json(j, src, c->node);
		gs_json_kbool(j, "is_older", c->is_older);
		gs_json_kbool(j, "is_other", c->is_other);
		gs_json_kstr(j, "goroutine", gs_profile_str(src->profile, c->goroutine_name));
		gs_json_ki64(j, "total_ns", c->total_ns);
		gs_json_ki64(j, "slow_ns", c->slow_ns);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_why_json(gs_arena *mem, const gs_why *w, const gs_trace_source *src, uint32_t limit, gs_buf *out)
{
	const gs_trace_instances *in = w->instances;
	gs_json json = gs_json_to(out), *j = &json;
	GS_AUTO(buf) text = { .max = 1 << 16 };

	(void)mem;
	verdict(w, src, &text);
	gs_json_object(j);
	gs_json_kstr(j, "kind", gs_str_of(gs_instance_kind_name(in->kind)));
	gs_json_ku64(j, "count", in->n);
	gs_json_ku64(j, "looked_at", w->n_looked);
	gs_json_ku64(j, "slow_count", w->n_slow);
	gs_json_kstr(j, "verdict", gs_str_trim(gs_buf_view(&text)));
	gs_json_ki64(j, "total_ns", w->total_ns);
	gs_json_ki64(j, "slow_ns", w->slow_ns);
	gs_json_ki64(j, "p50_ns", w->p50_ns);
	gs_json_ki64(j, "p90_ns", w->p90_ns);
	gs_json_ki64(j, "p99_ns", w->p99_ns);
	gs_json_ki64(j, "max_ns", w->max_ns);
	gs_json_ki64(j, "assist_ns", w->assist_ns);
	gs_json_ki64(j, "stw_ns", w->stw_ns);
	gs_json_key(j, "parts");
	gs_json_array(j);
	for (uint32_t i = 0; i < w->n_parts; i++) {
		const gs_why_part *p = &w->parts[i];

		gs_json_object(j);
		gs_json_kstr(j, "state", gs_str_of(gs_phase_name(p->phase)));
		gs_json_kstr(j, "reason", gs_profile_str(src->profile, src->timeline->reasons[p->reason]));
		gs_json_kbool(j, "is_collector", p->is_collector);
		gs_json_ku64(j, "count", p->count);
		gs_json_ki64(j, "total_ns", p->total_ns);
		gs_json_ki64(j, "slow_ns", p->slow_ns);
		gs_json_ki64(j, "max_ns", p->max_ns);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	places_json(j, src, w, limit);
	gs_json_key(j, "slowest");
	gs_json_array(j);
	for (uint32_t i = 0; i < rows(in->n, limit); i++) {
		const gs_trace_instance *x = &in->list[i];

		gs_json_object(j);
		gs_json_kstr(j, "name", x->name);
		gs_json_ku64(j, "goroutine", src->timeline->goroutines[x->goroutine].id);
		gs_json_ki64(j, "start_ns", x->start_ns);
		gs_json_ki64(j, "end_ns", x->end_ns);
		gs_json_kbool(j, "is_cut", x->is_cut);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_kbool(j, "is_cut", w->is_cut);
	gs_json_object_end(j);
	gs_buf_c(out, '\n');
}
