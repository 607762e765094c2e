#include "load/gotrace_rows.h"

#include <stdlib.h>

/* Kept out of the way of what happens a million times a second. */
#define RARE __attribute__((noinline))

enum { MAX_ROWS = INT32_MAX, MAX_LANES = UINT16_MAX - 1, MAX_REASONS = 255 };
#define MAX_SIDE_BYTES ((size_t)1 << 40)

bool gs_trace_no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the trace needs more memory than its budget");
}

/* Numbers in the chunk were those of another one. */
static void forget_recent(gs_trace_rows *t)
{
	memset(t->recent_kinds, 0, sizeof(t->recent_kinds));
	memset(t->recent_places, 0, sizeof(t->recent_places));
	t->recent_chunk = t->chunks.number;
}

/* The first stack and reason are none. */
static bool start(gs_trace_rows *t, uint32_t index)
{
	t->index = index;
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
	t->gs.n = t->ps.n = t->ms.n = t->stacks.n = t->reasons.n = t->dense_stacks.n = t->g_by_place.n = 0;
	gs_id_runs_clear(&t->g_index);
	gs_map_clear(&t->p_index);
	gs_map_clear(&t->m_index);
	gs_map_clear(&t->stack_index);
	gs_map_clear(&t->reason_index);
	memset(t->dense_procs, 0, sizeof(t->dense_procs));
	forget_recent(t);
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
	gs_vec_release(&t->g_by_place);
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

/* GS_NO_INDEX: none, or no memory. */
static uint32_t find_goroutine(gs_trace_rows *t, uint32_t place, uint64_t id)
{
	uint32_t index = gs_trace_rows_goroutine(t, id);

	if (!place || place > MAX_ROWS || index == GS_NO_INDEX)
		return index;
	while (t->g_by_place.n <= place)
		if (!gs_vec_push(&t->g_by_place, MAX_ROWS))
			return GS_NO_INDEX;
	t->g_by_place.p[place] = index + 1;
	return index;
}

static inline uint32_t goroutine_at(gs_trace_rows *t, uint32_t place, uint64_t id)
{
	return place < t->g_by_place.n && t->g_by_place.p[place] ? t->g_by_place.p[place] - 1 : find_goroutine(t, place, id);
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
	slot = gs_map_put(&t->m_index, id, &is_new);
	if (!slot)
		return GS_NO_LANE;
	if (is_new) {
		uint64_t *m = gs_vec_push(&t->ms, MAX_LANES);

		if (m)
			*m = id;
		*slot = m ? (uint32_t)t->ms.n - 1 : GS_NO_LANE;
	}
	return (uint16_t)*slot;
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

static void leave_syscall(gs_trace_rows *t, uint32_t g)
{
	gs_trace_g *of = &t->gs.p[g];

	if (of->syscall_proc != GS_NO_LANE && t->ps.p[of->syscall_proc].in_syscall == g)
		t->ps.p[of->syscall_proc].in_syscall = GS_NO_INDEX;
	of->syscall_proc = GS_NO_LANE;
}

static void enter_syscall(gs_trace_rows *t, uint32_t goroutine, uint16_t proc, uint16_t thread, uint32_t stack)
{
	gs_trace_g *g = &t->gs.p[goroutine];

	g->syscall_stack = stack;
	g->syscall_proc = proc;
	g->syscall_thread = thread;
	if (proc != GS_NO_LANE) {
		t->ps.p[proc].in_syscall = goroutine;
		t->ps.p[proc].is_known = true;
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
	return gs_trace_chunks_add(&t->chunks, &x, &t->gs.p[x.goroutine].piece);
}

static inline uint32_t what_of(const gs_gotrace_event *e, unsigned flags)
{
	return (uint32_t)e->type << 1 | (flags & GS_KIND_HAS_PEER);
}

/* A kind or place that was not there before, or a transition that begins or ends something. */
static RARE bool add_slowly(gs_trace_rows *t, const gs_gotrace_event *e, const gs_trace_rule *rule, uint32_t g, uint32_t peer, unsigned flags,
			    gs_trace_recent_kind *kind, gs_trace_recent_place *place)
{
	gs_trace_transition x = { .time_ns = e->time_ns, .event = t->n_events, .goroutine = g, .peer = peer, .proc = proc_of(t, e->p),
				  .thread = thread_of(t, e->m), .phase = rule->phase, .flags = (uint8_t)flags };
	const gs_trace_row *row;

	if (rule->has_stack)
		x.stack = stack_of(t, e->args[rule->stack_at]);
	if (rule->has_reason)
		x.reason = reason_of(t, e->args[0]);
	if (!gs_trace_chunks_add(&t->chunks, &x, &t->gs.p[g].piece))
		return false;
	if (t->recent_chunk != t->chunks.number)
		forget_recent(t);
	row = &t->chunks.rows.p[t->chunks.rows.n - 1];
	*kind = (gs_trace_recent_kind){ .stack = rule->has_stack ? e->args[rule->stack_at] : 0,
					.reason = rule->has_reason ? e->args[0] : 0, .what = what_of(e, flags), .stack_at = x.stack,
					.number = row->kind };
	*place = (gs_trace_recent_place){ .p = e->p, .m = e->m, .number = row->place + 1u, .proc = x.proc, .thread = x.thread };
	return true;
}

/* False: no memory, or it has no goroutine. */
static inline __attribute__((always_inline)) bool transition(gs_trace_rows *t, const gs_gotrace_event *e, const gs_trace_rule *rule)
{
	uint32_t g = goroutine_at(t, e->place, rule->is_own ? e->g : e->args[0]);
	uint32_t peer = rule->has_peer ? goroutine_at(t, e->g_place, e->g) : GS_NO_INDEX;
	uint64_t stack = rule->has_stack ? e->args[rule->stack_at] : 0, reason = rule->has_reason ? e->args[0] : 0;
	unsigned flags = (rule->creates ? GS_KIND_CREATES | GS_KIND_HAS_PEER : 0u) | (peer == GS_NO_INDEX ? 0u : GS_KIND_HAS_PEER);
	gs_trace_recent_kind *kind = &t->recent_kinds[((uint32_t)stack * 0x9e3779b1u ^ e->type * 0x85ebca6bu) >> (32 - GS_TRACE_RECENT_KINDS_BITS)];
	gs_trace_recent_place *place = &t->recent_places[((uint32_t)e->m * 7 + (uint32_t)e->p) % GS_TRACE_RECENT_PLACES];
	gs_trace_g *of;

	if (g == GS_NO_INDEX)
		return false;
	if (kind->what == what_of(e, flags) && kind->stack == stack && kind->reason == reason && place->number && place->m == e->m &&
	    place->p == e->p && t->recent_chunk == t->chunks.number && gs_trace_chunks_is_quick(&t->chunks, e->time_ns)) {
		if (!gs_trace_chunks_add_quick(&t->chunks, e->time_ns, t->n_events, g, kind->number, place->number - 1, flags & GS_KIND_HAS_PEER, peer,
					       &t->gs.p[g].piece))
			return false;
	} else if (!add_slowly(t, e, rule, g, peer, flags, kind, place)) {
		return false;
	}
	of = &t->gs.p[g];
	if (rule->new_stack_at)
		of->name_stack = stack_of(t, e->args[rule->new_stack_at]);
	else if (rule->is_own && !of->name_stack)
		of->name_stack = kind->stack_at;
	switch (rule->hold) {
	case GS_TRACE_HOLD_SYSCALL:
		enter_syscall(t, g, place->proc, place->thread, kind->stack_at);
		break;
	case GS_TRACE_HOLD_NONE:
		leave_syscall(t, g);
		break;
	case GS_TRACE_HOLD_PROC_AGAIN:
		leave_syscall(t, g);
		on_proc(t, place->proc);
		break;
	case GS_TRACE_HOLD_PROC:
		on_proc(t, place->proc);
		break;
	default:
		break;
	}
	return true;
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
	*x = (gs_trace_transition){ .time_ns = e->time_ns, .event = t->n_events, .goroutine = g, .stack = stack, .peer = GS_NO_INDEX,
				    .proc = proc_of(t, e->p), .thread = thread_of(t, e->m), .phase = phases[e->to_state] };
	if (x->phase == GS_PHASE_SYSCALL)
		enter_syscall(t, g, x->proc, x->thread, stack);
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

static RARE bool no_transition(gs_trace_rows *t, const gs_gotrace_event *e)
{
	switch (e->type) {
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

bool gs_trace_rows_event(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	gs_trace_rows *t = events;
	const gs_trace_rule *rule = &gs_trace_rules[e->type];
	bool ok = t->n_events < MAX_ROWS && (rule->phase ? transition(t, e, rule) : no_transition(t, e));

	(void)g;
	t->n_events++;
	return ok || gs_trace_no_memory(err);
}
