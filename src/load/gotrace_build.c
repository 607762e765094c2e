#include "load/gotrace_build.h"

#include <stdlib.h>

#include "base/banned.h"

/* Offsets within a chunk are 32 bits of nanoseconds. */
#define CHUNK_NS 4000000000

enum { MAX_LANES = UINT16_MAX - 1, MAX_REASONS = 255 };

bool gs_trace_no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the trace needs more memory than its budget");
}

bool gs_trace_build_init(gs_trace_build *b, gs_document *doc, gs_err *err)
{
	*b = (gs_trace_build){ .mem = doc->mem, .b = gs_profile_builder_create(doc->mem, err) };
	b->t = gs_try_new(doc->mem, gs_timeline, 1);
	return b->b && ((b->t && gs_vec_push(&b->reasons, MAX_REASONS)) || gs_trace_no_memory(err));
}

void gs_trace_build_release(gs_trace_build *b)
{
	gs_map_release(&b->g_index);
	gs_map_release(&b->p_index);
	gs_map_release(&b->m_index);
	gs_map_release(&b->task_index);
	gs_map_release(&b->location_index);
	gs_vec_release(&b->goroutines);
	gs_vec_release(&b->g_states);
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
	gs_vec_release(&b->heap.time_ns);
	gs_vec_release(&b->heap.value);
	gs_vec_release(&b->goal.time_ns);
	gs_vec_release(&b->goal.value);
	gs_vec_release(&b->procs_max.time_ns);
	gs_vec_release(&b->procs_max.value);
	gs_timeline_sums_release(&b->sums);
}

