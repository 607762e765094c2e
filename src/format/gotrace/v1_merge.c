/*
 * One order for the events of all procs. Within a proc's batches they are in order; between procs the first events that the
 * goroutines' states and sequence numbers allow compete by time. Source: internal/trace/internal/tracev1/order.go of the Go tree.
 */
#include "format/gotrace/v1.h"

#include <stdlib.h>

enum { DEAD, RUNNABLE, RUNNING, WAITING };

#define NO_SEQ UINT64_MAX
#define SEQ_INC (UINT64_MAX - 1)

typedef struct go {
	uint64_t seq;
	uint8_t status;
	bool waits_for_network;
	uint32_t syscall; /* event + 1: SYSCALL was the last that happened on it */
	int64_t blocked_ticks; /* when it went into a system call for long */
	bool has_blocked;
} go;

typedef struct merge {
	gs_gotrace_v1 *t;
	GS_VEC(go) gos; /* as t->goroutines */
	go collector;	/* GCStart has a sequence of its own */
	GS_VEC(uint16_t) frontier; /* lanes, a heap by the time of their next event */
	size_t next_sample;
	gs_err *damage;
	bool failed; /* no memory */
} merge;

/* What an event asks of a goroutine and makes of it. */
typedef struct transition {
	bool is_any; /* asks for nothing */
	bool is_collector;
	uint64_t g;
	uint64_t seq, next_seq;
	uint8_t status, next_status;
} transition;

static transition transition_of(const gs_gotrace_v1_record *e, uint64_t on_g)
{
	switch (e->type) {
	case GS_GOTRACE_V1_GO_CREATE:
		return (transition){ .g = e->args[0], .seq = 0, .status = DEAD, .next_seq = 1, .next_status = RUNNABLE };
	case GS_GOTRACE_V1_WAITING:
	case GS_GOTRACE_V1_IN_SYSCALL:
		return (transition){ .g = on_g, .seq = 1, .status = RUNNABLE, .next_seq = 2, .next_status = WAITING };
	case GS_GOTRACE_V1_GO_START:
	case GS_GOTRACE_V1_START_LABEL:
		return (transition){ .g = on_g, .seq = e->args[1], .status = RUNNABLE, .next_seq = e->args[1] + 1, .next_status = RUNNING };
	case GS_GOTRACE_V1_START_LOCAL:
		return (transition){ .g = on_g, .seq = NO_SEQ, .status = RUNNABLE, .next_seq = SEQ_INC, .next_status = RUNNING };
	case GS_GOTRACE_V1_GO_BLOCK:
	case GS_GOTRACE_V1_BLOCK_SEND:
	case GS_GOTRACE_V1_BLOCK_RECV:
	case GS_GOTRACE_V1_BLOCK_SELECT:
	case GS_GOTRACE_V1_BLOCK_SYNC:
	case GS_GOTRACE_V1_BLOCK_COND:
	case GS_GOTRACE_V1_BLOCK_NET:
	case GS_GOTRACE_V1_BLOCK_GC:
	case GS_GOTRACE_V1_GO_SLEEP:
	case GS_GOTRACE_V1_SYS_BLOCK:
		return (transition){ .g = on_g, .seq = NO_SEQ, .status = RUNNING, .next_seq = NO_SEQ, .next_status = WAITING };
	case GS_GOTRACE_V1_GO_SCHED:
	case GS_GOTRACE_V1_GO_PREEMPT:
		return (transition){ .g = on_g, .seq = NO_SEQ, .status = RUNNING, .next_seq = NO_SEQ, .next_status = RUNNABLE };
	case GS_GOTRACE_V1_GO_UNBLOCK:
	case GS_GOTRACE_V1_SYS_EXIT:
		return (transition){ .g = e->args[0], .seq = e->args[1], .status = WAITING, .next_seq = e->args[1] + 1, .next_status = RUNNABLE };
	case GS_GOTRACE_V1_UNBLOCK_LOCAL:
	case GS_GOTRACE_V1_SYS_EXIT_LOCAL:
		return (transition){ .g = e->args[0], .seq = NO_SEQ, .status = WAITING, .next_seq = SEQ_INC, .next_status = RUNNABLE };
	case GS_GOTRACE_V1_GC_START:
		return (transition){ .is_collector = true, .seq = e->args[0], .status = DEAD, .next_seq = e->args[0] + 1, .next_status = DEAD };
	default:
		return (transition){ .is_any = true };
	}
}

