#include "load/gotrace_rows.h"

#include <stdlib.h>

enum { MAX_ROWS = INT32_MAX, MAX_LANES = UINT16_MAX - 1, MAX_REASONS = 255 };

/* The first stack and reason are none. */
static bool start(gs_trace_rows *t, uint32_t index)
{
	t->index = index;
	t->last_m = GS_GOTRACE_NONE;
	t->last_thread = GS_NO_LANE;
	return gs_vec_push(&t->stacks, MAX_ROWS) && gs_vec_push(&t->reasons, MAX_REASONS);
}

gs_trace_rows *gs_trace_rows_create(uint32_t index)
{
	gs_trace_rows *t = gs_alloc_should_fail() ? NULL : calloc(1, sizeof(*t));

	if (t && start(t, index))
		return t;
	gs_trace_rows_free(t);
	return NULL;
}

static void clear_map(gs_map *m)
{
	if (m->n)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->n = 0;
}

bool gs_trace_rows_reuse(gs_trace_rows *t, uint32_t index)
{
	t->n_events = 0;
	t->rows.n = t->side.n = t->samples.n = t->memory.n = t->pending.n = 0;
	t->heap.n = t->goal.n = t->procs_max.n = 0;
	t->gs.n = t->ps.n = t->ms.n = t->stacks.n = t->reasons.n = t->dense_stacks.n = 0;
	clear_map(&t->g_index);
	clear_map(&t->p_index);
	clear_map(&t->m_index);
	clear_map(&t->stack_index);
	clear_map(&t->reason_index);
	memset(t->dense_procs, 0, sizeof(t->dense_procs));
	memset(t->recent, 0, sizeof(t->recent));
	return start(t, index);
}

void gs_trace_rows_free(gs_trace_rows *t)
{
	if (!t)
		return;
	gs_vec_release(&t->rows);
	gs_vec_release(&t->side);
	gs_vec_release(&t->samples);
	gs_vec_release(&t->memory);
	gs_vec_release(&t->pending);
	gs_vec_release(&t->heap);
	gs_vec_release(&t->goal);
	gs_vec_release(&t->procs_max);
	gs_vec_release(&t->gs);
	gs_vec_release(&t->ps);
	gs_vec_release(&t->ms);
	gs_vec_release(&t->stacks);
	gs_vec_release(&t->reasons);
	gs_vec_release(&t->dense_stacks);
	gs_map_release(&t->g_index);
	gs_map_release(&t->p_index);
	gs_map_release(&t->m_index);
	gs_map_release(&t->stack_index);
	gs_map_release(&t->reason_index);
	free(t);
}

static uint32_t find_goroutine(gs_trace_rows *t, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&t->g_index, id, &is_new);
	gs_trace_g *g;

	if (!slot)
		return GS_NO_INDEX;
	if (is_new) {
		*slot = GS_NO_INDEX;
		g = gs_vec_push(&t->gs, MAX_ROWS);
		if (!g)
			return GS_NO_INDEX;
		*g = (gs_trace_g){ .id = id, .syscall_proc = GS_NO_LANE };
		*slot = (uint32_t)t->gs.n - 1;
	}
	return *slot;
}

uint32_t gs_trace_rows_goroutine(gs_trace_rows *t, uint64_t id)
{
	gs_trace_recent *r = &t->recent[id % GS_TRACE_RECENT];
	uint32_t index;

	if (id == GS_GOTRACE_NONE)
		return GS_NO_INDEX;
	if (r->index && r->id == id)
		return r->index - 1;
	index = find_goroutine(t, id);
	*r = (gs_trace_recent){ id, index + 1 };
	return index;
}

static uint16_t find_proc(gs_trace_rows *t, uint64_t id)
{
	bool is_new;
	uint32_t *slot = id == GS_GOTRACE_NONE || GS_GOTRACE_IS_FAKE_P(id) ? NULL : gs_map_put(&t->p_index, id, &is_new);
	gs_trace_p *p;

	if (!slot)
		return GS_NO_LANE;
	if (is_new) {
		*slot = GS_NO_LANE;
		p = gs_vec_push(&t->ps, MAX_LANES);
		if (!p)
			return GS_NO_LANE;
		*p = (gs_trace_p){ .id = id, .in_syscall = GS_NO_INDEX };
		*slot = (uint32_t)t->ps.n - 1;
	}
	return (uint16_t)*slot;
}

static uint16_t proc_of(gs_trace_rows *t, uint64_t id)
{
	uint16_t index;

	if (id >= GS_TRACE_DENSE_PROCS)
		return find_proc(t, id);
	if (t->dense_procs[id])
		return (uint16_t)(t->dense_procs[id] - 1);
	index = find_proc(t, id);
	t->dense_procs[id] = (uint16_t)(index + 1);
	return index;
}

