#include "load/gotrace_build.h"

#include <stdlib.h>

#include "base/banned.h"

enum { MAX_LANES = UINT16_MAX - 1, MAX_REASONS = 255 };

bool gs_trace_build_init(gs_trace_build *b, gs_document *doc, gs_err *err)
{
	*b = (gs_trace_build){ .mem = doc->mem, .b = gs_profile_builder_create(doc->mem, err) };
	b->t = gs_try_new(doc->mem, gs_timeline, 1);
	return b->b && ((b->t && gs_vec_push(&b->reasons, MAX_REASONS)) || gs_trace_no_memory(err));
}

void gs_trace_build_release(gs_trace_build *b)
{
	gs_id_runs_release(&b->g_index);
	gs_map_release(&b->p_index);
	gs_map_release(&b->m_index);
	gs_id_runs_release(&b->task_index);
	gs_map_release(&b->location_index);
	gs_vec_release(&b->goroutines);
	gs_vec_release(&b->state_of);
	gs_vec_release(&b->g_states);
	gs_vec_release(&b->free_states);
	gs_vec_release(&b->procs);
	gs_vec_release(&b->p_states);
	gs_vec_release(&b->threads);
	gs_vec_release(&b->chunks);
	gs_vec_release(&b->pieces);
	gs_vec_release(&b->proc_changes);
	gs_vec_release(&b->ranges);
	gs_vec_release(&b->tasks);
	gs_vec_release(&b->regions);
	gs_vec_release(&b->logs);
	gs_vec_release(&b->labels);
	gs_vec_release(&b->cpu_samples);
	gs_vec_release(&b->clocks);
	gs_vec_release(&b->memory_events);
	gs_map_release(&b->span_objects);
	gs_vec_release(&b->reasons);
	gs_vec_release(&b->string_ids);
	gs_vec_release(&b->stack_nodes);
	gs_vec_release(&b->gaps);
	gs_vec_release(&b->heap.time_ns);
	gs_vec_release(&b->heap.value);
	gs_vec_release(&b->goal.time_ns);
	gs_vec_release(&b->goal.value);
	gs_vec_release(&b->procs_max.time_ns);
	gs_vec_release(&b->procs_max.value);
	gs_timeline_sums_release(&b->sums);
}

gs_trace_g_state *gs_trace_state(gs_trace_build *b, uint32_t goroutine)
{
	uint32_t at = b->state_of.p[goroutine];

	return at ? &b->g_states.p[at - 1] : NULL;
}

/* A fresh state, or none for lack of memory. */
static bool make_state(gs_trace_build *b, uint32_t goroutine)
{
	uint32_t at;

	if (b->free_states.n) {
		at = b->free_states.p[--b->free_states.n];
	} else {
		if (!gs_vec_push(&b->g_states, GS_TRACE_MAX_ROWS))
			return false;
		at = (uint32_t)b->g_states.n - 1;
	}
	b->g_states.p[at] = (gs_trace_g_state){ .syscall_thread = GS_NO_LANE };
	b->state_of.p[goroutine] = at + 1;
	return true;
}

/* Nothing comes after the end of a goroutine: its state is free for another one. False: no memory. */
static bool drop_state(gs_trace_build *b, uint32_t goroutine)
{
	const gs_trace_g_state *state = gs_trace_state(b, goroutine);
	uint32_t *place;

	if (!state || state->phase != GS_PHASE_NONE || state->reason) /* "forever" is no end */
		return true;
	place = gs_vec_push(&b->free_states, GS_TRACE_MAX_ROWS);
	if (!place)
		return false;
	*place = b->state_of.p[goroutine] - 1;
	b->state_of.p[goroutine] = 0;
	return true;
}

uint32_t gs_trace_goroutine(gs_trace_build *b, uint64_t id, int64_t now_ns)
{
	uint32_t *place = id == GS_GOTRACE_NONE ? NULL : gs_id_runs_put(&b->g_index, id);
	gs_timeline_goroutine *g;

	if (!place)
		return GS_NO_INDEX;
	if (!*place) {
		if (!gs_vec_push(&b->state_of, GS_TRACE_MAX_ROWS))
			return GS_NO_INDEX;
		g = gs_vec_push(&b->goroutines, GS_TRACE_MAX_ROWS);
		if (!g) {
			b->state_of.n--;
			return GS_NO_INDEX;
		}
		*g = (gs_timeline_goroutine){ .id = id, .first_piece = GS_NO_INDEX,
					      .creator = GS_NO_INDEX, .start_ns = now_ns };
		*place = (uint32_t)b->goroutines.n;
	}
	return b->state_of.p[*place - 1] || make_state(b, *place - 1) ? *place - 1 : GS_NO_INDEX;
}

