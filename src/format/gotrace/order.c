#include "format/gotrace/order.h"

#include <inttypes.h>

#define NONE GS_GOTRACE_NONE

/* Numbers of the wire format. */
enum { G_RUNNABLE = 1, G_RUNNING = 2, G_SYSCALL = 3, G_WAITING = 4, G_STATUSES };
enum { P_RUNNING = 1, P_IDLE = 2, P_SYSCALL = 3, P_ABANDONED = 4, P_STATUSES };

/* A goroutine or proc is in few ranges at a time: a mark assist, a sweep, a stop-the-world. */
enum { MAX_RANGES = 6, MAX_IDS = INT32_MAX, MAX_REGIONS = 1 << 20 };

typedef struct range {
	uint8_t type; /* of the event that begins it */
	uint64_t kind;
} range;

typedef struct ranges {
	range list[MAX_RANGES];
	uint8_t n;
} ranges;

typedef struct region {
	uint64_t task;
	uint32_t name; /* interned: string ids change with the generation */
	uint32_t below;
} region;

typedef struct goroutine {
	uint64_t generation, seq;
	uint32_t innermost; /* region + 1 */
	uint8_t status;
	bool is_alive;
	ranges in;
} goroutine;

typedef struct proc {
	uint64_t generation, seq;
	uint8_t status;
	ranges in;
} proc;

typedef struct thread {
	uint64_t id, p, g;
} thread;

typedef struct task {
	uint64_t parent;
	uint32_t name;
	bool is_active;
} task;

enum { GC_UNDETERMINED, GC_OFF, GC_ON };

struct gs_gotrace_order {
	uint64_t initial_generation;
	gs_map g_index, p_index, m_index, task_index;
	GS_VEC(goroutine) gs;
	GS_VEC(proc) ps;
	GS_VEC(thread) ms;
	GS_VEC(task) tasks;
	GS_VEC(region) regions;
	gs_arena *mem;
	gs_strtab *names;
	uint64_t gc_seq;
	int gc;
	uint64_t last_thread; /* index + 1 of the thread looked up last, and its id */
	uint64_t last_m;
};

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

/* ---- one event on its way ---- */

typedef struct step {
	gs_gotrace_order *o;
	const gs_gotrace_generation *gen;
	gs_gotrace_event *e;
	uint64_t m, p, g; /* context before */
	uint64_t new_p, new_g;
	uint32_t thread; /* index + 1 in o->ms; 0: no thread */
	uint64_t at;
	gs_gotrace_event *out;
	unsigned n_out;
	gs_err *err;
} step;

#define BROKEN(s, ...) (gs_fail((s)->err, GS_ERR_FORMAT, (s)->at, __VA_ARGS__), GS_GOTRACE_BROKEN)

static gs_gotrace_advance no_memory(step *s)
{
	gs_fail(s->err, GS_ERR_LIMIT, s->at, "out of memory while ordering the trace");
	return GS_GOTRACE_BROKEN;
}

static const char *event_name(const step *s)
{
	return gs_gotrace_spec_of(s->e->type)->name;
}

static goroutine *find_g(gs_gotrace_order *o, uint64_t id)
{
	uint32_t *slot = id == NONE ? NULL : gs_map_get(&o->g_index, id);

	return slot && o->gs.p[*slot].is_alive ? &o->gs.p[*slot] : NULL;
}

/* A fresh state for a goroutine that does not live. NULL: no memory. */
static goroutine *make_g(step *s, uint64_t id, uint8_t status)
{
	gs_gotrace_order *o = s->o;
	bool is_new;
	uint32_t *slot = gs_map_put(&o->g_index, id, &is_new);

	if (!slot)
		return NULL;
	if (is_new) {
		if (!gs_vec_push(&o->gs, MAX_IDS))
			return NULL;
		*slot = (uint32_t)o->gs.n - 1;
	}
	o->gs.p[*slot] = (goroutine){ .generation = s->gen->number, .status = status, .is_alive = true };
	return &o->gs.p[*slot];
}