uint32_t gs_trace_goroutine(gs_trace_build *b, uint64_t id, int64_t now_ns)
{
	bool is_new;
	uint32_t *slot = id == GS_GOTRACE_NONE ? NULL : gs_map_put(&b->g_index, id, &is_new);
	gs_timeline_goroutine *g;
	gs_trace_g_state *state;

	if (!slot)
		return GS_NO_INDEX;
	if (is_new) {
		*slot = GS_NO_INDEX;
		g = gs_vec_push(&b->goroutines, GS_TRACE_MAX_ROWS);
		state = gs_vec_push(&b->g_states, GS_TRACE_MAX_ROWS);
		if (!g || !state)
			return GS_NO_INDEX;
		*g = (gs_timeline_goroutine){ .id = id, .first_piece = GS_NO_INDEX, .last_piece = GS_NO_INDEX,
					      .creator = GS_NO_INDEX, .start_ns = now_ns };
		state->syscall_thread = GS_NO_LANE;
		*slot = (uint32_t)b->goroutines.n - 1;
	}
	return *slot;
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

/* A proc that went idle, with a system call of an earlier generation on it or not: rows without a goroutine are dropped later. */
static bool resolve_pending(gs_trace_build *b)
{
	gs_trace_rows *r = b->rows;

	for (size_t i = 0; i < r->pending.n; i++) {
		uint16_t proc = gs_trace_proc(b, r->ps.p[r->pending.p[i].proc].id);
		uint32_t g = proc == GS_NO_LANE ? GS_NO_INDEX : b->p_states.p[proc].in_syscall;

		if (g == GS_NO_INDEX || b->g_states.p[g].phase != GS_PHASE_SYSCALL)
			continue;
		r->rows.p[r->pending.p[i].row].goroutine = gs_trace_rows_goroutine(r, b->goroutines.p[g].id);
		if (r->rows.p[r->pending.p[i].row].goroutine == GS_NO_INDEX)
			return false;
	}
	return true;
}

/* Times relative to the trace's start; what was so from the beginning comes first. */
static bool fix_times(gs_trace_build *b, const gs_gotrace_stitch *s)
{
	gs_trace_rows *r = b->rows;
	size_t n = r->rows.n, n_status = 0, at = 0;
	gs_trace_row *statuses;

	for (size_t i = 0; i < n; i++) {
		gs_trace_row *row = &r->rows.p[i];

		if (row->flags & GS_ROW_STATUS) {
			row->time_ns = s->sync.time_ns - b->start_ns;
			n_status++;
		} else {
			row->time_ns = gs_gotrace_stitched_time(s, row->event, row->time_ns) - b->start_ns;
		}
	}
	if (!n_status)
		return true;
	statuses = gs_alloc_should_fail() ? NULL : malloc(n_status * sizeof(*statuses));
	if (!statuses)
		return false;
	for (size_t i = n; i-- > 0;) /* from the end: the others move to the end, in order */
		if (!(r->rows.p[i].flags & GS_ROW_STATUS))
			r->rows.p[n - 1 - at++] = r->rows.p[i];
		else
			statuses[--n_status] = r->rows.p[i];
	memcpy(r->rows.p, statuses, (n - at) * sizeof(*statuses));
	free(statuses);
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
	for (size_t i = 0; has_unnamed && i < r->rows.n; i++) {
		const gs_trace_row *row = &r->rows.p[i];
		bool is_own = row->phase == GS_PHASE_WAITING || row->phase == GS_PHASE_SYSCALL ||
			      (row->phase == GS_PHASE_RUNNABLE && row->reason);

		if (is_own && !row->flags && row->goroutine != GS_NO_INDEX && !name_by(b, row->goroutine, row->stack, &is_named))
			return false;
	}
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

/* Columns of a chunk while they are filled, and where the next transition of each lane goes. */
typedef struct columns {
	uint32_t *offset_ns, *stack, *peer;
	uint8_t *phase, *reason;
	uint16_t *proc, *thread;
	uint32_t *proc_first, *proc_runs, *thread_first, *thread_runs;
	uint32_t *first, *place; /* by goroutine of the generation: its transitions */
} columns;

static bool columns_new(gs_arena *mem, columns *c, size_t n)
{
	c->offset_ns = gs_try_new(mem, uint32_t, n);
	c->stack = gs_try_new(mem, uint32_t, n);
	c->peer = gs_try_new(mem, uint32_t, n);
	c->phase = gs_try_new(mem, uint8_t, n);
	c->reason = gs_try_new(mem, uint8_t, n);
	c->proc = gs_try_new(mem, uint16_t, n);
	c->thread = gs_try_new(mem, uint16_t, n);
	return c->offset_ns && c->stack && c->peer && c->phase && c->reason && c->proc && c->thread;
}

static bool is_run(const gs_trace_row *row)
{
	return row->phase == GS_PHASE_RUNNING || row->phase == GS_PHASE_SYSCALL;
}

/* Starts of lists of which first[i + 2] is the length of list i; filling them moves first[i + 1] to their ends. */
static uint32_t *starts(gs_arena *mem, uint32_t *first, size_t n_lanes)
{
	for (size_t i = 2; i < n_lanes + 2; i++)
		first[i] += first[i - 1];
	return gs_try_new(mem, uint32_t, first[n_lanes + 1]);
}

/* How much goes where. */
static bool count(gs_trace_build *b, gs_arena *scratch, const gs_trace_row *rows, size_t n_rows, columns *c, uint32_t *n)
{
	size_t n_local = b->rows->gs.n, n_procs = b->procs.n, n_threads = b->threads.n;

	c->place = gs_try_new(scratch, uint32_t, n_local + 1);
	c->first = gs_try_new(scratch, uint32_t, n_local + 1);
	c->proc_first = gs_try_new(b->mem, uint32_t, n_procs + 2);
	c->thread_first = gs_try_new(b->mem, uint32_t, n_threads + 2);
	if (!c->place || !c->first || !c->proc_first || !c->thread_first)
		return false;
	*n = 0;
	for (size_t i = 0; i < n_rows; i++) {
		const gs_trace_row *row = &rows[i];
		uint16_t proc, thread;

		if (row->goroutine == GS_NO_INDEX)
			continue;
		c->place[row->goroutine + 1]++;
		++*n;
		proc = lane(b->p_of, row->proc);
		thread = lane(b->m_of, row->thread);
		if (is_run(row) && proc != GS_NO_LANE)
			c->proc_first[proc + 2]++;
		if (is_run(row) && thread != GS_NO_LANE)
			c->thread_first[thread + 2]++;
	}
	for (size_t i = 1; i <= n_local; i++)
		c->place[i] += c->place[i - 1];
	memcpy(c->first, c->place, n_local * sizeof(*c->first));
	c->proc_runs = starts(b->mem, c->proc_first, n_procs);
	c->thread_runs = starts(b->mem, c->thread_first, n_threads);
	return c->proc_runs && c->thread_runs && columns_new(b->mem, c, *n);
}

/* A goroutine is created. */
static void begins(gs_trace_build *b, const gs_trace_row *row, uint32_t node, bool is_first)
{
	gs_timeline_goroutine *g = &b->goroutines.p[b->g_of[row->goroutine]];

	if (is_first && g->first_piece == GS_NO_INDEX) {
		g->saw_start = true;
		g->start_ns = row->time_ns;
	}
	if (row->peer != GS_NO_INDEX)
		g->creator = b->g_of[row->peer];
	g->create_stack = node;
}

/* Rows into columns, by goroutine. */
static void scatter(gs_trace_build *b, const gs_trace_row *rows, size_t n_rows, columns *c, int64_t base)
{
	for (size_t i = 0; i < n_rows; i++) {
		const gs_trace_row *row = &rows[i];
		uint16_t proc = lane(b->p_of, row->proc), thread = lane(b->m_of, row->thread);
		uint32_t at;

		if (row->goroutine == GS_NO_INDEX)
			continue;
		at = c->place[row->goroutine]++;
		c->offset_ns[at] = (uint32_t)(row->time_ns - base);
		c->phase[at] = row->phase;
		c->reason[at] = b->reason_of[row->reason];
		c->stack[at] = b->node_of[row->stack];
		c->proc[at] = proc;
		c->thread[at] = thread;
		c->peer[at] = row->peer == GS_NO_INDEX ? GS_NO_INDEX : b->g_of[row->peer];
		if (is_run(row) && proc != GS_NO_LANE)
			c->proc_runs[c->proc_first[proc + 1]++] = at;
		if (is_run(row) && thread != GS_NO_LANE)
			c->thread_runs[c->thread_first[thread + 1]++] = at;
		if (row->flags & GS_ROW_CREATE)
			begins(b, row, c->stack[at], at == c->first[row->goroutine]);
	}
}

/* Keys of sums for one goroutine, found once each. */
typedef struct key_cache {
	uint32_t turn;
	uint32_t turns[GS_N_PHASES][256], keys[GS_N_PHASES][256];
} key_cache;

static uint32_t key_of(gs_trace_build *b, key_cache *k, uint32_t name, uint8_t phase, uint8_t reason)
{
	if (k->turns[phase][reason] != k->turn) {
		k->turns[phase][reason] = k->turn;
		k->keys[phase][reason] = gs_timeline_sums_key(&b->sums, (gs_sum_key){ name, phase, reason });
	}
	return k->keys[phase][reason];
}

static bool is_counted(uint8_t phase)
{
	return phase != GS_PHASE_UNKNOWN && phase != GS_PHASE_NONE;
}

/* The goroutine's time up to `now` goes to its stack; `next` is what it does then, with the stack of that event. */
static void account(gs_trace_build *b, key_cache *k, const gs_timeline_goroutine *g, const gs_trace_g_state *state, int64_t now,
		    uint8_t next, uint32_t next_stack)
{
	uint32_t node = state->stack;
	bool goes_on = state->phase == GS_PHASE_SYSCALL && next == GS_PHASE_SYSCALL;

	if (!is_counted(state->phase))
		return;
	if (state->phase == GS_PHASE_RUNNING)
		node = next_stack ? next_stack : g->entry;
	gs_timeline_sums_add(&b->sums, key_of(b, k, g->name, state->phase, state->reason), node, !goes_on, now - state->since_ns);
}

/* Follow each goroutine through its transitions of the chunk. */
static bool pieces(gs_trace_build *b, key_cache *k, columns *c, int64_t base)
{
	uint32_t chunk = (uint32_t)b->chunks.n - 1;

	for (uint32_t local = 0; local < b->rows->gs.n; local++) {
		uint32_t first = c->first[local], end = c->place[local], index = b->g_of[local], piece_index;
		gs_timeline_goroutine *g = &b->goroutines.p[index];
		gs_trace_g_state state = b->g_states.p[index];
		gs_timeline_piece *piece = first == end ? NULL : gs_vec_push(&b->pieces, GS_TRACE_MAX_ROWS);

		if (first == end)
			continue;
		if (!piece)
			return false;
		piece_index = (uint32_t)b->pieces.n - 1;
		k->turn++;
		for (uint32_t i = first; i < end; i++) {
			int64_t now = base + c->offset_ns[i];

			if (c->phase[i] == GS_PHASE_SYSCALL && state.phase == GS_PHASE_SYSCALL) {
				if (!c->stack[i])
					c->stack[i] = state.stack;
				if (c->thread[i] == GS_NO_LANE)
					c->thread[i] = state.syscall_thread;
			} else if (c->phase[i] == GS_PHASE_WAITING && c->reason[i] && c->reason[i] == b->forever) {
				c->phase[i] = GS_PHASE_NONE;
			}
			account(b, k, g, &state, now, c->phase[i], c->stack[i]);
			state.since_ns = now;
			state.phase = c->phase[i];
			state.reason = c->reason[i];
			state.stack = c->stack[i];
			if (state.phase == GS_PHASE_SYSCALL)
				state.syscall_thread = c->thread[i];
		}
		b->g_states.p[index] = state;
		g->saw_end = state.phase == GS_PHASE_NONE;
		if (g->saw_end)
			g->end_ns = state.since_ns;
		if (g->first_piece == GS_NO_INDEX)
			g->first_piece = piece_index;
		*piece = (gs_timeline_piece){ index, chunk, first, end - first, g->last_piece, GS_NO_INDEX };
		if (g->last_piece != GS_NO_INDEX)
			b->pieces.p[g->last_piece].next = piece_index;
		g->last_piece = piece_index;
	}
	return true;
}

/* Rows [0, n) become a chunk from base_ns on. */
static bool add_chunk(gs_trace_build *b, gs_arena *scratch, key_cache *k, const gs_trace_row *rows, size_t n_rows, int64_t base_ns,
		      int64_t end_ns)
{
	gs_timeline_chunk *chunk = gs_vec_push(&b->chunks, GS_TRACE_MAX_ROWS);
	columns c;
	uint32_t n;

	if (!chunk || !count(b, scratch, rows, n_rows, &c, &n))
		return false;
	*chunk = (gs_timeline_chunk){ .base_ns = base_ns,
				      .end_ns = end_ns,
				      .n = n,
				      .offset_ns = c.offset_ns,
				      .phase = c.phase,
				      .reason = c.reason,
				      .stack = c.stack,
				      .proc = c.proc,
				      .thread = c.thread,
				      .peer = c.peer,
				      .proc_first = c.proc_first,
				      .proc_runs = c.proc_runs,
				      .thread_first = c.thread_first,
				      .thread_runs = c.thread_runs,
				      .n_procs = (uint32_t)b->procs.n,
				      .n_threads = (uint32_t)b->threads.n,
				      .piece_first = (uint32_t)b->pieces.n };
	scatter(b, rows, n_rows, &c, base_ns);
	if (!pieces(b, k, &c, base_ns))
		return false;
	chunk->n_pieces = (uint32_t)b->pieces.n - chunk->piece_first;
	b->t->n_transitions += n;
	return true;
}

static bool add_chunks(gs_trace_build *b, key_cache *k, int64_t start_ns, int64_t end_ns)
{
	gs_trace_row *rows = b->rows->rows.p;
	size_t n = b->rows->rows.n;

	for (size_t i = 0; i < n;) {
		GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(b->mem));
		int64_t base = i ? rows[i].time_ns : start_ns;
		size_t first = i;

		while (i < n && rows[i].time_ns - base < CHUNK_NS)
			i++;
		if (i == first) { /* nothing for long: the chunk begins later */
			start_ns = rows[i].time_ns;
			continue;
		}
		if (!add_chunk(b, scratch, k, rows + first, i - first, base, i < n ? rows[i].time_ns : end_ns))
			return false;
	}
	return true;
}

static bool add_samples(gs_trace_build *b, key_cache *k, const gs_gotrace_stitch *s)
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
		k->turn++;
		gs_timeline_sums_add_cpu(&b->sums, key_of(b, k, name, GS_PHASE_RUNNING, 0), to->stack, GS_CPU_SAMPLE_NS);
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
	return add_clock(b, &s->sync);
}

