/*
 * The scheduler's state: what order.c, order_ranges.c and stitch.c share. The helpers are inline because they run several times
 * for each event.
 *
 * An order is *closed* when it knows the state at the end of the generation before (or there is none before), and *open* when it
 * reads a generation on its own. An open order takes the generation's word for what came before, keeps what it took (the `first_`
 * and `told_` fields here, and notes) and fails where it would have to know; stitch.c then holds that against the closed state.
 */
#ifndef GS_FORMAT_GOTRACE_ORDER_STEP_H
#define GS_FORMAT_GOTRACE_ORDER_STEP_H

#include <inttypes.h>

#include "base/id_runs.h"
#include "format/gotrace/order.h"

#define NONE GS_GOTRACE_NONE

/* Numbers of the wire format. */
enum { G_RUNNABLE = 1, G_RUNNING = 2, G_SYSCALL = 3, G_WAITING = 4, G_STATUSES };
enum { P_RUNNING = 1, P_IDLE = 2, P_SYSCALL = 3, P_ABANDONED = 4, P_STATUSES };

enum { MAX_IDS = INT32_MAX };

/* A region or a stop-the-world, in a list of those that its goroutine is in. */
typedef struct node {
	uint64_t task;
	gs_str name;
	uint32_t below; /* node + 1 */
} node;

typedef struct goroutine {
	uint64_t id, seq;
	uint32_t epoch;	  /* generation in which seq counts */
	uint32_t regions; /* innermost: node + 1 */
	uint32_t stops;	  /* newest: node + 1 */
	uint8_t status;
	bool is_alive, in_assist;
	/* Open orders: */
	uint8_t first_status; /* that a status event told before anything else; 0: created in this generation */
	bool is_first_life;   /* has not ended since */
	bool first_assist_told, first_assist_begun; /* it was in an assist, or not, when the generation began */
	bool told_stop, begun_stop;		    /* the same of a stop-the-world */
	uint32_t carried_regions;		    /* stitch: what is left of the earlier regions */
} goroutine;

typedef struct proc {
	uint64_t id, seq;
	uint32_t epoch;
	uint8_t status;
	bool in_sweep;
	/* Open orders: */
	uint8_t first_status;
	bool is_untouched; /* abandoned as the first status told, and nothing since */
	bool first_sweep_told, first_sweep_begun;
} proc;

enum { UNKNOWN_P = 1, UNKNOWN_G = 2 };

typedef struct thread {
	uint64_t p;
	uint32_t p_at, g_at; /* index + 1 of p and g; between these, which change one by one and are read together */
	uint64_t g;
	uint64_t id;
	bool is_known;	     /* one of its events was looked at */
	uint32_t epoch;	     /* of the last generation that has batches of it */
	uint8_t unknown;     /* open orders: what it holds since before the generation is not known */
	uint64_t p_known_at, g_known_at; /* open orders: event since when it is known */
} thread;

typedef struct task {
	uint64_t id, parent;
	gs_str name;
	bool is_active;
	bool is_told; /* open orders: it ended without having begun in this generation */
} task;

enum { GC_UNDETERMINED, GC_OFF, GC_ON };

/* What an open order could not know about an event. */
enum {
	NOTE_CONTEXT = 1,     /* the thread's p or g */
	NOTE_PROC_STATUS = 2, /* the first of its proc */
	NOTE_STEAL = 4,	      /* of a proc that was told to be abandoned */
	NOTE_ELSEWHERE = 8,   /* GoStatus of a goroutine in a system call on another thread */
	NOTE_STOP_END = 16,
	NOTE_TASK_END = 32,
	NOTE_REGION_END = 64,
};

typedef struct note {
	uint64_t event;
	uint32_t thread;
	uint8_t flags, unknown;
	bool was_known; /* NOTE_ELSEWHERE: the other thread */
	gs_gotrace_event e;
} note;

struct gs_gotrace_order {
	const gs_gotrace_generation *gen;
	gs_err *err;
	uint64_t at; /* of the event being looked at, in the file */
	uint32_t epoch;
	bool lacks_names; /* strings of a generation were damaged: what has no name may have had one */
	bool is_open, is_initial;
	uint8_t flags; /* of the note that the event being looked at is worth */
	bool was_known;
	gs_id_runs g_index; /* index + 1 */
	gs_map p_index, m_index, task_index;
	GS_VEC(goroutine) gs;
	GS_VEC(proc) ps;
	GS_VEC(thread) ms; /* the first is nobody: of batches without a thread */
	GS_VEC(task) tasks;
	GS_VEC(node) nodes;
	uint32_t free_nodes;
	uint32_t n_dead;
	uint64_t gc_seq;
	int gc;
	uint8_t first_gc; /* open orders: type of the first event of the collector's cycle, and its number */
	uint64_t first_gc_seq;
	GS_VEC(note) notes;
	uint64_t n_events; /* delivered in this generation; the reader counts */
	gs_gotrace_event extra[2];
	unsigned n_extra;
	bool extra_first;
};