static proc *find_p(gs_gotrace_order *o, uint64_t id)
{
	uint32_t *slot = id == NONE ? NULL : gs_map_get(&o->p_index, id);

	return slot ? &o->ps.p[*slot] : NULL;
}

static uint32_t find_m(gs_gotrace_order *o, uint64_t id)
{
	uint32_t *slot;

	if (o->last_thread && o->last_m == id)
		return (uint32_t)o->last_thread;
	slot = gs_map_get(&o->m_index, id);
	if (!slot)
		return 0;
	o->last_m = id;
	o->last_thread = *slot + 1;
	return *slot + 1;
}

/* Index + 1; 0: no memory. */
static uint32_t make_m(gs_gotrace_order *o, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&o->m_index, id, &is_new);
	thread *t;

	if (!slot)
		return 0;
	t = gs_vec_push(&o->ms, MAX_IDS);
	if (!t)
		return 0;
	*t = (thread){ id, NONE, NONE };
	*slot = (uint32_t)o->ms.n - 1;
	return *slot + 1;
}

static bool succeeds(const step *s, uint64_t seq, uint64_t generation, uint64_t last)
{
	return s->gen->number == generation && seq == last + 1;
}

static gs_gotrace_event *emit(step *s)
{
	gs_gotrace_event *out = &s->out[s->n_out++];

	*out = *s->e;
	out->m = s->m;
	out->p = s->p;
	out->g = s->g;
	return out;
}

static void emit_extra(step *s, uint8_t type, uint64_t g, uint64_t a0, uint64_t a1)
{
	gs_gotrace_event *out = &s->out[s->n_out++];

	*out = (gs_gotrace_event){ .type = type, .time_ns = s->e->time_ns, .m = s->m, .p = s->p, .g = g,
				   .args = { a0, a1 }, .task_parent = NONE };
}

/* What a context must have: 'M' a must, 'm' may, '!' must not. */
typedef enum need { MUST, MAY, MUST_NOT } need;

static bool has(step *s, uint64_t id, need n, const char *what)
{
	if (n == MUST && id == NONE)
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s without a %s", event_name(s), what);
	else if (n == MUST_NOT && id != NONE)
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s with a %s", event_name(s), what);
	else
		return true;
	return false;
}

static bool context(step *s, need p, need g)
{
	return has(s, s->m, MUST, "thread") && has(s, s->p, p, "proc") && has(s, s->g, g, "goroutine");
}

static bool in_user_code(step *s)
{
	return context(s, MUST, MUST);
}

/* The goroutine of the context, in a status. NULL: broken. */
static goroutine *current_g(step *s, uint8_t status)
{
	goroutine *g = find_g(s->o, s->g);

	if (!g)
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s on goroutine %" PRIu64 ", which does not exist", event_name(s), s->g);
	else if (g->status != status)
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s on goroutine %" PRIu64 ", which is not %s", event_name(s), s->g,
			status == G_SYSCALL ? "in a system call" : "running");
	else
		return g;
	return NULL;
}

/* ---- ranges and regions ---- */

static bool range_begin(step *s, ranges *in, uint8_t type, uint64_t kind)
{
	for (uint8_t i = 0; i < in->n; i++)
		if (in->list[i].type == type && in->list[i].kind == kind) {
			gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s inside itself", event_name(s));
			return false;
		}
	if (in->n == MAX_RANGES) {
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s: more than %d ranges at once", event_name(s), MAX_RANGES);
		return false;
	}
	in->list[in->n++] = (range){ type, kind };
	return true;
}

static bool range_active(step *s, ranges *in, uint8_t type)
{
	if (s->gen->number == s->o->initial_generation)
		return range_begin(s, in, type, 0);
	for (uint8_t i = 0; i < in->n; i++)
		if (in->list[i].type == type)
			return true;
	gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s for a range that did not begin", event_name(s));
	return false;
}