uint16_t gs_trace_proc(gs_trace_build *b, uint64_t id)
{
	bool is_new;
	uint32_t *slot = id == GS_GOTRACE_NONE ? NULL : gs_map_put(&b->p_index, id, &is_new);
	gs_timeline_proc *p;
	gs_trace_p_state *state;

	if (!slot)
		return GS_NO_LANE;
	if (is_new) {
		*slot = GS_NO_LANE;
		p = gs_vec_push(&b->procs, MAX_LANES);
		state = gs_vec_push(&b->p_states, MAX_LANES);
		if (!p || !state)
			return GS_NO_LANE;
		p->id = id;
		state->in_syscall = GS_NO_INDEX;
		*slot = (uint32_t)b->procs.n - 1;
	}
	return (uint16_t)*slot;
}

uint16_t gs_trace_thread(gs_trace_build *b, uint64_t id)
{
	bool is_new;
	uint32_t *slot = id == GS_GOTRACE_NONE ? NULL : gs_map_put(&b->m_index, id, &is_new);
	gs_timeline_thread *m;

	if (!slot)
		return GS_NO_LANE;
	if (is_new) {
		m = gs_vec_push(&b->threads, MAX_LANES);
		if (m)
			m->id = id;
		*slot = m ? (uint32_t)b->threads.n - 1 : GS_NO_LANE;
	}
	return (uint16_t)*slot;
}

/* A proc that went idle, with a system call of an earlier generation on it or not. */
static bool resolve_pending(gs_trace_build *b)
{
	gs_trace_rows *r = b->rows;

	for (size_t i = 0; i < r->pending.n; i++) {
		gs_trace_pending *p = &r->pending.p[i];
		uint16_t proc = gs_trace_proc(b, r->ps.p[p->proc].id);
		uint32_t g = proc == GS_NO_LANE ? GS_NO_INDEX : b->p_states.p[proc].in_syscall;
		const gs_trace_g_state *state = g == GS_NO_INDEX ? NULL : gs_trace_state(b, g);

		if (!state || state->phase != GS_PHASE_SYSCALL)
			continue;
		p->goroutine = gs_trace_rows_goroutine(r, b->goroutines.p[g].id);
		if (p->goroutine == GS_NO_INDEX)
			return false;
	}
	return true;
}

uint8_t gs_trace_reason(gs_trace_build *b, uint64_t id)
{
	uint32_t text = gs_trace_string(b, id), *fresh;

	if (!text || text == GS_NO_ID)
		return 0;
	for (size_t i = 1; i < b->reasons.n; i++)
		if (b->reasons.p[i] == text)
			return (uint8_t)i;
	fresh = gs_vec_push(&b->reasons, MAX_REASONS);
	if (!fresh)
		return 0;
	*fresh = text;
	if (gs_str_eq(gs_profile_str(gs_profile_builder_profile(b->b), text), GS_S("forever")))
		b->forever = (uint8_t)(b->reasons.n - 1);
	return (uint8_t)(b->reasons.n - 1);
}

static bool name_by(gs_trace_build *b, uint32_t local, uint32_t stack, bool *is_named)
{
	gs_timeline_goroutine *g = &b->goroutines.p[b->g_of[local]];
	uint32_t name = 0;

	if (!g->name && stack && !gs_trace_entry(b, b->rows->stacks.p[stack], &name, &g->entry))
		return false;
	if (!g->name)
		g->name = name;
	*is_named = g->name != 0;
	return true;
}

/* A goroutine's own transitions, with a stack of it. */
static bool is_own(const gs_timeline_kind *k)
{
	return !(k->flags & GS_KIND_HAS_PEER) &&
	       (k->phase == GS_PHASE_WAITING || k->phase == GS_PHASE_SYSCALL || (k->phase == GS_PHASE_RUNNABLE && k->reason));
}