#define BROKEN(o, ...) (gs_fail((o)->err, GS_ERR_FORMAT, (o)->at, __VA_ARGS__), GS_GOTRACE_BROKEN)

static inline gs_gotrace_advance no_memory(gs_gotrace_order *o)
{
	gs_fail(o->err, GS_ERR_LIMIT, o->at, "out of memory while ordering the trace");
	return GS_GOTRACE_BROKEN;
}

static inline const char *event_name(const gs_gotrace_event *e)
{
	return gs_gotrace_spec_of(e->type)->name;
}

/* Index + 1 of a goroutine that lives; 0: none. */
static inline uint32_t find_g(gs_gotrace_order *o, uint64_t id)
{
	uint32_t at = gs_id_runs_at(&o->g_index, id);

	return at && o->gs.p[at - 1].is_alive ? at : 0;
}

static inline uint32_t find_p(const gs_gotrace_order *o, uint64_t id)
{
	const uint32_t *slot = gs_map_get(&o->p_index, id);

	return slot ? *slot + 1 : 0;
}

/* 0: no event of such a thread was looked at. */
static inline uint32_t find_m(const gs_gotrace_order *o, uint64_t id)
{
	const uint32_t *slot = gs_map_get(&o->m_index, id);

	return slot && o->ms.p[*slot].is_known ? *slot : 0;
}

static inline goroutine *g_of(gs_gotrace_order *o, uint32_t at)
{
	return at ? &o->gs.p[at - 1] : NULL;
}

static inline proc *p_of(gs_gotrace_order *o, uint32_t at)
{
	return at ? &o->ps.p[at - 1] : NULL;
}

static inline void set_p(const gs_gotrace_order *o, thread *t, uint64_t id, uint32_t at)
{
	t->p = id;
	t->p_at = at;
	if (t->unknown & UNKNOWN_P) {
		t->unknown &= (uint8_t)~UNKNOWN_P;
		t->p_known_at = o->n_events;
	}
}

static inline void set_g(const gs_gotrace_order *o, thread *t, uint64_t id, uint32_t at)
{
	t->g = id;
	t->g_at = at;
	if (t->unknown & UNKNOWN_G) {
		t->unknown &= (uint8_t)~UNKNOWN_G;
		t->g_known_at = o->n_events;
	}
}

static inline gs_gotrace_event *extra(gs_gotrace_order *o, const gs_gotrace_event *e, uint8_t type, uint64_t g, uint64_t a0,
				      uint64_t a1)
{
	gs_gotrace_event *x = &o->extra[o->n_extra++];

	*x = (gs_gotrace_event){ .type = type, .place = e->place, .g_place = e->g_place, .time_ns = e->time_ns, .m = e->m, .p = e->p, .g = g, .args = { a0, a1 },
				 .task_parent = NONE };
	return x;
}

/* What an event asks of its context. */
typedef enum need { MUST, MAY, MUST_NOT } need;

bool gs_gotrace_order_lacks(gs_gotrace_order *o, const gs_gotrace_event *e, need p, need g) __attribute__((cold));

static inline bool context(gs_gotrace_order *o, const gs_gotrace_event *e, need p, need g)
{
	if (e->m != NONE && (p == MAY || (p == MUST) == (e->p != NONE)) && (g == MAY || (g == MUST) == (e->g != NONE)))
		return true;
	return gs_gotrace_order_lacks(o, e, p, g);
}

static inline bool in_user_code(gs_gotrace_order *o, const gs_gotrace_event *e)
{
	return context(o, e, MUST, MUST);
}

static inline void drop_nodes(gs_gotrace_order *o, uint32_t *list)
{
	while (*list) {
		node *n = &o->nodes.p[*list - 1];
		uint32_t below = n->below;

		n->below = o->free_nodes;
		o->free_nodes = *list;
		*list = below;
	}
}

/* On top of *list. False: no memory. */
bool gs_gotrace_order_push(gs_gotrace_order *o, uint32_t *list, uint64_t task_id, gs_str name);
/* A fresh state for a goroutine that does not live: index + 1; 0: no memory. */
uint32_t gs_gotrace_order_make_g(gs_gotrace_order *o, uint64_t id, uint8_t status);
/* Index, 0 for GS_GOTRACE_NONE; UINT32_MAX: no memory. */
uint32_t gs_gotrace_order_make_m(gs_gotrace_order *o, uint64_t id);

/* Between generations: forget goroutines and tasks that have ended, when they are many. False: no memory, and no further use. */
bool gs_gotrace_order_tidy(gs_gotrace_order *o);

/* Ranges, tasks, regions and the collector's cycle (order_ranges.c). The type must be one of theirs. */
gs_gotrace_advance gs_gotrace_order_range(gs_gotrace_order *o, thread *t, gs_gotrace_event *e);

#endif