static uint16_t thread_of(gs_trace_rows *t, uint64_t id)
{
	bool is_new;
	uint32_t *slot;

	if (id == GS_GOTRACE_NONE)
		return GS_NO_LANE;
	if (id == t->last_m)
		return t->last_thread;
	slot = gs_map_put(&t->m_index, id, &is_new);
	if (!slot)
		return GS_NO_LANE;
	if (is_new) {
		uint64_t *m = gs_vec_push(&t->ms, MAX_LANES);

		if (m)
			*m = id;
		*slot = m ? (uint32_t)t->ms.n - 1 : GS_NO_LANE;
	}
	t->last_m = id;
	t->last_thread = (uint16_t)*slot;
	return t->last_thread;
}

/* Ids count from 1 in what the runtime writes: looked up in a list, or in a map when they do not. NULL: no memory. */
static uint32_t *stack_slot(gs_trace_rows *t, uint64_t id, bool *is_new)
{
	if (id >= GS_TRACE_DENSE_STACKS)
		return gs_map_put(&t->stack_index, id, is_new);
	while (t->dense_stacks.n <= id)
		if (!gs_vec_push(&t->dense_stacks, GS_TRACE_DENSE_STACKS))
			return NULL;
	*is_new = !t->dense_stacks.p[id];
	return &t->dense_stacks.p[id];
}

static uint32_t stack_of(gs_trace_rows *t, uint64_t id)
{
	bool is_new;
	uint32_t *slot = id ? stack_slot(t, id, &is_new) : NULL;

	if (!slot)
		return 0;
	if (is_new) {
		uint64_t *s = gs_vec_push(&t->stacks, MAX_ROWS);

		if (!s)
			return 0;
		*s = id;
		*slot = (uint32_t)t->stacks.n - 1;
	}
	return *slot;
}

static uint8_t reason_of(gs_trace_rows *t, uint64_t id)
{
	bool is_new;
	uint32_t *slot = id ? gs_map_put(&t->reason_index, id, &is_new) : NULL;

	if (!slot)
		return 0;
	if (is_new) {
		uint64_t *s = gs_vec_push(&t->reasons, MAX_REASONS);

		if (s)
			*s = id;
		*slot = s ? (uint32_t)t->reasons.n - 1 : 0;
	}
	return (uint8_t)*slot;
}

static inline gs_trace_row *new_row(gs_trace_rows *t)
{
	return t->rows.n < t->rows.cap ? &t->rows.p[t->rows.n++] : gs_vec_push(&t->rows, MAX_ROWS);
}

/* The goroutine enters `phase`. Fill in the rest; NULL: no memory. */
static gs_trace_row *push(gs_trace_rows *t, const gs_gotrace_event *e, uint32_t g, gs_phase phase)
{
	gs_trace_row *row = g == GS_NO_INDEX ? NULL : new_row(t);

	if (!row)
		return NULL;
	*row = (gs_trace_row){ .time_ns = e->time_ns,
			       .goroutine = g,
			       .peer = GS_NO_INDEX,
			       .event = (uint32_t)t->n_events,
			       .proc = proc_of(t, e->p),
			       .thread = thread_of(t, e->m),
			       .phase = (uint8_t)phase };
	return row;
}

static void leave_syscall(gs_trace_rows *t, uint32_t g)
{
	gs_trace_g *of = &t->gs.p[g];

	if (of->syscall_proc != GS_NO_LANE && t->ps.p[of->syscall_proc].in_syscall == g)
		t->ps.p[of->syscall_proc].in_syscall = GS_NO_INDEX;
	of->syscall_proc = GS_NO_LANE;
}

static void enter_syscall(gs_trace_rows *t, const gs_trace_row *row)
{
	gs_trace_g *g = &t->gs.p[row->goroutine];

	g->syscall_stack = row->stack;
	g->syscall_proc = row->proc;
	g->syscall_thread = row->thread;
	if (row->proc != GS_NO_LANE) {
		t->ps.p[row->proc].in_syscall = row->goroutine;
		t->ps.p[row->proc].is_known = true;
	}
}

/* What the proc runs is now known, and it is no system call. */
static void on_proc(gs_trace_rows *t, uint16_t proc)
{
	if (proc == GS_NO_LANE)
		return;
	t->ps.p[proc].is_known = true;
	t->ps.p[proc].in_syscall = GS_NO_INDEX;
}