bool gs_trace_build_add(gs_trace_build *b, gs_trace_rows *rows, const gs_gotrace_generation *g, const gs_gotrace_stitch *s,
			gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(b->mem));
	key_cache *k = gs_try_new(scratch, key_cache, 1);

	b->rows = rows;
	if (!k || !gs_trace_build_begin(b, g, s) || !resolve_pending(b) || !fix_times(b, s) || !map_ids(b, scratch, s->sync.time_ns - b->start_ns) ||
	    !gs_trace_build_side(b, s) || !gs_trace_build_memory(b, s) ||
	    !add_chunks(b, k, s->sync.time_ns - b->start_ns, s->end_ns - b->start_ns + 1) || !add_samples(b, k, s))
		return gs_trace_no_memory(err);
	carry_procs(b);
	return true;
}

/* The goroutine's last state lasts to the end of the trace: time that has no end of its own is not counted as an interval. */
static void close_goroutines(gs_trace_build *b, key_cache *k)
{
	for (size_t i = 0; i < b->goroutines.n; i++) {
		gs_timeline_goroutine *g = &b->goroutines.p[i];
		const gs_trace_g_state *state = &b->g_states.p[i];
		gs_str name = gs_profile_str(gs_profile_builder_profile(b->b), g->name);

		g->is_system = !g->name || (gs_str_starts(name, GS_S("runtime.")) && !gs_str_eq(name, GS_S("runtime.main")));
		if (!g->saw_end)
			g->end_ns = b->t->duration_ns;
		if (g->saw_end || !is_counted(state->phase))
			continue;
		k->turn++;
		gs_timeline_sums_add(&b->sums, key_of(b, k, g->name, state->phase, state->reason),
				     state->phase == GS_PHASE_RUNNING ? g->entry : state->stack, 0,
				     b->t->duration_ns - state->since_ns);
	}
}

