#include "load/gotrace_rows.h"

#include <stdlib.h>

enum { MAX_ROWS = INT32_MAX, MAX_LANES = UINT16_MAX - 1, MAX_REASONS = 255 };
#define MAX_SIDE_BYTES ((size_t)1 << 40)

/* The first stack and reason are none. */
static bool start(gs_trace_rows *t, uint32_t index)
{
	t->index = index;
	t->last_m = GS_GOTRACE_NONE;
	t->last_thread = GS_NO_LANE;
	t->side.bytes.max = MAX_SIDE_BYTES;
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

bool gs_trace_rows_reuse(gs_trace_rows *t, uint32_t index)
{
	t->n_events = 0;
	gs_trace_chunks_clear(&t->chunks);
	t->statuses.n = t->samples.n = t->memory.n = t->pending.n = 0;
	t->heap.n = t->goal.n = t->procs_max.n = 0;
	t->gs.n = t->ps.n = t->ms.n = t->stacks.n = t->reasons.n = t->dense_stacks.n = 0;
	gs_id_runs_clear(&t->g_index);
	gs_map_clear(&t->p_index);
	gs_map_clear(&t->m_index);
	gs_map_clear(&t->stack_index);
	gs_map_clear(&t->reason_index);
	memset(t->dense_procs, 0, sizeof(t->dense_procs));
	memset(t->recent_reasons, 0, sizeof(t->recent_reasons));
	t->side.bytes.n = 0;
	t->side.last_event = 0;
	t->side.last_ns = 0;
	return start(t, index);
}

void gs_trace_rows_free(gs_trace_rows *t)
{
	if (!t)
		return;
	gs_trace_chunks_release(&t->chunks);
	gs_vec_release(&t->statuses);
	gs_buf_release(&t->side.bytes);
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
	gs_id_runs_release(&t->g_index);
	gs_map_release(&t->p_index);
	gs_map_release(&t->m_index);
	gs_map_release(&t->stack_index);
	gs_map_release(&t->reason_index);
	free(t);
}

uint32_t gs_trace_rows_goroutine(gs_trace_rows *t, uint64_t id)
{
	uint32_t *place = id == GS_GOTRACE_NONE ? NULL : gs_id_runs_put(&t->g_index, id);
	gs_trace_g *g;

	if (!place)
		return GS_NO_INDEX;
	if (!*place) {
		g = gs_vec_push(&t->gs, MAX_ROWS);
		if (!g)
			return GS_NO_INDEX;
		g->id = id;
		g->syscall_proc = GS_NO_LANE;
		*place = (uint32_t)t->gs.n;
	}
	return *place - 1;
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

static uint8_t find_reason(gs_trace_rows *t, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&t->reason_index, id, &is_new);

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

static inline uint8_t reason_of(gs_trace_rows *t, uint64_t id)
{
	uint64_t at = id % GS_TRACE_RECENT_REASONS;

	if (id && t->recent_reasons[at].id != id) {
		t->recent_reasons[at].index = find_reason(t, id);
		t->recent_reasons[at].id = id;
	}
	return id ? t->recent_reasons[at].index : 0;
}

/* The goroutine enters `phase`. Field by field: a whole that was just put together from small parts is slow to be read again. */
static inline void transition(gs_trace_rows *t, const gs_gotrace_event *e, uint32_t g, gs_phase phase, gs_trace_transition *x)
{
	x->time_ns = e->time_ns;
	x->event = t->n_events;
	x->goroutine = g;
	x->stack = 0;
	x->peer = GS_NO_INDEX;
	x->proc = proc_of(t, e->p);
	x->thread = thread_of(t, e->m);
	x->phase = (uint8_t)phase;
	x->reason = 0;
	x->flags = 0;
}

/* False: no memory, or it has no goroutine. */
static bool push(gs_trace_rows *t, const gs_trace_transition *x)
{
	return x->goroutine != GS_NO_INDEX && gs_trace_chunks_add(&t->chunks, x, &t->gs.p[x->goroutine].piece);
}

static void leave_syscall(gs_trace_rows *t, uint32_t g)
{
	gs_trace_g *of = &t->gs.p[g];

	if (of->syscall_proc != GS_NO_LANE && t->ps.p[of->syscall_proc].in_syscall == g)
		t->ps.p[of->syscall_proc].in_syscall = GS_NO_INDEX;
	of->syscall_proc = GS_NO_LANE;
}

static void enter_syscall(gs_trace_rows *t, const gs_trace_transition *x)
{
	gs_trace_g *g = &t->gs.p[x->goroutine];

	g->syscall_stack = x->stack;
	g->syscall_proc = x->proc;
	g->syscall_thread = x->thread;
	if (x->proc != GS_NO_LANE) {
		t->ps.p[x->proc].in_syscall = x->goroutine;
		t->ps.p[x->proc].is_known = true;
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
	gs_trace_transition x;
	gs_trace_p *p;

	if (proc == GS_NO_LANE)
		return true;
	p = &t->ps.p[proc];
	if (p->in_syscall == GS_NO_INDEX && (p->is_known || t->index == 0))
		return true;
	if (p->in_syscall == GS_NO_INDEX) {
		gs_trace_pending *pending = gs_vec_push(&t->pending, MAX_ROWS);

		if (!pending)
			return false;
		*pending = (gs_trace_pending){ e->time_ns, (uint32_t)t->n_events, proc, GS_NO_INDEX };
		on_proc(t, proc);
		return true;
	}
	x = (gs_trace_transition){ .time_ns = e->time_ns,
				   .event = t->n_events,
				   .goroutine = p->in_syscall,
				   .peer = GS_NO_INDEX,
				   .stack = t->gs.p[p->in_syscall].syscall_stack,
				   .proc = GS_NO_LANE,
				   .thread = t->gs.p[p->in_syscall].syscall_thread,
				   .phase = GS_PHASE_SYSCALL };
	on_proc(t, proc);
	return push(t, &x);
}

static bool created(gs_trace_rows *t, const gs_gotrace_event *e, gs_phase phase)
{
	uint32_t g = gs_trace_rows_goroutine(t, e->args[0]);
	gs_trace_transition x;

	if (g == GS_NO_INDEX)
		return false;
	transition(t, e, g, phase, &x);
	x.flags = GS_KIND_CREATES | GS_KIND_HAS_PEER;
	x.peer = gs_trace_rows_goroutine(t, e->g);
	if (e->type == GS_GOTRACE_GO_CREATE_SYSCALL) {
		enter_syscall(t, &x);
	} else {
		x.stack = stack_of(t, e->args[2]);
		t->gs.p[g].name_stack = stack_of(t, e->args[1]);
	}
	return push(t, &x);
}

static bool unblocked(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_transition x;

	transition(t, e, gs_trace_rows_goroutine(t, e->args[0]), GS_PHASE_RUNNABLE, &x);
	x.peer = gs_trace_rows_goroutine(t, e->g);
	x.flags = x.peer == GS_NO_INDEX ? 0 : GS_KIND_HAS_PEER;
	if (e->type == GS_GOTRACE_GO_UNBLOCK)
		x.stack = stack_of(t, e->args[2]);
	return push(t, &x);
}

/* The goroutine of the context, which there must be; `stack` is its own. */
static bool own(gs_trace_rows *t, const gs_gotrace_event *e, gs_phase phase, uint64_t reason, uint64_t stack, gs_trace_transition *x)
{
	uint32_t g = gs_trace_rows_goroutine(t, e->g);

	if (g == GS_NO_INDEX)
		return false;
	transition(t, e, g, phase, x);
	x->stack = stack_of(t, stack);
	x->reason = reason_of(t, reason);
	if (!t->gs.p[g].name_stack)
		t->gs.p[g].name_stack = x->stack;
	return push(t, x);
}

static bool status(gs_trace_rows *t, const gs_gotrace_event *e)
{
	static const uint8_t phases[] = { [GS_GO_UNDETERMINED] = GS_PHASE_UNKNOWN, [GS_GO_NOT_EXIST] = GS_PHASE_NONE,
					  [GS_GO_RUNNABLE] = GS_PHASE_RUNNABLE, [GS_GO_RUNNING] = GS_PHASE_RUNNING,
					  [GS_GO_WAITING] = GS_PHASE_WAITING, [GS_GO_SYSCALL] = GS_PHASE_SYSCALL };
	uint32_t stack = e->type == GS_GOTRACE_GO_STATUS_STACK ? stack_of(t, e->args[3]) : 0, g;
	gs_trace_transition *x;

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
	x = gs_vec_push(&t->statuses, MAX_ROWS);
	if (!x)
		return false;
	transition(t, e, g, (gs_phase)phases[e->to_state], x);
	x->stack = stack;
	if (x->phase == GS_PHASE_SYSCALL)
		enter_syscall(t, x);
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

static unsigned char *put_number(unsigned char *to, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*to++ = (unsigned char)(v | 0x80);
	*to++ = (unsigned char)v;
	return to;
}

/* Only few have what order adds to them. */
static bool has_task_parent(uint8_t type)
{
	return type == GS_GOTRACE_USER_TASK_END;
}

static bool has_name(uint8_t type)
{
	return type == GS_GOTRACE_USER_TASK_END || type == GS_GOTRACE_STW_END;
}

static bool put_side(gs_trace_rows *t, const gs_gotrace_event *e)
{
	enum { MOST = 2 + 10 * 10 + sizeof(gs_str) };
	gs_trace_side *s = &t->side;
	unsigned n_args = gs_gotrace_spec_of(e->type)->n_args;
	unsigned char bytes[MOST], *to = bytes;

	*to++ = e->type;
	*to++ = e->to_state;
	to = put_number(to, t->n_events - s->last_event);
	to = put_number(to, (uint64_t)e->time_ns - (uint64_t)s->last_ns);
	to = put_number(to, e->m + 1); /* none is the largest there is */
	to = put_number(to, e->p + 1);
	to = put_number(to, e->g + 1);
	for (unsigned i = 0; i < n_args; i++)
		to = put_number(to, e->args[i]);
	if (has_task_parent(e->type))
		to = put_number(to, e->task_parent + 1);
	if (has_name(e->type)) {
		memcpy(to, &e->name, sizeof(e->name));
		to += sizeof(e->name);
	}
	s->last_event = t->n_events;
	s->last_ns = e->time_ns;
	gs_buf_add(&s->bytes, bytes, (size_t)(to - bytes));
	return !s->bytes.bad;
}

gs_trace_side_walk gs_trace_side_begin(const gs_trace_side *s)
{
	return (gs_trace_side_walk){ .in = gs_rd_of(gs_buf_view(&s->bytes)) };
}

bool gs_trace_side_next(gs_trace_side_walk *w)
{
	int64_t before_ns = w->e.time_ns;
	unsigned n_args;
	gs_str name;

	if (!gs_rd_left(&w->in))
		return false;
	w->e = (gs_gotrace_event){ .type = gs_rd_u8(&w->in), .task_parent = GS_GOTRACE_NONE };
	n_args = gs_gotrace_spec_of(w->e.type)->n_args;
	w->e.to_state = gs_rd_u8(&w->in);
	w->event += gs_rd_varint(&w->in);
	w->e.time_ns = (int64_t)((uint64_t)before_ns + gs_rd_varint(&w->in));
	w->e.m = gs_rd_varint(&w->in) - 1;
	w->e.p = gs_rd_varint(&w->in) - 1;
	w->e.g = gs_rd_varint(&w->in) - 1;
	for (unsigned i = 0; i < n_args; i++)
		w->e.args[i] = gs_rd_varint(&w->in);
	if (has_task_parent(w->e.type))
		w->e.task_parent = gs_rd_varint(&w->in) - 1;
	if (has_name(w->e.type)) {
		name = gs_rd_bytes(&w->in, sizeof(name));
		memcpy(&w->e.name, name.p, sizeof(w->e.name));
	}
	return true;
}

static bool add(gs_trace_rows *t, const gs_gotrace_event *e)
{
	gs_trace_transition x;
	bool ok;

	switch (e->type) {
	case GS_GOTRACE_GO_CREATE:
		return created(t, e, GS_PHASE_RUNNABLE);
	case GS_GOTRACE_GO_CREATE_BLOCKED:
		return created(t, e, GS_PHASE_WAITING);
	case GS_GOTRACE_GO_CREATE_SYSCALL:
		return created(t, e, GS_PHASE_SYSCALL);
	case GS_GOTRACE_GO_START:
		transition(t, e, gs_trace_rows_goroutine(t, e->args[0]), GS_PHASE_RUNNING, &x);
		on_proc(t, x.proc);
		return push(t, &x);
	case GS_GOTRACE_GO_DESTROY:
		return own(t, e, GS_PHASE_NONE, 0, 0, &x);
	case GS_GOTRACE_GO_DESTROY_SYSCALL:
		ok = own(t, e, GS_PHASE_NONE, 0, 0, &x);
		if (ok)
			leave_syscall(t, x.goroutine);
		return ok;
	case GS_GOTRACE_GO_STOP:
		return own(t, e, GS_PHASE_RUNNABLE, e->args[0], e->args[1], &x);
	case GS_GOTRACE_GO_BLOCK:
		return own(t, e, GS_PHASE_WAITING, e->args[0], e->args[1], &x);
	case GS_GOTRACE_GO_UNBLOCK:
	case GS_GOTRACE_GO_SWITCH:
	case GS_GOTRACE_GO_SWITCH_DESTROY:
		return unblocked(t, e);
	case GS_GOTRACE_GO_SYSCALL_BEGIN:
		ok = own(t, e, GS_PHASE_SYSCALL, 0, e->args[1], &x);
		if (ok)
			enter_syscall(t, &x);
		return ok;
	case GS_GOTRACE_GO_SYSCALL_END:
		ok = own(t, e, GS_PHASE_RUNNING, 0, 0, &x);
		if (ok) {
			leave_syscall(t, x.goroutine);
			on_proc(t, x.proc);
		}
		return ok;
	case GS_GOTRACE_GO_SYSCALL_END_BLOCKED:
		ok = own(t, e, GS_PHASE_RUNNABLE, 0, 0, &x);
		if (ok)
			leave_syscall(t, x.goroutine);
		return ok;
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
		/* Of a later generation it is no news. What it calls idle may still be in the system call of an earlier one, until it is
		 * stolen: the runtime does not know. */
		return (t->index || e->to_state != GS_PROC_IDLE || proc_idle(t, e, e->args[0])) && put_side(t, e);
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
