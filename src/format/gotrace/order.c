#include "format/gotrace/order_step.h"

/* Kept out of the way of what happens a million times a second. */
#define RARE __attribute__((noinline))

static bool start(gs_gotrace_order *o)
{
	thread *nobody = gs_vec_push(&o->ms, MAX_IDS);

	if (nobody)
		*nobody = (thread){ .id = NONE, .p = NONE, .g = NONE };
	return nobody != NULL;
}

gs_gotrace_order *gs_gotrace_order_create(void)
{
	gs_gotrace_order *o = gs_alloc_should_fail() ? NULL : calloc(1, sizeof(*o));

	if (o && start(o))
		return o;
	free(o);
	return NULL;
}

bool gs_gotrace_order_reuse(gs_gotrace_order *o)
{
	gs_gotrace_order fresh = { .g_index = { .by_run = o->g_index.by_run, .runs = o->g_index.runs },
				   .p_index = o->p_index,
				   .m_index = o->m_index,
				   .task_index = o->task_index,
				   .gs = o->gs,
				   .ps = o->ps,
				   .ms = o->ms,
				   .tasks = o->tasks,
				   .nodes = o->nodes,
				   .notes = o->notes };

	*o = fresh;
	gs_map_clear(&o->g_index.by_run);
	gs_map_clear(&o->p_index);
	gs_map_clear(&o->m_index);
	gs_map_clear(&o->task_index);
	o->g_index.runs.n = o->gs.n = o->ps.n = o->ms.n = o->tasks.n = o->nodes.n = o->notes.n = 0;
	return start(o);
}

void gs_gotrace_order_free(gs_gotrace_order *o)
{
	if (!o)
		return;
	gs_id_runs_release(&o->g_index);
	gs_map_release(&o->p_index);
	gs_map_release(&o->m_index);
	gs_map_release(&o->task_index);
	gs_vec_release(&o->gs);
	gs_vec_release(&o->ps);
	gs_vec_release(&o->ms);
	gs_vec_release(&o->tasks);
	gs_vec_release(&o->nodes);
	gs_vec_release(&o->notes);
	free(o);
}

bool gs_gotrace_order_push(gs_gotrace_order *o, uint32_t *list, uint64_t task_id, gs_str name)
{
	uint32_t at = o->free_nodes;

	if (at) {
		o->free_nodes = o->nodes.p[at - 1].below;
	} else {
		if (!gs_vec_push(&o->nodes, MAX_IDS))
			return false;
		at = (uint32_t)o->nodes.n;
	}
	o->nodes.p[at - 1] = (node){ task_id, name, *list };
	*list = at;
	return true;
}

uint32_t gs_gotrace_order_make_g(gs_gotrace_order *o, uint64_t id, uint8_t status)
{
	uint32_t *place = gs_id_runs_put(&o->g_index, id);
	bool is_new = place && !*place;
	goroutine *g;

	if (!place)
		return 0;
	if (is_new) {
		if (!gs_vec_push(&o->gs, MAX_IDS))
			return 0;
		*place = (uint32_t)o->gs.n;
	} else {
		o->n_dead--;
	}
	g = &o->gs.p[*place - 1];
	g->id = id;
	g->seq = 0;
	g->epoch = o->epoch;
	g->status = status;
	g->is_alive = true;
	g->in_assist = false;
	g->is_first_life = is_new;
	return *place;
}

static void destroy_g(gs_gotrace_order *o, goroutine *g)
{
	g->is_alive = false;
	g->is_first_life = false;
	drop_nodes(o, &g->regions);
	drop_nodes(o, &g->stops);
	o->n_dead++;
}