typedef struct id_index {
	uint64_t id;
	uint32_t index;
} id_index;

static int by_id(const void *a, const void *b)
{
	const id_index *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static bool index_goroutines(gs_trace_build *b)
{
	size_t n = b->goroutines.n;
	id_index *list = gs_alloc_should_fail() ? NULL : malloc((n + 1) * sizeof(*list));
	uint32_t *out = gs_try_new(b->mem, uint32_t, n);

	if (list && out) {
		for (size_t i = 0; i < n; i++)
			list[i] = (id_index){ b->goroutines.p[i].id, (uint32_t)i };
		qsort(list, n, sizeof(*list), by_id);
		for (size_t i = 0; i < n; i++)
			out[i] = list[i].index;
	}
	free(list);
	b->t->goroutines_by_id = out;
	return list && out;
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
#undef HAND
	hand_over_metric(b->mem, &b->heap, &t->heap_bytes);
	hand_over_metric(b->mem, &b->goal, &t->heap_goal_bytes);
	hand_over_metric(b->mem, &b->procs_max, &t->gomaxprocs);
}

static void tell_damage(gs_trace_build *b, const gs_gotrace_report *report)
{
	GS_AUTO(buf) text = { 0 };
	gs_timeline *t = b->t;

	gs_buf_init(&text, 2000);
	if (!report->is_damaged)
		return;
	t->is_cut = report->is_cut;
	t->lost_bytes = report->lost_bytes;
	t->lost_generations = report->lost_generations;
	t->good_until_ns = report->good_until_ns - b->start_ns;
	t->lost_until_ns = report->lost_until_ns == GS_GOTRACE_NO_TIME ? GS_NO_TIME : report->lost_until_ns - b->start_ns;
	if (report->is_cut)
		gs_buf_f(&text, "the file ends inside generation %u, at byte %llu: it is still being written, or was cut; events are here until %.6fs",
			 report->generations + 1, (unsigned long long)report->damage.at, (double)t->good_until_ns / 1e9);
	else
		gs_buf_f(&text, "%s, at offset %llu; %u generation%s before that %s whole, events are here until %.6fs", report->damage.text,
			 (unsigned long long)report->damage.at, report->generations, report->generations == 1 ? "" : "s",
			 report->generations == 1 ? "is" : "are", (double)t->good_until_ns / 1e9);
	gs_buf_f(&text, report->is_cut ? ", %llu bytes wait for what follows" : ", %llu bytes are lost", (unsigned long long)report->lost_bytes);
	if (report->lost_generations)
		gs_buf_f(&text, ", with %u later generation%s", report->lost_generations, report->lost_generations == 1 ? "" : "s");
	if (t->lost_until_ns != GS_NO_TIME)
		gs_buf_f(&text, "; they reach to %.6fs at least", (double)t->lost_until_ns / 1e9);
	t->damage = gs_str_dup(b->mem, gs_buf_view(&text));
	gs_profile_builder_warn(b->b, "%.*s", GS_FMT(t->damage));
}

bool gs_trace_build_finish(gs_trace_build *b, gs_document *doc, const gs_gotrace_report *report, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(b->mem));
	key_cache *k = gs_try_new(scratch, key_cache, 1);
	gs_profile *p = gs_profile_builder_profile(b->b);
	gs_timeline *t = b->t;
	int64_t wall;

	t->go_minor = report->version;
	t->n_generations = report->generations;
	t->n_events = report->events;
	t->start_monotonic_ns = b->is_monotonic ? b->start_ns : GS_NO_TIME;
	t->duration_ns = b->has_start ? report->end_ns - b->start_ns : 0;
	tell_damage(b, report);
	if (!k)
		return gs_trace_no_memory(err);
	close_goroutines(b, k);
	if (!gs_trace_side_finish(b) || !index_goroutines(b))
		return gs_trace_no_memory(err);
	hand_over_lists(b);
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
