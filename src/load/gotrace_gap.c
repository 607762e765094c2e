/* Where something of a trace is missing: nothing that was open goes on over it, and nothing is made up in it. */
#include "load/gotrace_build.h"

#include "base/banned.h"

static void end_range(gs_trace_build *b, uint32_t *open, int64_t at_ns)
{
	if (*open)
		b->ranges.p[*open - 1].end_ns = at_ns;
	*open = 0;
}

static void end_regions(gs_trace_build *b, uint32_t *open, int64_t at_ns)
{
	while (*open) {
		gs_timeline_region *r = &b->regions.p[*open - 1];

		r->end_ns = at_ns;
		*open = r->parent + 1;
	}
}

static bool stop_procs(gs_trace_build *b, int64_t at_ns)
{
	for (size_t i = 0; i < b->p_states.n; i++) {
		gs_trace_p_state *p = &b->p_states.p[i];

		if (p->is_known && p->is_running) {
			gs_timeline_proc_change *c = gs_vec_push(&b->proc_changes, GS_TRACE_MAX_ROWS);

			if (!c)
				return false;
			*c = (gs_timeline_proc_change){ at_ns, (uint16_t)i, GS_NO_LANE, false };
		}
		end_range(b, &p->sweep, at_ns);
		p->in_syscall = GS_NO_INDEX;
		p->is_known = p->is_running = false;
	}
	return true;
}

static bool keep_gap(gs_trace_build *b, const gs_gotrace_gap *gap, int64_t start_ns, int64_t end_ns)
{
	gs_timeline_gap *kept = gs_vec_push(&b->gaps, GS_TRACE_MAX_ROWS);

	if (kept)
		*kept = (gs_timeline_gap){ .start_ns = start_ns, .end_ns = end_ns, .from_at = gap->from_at, .until_at = gap->until_at,
					   .lost_bytes = gap->lost_bytes, .first_generation = gap->first_generation,
					   .last_generation = gap->last_generation, .why = gs_str_dup(b->mem, gs_str_of(gap->why.text)) };
	return kept != NULL;
}

bool gs_trace_gap_begin(gs_trace_build *b, const gs_gotrace_gap *gap, const gs_gotrace_stitch *s)
{
	int64_t start_ns = gap->from_ns + 1 - b->start_ns, end_ns = s->sync.time_ns - b->start_ns;

	b->known_since_ns = end_ns;
	b->n_told = (uint32_t)b->rows->gs.n;
	for (uint32_t i = 0; i < b->goroutines.n; i++) {
		gs_trace_g_state *g = gs_trace_state(b, i);

		if (!g)
			continue;
		end_range(b, &g->stw, start_ns);
		end_range(b, &g->assist, start_ns);
		end_regions(b, &g->region, start_ns);
		if (g->phase != GS_PHASE_NONE && gs_trace_rows_goroutine(b->rows, b->goroutines.p[i].id) == GS_NO_INDEX)
			return false;
	}
	end_range(b, &b->gc, start_ns);
	/* Whether they go on is told when something happens in them. */
	for (size_t i = 0; i < b->tasks.n; i++)
		if (!b->tasks.p[i].saw_end)
			b->tasks.p[i].end_ns = start_ns;
	return stop_procs(b, start_ns) && keep_gap(b, gap, start_ns, end_ns);
}

bool gs_trace_gap_transitions(gs_trace_build *b, const gs_gotrace_gap *gap, const gs_gotrace_stitch *s, gs_trace_chunks *unknown)
{
	gs_trace_rows *r = b->rows;

	for (uint32_t i = 0; i < r->gs.n; i++) {
		const gs_trace_g_state *state = gs_trace_state(b, b->g_of[i]);
		gs_trace_transition t = { .time_ns = gap->from_ns + 1, .goroutine = i, .peer = GS_NO_INDEX, .proc = GS_NO_LANE,
					  .thread = GS_NO_LANE, .phase = GS_PHASE_UNKNOWN };
		gs_trace_piece_at at = { 0 };

		if (state->phase == GS_PHASE_NONE || state->phase == GS_PHASE_UNKNOWN)
			continue;
		if (!gs_trace_chunks_add(unknown, &t, &at))
			return false;
	}
	/* A whole generation tells of all goroutines: the others ended meanwhile. */
	for (uint32_t i = b->n_told; s->is_whole && i < r->gs.n; i++) {
		gs_trace_transition *gone = gs_vec_push(&r->statuses, GS_TRACE_MAX_ROWS);

		if (!gone)
			return false;
		*gone = (gs_trace_transition){ .goroutine = i, .peer = GS_NO_INDEX, .proc = GS_NO_LANE, .thread = GS_NO_LANE,
					       .phase = GS_PHASE_NONE };
	}
	return gs_trace_chunks_flush(unknown);
}