static bool name_by_piece(gs_trace_build *b, const gs_trace_chunk *c, const gs_trace_piece *p, bool *is_named)
{
	const gs_timeline_chunk v = gs_trace_chunk_view(c);
	bool ok = name_by(b, p->goroutine, 0, is_named);

	for (uint32_t i = p->first; ok && !*is_named && i < p->first + p->n; i++)
		ok = !is_own(gs_chunk_kind(&v, i)) || name_by(b, p->goroutine, gs_chunk_stack(&v, i), is_named);
	return ok;
}

/* A goroutine is named by the outermost frame of its first stack; that may be an empty one, then the next one tells. */
static bool name_goroutines(gs_trace_build *b)
{
	const gs_trace_rows *r = b->rows;
	bool has_unnamed = false, is_named;

	for (uint32_t i = 0; i < r->gs.n; i++) {
		if (!name_by(b, i, r->gs.p[i].name_stack, &is_named))
			return false;
		has_unnamed |= !is_named && r->gs.p[i].name_stack;
	}
	for (size_t i = 0; has_unnamed && i < r->chunks.done.n; i++)
		for (uint32_t k = 0; k < r->chunks.done.p[i].n_pieces; k++)
			if (!name_by_piece(b, &r->chunks.done.p[i], &r->chunks.done.p[i].pieces[k], &is_named))
				return false;
	return true;
}

/* Ids of the generation to those of the timeline. */
static bool map_ids(gs_trace_build *b, gs_arena *scratch, int64_t sync_ns)
{
	gs_trace_rows *r = b->rows;

	b->g_of = gs_try_new(scratch, uint32_t, r->gs.n);
	b->node_of = gs_try_new(scratch, uint32_t, r->stacks.n);
	b->p_of = gs_try_new(scratch, uint16_t, r->ps.n);
	b->m_of = gs_try_new(scratch, uint16_t, r->ms.n);
	b->reason_of = gs_try_new(scratch, uint8_t, r->reasons.n);
	if (!b->g_of || !b->node_of || !b->p_of || !b->m_of || !b->reason_of)
		return false;
	for (size_t i = 0; i < r->ps.n; i++)
		b->p_of[i] = gs_trace_proc(b, r->ps.p[i].id);
	for (size_t i = 0; i < r->ms.n; i++)
		b->m_of[i] = gs_trace_thread(b, r->ms.p[i]);
	for (size_t i = 1; i < r->reasons.n; i++)
		b->reason_of[i] = gs_trace_reason(b, r->reasons.p[i]);
	for (size_t i = 1; i < r->stacks.n; i++) {
		b->node_of[i] = gs_trace_stack(b, r->stacks.p[i]);
		if (b->node_of[i] == GS_NO_ID)
			return false;
	}
	for (size_t i = 0; i < r->gs.n; i++) {
		b->g_of[i] = gs_trace_goroutine(b, r->gs.p[i].id, sync_ns);
		if (b->g_of[i] == GS_NO_INDEX)
			return false;
	}
	return name_goroutines(b);
}

static uint16_t lane(const uint16_t *of, uint16_t local)
{
	return local == GS_NO_LANE ? GS_NO_LANE : of[local];
}

/* A goroutine is created. */
static void begins(gs_timeline_goroutine *g, int64_t now, uint32_t creator, uint32_t node, bool is_first)
{
	if (is_first && g->first_piece == GS_NO_INDEX) {
		g->saw_start = true;
		g->start_ns = now;
	}
	if (creator != GS_NO_INDEX)
		g->creator = creator;
	g->create_stack = node;
}

static bool is_counted(uint8_t phase)
{
	return phase != GS_PHASE_UNKNOWN && phase != GS_PHASE_NONE;
}

/* The goroutine's time up to `now` goes to its stack; `next` is what it does then, with the stack of that event. */
static void account(gs_trace_build *b, const gs_timeline_goroutine *g, const gs_trace_g_state *state, int64_t now,
		    uint8_t next, uint32_t next_stack)
{
	uint32_t node = state->stack;
	/* What a gap cuts off has no end of its own, as at the end of the trace. */
	bool goes_on = (state->phase == GS_PHASE_SYSCALL && next == GS_PHASE_SYSCALL) || next == GS_PHASE_UNKNOWN;

	if (!is_counted(state->phase))
		return;
	if (state->phase == GS_PHASE_RUNNING)
		node = next_stack ? next_stack : g->entry;
	gs_timeline_sums_add(&b->sums, (gs_sum_key){ g->name, state->phase, state->reason }, node, !goes_on, now - state->since_ns);
}