/* A system call goes on without its proc. */
static bool proc_idle(gs_trace_rows *t, const gs_gotrace_event *e, uint64_t id)
{
	uint16_t proc = proc_of(t, id);
	gs_trace_p *p;
	gs_trace_row *row;

	if (proc == GS_NO_LANE)
		return true;
	p = &t->ps.p[proc];
	if (p->in_syscall == GS_NO_INDEX && (p->is_known || t->index == 0))
		return true;
	row = new_row(t);
	if (!row)
		return false;
	*row = (gs_trace_row){ .time_ns = e->time_ns,
			       .goroutine = p->in_syscall,
			       .peer = GS_NO_INDEX,
			       .event = (uint32_t)t->n_events,
			       .proc = GS_NO_LANE,
			       .thread = GS_NO_LANE,
			       .phase = GS_PHASE_SYSCALL };
	if (p->in_syscall == GS_NO_INDEX) {
		gs_trace_pending *pending = gs_vec_push(&t->pending, MAX_ROWS);

		if (!pending)
			return false;
		*pending = (gs_trace_pending){ (uint32_t)t->rows.n - 1, proc };
	} else {
		row->stack = t->gs.p[p->in_syscall].syscall_stack;
		row->thread = t->gs.p[p->in_syscall].syscall_thread;
	}
	on_proc(t, proc);
	return true;
}

static bool created(gs_trace_rows *t, const gs_gotrace_event *e, gs_phase phase)
{
	uint32_t g = gs_trace_rows_goroutine(t, e->args[0]);
	gs_trace_row *row = push(t, e, g, phase);

	if (!row)
		return false;
	row->flags = GS_ROW_CREATE;
	row->peer = gs_trace_rows_goroutine(t, e->g);
	if (e->type == GS_GOTRACE_GO_CREATE_SYSCALL) {
		enter_syscall(t, row);
	} else {
		row->stack = stack_of(t, e->args[2]);
		t->gs.p[g].name_stack = stack_of(t, e->args[1]);
	}
	return true;
}

static bool unblocked(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_row *row = push(t, e, gs_trace_rows_goroutine(t, e->args[0]), GS_PHASE_RUNNABLE);

	if (!row)
		return false;
	row->peer = gs_trace_rows_goroutine(t, e->g);
	if (e->type == GS_GOTRACE_GO_UNBLOCK)
		row->stack = stack_of(t, e->args[2]);
	return true;
}

/* The goroutine of the context; `stack` is its own. */
static gs_trace_row *own(gs_trace_rows *t, const gs_gotrace_event *e, gs_phase phase, uint64_t stack)
{
	uint32_t g = gs_trace_rows_goroutine(t, e->g);
	gs_trace_row *row = push(t, e, g, phase);

	if (!row)
		return NULL;
	row->stack = stack_of(t, stack);
	if (!t->gs.p[g].name_stack)
		t->gs.p[g].name_stack = row->stack;
	return row;
}

static bool status(gs_trace_rows *t, const gs_gotrace_event *e)
{
	static const uint8_t phases[] = { [GS_GO_UNDETERMINED] = GS_PHASE_UNKNOWN, [GS_GO_NOT_EXIST] = GS_PHASE_NONE,
					  [GS_GO_RUNNABLE] = GS_PHASE_RUNNABLE, [GS_GO_RUNNING] = GS_PHASE_RUNNING,
					  [GS_GO_WAITING] = GS_PHASE_WAITING, [GS_GO_SYSCALL] = GS_PHASE_SYSCALL };
	uint32_t stack = e->type == GS_GOTRACE_GO_STATUS_STACK ? stack_of(t, e->args[3]) : 0, g;
	gs_trace_row *row;

	/* Later generations say again what is known. */
	if (e->to_state >= sizeof(phases) || (t->index && !stack) || (!t->index && e->from_state == e->to_state))
		return true;
	g = gs_trace_rows_goroutine(t, e->args[0]);
	if (g == GS_NO_INDEX)
		return false;
	if (!t->gs.p[g].name_stack)
		t->gs.p[g].name_stack = stack;
	if (t->index)
		return true;
	row = push(t, e, g, (gs_phase)phases[e->to_state]);
	if (!row)
		return false;
	row->flags = GS_ROW_STATUS;
	row->stack = stack;
	if (row->phase == GS_PHASE_SYSCALL)
		enter_syscall(t, row);
	return true;
}

static bool put_value(gs_trace_rows *t, gs_trace_values *to, const gs_gotrace_event *e)
{
	gs_trace_value *v = gs_vec_push(to, MAX_ROWS);

	if (!v)
		return false;
	*v = (gs_trace_value){ e->time_ns, e->args[0], (uint32_t)t->n_events };
	return true;
}