uint32_t gs_gotrace_order_make_m(gs_gotrace_order *o, uint64_t id)
{
	bool is_new;
	uint32_t *slot;
	thread *t;

	if (id == NONE)
		return 0;
	slot = gs_map_put(&o->m_index, id, &is_new);
	if (!slot)
		return UINT32_MAX;
	if (is_new) {
		t = gs_vec_push(&o->ms, MAX_IDS);
		if (!t)
			return UINT32_MAX;
		*slot = (uint32_t)o->ms.n - 1;
		*t = (thread){ .id = id, .p = NONE, .g = NONE, .p_known_at = UINT64_MAX, .g_known_at = UINT64_MAX };
		t->unknown = o->is_open ? UNKNOWN_P | UNKNOWN_G : 0;
	}
	return *slot;
}

bool gs_gotrace_order_misses_thread(const gs_gotrace_order *o, const gs_gotrace_generation *g)
{
	for (size_t i = 1; i < o->ms.n; i++)
		if (o->ms.p[i].epoch == o->epoch && !gs_map_get(&g->thread_index, o->ms.p[i].id))
			return true;
	return false;
}

static bool tidy_gs(gs_gotrace_order *o)
{
	size_t n = 0;

	gs_id_runs_release(&o->g_index);
	for (size_t i = 0; i < o->gs.n; i++) {
		uint32_t *place;

		if (!o->gs.p[i].is_alive)
			continue;
		place = gs_id_runs_put(&o->g_index, o->gs.p[i].id);
		if (!place)
			return false;
		o->gs.p[n++] = o->gs.p[i];
		*place = (uint32_t)n;
	}
	o->gs.n = n;
	o->n_dead = 0;
	for (size_t i = 1; i < o->ms.n; i++)
		o->ms.p[i].g_at = o->ms.p[i].g == NONE ? 0 : find_g(o, o->ms.p[i].g);
	return true;
}

static bool tidy_tasks(gs_gotrace_order *o, size_t n_active)
{
	gs_map index = { 0 };
	bool ok = gs_map_reserve(&index, (uint32_t)n_active);
	size_t n = 0;

	for (size_t i = 0; ok && i < o->tasks.n; i++) {
		bool is_new;
		uint32_t *slot;

		if (!o->tasks.p[i].is_active)
			continue;
		slot = gs_map_put(&index, o->tasks.p[i].id, &is_new);
		ok = slot != NULL;
		if (!ok)
			break;
		*slot = (uint32_t)n;
		o->tasks.p[n++] = o->tasks.p[i];
	}
	gs_map_release(&o->task_index);
	o->task_index = index;
	o->tasks.n = n;
	return ok;
}

bool gs_gotrace_order_tidy(gs_gotrace_order *o)
{
	enum { FEW = 1024 };
	size_t n_active = 0;

	for (size_t i = 0; i < o->tasks.n; i++)
		n_active += o->tasks.p[i].is_active;
	return (o->n_dead < FEW || o->n_dead < o->gs.n / 2 || tidy_gs(o)) &&
	       (o->tasks.n - n_active < FEW || n_active > o->tasks.n / 2 || tidy_tasks(o, n_active));
}

bool gs_gotrace_order_lacks(gs_gotrace_order *o, const gs_gotrace_event *e, need p, need g)
{
	const struct {
		uint64_t id;
		need need;
		const char *what;
	} of[] = { { e->m, MUST, "thread" }, { e->p, p, "proc" }, { e->g, g, "goroutine" } };

	for (unsigned i = 0; i < 3; i++)
		if (of[i].need == MUST && of[i].id == NONE)
			return gs_fail(o->err, GS_ERR_FORMAT, o->at, "%s without a %s", event_name(e), of[i].what);
		else if (of[i].need == MUST_NOT && of[i].id != NONE)
			return gs_fail(o->err, GS_ERR_FORMAT, o->at, "%s with a %s", event_name(e), of[i].what);
	return true;
}

static inline bool succeeds(const gs_gotrace_order *o, uint64_t seq, uint32_t epoch, uint64_t last)
{
	return o->epoch == epoch && seq == last + 1;
}