/* Follow each goroutine through its transitions of the chunk. */
static bool pieces(gs_trace_build *b, const gs_trace_chunk *from, const gs_timeline_chunk *c)
{
	const uint32_t *peer = c->peers;
	uint32_t rare = 0;

	for (uint32_t k = 0; k < from->n_pieces; k++) {
		uint32_t first = from->pieces[k].first, end = first + from->pieces[k].n, index = b->g_of[from->pieces[k].goroutine];
		gs_timeline_goroutine *g = &b->goroutines.p[index];
		gs_trace_g_state state = *gs_trace_state(b, index);
		gs_timeline_piece *piece = gs_vec_push(&b->pieces, GS_TRACE_MAX_ROWS);
		uint32_t at = (uint32_t)b->pieces.n - 1;

		if (!piece)
			return false;
		for (uint32_t i = first; i < end; i++) {
			const gs_timeline_kind *kind = gs_chunk_next_kind(c, i, &rare); /* pieces lie one behind the other */
			int64_t now = c->base_ns + c->offset_ns[i];

			if (kind->flags & GS_KIND_CREATES)
				begins(g, now, *peer, kind->stack, i == first);
			peer += kind->flags & GS_KIND_HAS_PEER;
			account(b, g, &state, now, kind->phase, kind->stack);
			state.since_ns = now;
			state.phase = kind->phase;
			state.reason = kind->reason;
			state.stack = kind->stack;
			if (state.phase == GS_PHASE_SYSCALL)
				state.syscall_thread = gs_chunk_place(c, i).thread;
		}
		*gs_trace_state(b, index) = state;
		g->saw_end = state.phase == GS_PHASE_NONE;
		if (g->saw_end)
			g->end_ns = state.since_ns;
		*piece = (gs_timeline_piece){ index, (uint32_t)b->chunks.n - 1, first, end - first, at, GS_NO_INDEX };
		if (g->first_piece == GS_NO_INDEX) {
			g->first_piece = at;
		} else {
			piece->before = b->pieces.p[g->first_piece].before;
			b->pieces.p[piece->before].next = b->pieces.p[g->first_piece].before = at;
		}
	}
	return true;
}

/* The generation before may have ended later than this one began: its first events happened a little later then. */
static void fix_times(gs_trace_chunk *c, const gs_gotrace_stitch *s)
{
	int64_t first = gs_gotrace_stitched_time(s, c->first_event, c->base_ns);
	uint32_t later = (uint32_t)(first - c->base_ns); /* all is by 32 bits: only what comes out must be small */

	if (!c->early || first == c->base_ns)
		return;
	for (uint32_t i = 0; i < c->n_early; i++) {
		uint32_t *offset = &c->offset_ns[c->early[i].at];

		*offset = (uint32_t)(gs_gotrace_stitched_time(s, c->early[i].event, c->base_ns + *offset) - c->base_ns);
	}
	for (uint32_t i = 0; i < c->n; i++)
		c->offset_ns[i] -= later;
	c->base_ns = first;
}

static bool add_chunk(gs_trace_build *b, gs_trace_chunk *from)
{
	gs_timeline_chunk *c = gs_vec_push(&b->chunks, GS_TRACE_MAX_ROWS);

	if (!c || !gs_arena_adopt(b->mem, from->mem))
		return false;
	from->mem = NULL;
	for (uint32_t i = 0; i < from->n_peers; i++)
		if (from->peers[i] != GS_NO_INDEX)
			from->peers[i] = b->g_of[from->peers[i]];
	*c = gs_trace_chunk_view(from);
	c->base_ns = from->base_ns - b->start_ns;
	c->end_ns = from->last_ns - b->start_ns + 1;
	c->piece_first = (uint32_t)b->pieces.n;
	if (b->chunks.n > 1 && c[-1].end_ns < c->base_ns)
		c[-1].end_ns = c->base_ns;
	if (!pieces(b, from, c))
		return false;
	c->n_pieces = (uint32_t)b->pieces.n - c->piece_first;
	b->t->n_transitions += c->n;
	return true;
}