static bool put_sample(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_sample *s = gs_vec_push(&t->samples, MAX_ROWS);

	if (!s)
		return false;
	*s = (gs_trace_sample){ .time_ns = e->time_ns,
				.goroutine = gs_trace_rows_goroutine(t, e->g),
				.stack = stack_of(t, e->args[0]),
				.event = (uint32_t)t->n_events,
				.proc = proc_of(t, e->p),
				.thread = thread_of(t, e->m) };
	return true;
}

static bool put_memory(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_memory *m = gs_vec_push(&t->memory, MAX_ROWS);

	if (!m)
		return false;
	*m = (gs_trace_memory){ .time_ns = e->time_ns, .args = { e->args[0], e->args[1], e->args[2] }, .goroutine = GS_NO_INDEX,
				.event = (uint32_t)t->n_events, .type = e->type };
	if (e->g == GS_GOTRACE_NONE)
		return true;
	m->goroutine = gs_trace_rows_goroutine(t, e->g);
	return m->goroutine != GS_NO_INDEX;
}

static bool put_side(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_side *s = gs_vec_push(&t->side, MAX_ROWS);

	if (!s)
		return false;
	s->event = t->n_events;
	s->e = *e;
	return true;
}

static bool add(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_row *row;

	switch (e->type) {
	case GS_GOTRACE_GO_CREATE:
		return created(t, e, GS_PHASE_RUNNABLE);
	case GS_GOTRACE_GO_CREATE_BLOCKED:
		return created(t, e, GS_PHASE_WAITING);
	case GS_GOTRACE_GO_CREATE_SYSCALL:
		return created(t, e, GS_PHASE_SYSCALL);
	case GS_GOTRACE_GO_START:
		row = push(t, e, gs_trace_rows_goroutine(t, e->args[0]), GS_PHASE_RUNNING);
		if (row)
			on_proc(t, row->proc);
		return row != NULL;
	case GS_GOTRACE_GO_DESTROY:
		return own(t, e, GS_PHASE_NONE, 0) != NULL;
	case GS_GOTRACE_GO_DESTROY_SYSCALL:
		row = own(t, e, GS_PHASE_NONE, 0);
		if (row)
			leave_syscall(t, row->goroutine);
		return row != NULL;
	case GS_GOTRACE_GO_STOP:
	case GS_GOTRACE_GO_BLOCK:
		row = own(t, e, e->type == GS_GOTRACE_GO_STOP ? GS_PHASE_RUNNABLE : GS_PHASE_WAITING, e->args[1]);
		if (row)
			row->reason = reason_of(t, e->args[0]);
		return row != NULL;
	case GS_GOTRACE_GO_UNBLOCK:
	case GS_GOTRACE_GO_SWITCH:
	case GS_GOTRACE_GO_SWITCH_DESTROY:
		return unblocked(t, e);
	case GS_GOTRACE_GO_SYSCALL_BEGIN:
		row = own(t, e, GS_PHASE_SYSCALL, e->args[1]);
		if (row)
			enter_syscall(t, row);
		return row != NULL;
	case GS_GOTRACE_GO_SYSCALL_END:
		row = own(t, e, GS_PHASE_RUNNING, 0);
		if (row) {
			leave_syscall(t, row->goroutine);
			on_proc(t, row->proc);
		}
		return row != NULL;
	case GS_GOTRACE_GO_SYSCALL_END_BLOCKED:
		row = own(t, e, GS_PHASE_RUNNABLE, 0);
		if (row)
			leave_syscall(t, row->goroutine);
		return row != NULL;
	case GS_GOTRACE_GO_STATUS:
	case GS_GOTRACE_GO_STATUS_STACK:
		return status(t, e);
	case GS_GOTRACE_HEAP_ALLOC:
		return put_value(t, &t->heap, e);
	case GS_GOTRACE_HEAP_GOAL:
		return put_value(t, &t->goal, e);
	case GS_GOTRACE_PROCS_CHANGE:
		return put_value(t, &t->procs_max, e);
	case GS_GOTRACE_CPU_SAMPLE:
		return put_sample(t, e);
	case GS_GOTRACE_PROC_STOP:
		return proc_idle(t, e, e->p) && put_side(t, e);
	case GS_GOTRACE_PROC_STEAL:
		return proc_idle(t, e, e->args[0]) && put_side(t, e);
	case GS_GOTRACE_PROC_STATUS:
		return (e->to_state != GS_PROC_IDLE || proc_idle(t, e, e->args[0])) && put_side(t, e);
	default:
		return e->type >= GS_GOTRACE_SPAN ? put_memory(t, e) : put_side(t, e);
	}
}

bool gs_trace_rows_event(gs_trace_rows *t, const gs_gotrace_event *e)
{
	bool ok = t->n_events < MAX_ROWS && add(t, e);

	t->n_events++;
	return ok;
}