static uint32_t goroutine(merge *m, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&m->t->goroutine_of, id, &is_new);

	if (slot && is_new) {
		uint64_t *g = gs_vec_push(&m->t->goroutines, INT32_MAX);

		if (!g || !gs_vec_push(&m->gos, INT32_MAX)) {
			m->failed = true;
			return 0;
		}
		*g = id;
		*slot = (uint32_t)m->t->goroutines.n - 1;
	}
	m->failed = m->failed || !slot;
	return slot ? *slot : 0;
}

static go *state(merge *m, const transition *x)
{
	uint32_t index = x->is_collector ? 0 : goroutine(m, x->g); /* may move the states */

	return x->is_collector ? &m->collector : &m->gos.p[index];
}

static bool is_ready(merge *m, const gs_gotrace_v1_lane *l)
{
	transition x = transition_of(&l->next, l->next_g);
	const go *g;

	if (x.is_any)
		return true;
	g = state(m, &x);
	return !m->failed && (x.seq == NO_SEQ || x.seq == g->seq) && x.status == g->status;
}

/* The goroutine that the event happened on, and who runs on the proc from then on. */
static void set_goroutine(gs_gotrace_v1_lane *l)
{
	const gs_gotrace_v1_record *e = &l->next;

	l->next_g = l->g;
	switch (e->type) {
	case GS_GOTRACE_V1_GO_START:
	case GS_GOTRACE_V1_START_LOCAL:
	case GS_GOTRACE_V1_START_LABEL:
		l->g = l->next_g = e->args[0];
		break;
	case GS_GOTRACE_V1_GO_END:
	case GS_GOTRACE_V1_GO_STOP:
	case GS_GOTRACE_V1_GO_SCHED:
	case GS_GOTRACE_V1_GO_PREEMPT:
	case GS_GOTRACE_V1_GO_SLEEP:
	case GS_GOTRACE_V1_GO_BLOCK:
	case GS_GOTRACE_V1_BLOCK_SEND:
	case GS_GOTRACE_V1_BLOCK_RECV:
	case GS_GOTRACE_V1_BLOCK_SELECT:
	case GS_GOTRACE_V1_BLOCK_SYNC:
	case GS_GOTRACE_V1_BLOCK_COND:
	case GS_GOTRACE_V1_BLOCK_NET:
	case GS_GOTRACE_V1_BLOCK_GC:
	case GS_GOTRACE_V1_SYS_BLOCK:
		l->g = 0;
		break;
	case GS_GOTRACE_V1_SYS_EXIT: /* SYS_EXIT_LOCAL is told of who runs here, as Go's reader does */
	case GS_GOTRACE_V1_WAITING:
	case GS_GOTRACE_V1_IN_SYSCALL:
		l->next_g = e->args[0];
		break;
	default:
		break;
	}
}

static bool is_event(uint8_t type)
{
	switch (type) {
	case GS_GOTRACE_V1_BATCH:
	case GS_GOTRACE_V1_FREQUENCY:
	case GS_GOTRACE_V1_STACK:
	case GS_GOTRACE_V1_TIMER_GOROUTINE:
	case GS_GOTRACE_V1_STRING:
	case GS_GOTRACE_V1_CPU_SAMPLE:
	case GS_GOTRACE_V1_FUTILE_WAKEUP:
		return false;
	default:
		return true;
	}
}

/* Decode the lane's next event. False: there is none. The first pass has been over these bytes. */
static bool advance(merge *m, gs_gotrace_v1_lane *l)
{
	gs_gotrace_v1 *t = m->t;

	while (!l->has_next) {
		gs_err ignored;

		if (!l->is_open) {
			if (l->batch == UINT32_MAX) {
				l->is_done = true;
				return false;
			}
			l->in = gs_rd_of(gs_str_slice(t->bytes, 0, (size_t)t->batches.p[l->batch].end));
			gs_rd_seek(&l->in, t->batches.p[l->batch].at);
			l->ticks = t->batches.p[l->batch].ticks;
			l->batch = t->batches.p[l->batch].next;
			l->is_open = true;
		}
		if (!gs_rd_left(&l->in) || !gs_gotrace_v1_next(&l->in, t->version, &l->next, &ignored)) {
			l->is_open = false;
			continue;
		}
		if (l->next.type == GS_GOTRACE_V1_FUTILE_WAKEUP)
			l->ticks = (int64_t)((uint64_t)l->ticks + l->next.ticks);
		if (!is_event(l->next.type))
			continue;
		l->ticks = (int64_t)((uint64_t)l->ticks + l->next.ticks);
		set_goroutine(l);
		l->has_next = true;
	}
	return true;
}