/* Ids of a chunk's dictionaries to those of the timeline. */
static void translate(gs_trace_build *b, gs_trace_chunk *c)
{
	for (size_t i = 0; i < c->n_kinds; i++) {
		gs_timeline_kind *k = &c->kinds[i];

		k->stack = b->node_of[k->stack];
		k->reason = b->reason_of[k->reason];
		if (k->phase == GS_PHASE_WAITING && k->reason && k->reason == b->forever)
			k->phase = GS_PHASE_NONE;
	}
	for (size_t i = 0; i < c->n_places; i++) {
		gs_timeline_place *p = &c->places[i];

		*p = (gs_timeline_place){ lane(b->p_of, p->proc), lane(b->m_of, p->thread) };
	}
}

/* System calls that have lost their procs, as is known now. In chunks that have the timeline's ids. */
static bool insert_pending(gs_trace_build *b, gs_trace_chunks *chunks)
{
	for (size_t i = 0; i < b->rows->pending.n; i++) {
		const gs_trace_pending *p = &b->rows->pending.p[i];
		const gs_trace_g_state *state;
		gs_trace_transition t;
		uint32_t chunk = 0;

		if (p->goroutine == GS_NO_INDEX)
			continue;
		state = gs_trace_state(b, b->g_of[p->goroutine]);
		t = (gs_trace_transition){ .time_ns = p->time_ns,
					   .event = p->event,
					   .goroutine = p->goroutine,
					   .peer = GS_NO_INDEX,
					   .stack = state->stack,
					   .proc = GS_NO_LANE,
					   .thread = state->syscall_thread,
					   .phase = GS_PHASE_SYSCALL };
		if (!chunks->done.n) { /* nothing else happened */
			gs_trace_piece_at at = { 0 };

			if (!gs_trace_chunks_add(chunks, &t, &at) || !gs_trace_chunks_flush(chunks))
				return false;
			continue;
		}
		while (chunk + 1 < chunks->done.n && chunks->done.p[chunk + 1].base_ns <= t.time_ns)
			chunk++;
		if (!gs_trace_chunks_insert(chunks, chunk, &t))
			return false;
	}
	return true;
}

static bool add_chunks(gs_trace_build *b, gs_trace_chunks *chunks, const gs_gotrace_stitch *s, bool has_pending)
{
	for (size_t i = 0; i < chunks->done.n; i++)
		translate(b, &chunks->done.p[i]);
	if (has_pending && !insert_pending(b, chunks))
		return false;
	for (size_t i = 0; i < chunks->done.n; i++) {
		gs_trace_chunk *c = &chunks->done.p[i];

		fix_times(c, s);
		if (!add_chunk(b, c))
			return false;
	}
	return true;
}

/* Chunks whose times are right. */
static bool add_exact(gs_trace_build *b, gs_trace_chunks *chunks, const gs_gotrace_stitch *s)
{
	for (size_t i = 0; i < chunks->done.n; i++) {
		free(chunks->done.p[i].early);
		chunks->done.p[i].early = NULL;
	}
	return add_chunks(b, chunks, s, false);
}

/* What was so when the trace began, or behind a gap: a chunk of its own, as it was told at any time later. */
static bool add_statuses(gs_trace_build *b, gs_trace_chunks *chunks, const gs_gotrace_stitch *s)
{
	gs_trace_rows *r = b->rows;

	for (size_t i = 0; i < r->statuses.n; i++) {
		gs_trace_piece_at at = { 0 };

		r->statuses.p[i].time_ns = s->sync.time_ns;
		if (!gs_trace_chunks_add(chunks, &r->statuses.p[i], &at))
			return false;
	}
	return gs_trace_chunks_flush(chunks) && add_exact(b, chunks, s);
}

/* A chunk of its own in front of them: nothing is known any more. */
static bool add_gap(gs_trace_build *b, gs_trace_chunks *chunks, const gs_gotrace_stitch *s)
{
	return gs_trace_gap_transitions(b, gs_gotrace_gap_before(b->g), s, chunks) && add_exact(b, chunks, s);
}

static bool add_apart(gs_trace_build *b, const gs_gotrace_stitch *s,
		      bool (*add)(gs_trace_build *, gs_trace_chunks *, const gs_gotrace_stitch *))
{
	gs_trace_chunks *chunks = gs_alloc_should_fail() ? NULL : calloc(1, sizeof(*chunks));
	bool ok = chunks && add(b, chunks, s);

	if (chunks)
		gs_trace_chunks_release(chunks);
	free(chunks);
	return ok;
}

static bool add_transitions(gs_trace_build *b, const gs_gotrace_stitch *s)
{
	return (!gs_gotrace_gap_before(b->g) || add_apart(b, s, add_gap)) &&
	       (!b->rows->statuses.n || add_apart(b, s, add_statuses)) && add_chunks(b, &b->rows->chunks, s, true);
}