enum { MAX_GAPS_TOLD = 3 };

static void tell_gap(gs_buf *text, const gs_timeline_gap *g)
{
	gs_buf_f(text, "%.*s, ", GS_FMT(g->why));
	if (g->last_generation == g->first_generation)
		gs_buf_f(text, "in generation %llu: ", (unsigned long long)g->first_generation);
	else if (g->last_generation > g->first_generation)
		gs_buf_f(text, "in generations %llu to %llu: ", (unsigned long long)g->first_generation, (unsigned long long)g->last_generation);
	gs_buf_f(text, "%llu bytes from offset %llu to %llu are lost, nothing is known from %.6fs to %.6fs. ", (unsigned long long)g->lost_bytes,
		 (unsigned long long)g->from_at, (unsigned long long)g->until_at, (double)g->start_ns / 1e9, (double)g->end_ns / 1e9);
}

static void tell_end(gs_buf *text, const gs_timeline *t, const gs_gotrace_report *report)
{
	uint64_t lost = t->lost_bytes;

	for (uint32_t i = 0; i < t->n_gaps; i++)
		lost -= t->gaps[i].lost_bytes < lost ? t->gaps[i].lost_bytes : lost;
	if (report->is_cut)
		gs_buf_f(text, "the file ends inside generation %u, at byte %llu: it is still being written, or was cut; events are here until %.6fs, %llu bytes wait for what follows",
			 report->generations + 1, (unsigned long long)report->end_damage.at, (double)t->good_until_ns / 1e9, (unsigned long long)lost);
	else
		gs_buf_f(text, "%s, at offset %llu; %u generation%s before that %s whole, events are here until %.6fs, %llu bytes are lost",
			 report->end_damage.text, (unsigned long long)report->end_damage.at, report->generations, report->generations == 1 ? "" : "s",
			 report->generations == 1 ? "is" : "are", (double)t->good_until_ns / 1e9, (unsigned long long)lost);
}

void gs_trace_tell_damage(gs_trace_build *b, const gs_gotrace_report *report)
{
	GS_AUTO(buf) text = { 0 };
	gs_timeline *t = b->t;

	gs_buf_init(&text, 4000);
	if (report->clamped_times)
		gs_profile_builder_warn(b->b, "%llu event%s said to have happened before the one in front of %s: shown at its time",
					(unsigned long long)report->clamped_times, report->clamped_times == 1 ? "" : "s",
					report->clamped_times == 1 ? "it" : "them");
	if (!report->is_damaged)
		return;
	t->is_cut = report->is_cut;
	t->lost_bytes = report->lost_bytes;
	t->lost_generations = report->lost_generations;
	t->good_until_ns = report->good_until_ns - b->start_ns;
	t->lost_until_ns = report->lost_until_ns == GS_GOTRACE_NO_TIME ? GS_NO_TIME : report->lost_until_ns - b->start_ns;
	for (uint32_t i = 0; i < t->n_gaps && i < MAX_GAPS_TOLD; i++)
		tell_gap(&text, &t->gaps[i]);
	if (t->n_gaps > MAX_GAPS_TOLD)
		gs_buf_f(&text, "There are %u more gaps. ", t->n_gaps - MAX_GAPS_TOLD);
	if (report->end_damage.code != GS_ERR_NONE)
		tell_end(&text, t, report);
	else if (t->n_gaps)
		gs_buf_f(&text, "Events go on to the end, %.6fs", (double)t->good_until_ns / 1e9);
	else
		gs_buf_f(&text, "%s, at offset %llu: names and stacks are lost with %llu bytes, no event", report->damage.text,
			 (unsigned long long)report->damage.at, (unsigned long long)report->lost_bytes);
	if (report->lost_generations)
		gs_buf_f(&text, ", %u whole generation%s %s lost", report->lost_generations, report->lost_generations == 1 ? "" : "s",
			 report->lost_generations == 1 ? "is" : "are");
	if (t->lost_until_ns != GS_NO_TIME)
		gs_buf_f(&text, "; they reach to %.6fs at least", (double)t->lost_until_ns / 1e9);
	t->damage = gs_str_dup(b->mem, gs_buf_view(&text));
	gs_profile_builder_warn(b->b, "%.*s", GS_FMT(t->damage));
}