/* The goroutine of the context, in a status. NULL: broken. */
static inline goroutine *current_g(gs_gotrace_order *o, const thread *t, const gs_gotrace_event *e, uint8_t status)
{
	goroutine *g = g_of(o, t->g_at);

	if (g && g->is_alive && g->status == status)
		return g;
	if (!g || !g->is_alive)
		gs_fail(o->err, GS_ERR_FORMAT, o->at, "%s on goroutine %" PRIu64 ", which does not exist", event_name(e), e->g);
	else
		gs_fail(o->err, GS_ERR_FORMAT, o->at, "%s on goroutine %" PRIu64 ", which is not %s", event_name(e), e->g,
			status == G_SYSCALL ? "in a system call" : "running");
	return NULL;
}

/* ---- procs ---- */

static RARE gs_gotrace_advance proc_status(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	static const uint8_t states[P_STATUSES] = { GS_PROC_UNDETERMINED, GS_PROC_RUNNING, GS_PROC_IDLE, GS_PROC_RUNNING,
						    GS_PROC_IDLE };
	uint64_t id = e->args[0], status = e->args[1];
	uint32_t at = find_p(o, id);
	proc *p = p_of(o, at);
	uint8_t from;

	if (status >= P_STATUSES)
		return BROKEN(o, "proc %" PRIu64 " has status %" PRIu64 ", which does not exist", id, status);
	from = states[status];
	if (p) {
		if (o->is_open)
			return BROKEN(o, "proc %" PRIu64 " tells its status twice", id);
		if (status == P_ABANDONED && p->status == P_SYSCALL) {
			/* We know more than the runtime did: it is still in its system call. */
			from = GS_PROC_RUNNING;
			e->args[1] = P_SYSCALL;
		} else if (status == P_ABANDONED && p->status == P_ABANDONED) {
			from = GS_PROC_IDLE;
		} else if (p->status != status) {
			return BROKEN(o, "proc %" PRIu64 " should have status %u, the trace says %" PRIu64, id, p->status, status);
		}
		p->epoch = o->epoch;
		p->seq = 0;
	} else {
		bool is_new;
		uint32_t *slot = gs_map_put(&o->p_index, id, &is_new);

		if (!slot || !(p = gs_vec_push(&o->ps, MAX_IDS)))
			return no_memory(o);
		at = (uint32_t)o->ps.n;
		*slot = at - 1;
		*p = (proc){ .id = id, .epoch = o->epoch, .status = (uint8_t)status };
		if (o->is_open) {
			p->first_status = (uint8_t)status;
			p->is_untouched = status == P_ABANDONED;
			o->flags |= NOTE_PROC_STATUS;
		} else {
			from = o->is_initial ? GS_PROC_UNDETERMINED : GS_PROC_NOT_EXIST;
		}
	}
	if (status == P_RUNNING || status == P_SYSCALL)
		set_p(o, t, id, at);
	if (status == P_ABANDONED && from == GS_PROC_RUNNING) {
		/* About to be stolen; the event belongs to the thread that holds it, not to the one that tells. */
		const thread *holder = NULL;

		for (size_t i = 1; i < o->ms.n; i++)
			if (o->ms.p[i].p == id && (!holder || o->ms.p[i].id > holder->id))
				holder = &o->ms.p[i];
		if (!holder)
			return BROKEN(o, "no thread holds proc %" PRIu64 ", which is about to be stolen", id);
		e->m = holder->id;
		e->p = id;
		e->g = holder->g;
	}
	e->from_state = from;
	e->to_state = states[e->args[1]];
	return GS_GOTRACE_YES;
}

static RARE gs_gotrace_advance proc_start(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	uint32_t at = find_p(o, e->args[0]);
	proc *p = p_of(o, at);

	if (!p || p->status != P_IDLE || !succeeds(o, e->args[1], p->epoch, p->seq) || e->p != NONE)
		return GS_GOTRACE_NOT_YET;
	if (!context(o, e, MUST_NOT, MAY))
		return GS_GOTRACE_BROKEN;
	p->status = P_RUNNING;
	p->seq = e->args[1];
	set_p(o, t, e->args[0], at);
	return GS_GOTRACE_YES;
}