static bool add_samples(gs_trace_build *b, const gs_gotrace_stitch *s)
{
	for (size_t i = 0; i < b->rows->samples.n; i++) {
		const gs_trace_sample *from = &b->rows->samples.p[i];
		gs_timeline_cpu_sample *to = gs_vec_push(&b->cpu_samples, GS_TRACE_MAX_ROWS);
		uint32_t name = 0;

		if (!to)
			return false;
		*to = (gs_timeline_cpu_sample){
			.time_ns = gs_gotrace_stitched_time(s, from->event, from->time_ns) - b->start_ns,
			.goroutine = from->goroutine == GS_NO_INDEX ? GS_NO_INDEX : b->g_of[from->goroutine],
			.stack = b->node_of[from->stack],
			.proc = lane(b->p_of, from->proc),
			.thread = lane(b->m_of, from->thread),
			.weight_ns = GS_CPU_SAMPLE_NS,
		};
		if (to->goroutine != GS_NO_INDEX)
			name = b->goroutines.p[to->goroutine].name;
		gs_timeline_sums_add_cpu(&b->sums, (gs_sum_key){ name, GS_PHASE_RUNNING, 0 }, to->stack, GS_CPU_SAMPLE_NS);
	}
	return true;
}

/* What the next generation must know of procs. */
static void carry_procs(gs_trace_build *b)
{
	for (size_t i = 0; i < b->rows->ps.n; i++) {
		const gs_trace_p *p = &b->rows->ps.p[i];

		if (b->p_of[i] != GS_NO_LANE && p->is_known)
			b->p_states.p[b->p_of[i]].in_syscall = p->in_syscall == GS_NO_INDEX ? GS_NO_INDEX : b->g_of[p->in_syscall];
	}
}

static bool add_clock(gs_trace_build *b, const gs_gotrace_sync *s)
{
	gs_timeline_clock *c = s->has_clock ? gs_vec_push(&b->clocks, GS_TRACE_MAX_ROWS) : NULL;

	if (c)
		*c = (gs_timeline_clock){ s->clock_trace_ns - b->start_ns, s->clock_mono_ns,
					  (int64_t)((uint64_t)s->clock_wall_s * 1000000000u + s->clock_wall_ns) };
	return c || !s->has_clock;
}

bool gs_trace_build_begin(gs_trace_build *b, const gs_gotrace_generation *g, const gs_gotrace_stitch *s)
{
	b->is_monotonic = (!b->has_start || b->is_monotonic) && gs_gotrace_clock_is_monotonic(g);
	if (!b->has_start) {
		b->has_start = true;
		b->start_ns = s->sync.time_ns;
	}
	b->g = g;
	b->string_ids.n = b->stack_nodes.n = 0;
	return add_clock(b, &s->sync);
}

bool gs_trace_build_add(gs_trace_build *b, gs_trace_rows *rows, const gs_gotrace_generation *g, const gs_gotrace_stitch *s,
			gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(b->mem));
	const gs_gotrace_gap *gap = gs_gotrace_gap_before(g);

	b->rows = rows;
	if (!gs_trace_build_begin(b, g, s) || !gs_trace_chunks_flush(&rows->chunks) || !resolve_pending(b) ||
	    (gap && !gs_trace_gap_begin(b, gap, s)) ||
	    !map_ids(b, scratch, s->sync.time_ns - b->start_ns) || !gs_trace_build_side(b, s) || !gs_trace_build_memory(b, s) ||
	    !add_transitions(b, s) || !add_samples(b, s))
		return gs_trace_no_memory(err);
	if (b->chunks.n)
		b->chunks.p[b->chunks.n - 1].end_ns = s->end_ns - b->start_ns + 1;
	carry_procs(b);
	for (size_t i = 0; i < rows->gs.n; i++)
		if (!drop_state(b, b->g_of[i]))
			return gs_trace_no_memory(err);
	return true;
}