static bool before(const merge *m, uint16_t a, uint16_t b)
{
	int64_t x = m->t->lanes.p[a].ticks, y = m->t->lanes.p[b].ticks;

	return x != y ? x < y : a < b;
}

static void push(merge *m, uint16_t lane)
{
	uint16_t *slot = gs_vec_push(&m->frontier, UINT16_MAX);
	size_t i = m->frontier.n - 1;

	if (!slot) {
		m->failed = true;
		return;
	}
	*slot = lane;
	m->t->lanes.p[lane].is_in_frontier = true;
	while (i && before(m, m->frontier.p[i], m->frontier.p[(i - 1) / 2])) {
		uint16_t swap = m->frontier.p[i];

		m->frontier.p[i] = m->frontier.p[(i - 1) / 2];
		m->frontier.p[(i - 1) / 2] = swap;
		i = (i - 1) / 2;
	}
}

static uint16_t pop(merge *m)
{
	uint16_t *heap = m->frontier.p, first = heap[0];
	size_t n = --m->frontier.n, i = 0;

	heap[0] = heap[n];
	for (;;) {
		size_t least = i, left = 2 * i + 1;
		uint16_t swap;

		for (size_t c = left; c < left + 2 && c < n; c++)
			if (before(m, heap[c], heap[least]))
				least = c;
		if (least == i)
			break;
		swap = heap[i];
		heap[i] = heap[least];
		heap[least] = swap;
		i = least;
	}
	m->t->lanes.p[first].is_in_frontier = false;
	return first;
}

static uint8_t without_local(uint8_t type)
{
	return type == GS_GOTRACE_V1_START_LOCAL    ? GS_GOTRACE_V1_GO_START :
	       type == GS_GOTRACE_V1_UNBLOCK_LOCAL  ? GS_GOTRACE_V1_GO_UNBLOCK :
	       type == GS_GOTRACE_V1_SYS_EXIT_LOCAL ? GS_GOTRACE_V1_SYS_EXIT :
						      type;
}

static gs_gotrace_v1_event *append(merge *m, uint64_t g, uint8_t type, int64_t ticks, uint64_t at, uint16_t lane)
{
	gs_gotrace_v1 *t = m->t;
	uint32_t index = goroutine(m, g), *last;
	gs_gotrace_v1_event *e = gs_vec_push(&t->events, UINT32_MAX - 1);

	if (!e || m->failed) {
		m->failed = true;
		return NULL;
	}
	if (t->events.n > 1 && ticks < e[-1].ticks) {
		ticks = e[-1].ticks;
		t->n_clamped++;
	}
	*e = (gs_gotrace_v1_event){ .ticks = ticks, .at = at, .g = index, .lane = lane, .type = type };
	/* A system call that blocks says so by the very next event of its goroutine. */
	last = &m->gos.p[index].syscall;
	if (*last && type == GS_GOTRACE_V1_SYS_BLOCK)
		t->events.p[*last - 1].is_blocked = true;
	*last = type == GS_GOTRACE_V1_SYSCALL ? (uint32_t)t->events.n : 0;
	return e;
}

/* When a system call truly ended is known before it is written. */
static void move_exit(merge *m, const gs_gotrace_v1_record *r, uint32_t g, gs_gotrace_v1_event *e)
{
	int64_t ticks = (int64_t)r->args[2];
	const go *s = &m->gos.p[g];

	if (r->type != GS_GOTRACE_V1_SYS_EXIT || ticks == 0 || !s->has_blocked)
		return;
	if (ticks < s->blocked_ticks) {
		ticks = s->blocked_ticks;
		m->t->n_clamped++;
	}
	if (ticks < e->ticks) {
		gs_gotrace_v1_moved *to = gs_vec_push(&m->t->moved, UINT32_MAX - 1);

		e->is_moved = to != NULL;
		if (to)
			*to = (gs_gotrace_v1_moved){ ticks, (uint32_t)(m->t->events.n - 1) };
		m->failed = m->failed || !to;
	}
}

