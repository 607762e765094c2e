#include "format/gotrace/order_step.h"

gs_gotrace_order *gs_gotrace_order_create(void)
{
	gs_gotrace_order *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->mem = gs_arena_create(256 << 20);
	o->names = gs_new(o->mem, gs_strtab, 1);
	if (!gs_strtab_init(o->names, o->mem)) {
		gs_gotrace_order_free(o);
		return NULL;
	}
	return o;
}

void gs_gotrace_order_free(gs_gotrace_order *o)
{
	if (!o)
		return;
	gs_map_release(&o->g_index);
	gs_map_release(&o->p_index);
	gs_map_release(&o->m_index);
	gs_map_release(&o->task_index);
	gs_vec_release(&o->gs);
	gs_vec_release(&o->ps);
	gs_vec_release(&o->ms);
	gs_vec_release(&o->tasks);
	gs_vec_release(&o->regions);
	gs_arena_free(o->mem);
	free(o);
}

/* ---- procs ---- */

static gs_gotrace_advance proc_status(step *s)
{
	static const uint8_t states[P_STATUSES] = { GS_PROC_UNDETERMINED, GS_PROC_RUNNING, GS_PROC_IDLE, GS_PROC_RUNNING,
						    GS_PROC_IDLE };
	uint64_t id = s->e->args[0], status = s->e->args[1];
	proc *p = find_p(s->o, id);
	uint8_t from;

	if (status >= P_STATUSES)
		return BROKEN(s, "proc %" PRIu64 " has status %" PRIu64 ", which does not exist", id, status);
	from = states[status];
	if (p) {
		if (status == P_ABANDONED && p->status == P_SYSCALL) {
			/* We know more than the runtime did: it is still in its system call. */
			from = GS_PROC_RUNNING;
			s->e->args[1] = P_SYSCALL;
		} else if (status == P_ABANDONED && p->status == P_ABANDONED) {
			from = GS_PROC_IDLE;
		} else if (p->status != status) {
			return BROKEN(s, "proc %" PRIu64 " should have status %u, the trace says %" PRIu64, id, p->status, status);
		}
		p->generation = s->gen->number;
		p->seq = 0;
	} else {
		bool is_new;
		uint32_t *slot = gs_map_put(&s->o->p_index, id, &is_new);

		if (!slot || !(p = gs_vec_push(&s->o->ps, MAX_IDS)))
			return no_memory(s);
		*slot = (uint32_t)s->o->ps.n - 1;
		*p = (proc){ .generation = s->gen->number, .status = (uint8_t)status };
		from = s->gen->number == s->o->initial_generation ? GS_PROC_UNDETERMINED : GS_PROC_NOT_EXIST;
	}
	if (status == P_RUNNING || status == P_SYSCALL)
		s->new_p = id;
	if (status == P_ABANDONED && from == GS_PROC_RUNNING) {
		/* About to be stolen; the event belongs to the thread that holds it, not to the one that tells. */
		bool is_found = false;

		for (size_t i = 0; i < s->o->ms.n; i++)
			if (s->o->ms.p[i].p == id) {
				s->m = s->o->ms.p[i].id;
				s->p = id;
				s->g = s->o->ms.p[i].g;
				is_found = true;
			}
		if (!is_found)
			return BROKEN(s, "no thread holds proc %" PRIu64 ", which is about to be stolen", id);
	}
	s->e->from_state = from;
	s->e->to_state = states[s->e->args[1]];
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance proc_start(step *s)
{
	proc *p = find_p(s->o, s->e->args[0]);

	if (!p || p->status != P_IDLE || !succeeds(s, s->e->args[1], p->generation, p->seq) || s->p != NONE)
		return GS_GOTRACE_NOT_YET;
	if (!context(s, MUST_NOT, MAY))
		return GS_GOTRACE_BROKEN;
	p->status = P_RUNNING;
	p->seq = s->e->args[1];
	s->new_p = s->e->args[0];
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance proc_stop(step *s)
{
	proc *p = find_p(s->o, s->p);

	if (!p)
		return BROKEN(s, "ProcStop on a thread without a proc");
	if (p->status != P_RUNNING && p->status != P_SYSCALL)
		return BROKEN(s, "ProcStop of proc %" PRIu64 ", which is not running", s->p);
	if (!context(s, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	p->status = P_IDLE;
	s->new_p = NONE;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance proc_steal(step *s)
{
	uint64_t id = s->e->args[0], victim = s->e->args[2];
	proc *p = find_p(s->o, id);
	uint32_t m;
	bool is_abandoned;

	if (!p || (p->status != P_SYSCALL && p->status != P_ABANDONED) ||
	    !succeeds(s, s->e->args[1], p->generation, p->seq))
		return GS_GOTRACE_NOT_YET;
	if (!context(s, MAY, MAY))
		return GS_GOTRACE_BROKEN;
	is_abandoned = p->status == P_ABANDONED;
	s->e->from_state = is_abandoned ? GS_PROC_IDLE : GS_PROC_RUNNING;
	s->e->to_state = GS_PROC_IDLE;
	p->status = P_IDLE;
	p->seq = s->e->args[1];
	if (is_abandoned) {
		/* Its thread may have moved on long ago. */
	} else if (victim == s->m) {
		if (s->p != id)
			return BROKEN(s, "thread %" PRIu64 " steals proc %" PRIu64 " from itself but holds %" PRId64, victim, id,
				      (int64_t)s->p);
		s->new_p = NONE;
	} else {
		m = find_m(s->o, victim);
		if (!m)
			return BROKEN(s, "proc %" PRIu64 " is stolen from thread %" PRIu64 ", which does not exist", id, victim);
		if (s->o->ms.p[m - 1].p != id)
			return BROKEN(s, "proc %" PRIu64 " is stolen from thread %" PRIu64 ", which holds %" PRId64, id, victim,
				      (int64_t)s->o->ms.p[m - 1].p);
		/* Without its proc that thread may now come out of its system call. */
		s->o->ms.p[m - 1].p = NONE;
	}
	emit(s);
	return GS_GOTRACE_YES;
}

/* ---- goroutines ---- */

static gs_gotrace_advance go_status(step *s)
{
	static const uint8_t states[G_STATUSES] = { GS_GO_UNDETERMINED, GS_GO_RUNNABLE, GS_GO_RUNNING, GS_GO_SYSCALL,
						    GS_GO_WAITING };
	uint64_t id = s->e->args[0], mid = s->e->args[1], status = s->e->args[2];
	bool is_first = s->gen->number == s->o->initial_generation;
	goroutine *g = find_g(s->o, id);
	uint8_t from;

	if (status >= G_STATUSES)
		return BROKEN(s, "goroutine %" PRIu64 " has status %" PRIu64 ", which does not exist", id, status);
	from = states[status];
	if (g) {
		if (g->status != status)
			return BROKEN(s, "goroutine %" PRIu64 " should have status %u, the trace says %" PRIu64, id, g->status,
				      status);
		g->generation = s->gen->number;
		g->seq = 0;
	} else if (is_first) {
		if (!make_g(s, id, (uint8_t)status))
			return no_memory(s);
		from = GS_GO_UNDETERMINED;
	} else {
		return BROKEN(s, "goroutine %" PRIu64 " appears after the first generation without having been created", id);
	}
	if (status == G_RUNNING) {
		s->new_g = id;
	} else if (status == G_SYSCALL) {
		if (mid == NONE)
			return BROKEN(s, "goroutine %" PRIu64 " is in a system call without a thread", id);
		if (mid == s->m) {
			if (!is_first && s->g != id)
				return BROKEN(s, "goroutine %" PRIu64 " is in a system call on a thread that has %" PRId64, id,
					      (int64_t)s->g);
			s->new_g = id;
		} else {
			/* Both have sat in that system call all generation long. */
			uint32_t m = find_m(s->o, mid);

			if (m) {
				if (s->o->ms.p[m - 1].g != id)
					return BROKEN(s, "goroutine %" PRIu64 " is in a system call on a thread that has %" PRId64,
						      id, (int64_t)s->o->ms.p[m - 1].g);
				s->g = id;
			} else {
				m = make_m(s->o, mid);
				if (!m)
					return no_memory(s);
				s->o->ms.p[m - 1].g = id;
			}
			s->m = mid;
		}
	}
	s->e->from_state = from;
	s->e->to_state = states[status];
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_create(step *s)
{
	uint64_t id = s->e->args[0];
	goroutine *g = find_g(s->o, s->g);

	if (!context(s, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	if (g && g->status != G_RUNNING)
		return BROKEN(s, "%s on goroutine %" PRIu64 ", which is not running", event_name(s), s->g);
	if (find_g(s->o, id))
		return BROKEN(s, "goroutine %" PRIu64 " is created twice", id);
	if (!make_g(s, id, s->e->type == GS_GOTRACE_GO_CREATE_BLOCKED ? G_WAITING : G_RUNNABLE))
		return no_memory(s);
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_stop(step *s)
{
	goroutine *g;

	if (!in_user_code(s) || !(g = current_g(s, G_RUNNING)))
		return GS_GOTRACE_BROKEN;
	s->new_g = NONE;
	if (s->e->type == GS_GOTRACE_GO_DESTROY)
		g->is_alive = false;
	else
		g->status = s->e->type == GS_GOTRACE_GO_STOP ? G_RUNNABLE : G_WAITING;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_start(step *s)
{
	goroutine *g = find_g(s->o, s->e->args[0]);

	if (!g || g->status != G_RUNNABLE || !succeeds(s, s->e->args[1], g->generation, g->seq))
		return GS_GOTRACE_NOT_YET;
	if (!context(s, MUST, MUST_NOT))
		return GS_GOTRACE_BROKEN;
	g->status = G_RUNNING;
	g->seq = s->e->args[1];
	s->new_g = s->e->args[0];
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_unblock(step *s)
{
	goroutine *g = find_g(s->o, s->e->args[0]);

	if (!g || g->status != G_WAITING || !succeeds(s, s->e->args[1], g->generation, g->seq))
		return GS_GOTRACE_NOT_YET;
	g->status = G_RUNNABLE;
	g->seq = s->e->args[1];
	emit(s);
	return GS_GOTRACE_YES;
}

/* iter.Pull: one record unblocks the other goroutine, blocks or ends this one, and starts the other. */
static gs_gotrace_advance go_switch(step *s)
{
	uint64_t next_id = s->e->args[0], seq = s->e->args[1];
	goroutine *now, *next;

	if (!in_user_code(s) || !(now = current_g(s, G_RUNNING)))
		return GS_GOTRACE_BROKEN;
	next = find_g(s->o, next_id);
	if (!next || next->status != G_WAITING || !succeeds(s, seq, next->generation, next->seq))
		return GS_GOTRACE_NOT_YET;
	emit(s);
	if (s->e->type == GS_GOTRACE_GO_SWITCH) {
		now->status = G_WAITING;
		emit_extra(s, GS_GOTRACE_GO_BLOCK, s->g, 0, 0);
	} else {
		now->is_alive = false;
		emit_extra(s, GS_GOTRACE_GO_DESTROY, s->g, 0, 0);
	}
	next->status = G_RUNNING;
	next->seq = seq;
	s->new_g = next_id;
	emit_extra(s, GS_GOTRACE_GO_START, NONE, next_id, seq);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance syscall_begin(step *s)
{
	goroutine *g;
	proc *p;

	if (!in_user_code(s) || !(g = current_g(s, G_RUNNING)))
		return GS_GOTRACE_BROKEN;
	p = find_p(s->o, s->p);
	if (!p)
		return BROKEN(s, "GoSyscallBegin on proc %" PRIu64 ", which does not exist", s->p);
	/* The proc's sequence number tells which system call a later steal means, however wrong the clocks are. */
	if (!succeeds(s, s->e->args[0], p->generation, p->seq))
		return BROKEN(s, "GoSyscallBegin has sequence number %" PRIu64 " after %" PRIu64 " on proc %" PRIu64,
			      s->e->args[0], p->seq, s->p);
	g->status = G_SYSCALL;
	p->status = P_SYSCALL;
	p->seq = s->e->args[0];
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance syscall_end(step *s)
{
	goroutine *g;
	proc *p;

	if (!in_user_code(s) || !(g = current_g(s, G_SYSCALL)))
		return GS_GOTRACE_BROKEN;
	p = find_p(s->o, s->p);
	if (!p || p->status != P_SYSCALL)
		return BROKEN(s, "GoSyscallEnd on proc %" PRIu64 ", which is not in a system call", s->p);
	g->status = G_RUNNING;
	p->status = P_RUNNING;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance syscall_end_blocked(step *s)
{
	goroutine *g;

	if (s->p != NONE) {
		proc *p = find_p(s->o, s->p);

		if (!p)
			return BROKEN(s, "GoSyscallEndBlocked on proc %" PRIu64 ", which does not exist", s->p);
		/* The event says that the proc will be lost: wait until it is. */
		if (p->status == P_SYSCALL)
			return GS_GOTRACE_NOT_YET;
	}
	if (!context(s, MAY, MUST) || !(g = current_g(s, G_SYSCALL)))
		return GS_GOTRACE_BROKEN;
	g->status = G_RUNNABLE;
	s->new_g = NONE;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_create_syscall(step *s)
{
	uint64_t id = s->e->args[0];

	if (!context(s, MAY, MUST_NOT))
		return GS_GOTRACE_BROKEN;
	if (find_g(s->o, id))
		return BROKEN(s, "goroutine %" PRIu64 " is created twice", id);
	if (!make_g(s, id, G_SYSCALL))
		return no_memory(s);
	s->new_g = id;
	emit(s);
	return GS_GOTRACE_YES;
}

/* A cgo callback is over. Its thread id may be used again at once, so its proc is let go of here. */
static gs_gotrace_advance go_destroy_syscall(step *s)
{
	goroutine *g;

	if (!context(s, MAY, MUST) || !(g = current_g(s, G_SYSCALL)))
		return GS_GOTRACE_BROKEN;
	g->is_alive = false;
	s->new_g = NONE;
	if (s->p != NONE) {
		proc *p = find_p(s->o, s->p);

		if (!p || p->status != P_SYSCALL)
			return BROKEN(s, "GoDestroySyscall on proc %" PRIu64 ", which is not in a system call", s->p);
		p->status = P_ABANDONED;
		s->new_p = NONE;
		emit_extra(s, GS_GOTRACE_PROC_STEAL, s->g, s->p, 0);
		s->out[s->n_out - 1].from_state = GS_PROC_RUNNING;
		s->out[s->n_out - 1].to_state = GS_PROC_IDLE;
	}
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance plain(step *s, need p, need g)
{
	if (!context(s, p, g))
		return GS_GOTRACE_BROKEN;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance dispatch(step *s)
{
	switch (s->e->type) {
	case GS_GOTRACE_PROC_START:
		return proc_start(s);
	case GS_GOTRACE_PROC_STOP:
		return proc_stop(s);
	case GS_GOTRACE_PROC_STEAL:
		return proc_steal(s);
	case GS_GOTRACE_PROC_STATUS:
		return proc_status(s);
	case GS_GOTRACE_GO_CREATE:
	case GS_GOTRACE_GO_CREATE_BLOCKED:
		return go_create(s);
	case GS_GOTRACE_GO_CREATE_SYSCALL:
		return go_create_syscall(s);
	case GS_GOTRACE_GO_START:
		return go_start(s);
	case GS_GOTRACE_GO_DESTROY:
	case GS_GOTRACE_GO_STOP:
	case GS_GOTRACE_GO_BLOCK:
		return go_stop(s);
	case GS_GOTRACE_GO_DESTROY_SYSCALL:
		return go_destroy_syscall(s);
	case GS_GOTRACE_GO_UNBLOCK:
		return go_unblock(s);
	case GS_GOTRACE_GO_SYSCALL_BEGIN:
		return syscall_begin(s);
	case GS_GOTRACE_GO_SYSCALL_END:
		return syscall_end(s);
	case GS_GOTRACE_GO_SYSCALL_END_BLOCKED:
		return syscall_end_blocked(s);
	case GS_GOTRACE_GO_STATUS:
	case GS_GOTRACE_GO_STATUS_STACK:
		return go_status(s);
	case GS_GOTRACE_GO_SWITCH:
	case GS_GOTRACE_GO_SWITCH_DESTROY:
		return go_switch(s);
	case GS_GOTRACE_GC_ACTIVE:
	case GS_GOTRACE_GC_BEGIN:
	case GS_GOTRACE_GC_END:
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
	case GS_GOTRACE_STW_BEGIN:
	case GS_GOTRACE_STW_END:
	case GS_GOTRACE_GC_MARK_ASSIST_ACTIVE:
	case GS_GOTRACE_GC_MARK_ASSIST_BEGIN:
	case GS_GOTRACE_GC_MARK_ASSIST_END:
	case GS_GOTRACE_USER_TASK_BEGIN:
	case GS_GOTRACE_USER_TASK_END:
	case GS_GOTRACE_USER_REGION_BEGIN:
	case GS_GOTRACE_USER_REGION_END:
		return gs_gotrace_order_range(s);
	case GS_GOTRACE_HEAP_ALLOC:
	case GS_GOTRACE_HEAP_GOAL:
		return plain(s, MUST, MAY);
	case GS_GOTRACE_PROCS_CHANGE:
	case GS_GOTRACE_GO_LABEL:
	case GS_GOTRACE_USER_LOG:
		return plain(s, MUST, MUST);
	default: /* experiments; the reader let no unknown type through */
		return plain(s, MAY, MAY);
	}
}

gs_gotrace_advance gs_gotrace_order_advance(gs_gotrace_order *o, const gs_gotrace_generation *g, gs_gotrace_event *e, uint64_t m,
					    uint64_t at, gs_gotrace_event *out, unsigned *n_out, gs_err *err)
{
	step s = { .o = o, .gen = g, .e = e, .m = m, .p = NONE, .g = NONE, .at = at, .out = out, .err = err };
	gs_gotrace_advance answer;

	if (!o->initial_generation)
		o->initial_generation = g->number;
	if (m != NONE) {
		s.thread = find_m(o, m);
		if (!s.thread && !(s.thread = make_m(o, m)))
			return no_memory(&s);
		s.p = o->ms.p[s.thread - 1].p;
		s.g = o->ms.p[s.thread - 1].g;
	}
	s.new_p = s.p;
	s.new_g = s.g;
	e->task_parent = NONE;
	answer = dispatch(&s);
	if (answer == GS_GOTRACE_YES && s.thread) {
		o->ms.p[s.thread - 1].p = s.new_p;
		o->ms.p[s.thread - 1].g = s.new_g;
	}
	*n_out = s.n_out;
	return answer;
}
