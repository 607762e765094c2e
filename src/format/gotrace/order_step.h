/*
 * The scheduler's state, and one event on its way through it: what order.c and order_ranges.c share. The helpers are inline
 * because they run several times for each event.
 */
#ifndef GS_FORMAT_GOTRACE_ORDER_STEP_H
#define GS_FORMAT_GOTRACE_ORDER_STEP_H

#include <inttypes.h>

#include "format/gotrace/order.h"

#define NONE GS_GOTRACE_NONE

/* Numbers of the wire format. */
enum { G_RUNNABLE = 1, G_RUNNING = 2, G_SYSCALL = 3, G_WAITING = 4, G_STATUSES };
enum { P_RUNNING = 1, P_IDLE = 2, P_SYSCALL = 3, P_ABANDONED = 4, P_STATUSES };

/* A goroutine or proc is in few ranges at a time: a mark assist, a sweep, a stop-the-world. */
enum { MAX_RANGES = 6, MAX_IDS = INT32_MAX };

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

static inline gs_gotrace_advance no_memory(step *s)
{
	gs_fail(s->err, GS_ERR_LIMIT, s->at, "out of memory while ordering the trace");
	return GS_GOTRACE_BROKEN;
}

static const char *event_name(const step *s)
{
	return gs_gotrace_spec_of(s->e->type)->name;
}

static inline goroutine *find_g(gs_gotrace_order *o, uint64_t id)
{
	uint32_t *slot = id == NONE ? NULL : gs_map_get(&o->g_index, id);

	return slot && o->gs.p[*slot].is_alive ? &o->gs.p[*slot] : NULL;
}

/* A fresh state for a goroutine that does not live. NULL: no memory. */
static inline goroutine *make_g(step *s, uint64_t id, uint8_t status)
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

static inline proc *find_p(gs_gotrace_order *o, uint64_t id)
{
	uint32_t *slot = id == NONE ? NULL : gs_map_get(&o->p_index, id);

	return slot ? &o->ps.p[*slot] : NULL;
}

static inline uint32_t find_m(gs_gotrace_order *o, uint64_t id)
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
static inline uint32_t make_m(gs_gotrace_order *o, uint64_t id)
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

static inline bool succeeds(const step *s, uint64_t seq, uint64_t generation, uint64_t last)
{
	return s->gen->number == generation && seq == last + 1;
}

static inline gs_gotrace_event *emit(step *s)
{
	gs_gotrace_event *out = &s->out[s->n_out++];

	*out = *s->e;
	out->m = s->m;
	out->p = s->p;
	out->g = s->g;
	return out;
}

static inline void emit_extra(step *s, uint8_t type, uint64_t g, uint64_t a0, uint64_t a1)
{
	gs_gotrace_event *out = &s->out[s->n_out++];

	*out = (gs_gotrace_event){ .type = type, .time_ns = s->e->time_ns, .m = s->m, .p = s->p, .g = g,
				   .args = { a0, a1 }, .task_parent = NONE };
}

/* What an event asks of its context. */
typedef enum need { MUST, MAY, MUST_NOT } need;

static inline bool has(step *s, uint64_t id, need n, const char *what)
{
	if (n == MUST && id == NONE)
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s without a %s", event_name(s), what);
	else if (n == MUST_NOT && id != NONE)
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s with a %s", event_name(s), what);
	else
		return true;
	return false;
}

static inline bool context(step *s, need p, need g)
{
	return has(s, s->m, MUST, "thread") && has(s, s->p, p, "proc") && has(s, s->g, g, "goroutine");
}

static inline bool in_user_code(step *s)
{
	return context(s, MUST, MUST);
}

/* The goroutine of the context, in a status. NULL: broken. */
static inline goroutine *current_g(step *s, uint8_t status)
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

/* Ranges, tasks, regions and the collector's cycle (order_ranges.c). The type must be one of theirs. */
gs_gotrace_advance gs_gotrace_order_range(step *s);

#endif