static bool apply(merge *m, uint16_t lane)
{
	gs_gotrace_v1_lane *l = &m->t->lanes.p[lane];
	const gs_gotrace_v1_record *r = &l->next;
	uint8_t type = without_local(r->type);
	transition x = transition_of(r, l->next_g);
	go *g = x.is_any ? NULL : state(m, &x);
	gs_gotrace_v1_event *e;

	if (m->failed)
		return false;
	if (g && !((x.seq == NO_SEQ || x.seq == g->seq) && x.status == g->status))
		return gs_fail(m->damage, GS_ERR_FORMAT, r->at, "two procs disagree about what a goroutine does");
	e = append(m, type == GS_GOTRACE_V1_SYS_EXIT ? r->args[0] : l->next_g, type, l->ticks, r->at, lane);
	if (!e)
		return false;
	if (g) {
		/* append may have moved the states */
		g = state(m, &x);
		if (type == GS_GOTRACE_V1_GO_UNBLOCK)
			e->is_network = g->waits_for_network;
		if (type != GS_GOTRACE_V1_SYS_BLOCK)
			g->waits_for_network = type == GS_GOTRACE_V1_BLOCK_NET;
		g->seq = x.next_seq == NO_SEQ ? g->seq : x.next_seq == SEQ_INC ? g->seq + 1 : x.next_seq;
		g->status = x.next_status;
	}
	if (type == GS_GOTRACE_V1_SYS_EXIT)
		move_exit(m, r, e->g, e);
	if (type == GS_GOTRACE_V1_SYS_BLOCK || type == GS_GOTRACE_V1_IN_SYSCALL) {
		m->gos.p[e->g].blocked_ticks = e->ticks;
		m->gos.p[e->g].has_blocked = true;
	}
	l->has_next = false;
	return !m->failed;
}

/* CPU samples are a lane of their own that nothing holds up. */
static bool take_samples(merge *m, int64_t before_ticks)
{
	gs_gotrace_v1 *t = m->t;

	for (; m->next_sample < t->samples.n && t->samples.p[m->next_sample].ticks < before_ticks; m->next_sample++)
		if (!append(m, t->samples.p[m->next_sample].g, GS_GOTRACE_V1_CPU_SAMPLE, t->samples.p[m->next_sample].ticks,
			    m->next_sample, UINT16_MAX))
			return false;
	return true;
}

static bool run(merge *m)
{
	gs_gotrace_v1 *t = m->t;

	for (;;) {
		const gs_gotrace_v1_lane *held = NULL;
		uint16_t lane;

		for (size_t i = 0; i < t->lanes.n; i++) {
			gs_gotrace_v1_lane *l = &t->lanes.p[i];

			if (l->is_done || l->is_in_frontier || !advance(m, l))
				continue;
			if (is_ready(m, l))
				push(m, (uint16_t)i);
			else if (!held || l->ticks < held->ticks)
				held = l;
			if (m->failed)
				return false;
		}
		if (!m->frontier.n) {
			if (!take_samples(m, INT64_MAX))
				return false;
			return !held || gs_fail(m->damage, GS_ERR_FORMAT, held->next.at, "no consistent order of the events is possible");
		}
		lane = m->frontier.p[0];
		if (!take_samples(m, t->lanes.p[lane].ticks) || (pop(m), !apply(m, lane)))
			return false;
	}
}

static int moved_by_time(const void *a, const void *b)
{
	const gs_gotrace_v1_moved *x = a, *y = b;

	if (x->ticks != y->ticks)
		return x->ticks < y->ticks ? -1 : 1;
	return x->event < y->event ? -1 : x->event > y->event;
}

bool gs_gotrace_v1_merge(gs_gotrace_v1 *t, gs_err *err, gs_err *damage)
{
	merge m = { .t = t, .damage = damage };
	gs_err why = { 0 };
	bool ok;

	m.damage = &why;
	goroutine(&m, 0);
	ok = !m.failed && run(&m);
	if (!ok && !m.failed && !t->is_damaged) {
		t->is_damaged = true;
		*damage = why;
		t->end = why.at;
	}
	if (t->moved.n)
		qsort(t->moved.p, t->moved.n, sizeof(*t->moved.p), moved_by_time);
	gs_vec_release(&m.gos);
	gs_vec_release(&m.frontier);
	return !m.failed || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the trace");
}