static RARE gs_gotrace_advance proc_stop(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	proc *p = p_of(o, t->p_at);

	if (!p)
		return BROKEN(o, "ProcStop on a thread without a proc");
	if (p->status != P_RUNNING && p->status != P_SYSCALL)
		return BROKEN(o, "ProcStop of proc %" PRIu64 ", which is not running", e->p);
	if (!context(o, e, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	p->status = P_IDLE;
	set_p(o, t, NONE, 0);
	return GS_GOTRACE_YES;
}

static RARE gs_gotrace_advance proc_steal(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	uint64_t id = e->args[0], victim = e->args[2];
	proc *p = p_of(o, find_p(o, id));
	uint32_t m;
	bool is_abandoned;

	if (!p || (p->status != P_SYSCALL && p->status != P_ABANDONED) || !succeeds(o, e->args[1], p->epoch, p->seq))
		return GS_GOTRACE_NOT_YET;
	if (!context(o, e, MAY, MAY))
		return GS_GOTRACE_BROKEN;
	is_abandoned = p->status == P_ABANDONED;
	e->from_state = is_abandoned ? GS_PROC_IDLE : GS_PROC_RUNNING;
	e->to_state = GS_PROC_IDLE;
	p->status = P_IDLE;
	p->seq = e->args[1];
	if (is_abandoned) {
		/* Its thread may have moved on long ago. */
		if (p->is_untouched)
			o->flags |= NOTE_STEAL;
		p->is_untouched = false;
	} else if (victim == e->m) {
		if (e->p != id)
			return BROKEN(o, "thread %" PRIu64 " steals proc %" PRIu64 " from itself but holds %" PRId64, victim, id,
				      (int64_t)e->p);
		set_p(o, t, NONE, 0);
	} else {
		m = find_m(o, victim);
		if (!m)
			return BROKEN(o, "proc %" PRIu64 " is stolen from thread %" PRIu64 ", which does not exist", id, victim);
		if (o->ms.p[m].p != id)
			return BROKEN(o, "proc %" PRIu64 " is stolen from thread %" PRIu64 ", which holds %" PRId64, id, victim,
				      (int64_t)o->ms.p[m].p);
		/* Without its proc that thread may now come out of its system call. */
		set_p(o, &o->ms.p[m], NONE, 0);
	}
	return GS_GOTRACE_YES;
}

/* ---- goroutines ---- */

static RARE gs_gotrace_advance go_status(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	static const uint8_t states[G_STATUSES] = { GS_GO_UNDETERMINED, GS_GO_RUNNABLE, GS_GO_RUNNING, GS_GO_SYSCALL,
						    GS_GO_WAITING };
	uint64_t id = e->args[0], mid = e->args[1], status = e->args[2];
	uint32_t at = find_g(o, id);
	goroutine *g = g_of(o, at);
	uint8_t from;

	if (status >= G_STATUSES)
		return BROKEN(o, "goroutine %" PRIu64 " has status %" PRIu64 ", which does not exist", id, status);
	from = states[status];
	if (g) {
		if (g->status != status)
			return BROKEN(o, "goroutine %" PRIu64 " should have status %u, the trace says %" PRIu64, id, g->status,
				      status);
		g->epoch = o->epoch;
		g->seq = 0;
	} else if (o->is_initial || (o->is_open && !gs_id_runs_at(&o->g_index, id))) {
		at = gs_gotrace_order_make_g(o, id, (uint8_t)status);
		if (!at)
			return no_memory(o);
		if (o->is_open)
			o->gs.p[at - 1].first_status = (uint8_t)status;
		else
			from = GS_GO_UNDETERMINED;
	} else {
		return BROKEN(o, "goroutine %" PRIu64 " appears after the first generation without having been created", id);
	}
	e->place = at;
	if (status == G_RUNNING) {
		set_g(o, t, id, at);
	} else if (status == G_SYSCALL) {
		if (mid == NONE)
			return BROKEN(o, "goroutine %" PRIu64 " is in a system call without a thread", id);
		if (mid == e->m) {
			if (!o->is_initial && !(t->unknown & UNKNOWN_G) && e->g != id)
				return BROKEN(o, "goroutine %" PRIu64 " is in a system call on a thread that has %" PRId64, id,
					      (int64_t)e->g);
			set_g(o, t, id, at);
		} else {
			/* Both have sat in that system call all generation long. */
			uint32_t m = find_m(o, mid);
			thread *other = &o->ms.p[m];

			if (m && !(other->unknown & UNKNOWN_G)) {
				if (other->g != id)
					return BROKEN(o, "goroutine %" PRIu64 " is in a system call on a thread that has %" PRId64,
						      id, (int64_t)other->g);
				e->g = id;
			} else {
				o->was_known = m != 0;
				m = gs_gotrace_order_make_m(o, mid);
				if (m == UINT32_MAX)
					return no_memory(o);
				other = &o->ms.p[m];
				other->is_known = true;
				set_g(o, other, id, at);
				if (o->is_open)
					o->flags |= NOTE_ELSEWHERE;
			}
			e->m = mid;
		}
	}
	e->from_state = from;
	e->to_state = states[status];
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_create(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	uint64_t id = e->args[0];
	const goroutine *g = g_of(o, t->g_at);

	if (!context(o, e, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	if (g && g->is_alive && g->status != G_RUNNING)
		return BROKEN(o, "%s on goroutine %" PRIu64 ", which is not running", event_name(e), e->g);
	if (find_g(o, id))
		return BROKEN(o, "goroutine %" PRIu64 " is created twice", id);
	e->place = gs_gotrace_order_make_g(o, id, e->type == GS_GOTRACE_GO_CREATE_BLOCKED ? G_WAITING : G_RUNNABLE);
	return e->place ? GS_GOTRACE_YES : no_memory(o);
}

static gs_gotrace_advance go_stop(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	goroutine *g;

	if (!in_user_code(o, e) || !(g = current_g(o, t, e, G_RUNNING)))
		return GS_GOTRACE_BROKEN;
	set_g(o, t, NONE, 0);
	if (e->type == GS_GOTRACE_GO_DESTROY)
		destroy_g(o, g);
	else
		g->status = e->type == GS_GOTRACE_GO_STOP ? G_RUNNABLE : G_WAITING;
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_start(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	uint32_t at = find_g(o, e->args[0]);
	goroutine *g = g_of(o, at);

	if (!g || g->status != G_RUNNABLE || !succeeds(o, e->args[1], g->epoch, g->seq))
		return GS_GOTRACE_NOT_YET;
	if (!context(o, e, MUST, MUST_NOT))
		return GS_GOTRACE_BROKEN;
	g->status = G_RUNNING;
	g->seq = e->args[1];
	set_g(o, t, e->args[0], at);
	e->place = at;
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance go_unblock(gs_gotrace_order *o, gs_gotrace_event *e)
{
	uint32_t at = find_g(o, e->args[0]);
	goroutine *g = g_of(o, at);

	if (!g || g->status != G_WAITING || !succeeds(o, e->args[1], g->epoch, g->seq))
		return GS_GOTRACE_NOT_YET;
	g->status = G_RUNNABLE;
	g->seq = e->args[1];
	e->place = at;
	return GS_GOTRACE_YES;
}

/* iter.Pull: one record unblocks the other goroutine, blocks or ends this one, and starts the other. */
static RARE gs_gotrace_advance go_switch(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	uint64_t next_id = e->args[0], seq = e->args[1];
	goroutine *now, *next;
	uint32_t at;

	if (!in_user_code(o, e) || !(now = current_g(o, t, e, G_RUNNING)))
		return GS_GOTRACE_BROKEN;
	at = find_g(o, next_id);
	next = g_of(o, at);
	if (!next || next->status != G_WAITING || !succeeds(o, seq, next->epoch, next->seq))
		return GS_GOTRACE_NOT_YET;
	if (e->type == GS_GOTRACE_GO_SWITCH) {
		now->status = G_WAITING;
		extra(o, e, GS_GOTRACE_GO_BLOCK, e->g, 0, 0);
	} else {
		destroy_g(o, now);
		extra(o, e, GS_GOTRACE_GO_DESTROY, e->g, 0, 0);
	}
	next->status = G_RUNNING;
	next->seq = seq;
	set_g(o, t, next_id, at);
	e->place = at;
	extra(o, e, GS_GOTRACE_GO_START, NONE, next_id, seq);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance syscall_begin(gs_gotrace_order *o, const thread *t, gs_gotrace_event *e)
{
	goroutine *g;
	proc *p;

	if (!in_user_code(o, e) || !(g = current_g(o, t, e, G_RUNNING)))
		return GS_GOTRACE_BROKEN;
	p = p_of(o, t->p_at);
	if (!p)
		return BROKEN(o, "GoSyscallBegin on proc %" PRIu64 ", which does not exist", e->p);
	/* The proc's sequence number tells which system call a later steal means, however wrong the clocks are. */
	if (!succeeds(o, e->args[0], p->epoch, p->seq))
		return BROKEN(o, "GoSyscallBegin has sequence number %" PRIu64 " after %" PRIu64 " on proc %" PRIu64, e->args[0],
			      p->seq, e->p);
	g->status = G_SYSCALL;
	p->status = P_SYSCALL;
	p->seq = e->args[0];
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance syscall_end(gs_gotrace_order *o, const thread *t, gs_gotrace_event *e)
{
	goroutine *g;
	proc *p;

	if (!in_user_code(o, e) || !(g = current_g(o, t, e, G_SYSCALL)))
		return GS_GOTRACE_BROKEN;
	p = p_of(o, t->p_at);
	if (!p || p->status != P_SYSCALL)
		return BROKEN(o, "GoSyscallEnd on proc %" PRIu64 ", which is not in a system call", e->p);
	g->status = G_RUNNING;
	p->status = P_RUNNING;
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance syscall_end_blocked(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	goroutine *g;

	if (e->p != NONE) {
		const proc *p = p_of(o, t->p_at);

		if (!p)
			return BROKEN(o, "GoSyscallEndBlocked on proc %" PRIu64 ", which does not exist", e->p);
		/* The event says that the proc will be lost: wait until it is. */
		if (p->status == P_SYSCALL)
			return GS_GOTRACE_NOT_YET;
	}
	if (!context(o, e, MAY, MUST) || !(g = current_g(o, t, e, G_SYSCALL)))
		return GS_GOTRACE_BROKEN;
	g->status = G_RUNNABLE;
	set_g(o, t, NONE, 0);
	return GS_GOTRACE_YES;
}

static RARE gs_gotrace_advance go_create_syscall(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	uint64_t id = e->args[0];
	uint32_t at;

	if (!context(o, e, MAY, MUST_NOT))
		return GS_GOTRACE_BROKEN;
	if (find_g(o, id))
		return BROKEN(o, "goroutine %" PRIu64 " is created twice", id);
	at = gs_gotrace_order_make_g(o, id, G_SYSCALL);
	if (!at)
		return no_memory(o);
	set_g(o, t, id, at);
	e->place = at;
	return GS_GOTRACE_YES;
}

/* A cgo callback is over. Its thread id may be used again at once, so its proc is let go of here. */
static RARE gs_gotrace_advance go_destroy_syscall(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	goroutine *g;

	if (!context(o, e, MAY, MUST) || !(g = current_g(o, t, e, G_SYSCALL)))
		return GS_GOTRACE_BROKEN;
	destroy_g(o, g);
	set_g(o, t, NONE, 0);
	if (e->p != NONE) {
		proc *p = p_of(o, t->p_at);
		gs_gotrace_event *steal;

		if (!p || p->status != P_SYSCALL)
			return BROKEN(o, "GoDestroySyscall on proc %" PRIu64 ", which is not in a system call", e->p);
		p->status = P_ABANDONED;
		set_p(o, t, NONE, 0);
		steal = extra(o, e, GS_GOTRACE_PROC_STEAL, e->g, e->p, 0);
		steal->from_state = GS_PROC_RUNNING;
		steal->to_state = GS_PROC_IDLE;
		o->extra_first = true;
	}
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance dispatch(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	switch (e->type) {
	case GS_GOTRACE_PROC_START:
		return proc_start(o, t, e);
	case GS_GOTRACE_PROC_STOP:
		return proc_stop(o, t, e);
	case GS_GOTRACE_PROC_STEAL:
		return proc_steal(o, t, e);
	case GS_GOTRACE_PROC_STATUS:
		return proc_status(o, t, e);
	case GS_GOTRACE_GO_CREATE:
	case GS_GOTRACE_GO_CREATE_BLOCKED:
		return go_create(o, t, e);
	case GS_GOTRACE_GO_CREATE_SYSCALL:
		return go_create_syscall(o, t, e);
	case GS_GOTRACE_GO_START:
		return go_start(o, t, e);
	case GS_GOTRACE_GO_DESTROY:
	case GS_GOTRACE_GO_STOP:
	case GS_GOTRACE_GO_BLOCK:
		return go_stop(o, t, e);
	case GS_GOTRACE_GO_DESTROY_SYSCALL:
		return go_destroy_syscall(o, t, e);
	case GS_GOTRACE_GO_UNBLOCK:
		return go_unblock(o, e);
	case GS_GOTRACE_GO_SYSCALL_BEGIN:
		return syscall_begin(o, t, e);
	case GS_GOTRACE_GO_SYSCALL_END:
		return syscall_end(o, t, e);
	case GS_GOTRACE_GO_SYSCALL_END_BLOCKED:
		return syscall_end_blocked(o, t, e);
	case GS_GOTRACE_GO_STATUS:
	case GS_GOTRACE_GO_STATUS_STACK:
		return go_status(o, t, e);
	case GS_GOTRACE_GO_SWITCH:
	case GS_GOTRACE_GO_SWITCH_DESTROY:
		return go_switch(o, t, e);
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
		return gs_gotrace_order_range(o, t, e);
	case GS_GOTRACE_HEAP_ALLOC:
	case GS_GOTRACE_HEAP_GOAL:
		return context(o, e, MUST, MAY) ? GS_GOTRACE_YES : GS_GOTRACE_BROKEN;
	case GS_GOTRACE_PROCS_CHANGE:
	case GS_GOTRACE_GO_LABEL:
	case GS_GOTRACE_USER_LOG:
		return in_user_code(o, e) ? GS_GOTRACE_YES : GS_GOTRACE_BROKEN;
	default: /* experiments; the reader let no unknown type through */
		return context(o, e, MAY, MAY) ? GS_GOTRACE_YES : GS_GOTRACE_BROKEN;
	}
}

static RARE bool keep_note(gs_gotrace_order *o, uint32_t m, uint8_t unknown, const gs_gotrace_event *e)
{
	note *n = gs_vec_push(&o->notes, MAX_IDS);

	if (!n)
		return false;
	*n = (note){ o->n_events, m, (uint8_t)(o->flags | (unknown ? NOTE_CONTEXT : 0)), unknown, o->was_known, *e };
	return true;
}

gs_gotrace_advance gs_gotrace_order_advance(gs_gotrace_order *o, uint32_t m, gs_gotrace_event *e)
{
	thread *t = &o->ms.p[m];
	uint8_t unknown = t->unknown;
	gs_gotrace_advance answer;

	t->is_known = true;
	e->p = t->p;
	e->g = t->g;
	e->place = e->g_place = t->g_at;
	answer = dispatch(o, t, e);
	if (!m) {
		o->ms.p[0].p = o->ms.p[0].g = NONE;
		o->ms.p[0].p_at = o->ms.p[0].g_at = 0;
	}
	if ((unknown || o->flags) && answer == GS_GOTRACE_YES && !keep_note(o, m, unknown, e))
		return no_memory(o);
	o->flags = 0;
	return answer;
}