/* The goroutine's last state lasts to the end of the trace: time that has no end of its own is not counted as an interval. */
static void close_goroutines(gs_trace_build *b)
{
	for (size_t i = 0; i < b->goroutines.n; i++) {
		gs_timeline_goroutine *g = &b->goroutines.p[i];
		const gs_trace_g_state *state = gs_trace_state(b, (uint32_t)i);
		gs_str name = gs_profile_str(gs_profile_builder_profile(b->b), g->name);

		g->is_system = !g->name || (gs_str_starts(name, GS_S("runtime.")) && !gs_str_eq(name, GS_S("runtime.main")));
		if (!g->saw_end)
			g->end_ns = b->t->duration_ns;
		if (g->saw_end || !state || !is_counted(state->phase))
			continue;
		gs_timeline_sums_add(&b->sums, (gs_sum_key){ g->name, state->phase, state->reason },
				     state->phase == GS_PHASE_RUNNING ? g->entry : state->stack, 0,
				     b->t->duration_ns - state->since_ns);
	}
}

static bool index_goroutines(gs_trace_build *b)
{
	uint32_t *out = gs_try_new(b->mem, uint32_t, b->goroutines.n);
	size_t n = out ? gs_id_runs_list(&b->g_index, out) : 0;

	b->t->goroutines_by_id = out;
	for (size_t i = 0; out && i < b->goroutines.n; i++)
		out[i]--;
	return out && n == b->goroutines.n;
}

/* A list goes to the document, at its true size. */
static void *hand_over(gs_arena *mem, void **list, size_t bytes)
{
	void *p = realloc(*list, bytes ? bytes : 1);

	if (!p)
		p = *list;
	*list = NULL;
	if (p)
		gs_arena_on_free(mem, free, p);
	return p;
}

static void hand_over_metric(gs_arena *mem, gs_trace_metric_columns *from, gs_timeline_metric *to)
{
	to->n = (uint32_t)from->value.n;
	to->time_ns = hand_over(mem, (void **)&from->time_ns.p, to->n * sizeof(*to->time_ns));
	to->value = hand_over(mem, (void **)&from->value.p, to->n * sizeof(*to->value));
}

static void hand_over_lists(gs_trace_build *b)
{
	gs_timeline *t = b->t;

#define HAND(list)                         \
	t->n_##list = (uint32_t)b->list.n; \
	t->list = hand_over(b->mem, (void **)&b->list.p, b->list.n * sizeof(*b->list.p))
	HAND(chunks);
	HAND(pieces);
	HAND(goroutines);
	HAND(procs);
	HAND(threads);
	HAND(proc_changes);
	HAND(ranges);
	HAND(tasks);
	HAND(regions);
	HAND(logs);
	HAND(labels);
	HAND(cpu_samples);
	HAND(clocks);
	HAND(memory_events);
	HAND(reasons);
	HAND(gaps);
#undef HAND
	hand_over_metric(b->mem, &b->heap, &t->heap_bytes);
	hand_over_metric(b->mem, &b->goal, &t->heap_goal_bytes);
	hand_over_metric(b->mem, &b->procs_max, &t->gomaxprocs);
}

bool gs_trace_build_finish(gs_trace_build *b, gs_document *doc, const gs_gotrace_report *report, gs_err *err)
{
	gs_profile *p = gs_profile_builder_profile(b->b);
	gs_timeline *t = b->t;
	int64_t wall;

	t->format_minor = report->version;
	t->n_generations = report->generations;
	t->n_events = report->events;
	t->start_monotonic_ns = b->is_monotonic ? b->start_ns : GS_NO_TIME;
	t->duration_ns = b->has_start ? report->end_ns - b->start_ns : 0;
	close_goroutines(b);
	if (!gs_trace_side_finish(b) || !index_goroutines(b))
		return gs_trace_no_memory(err);
	hand_over_lists(b);
	gs_trace_tell_damage(b, report);
	if (b->n_overlays && !gs_trace_overlay(b, err))
		return false;
	if (!gs_timeline_sums_finish(&b->sums, b->b, t->reasons, t->n_reasons))
		return gs_trace_no_memory(err);
	p->duration_ns = t->duration_ns;
	p->period_type = (gs_value_type){ gs_profile_builder_str(b->b, GS_S("trace")), gs_profile_builder_str(b->b, GS_S("count")) };
	p->period = 1; /* as go tool trace -pprof writes it */
	if (t->n_clocks) {
		wall = t->clocks[0].wall_ns - t->clocks[0].time_ns;
		p->time_ns = wall;
	}
	doc->profile = gs_profile_builder_finish(b->b, err);
	doc->timeline = t;
	doc->kind = GS_DOCUMENT_TRACE;
	return doc->profile != NULL;
}