static bool range_end(step *s, ranges *in, uint8_t type, uint64_t *kind)
{
	for (uint8_t i = 0; i < in->n; i++)
		if (in->list[i].type == type) {
			*kind = in->list[i].kind;
			in->list[i] = in->list[--in->n];
			return true;
		}
	gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s for a range that did not begin", event_name(s));
	return false;
}

/* The interned name of a string id. UINT32_MAX: err is filled. */
static uint32_t name_of(step *s, uint64_t id)
{
	gs_str text;
	uint32_t name;

	if (!gs_gotrace_string(s->gen, id, &text)) {
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s names string %" PRIu64 ", which the generation does not have",
			event_name(s), id);
		return UINT32_MAX;
	}
	name = gs_strtab_id(s->o->names, text);
	if (name == UINT32_MAX)
		no_memory(s);
	return name;
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

/* ---- tasks, regions, garbage collection ---- */

static gs_gotrace_advance task_begin(step *s)
{
	uint64_t id = s->e->args[0];
	bool is_new;
	uint32_t *slot = gs_map_put(&s->o->task_index, id, &is_new), name;
	task *t;

	if (!slot || (is_new && !gs_vec_push(&s->o->tasks, MAX_IDS)))
		return no_memory(s);
	if (is_new)
		*slot = (uint32_t)s->o->tasks.n - 1;
	t = &s->o->tasks.p[*slot];
	if (t->is_active)
		return BROKEN(s, "task %" PRIu64 " begins twice", id);
	if (s->e->args[1] == 0)
		s->e->args[1] = NONE; /* 0 is "no parent" here, not the background task */
	name = name_of(s, s->e->args[2]);
	if (name == UINT32_MAX || !in_user_code(s))
		return GS_GOTRACE_BROKEN;
	*t = (task){ s->e->args[1], name, true };
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance task_end(step *s)
{
	uint32_t *slot = gs_map_get(&s->o->task_index, s->e->args[0]);
	gs_gotrace_event *out;

	if (!in_user_code(s))
		return GS_GOTRACE_BROKEN;
	out = emit(s);
	if (slot && s->o->tasks.p[*slot].is_active) {
		task *t = &s->o->tasks.p[*slot];

		out->task_parent = t->parent;
		out->task_name = gs_strtab_get(s->o->names, t->name);
		t->is_active = false;
	}
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance region_event(step *s)
{
	goroutine *g;
	uint32_t name;

	if (!in_user_code(s))
		return GS_GOTRACE_BROKEN;
	name = name_of(s, s->e->args[1]);
	if (name == UINT32_MAX)
		return GS_GOTRACE_BROKEN;
	g = find_g(s->o, s->g);
	if (!g)
		return BROKEN(s, "%s on goroutine %" PRIu64 ", which does not exist", event_name(s), s->g);
	if (s->e->type == GS_GOTRACE_USER_REGION_BEGIN) {
		region *r = gs_vec_push(&s->o->regions, MAX_IDS);

		if (!r)
			return no_memory(s);
		*r = (region){ s->e->args[0], name, g->innermost };
		g->innermost = (uint32_t)s->o->regions.n;
	} else if (g->innermost) {
		const region *r = &s->o->regions.p[g->innermost - 1];

		if (r->task != s->e->args[0] || r->name != name)
			return BROKEN(s, "a region ends on goroutine %" PRIu64 " that is not its innermost one", s->g);
		g->innermost = r->below;
	}
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance gc_event(step *s)
{
	gs_gotrace_order *o = s->o;
	uint64_t seq = s->e->args[0];
	uint8_t type = s->e->type;
	bool is_first = type == GS_GOTRACE_GC_ACTIVE ? s->gen->number == o->initial_generation :
			type == GS_GOTRACE_GC_BEGIN  ? o->gc == GC_UNDETERMINED :
						       false;

	if (is_first) {
		if (type == GS_GOTRACE_GC_ACTIVE && o->gc != GC_UNDETERMINED)
			return BROKEN(s, "GCActive in the first generation is not its first GC event");
	} else {
		if (seq != o->gc_seq + 1)
			return GS_GOTRACE_NOT_YET;
		if (type == GS_GOTRACE_GC_BEGIN ? o->gc == GC_ON : o->gc != GC_ON)
			return BROKEN(s, "%s while the collector is %s", event_name(s), o->gc == GC_ON ? "running" : "not running");
		if (!in_user_code(s))
			return GS_GOTRACE_BROKEN;
	}
	o->gc_seq = seq;
	o->gc = type == GS_GOTRACE_GC_END ? GC_OFF : GC_ON;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance sweep_event(step *s)
{
	bool is_active = s->e->type == GS_GOTRACE_GC_SWEEP_ACTIVE;
	proc *p = find_p(s->o, is_active ? s->e->args[0] : s->p);
	uint64_t kind;
	bool ok;

	if (!is_active && !context(s, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	if (!p)
		return BROKEN(s, "%s on a proc that does not exist", event_name(s));
	if (is_active)
		ok = range_active(s, &p->in, GS_GOTRACE_GC_SWEEP_BEGIN);
	else if (s->e->type == GS_GOTRACE_GC_SWEEP_BEGIN)
		ok = range_begin(s, &p->in, GS_GOTRACE_GC_SWEEP_BEGIN, 0);
	else
		ok = range_end(s, &p->in, GS_GOTRACE_GC_SWEEP_BEGIN, &kind);
	if (!ok)
		return GS_GOTRACE_BROKEN;
	emit(s);
	return GS_GOTRACE_YES;
}

/* Stop-the-world and mark assists, which belong to a goroutine. */
static gs_gotrace_advance go_range_event(step *s)
{
	uint8_t type = s->e->type;
	bool is_active = type == GS_GOTRACE_GC_MARK_ASSIST_ACTIVE;
	uint8_t begins = type == GS_GOTRACE_STW_BEGIN || type == GS_GOTRACE_STW_END ? GS_GOTRACE_STW_BEGIN :
										      GS_GOTRACE_GC_MARK_ASSIST_BEGIN;
	goroutine *g;
	uint64_t kind = 0;
	bool ok;

	if (!is_active && !in_user_code(s))
		return GS_GOTRACE_BROKEN;
	g = find_g(s->o, is_active ? s->e->args[0] : s->g);
	if (!g)
		return BROKEN(s, "%s on a goroutine that does not exist", event_name(s));
	if (is_active)
		ok = range_active(s, &g->in, begins);
	else if (type == begins)
		ok = range_begin(s, &g->in, begins, type == GS_GOTRACE_STW_BEGIN ? s->e->args[0] : 0);
	else
		ok = range_end(s, &g->in, begins, &kind);
	if (!ok)
		return GS_GOTRACE_BROKEN;
	if (type == GS_GOTRACE_STW_END)
		s->e->args[0] = kind;
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
		return gc_event(s);
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
		return sweep_event(s);
	case GS_GOTRACE_STW_BEGIN:
	case GS_GOTRACE_STW_END:
	case GS_GOTRACE_GC_MARK_ASSIST_ACTIVE:
	case GS_GOTRACE_GC_MARK_ASSIST_BEGIN:
	case GS_GOTRACE_GC_MARK_ASSIST_END:
		return go_range_event(s);
	case GS_GOTRACE_HEAP_ALLOC:
	case GS_GOTRACE_HEAP_GOAL:
		return plain(s, MUST, MAY);
	case GS_GOTRACE_USER_TASK_BEGIN:
		return task_begin(s);
	case GS_GOTRACE_USER_TASK_END:
		return task_end(s);
	case GS_GOTRACE_USER_REGION_BEGIN:
	case GS_GOTRACE_USER_REGION_END:
		return region_event(s);
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
