/*
 * Version 1 events in the words of version 2. Most have an equal; a system call is told as begun and ended unless it blocked, and
 * what was there before the trace as a status. Source: internal/trace/tracev1.go of the Go tree.
 */
#include "format/gotrace/v1.h"

#include <stdlib.h>

/* GS_GOTRACE_IS_FAKE_P */
enum { TIMER_P = 1000001, NETPOLL_P, SYSCALL_P, GC_P };

/* Strings that version 1 has as types and numbers. */
#define WORDS(X)                                                                                                     \
	X(FOREVER, "forever") X(PREEMPTED, "preempted") X(GOSCHED, "runtime.Gosched") X(SLEEP, "sleep")              \
	X(CHAN_SEND, "chan send") X(CHAN_RECEIVE, "chan receive") X(NETWORK, "network") X(SYNC, "sync")              \
	X(COND, "sync.(*Cond).Wait") X(SELECT, "select") X(EMPTY, "") X(ASSIST, "GC mark assist wait for work")     \
	X(STW_UNKNOWN, "") X(STW_MARK, "GC mark termination") X(STW_SWEEP, "GC sweep termination")                  \
	X(STW_HEAP_DUMP, "write heap dump") X(STW_PROFILE, "goroutine profile")                                      \
	X(STW_PROFILE_CLEANUP, "goroutine profile cleanup") X(STW_STACKS, "all goroutine stack trace")              \
	X(STW_MEM_STATS, "read mem stats") X(STW_ALL_THREADS, "AllThreadsSyscall") X(STW_GOMAXPROCS, "GOMAXPROCS")   \
	X(STW_START, "start trace") X(STW_STOP, "stop trace") X(STW_PAGES, "CountPagesInUse (test)")                \
	X(STW_METRICS, "ReadMetricsSlow (test)") X(STW_MEM_STATS_SLOW, "ReadMemStatsSlow (test)")                   \
	X(STW_CACHE, "PageCachePagesLeaked (test)") X(STW_DEBUG_LOG, "ResetDebugLog (test)")

typedef enum word {
#define X(id, text) W_##id,
	WORDS(X)
#undef X
	N_WORDS,
} word;

static const char *const words[N_WORDS] = {
#define X(id, text) [W_##id] = (text),
	WORDS(X)
#undef X
};

enum { N_STW_KINDS = W_STW_DEBUG_LOG - W_STW_UNKNOWN + 1 };

typedef struct task {
	uint64_t parent;
	gs_str name;
	bool is_open;
} task;

typedef struct convert {
	gs_gotrace_v1 *t;
	gs_gotrace_reader *r;
	void *ctx; /* of the sink's event calls */
	bool (*event)(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err);
	gs_err *err;
	int64_t first_ticks, last_ns;
	double ns_per_tick;
	uint64_t first_message, first_word; /* string ids */
	bool is_starting; /* before the first GOMAXPROCS: tells what was there already */
	GS_VEC(uint64_t) created; /* goroutines told of while starting, without a state */
	gs_map state_told;	  /* of these */
	gs_map seen_procs, thread_of; /* thread + 1, 0: none */
	gs_map task_of;
	GS_VEC(task) tasks;
	word stw;
	uint64_t events;
	bool failed; /* the sink, or memory */
} convert;

static bool no_memory(convert *c)
{
	c->failed = true;
	return gs_fail(c->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the trace");
}

static bool put(convert *c, gs_gotrace_event e)
{
	/* No two events at the same time. */
	if (e.time_ns <= c->last_ns)
		e.time_ns = c->last_ns + 1;
	c->last_ns = e.time_ns;
	c->events++;
	if (!c->event(c->ctx, &c->t->g, &e, c->err))
		c->failed = true;
	return !c->failed;
}

static uint64_t word_id(const convert *c, word w)
{
	return c->first_word + (uint64_t)w;
}

static bool put_status(convert *c, gs_gotrace_event *e, uint64_t g, gs_go_state state)
{
	bool is_new;

	e->type = GS_GOTRACE_GO_STATUS;
	e->args[0] = g;
	e->args[1] = GS_GOTRACE_NONE;
	e->args[2] = state == GS_GO_RUNNABLE ? 1 : state == GS_GO_RUNNING ? 2 : state == GS_GO_SYSCALL ? 3 : 4;
	e->from_state = GS_GO_UNDETERMINED;
	e->to_state = (uint8_t)state;
	if (!gs_map_put(&c->state_told, g, &is_new))
		return no_memory(c);
	return put(c, *e);
}

/* The first GOMAXPROCS ends the start: whose state nobody told could run. */
static bool end_start(convert *c, int64_t time_ns)
{
	c->is_starting = false;
	for (size_t i = 0; i < c->created.n; i++) {
		gs_gotrace_event e = { .time_ns = time_ns, .m = GS_GOTRACE_NONE, .p = GS_GOTRACE_NONE, .g = GS_GOTRACE_NONE };

		if (!gs_map_get(&c->state_told, c->created.p[i]) && !put_status(c, &e, c->created.p[i], GS_GO_RUNNABLE))
			return false;
	}
	return true;
}

static bool put_proc(convert *c, gs_gotrace_event *e, bool is_start)
{
	bool is_new;

	if (!gs_map_put(&c->seen_procs, e->p, &is_new))
		return no_memory(c);
	e->args[0] = e->p;
	e->type = is_new ? GS_GOTRACE_PROC_STATUS : is_start ? GS_GOTRACE_PROC_START : GS_GOTRACE_PROC_STOP;
	if (is_new) {
		e->args[1] = is_start ? 1 : 2;
		e->from_state = GS_PROC_UNDETERMINED;
		e->to_state = is_start ? GS_PROC_RUNNING : GS_PROC_IDLE;
	}
	return put(c, *e);
}

static word stw_kind(const convert *c, uint64_t kind)
{
	if (c->t->version < 21)
		return kind < 2 ? (word)(W_STW_MARK + kind) : W_STW_UNKNOWN;
	return kind < N_STW_KINDS ? (word)(W_STW_UNKNOWN + kind) : W_STW_UNKNOWN;
}

static bool put_block(convert *c, gs_gotrace_event *e, uint8_t type, word why, uint64_t stack)
{
	e->type = type;
	e->args[0] = word_id(c, why);
	e->args[1] = stack;
	return put(c, *e);
}

static bool put_task(convert *c, gs_gotrace_event *e, const gs_gotrace_v1_record *x)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&c->task_of, x->args[0], &is_new);
	task *k = slot && !is_new ? &c->tasks.p[*slot] : NULL;

	if (slot && is_new) {
		k = gs_vec_push(&c->tasks, INT32_MAX);
		*slot = (uint32_t)c->tasks.n - 1;
	}
	if (!k)
		return no_memory(c);
	*k = (task){ .parent = x->args[1], .is_open = true };
	gs_gotrace_string(&c->t->g, x->args[2], &k->name);
	e->type = GS_GOTRACE_USER_TASK_BEGIN;
	e->args[0] = x->args[0];
	e->args[1] = x->args[1] ? x->args[1] : GS_GOTRACE_NONE;
	e->args[2] = x->args[2];
	e->args[3] = x->stack;
	return put(c, *e);
}

static bool put_task_end(convert *c, gs_gotrace_event *e, const gs_gotrace_v1_record *x)
{
	uint32_t *slot = gs_map_get(&c->task_of, x->args[0]);
	task *k = slot && c->tasks.p[*slot].is_open ? &c->tasks.p[*slot] : NULL;

	e->type = GS_GOTRACE_USER_TASK_END;
	e->args[0] = x->args[0];
	e->args[1] = x->stack;
	e->task_parent = k ? k->parent : GS_GOTRACE_NONE;
	e->name = k ? k->name : (gs_str){ 0 };
	if (k)
		k->is_open = false;
	return put(c, *e);
}

static bool put_syscall(convert *c, gs_gotrace_event *e, bool is_blocked, uint64_t stack)
{
	int64_t time_ns = e->time_ns;

	e->type = GS_GOTRACE_GO_SYSCALL_BEGIN;
	e->args[1] = stack;
	if (!put(c, *e) || is_blocked)
		return !c->failed;
	/* How long it took nobody wrote: the shortest time there is. */
	*e = (gs_gotrace_event){ .type = GS_GOTRACE_GO_SYSCALL_END, .time_ns = time_ns + 1, .m = e->m, .p = e->p, .g = e->g };
	return put(c, *e);
}

static bool put_plain(convert *c, gs_gotrace_event *e, uint8_t type, uint64_t a, uint64_t b, uint64_t d)
{
	e->type = type;
	e->args[0] = a;
	e->args[1] = b;
	e->args[2] = d;
	return put(c, *e);
}

/* Stacks that the file does not have are none. */
static uint64_t known_stack(const convert *c, uint64_t id)
{
	return gs_gotrace_id_find(&c->t->g.stack_ids, id & UINT32_MAX) ? id & UINT32_MAX : 0;
}

static bool create(convert *c, gs_gotrace_event *e, const gs_gotrace_v1_record *x, uint64_t stack)
{
	uint64_t *g;

	if (!c->is_starting)
		return put_plain(c, e, GS_GOTRACE_GO_CREATE, x->args[0], known_stack(c, x->args[1]), stack);
	g = gs_vec_push(&c->created, INT32_MAX);
	if (!g)
		return no_memory(c);
	*g = x->args[0];
	return true;
}

static bool put_record(convert *c, gs_gotrace_event *e, const gs_gotrace_v1_event *v, const gs_gotrace_v1_record *x)
{
	uint64_t stack = known_stack(c, x->stack), id;
	int64_t time_ns = e->time_ns;

	switch (v->type) {
	case GS_GOTRACE_V1_GOMAXPROCS:
		return c->is_starting ? end_start(c, time_ns) : put_plain(c, e, GS_GOTRACE_PROCS_CHANGE, x->args[0], stack, 0);
	case GS_GOTRACE_V1_PROC_START:
		return put_proc(c, e, true);
	case GS_GOTRACE_V1_PROC_STOP:
		return put_proc(c, e, false);
	case GS_GOTRACE_V1_GC_START:
		return put_plain(c, e, GS_GOTRACE_GC_BEGIN, x->args[0], stack, 0);
	case GS_GOTRACE_V1_GC_DONE:
		return put_plain(c, e, GS_GOTRACE_GC_END, 0, 0, 0);
	case GS_GOTRACE_V1_STW_START:
		c->stw = stw_kind(c, x->args[0]);
		return put_plain(c, e, GS_GOTRACE_STW_BEGIN, word_id(c, c->stw), 0, 0);
	case GS_GOTRACE_V1_STW_DONE:
		e->name = gs_str_of(words[c->stw]);
		return put_plain(c, e, GS_GOTRACE_STW_END, 0, 0, 0);
	case GS_GOTRACE_V1_SWEEP_START:
		return put_plain(c, e, GS_GOTRACE_GC_SWEEP_BEGIN, stack, 0, 0);
	case GS_GOTRACE_V1_SWEEP_DONE:
		return put_plain(c, e, GS_GOTRACE_GC_SWEEP_END, x->args[0], x->args[1], 0);
	case GS_GOTRACE_V1_GO_CREATE:
		return create(c, e, x, stack);
	case GS_GOTRACE_V1_GO_START:
		return c->is_starting ? put_status(c, e, x->args[0], GS_GO_RUNNING) :
					put_plain(c, e, GS_GOTRACE_GO_START, x->args[0], x->args[1], 0);
	case GS_GOTRACE_V1_START_LABEL:
		id = x->args[2];
		return put_plain(c, e, GS_GOTRACE_GO_START, x->args[0], x->args[1], 0) &&
		       (e->time_ns = time_ns, put_plain(c, e, GS_GOTRACE_GO_LABEL, id, 0, 0));
	case GS_GOTRACE_V1_GO_END:
		return put_plain(c, e, GS_GOTRACE_GO_DESTROY, 0, 0, 0);
	case GS_GOTRACE_V1_GO_STOP:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_FOREVER, stack);
	case GS_GOTRACE_V1_GO_SCHED:
		return put_block(c, e, GS_GOTRACE_GO_STOP, W_GOSCHED, stack);
	case GS_GOTRACE_V1_GO_PREEMPT:
		return put_block(c, e, GS_GOTRACE_GO_STOP, W_PREEMPTED, stack);
	case GS_GOTRACE_V1_GO_SLEEP:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_SLEEP, stack);
	case GS_GOTRACE_V1_GO_BLOCK:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_EMPTY, stack);
	case GS_GOTRACE_V1_BLOCK_SEND:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_CHAN_SEND, stack);
	case GS_GOTRACE_V1_BLOCK_RECV:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_CHAN_RECEIVE, stack);
	case GS_GOTRACE_V1_BLOCK_SELECT:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_SELECT, stack);
	case GS_GOTRACE_V1_BLOCK_SYNC:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_SYNC, stack);
	case GS_GOTRACE_V1_BLOCK_COND:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_COND, stack);
	case GS_GOTRACE_V1_BLOCK_NET:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_NETWORK, stack);
	case GS_GOTRACE_V1_BLOCK_GC:
		return put_block(c, e, GS_GOTRACE_GO_BLOCK, W_ASSIST, stack);
	case GS_GOTRACE_V1_GO_UNBLOCK:
		return put_plain(c, e, GS_GOTRACE_GO_UNBLOCK, x->args[0], x->args[1], stack);
	case GS_GOTRACE_V1_SYSCALL:
		return put_syscall(c, e, v->is_blocked, stack);
	case GS_GOTRACE_V1_SYS_EXIT:
		return put_plain(c, e, GS_GOTRACE_GO_SYSCALL_END_BLOCKED, 0, 0, 0);
	case GS_GOTRACE_V1_WAITING:
		return put_status(c, e, x->args[0], GS_GO_WAITING);
	case GS_GOTRACE_V1_IN_SYSCALL:
		return put_status(c, e, x->args[0], GS_GO_SYSCALL);
	case GS_GOTRACE_V1_HEAP_ALLOC:
		return put_plain(c, e, GS_GOTRACE_HEAP_ALLOC, x->args[0], 0, 0);
	case GS_GOTRACE_V1_HEAP_GOAL:
		return put_plain(c, e, GS_GOTRACE_HEAP_GOAL, x->args[0], 0, 0);
	case GS_GOTRACE_V1_ASSIST_START:
		return put_plain(c, e, GS_GOTRACE_GC_MARK_ASSIST_BEGIN, stack, 0, 0);
	case GS_GOTRACE_V1_ASSIST_DONE:
		return put_plain(c, e, GS_GOTRACE_GC_MARK_ASSIST_END, 0, 0, 0);
	case GS_GOTRACE_V1_TASK_CREATE:
		return put_task(c, e, x);
	case GS_GOTRACE_V1_TASK_END:
		return put_task_end(c, e, x);
	case GS_GOTRACE_V1_REGION:
		return put_plain(c, e, x->args[1] == 0 ? GS_GOTRACE_USER_REGION_BEGIN : GS_GOTRACE_USER_REGION_END, x->args[0],
				 x->args[2], stack);
	case GS_GOTRACE_V1_LOG:
		e->args[3] = stack;
		return put_plain(c, e, GS_GOTRACE_USER_LOG, x->args[0], x->args[1],
				 x->text.n ? c->first_message + gs_strtab_find(&c->t->messages, x->text) : 0);
	default: /* SYS_BLOCK is told by what comes before it */
		return true;
	}
}

static bool is_timer(const convert *c, uint64_t g)
{
	for (size_t i = 0; i < c->t->timers.n; i++)
		if (c->t->timers.p[i] == g)
			return true;
	return false;
}

static bool convert_one(convert *c, const gs_gotrace_v1_event *v, int64_t ticks)
{
	gs_gotrace_v1 *t = c->t;
	uint64_t g = t->goroutines.p[v->g];
	double ns = (double)(int64_t)((uint64_t)ticks - (uint64_t)c->first_ticks) * c->ns_per_tick;
	/* What no clock can have said leaves no room for later events. */
	gs_gotrace_event e = { .time_ns = ns >= 0 && ns < 0x1p61 ? (int64_t)ns : c->last_ns,
			       .m = GS_GOTRACE_NONE, .p = GS_GOTRACE_NONE, .g = g ? g : GS_GOTRACE_NONE };
	gs_gotrace_v1_record x;
	gs_rd in = gs_rd_of(t->bytes);
	uint32_t *thread;
	bool is_new;
	int32_t p;

	if (v->type == GS_GOTRACE_V1_CPU_SAMPLE) {
		const gs_gotrace_v1_sample *s = &t->samples.p[v->at];

		e.type = GS_GOTRACE_CPU_SAMPLE;
		e.p = s->p < 0 ? GS_GOTRACE_NONE : (uint64_t)s->p;
		e.args[0] = known_stack(c, s->stack);
		return put(c, e);
	}
	gs_rd_seek(&in, v->at);
	if (!gs_gotrace_v1_next(&in, t->version, &x, NULL))
		return true;
	p = t->lanes.p[v->lane].p;
	if (v->type == GS_GOTRACE_V1_SYS_EXIT)
		p = SYSCALL_P;
	else if (v->type == GS_GOTRACE_V1_GC_START)
		p = GC_P;
	else if (v->type == GS_GOTRACE_V1_GO_UNBLOCK && v->is_network)
		p = NETPOLL_P;
	else if (v->type == GS_GOTRACE_V1_GO_UNBLOCK && is_timer(c, g))
		p = TIMER_P;
	if (p >= 0) {
		e.p = (uint64_t)p;
		thread = gs_map_put(&c->thread_of, e.p, &is_new);
		if (!thread)
			return no_memory(c);
		if (v->type == GS_GOTRACE_V1_PROC_START)
			*thread = (uint32_t)x.args[0] + 1;
		e.m = *thread ? *thread - 1 : GS_GOTRACE_NONE;
		if (v->type == GS_GOTRACE_V1_PROC_STOP)
			*thread = 0;
	}
	return put_record(c, &e, v, &x);
}

/* The file's own strings are in the tables; what version 2 has beside them goes behind. */
static bool add_strings(convert *c)
{
	gs_gotrace_generation *g = &c->t->g;
	uint64_t max = 0;

	for (size_t i = 0; i < g->strings.n; i++)
		max = g->strings.p[i].id > max ? g->strings.p[i].id : max;
	if (max > UINT64_MAX / 2)
		return gs_fail(c->err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "a string has an id beyond all measure");
	c->first_message = max + 1;
	c->first_word = c->first_message + c->t->messages.n;
	for (uint64_t i = 1; i < c->t->messages.n + (uint64_t)N_WORDS; i++) {
		bool is_word = i >= c->t->messages.n;
		gs_str text = is_word ? gs_str_of(words[i - c->t->messages.n]) : gs_strtab_get(&c->t->messages, (uint32_t)i);
		gs_gotrace_string_entry *s = gs_vec_push(&g->strings, INT32_MAX);

		if (!s)
			return no_memory(c);
		*s = (gs_gotrace_string_entry){ c->first_message + i, text };
	}
	return gs_gotrace_generation_index(g, c->err);
}

static bool convert_all(convert *c)
{
	gs_gotrace_v1 *t = c->t;
	size_t moved = 0;

	for (size_t i = 0; i <= t->events.n && !c->failed; i++) {
		const gs_gotrace_v1_event *e = i < t->events.n ? &t->events.p[i] : NULL;

		if (e && e->is_moved)
			continue;
		/* Of the same time, the one that was written first comes first. */
		while (!c->failed && moved < t->moved.n &&
		       (!e || t->moved.p[moved].ticks < e->ticks ||
			(t->moved.p[moved].ticks == e->ticks && t->moved.p[moved].event < i))) {
			convert_one(c, &t->events.p[t->moved.p[moved].event], t->moved.p[moved].ticks);
			moved++;
		}
		if (e && !c->failed)
			convert_one(c, e, e->ticks);
	}
	return !c->failed;
}

static int64_t first_ticks(const gs_gotrace_v1 *t)
{
	int64_t first = 0;
	size_t i = 0;

	while (i < t->events.n && t->events.p[i].is_moved)
		i++;
	if (i < t->events.n)
		first = t->events.p[i].ticks;
	if (t->moved.n && t->moved.p[0].ticks < first)
		first = t->moved.p[0].ticks;
	return first;
}

static bool hand_out(gs_gotrace_v1 *t, gs_gotrace_reader *r, gs_err *err)
{
	gs_gotrace_sync sync = { .n = ++r->n, .time_ns = -1 };
	gs_gotrace_stitch s = { 0 };
	convert c = { .t = t, .r = r, .err = err, .last_ns = -1, .is_starting = true, .ns_per_tick = 1e9 / (double)t->ticks_per_s };
	bool ok = add_strings(&c);

	c.first_ticks = first_ticks(t);
	if (ok && r->serial) {
		c.event = r->serial->event;
		c.ctx = r->serial->ctx;
		c.failed = !r->serial->sync(r->serial->ctx, &t->g, &sync, err);
	} else if (ok) {
		c.event = r->parallel->event;
		c.failed = !r->parallel->begin(r->parallel->ctx, 0, &t->g, &c.ctx, err);
	}
	r->sink_failed = c.failed;
	if (ok && !c.failed) {
		ok = convert_all(&c);
		r->sink_failed = !ok;
		if (r->parallel && !ok) {
			r->parallel->discard(r->parallel->ctx, c.ctx);
		} else if (r->parallel) {
			s = (gs_gotrace_stitch){ .sync = sync, .events = c.events, .end_ns = c.last_ns };
			r->sink_failed = !r->parallel->stitch(r->parallel->ctx, c.ctx, &t->g, &s, err);
		}
	}
	r->last_ns = c.last_ns;
	r->report->events = c.events;
	gs_vec_release(&c.created);
	gs_vec_release(&c.tasks);
	gs_map_release(&c.state_told);
	gs_map_release(&c.seen_procs);
	gs_map_release(&c.thread_of);
	gs_map_release(&c.task_of);
	return ok && !r->sink_failed;
}

static void release(gs_gotrace_v1 *t)
{
	gs_gotrace_generation_release(&t->g);
	gs_vec_release(&t->batches);
	gs_vec_release(&t->lanes);
	gs_vec_release(&t->samples);
	gs_vec_release(&t->timers);
	gs_vec_release(&t->events);
	gs_vec_release(&t->moved);
	gs_vec_release(&t->goroutines);
	gs_map_release(&t->lane_of);
	gs_map_release(&t->goroutine_of);
	gs_arena_free(t->mem);
}

bool gs_gotrace_v1_read(gs_gotrace_reader *r, gs_err *err)
{
	gs_str bytes = { (const char *)r->in.start, (size_t)(r->in.end - r->in.start) };
	gs_gotrace_v1 t = { .version = r->report->version, .mem = gs_arena_create(UINT64_MAX) };
	gs_gotrace_report *report = r->report;
	bool ok = gs_strtab_init(&t.messages, t.mem);

	/* Ids that the file lacks are none: Go's reader is as lenient. */
	t.g.is_partial = true;
	if (!ok)
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the trace");
	ok = ok && gs_gotrace_v1_index(&t, bytes, err, &report->damage) && gs_gotrace_v1_merge(&t, err, &report->damage);
	if (ok && t.ticks_per_s <= 0) {
		/* It comes last: without it only ratios of times are right. Go's clock of today's machines, divided by 16. */
		t.is_cut = t.is_cut || !t.is_damaged;
		if (!t.is_damaged)
			gs_fail(&report->damage, GS_ERR_FORMAT, t.end, "the trace does not say how fast its clock runs");
		t.is_damaged = true;
		t.ticks_per_s = 150000000;
	}
	report->is_damaged = t.is_damaged;
	report->lost_bytes = t.is_damaged ? bytes.n - t.end : 0;
	report->is_cut = t.is_cut;
	report->end_damage = report->damage;
	report->lost_from_at = t.is_damaged ? t.end : 0;
	report->lost_until_ns = GS_GOTRACE_NO_TIME;
	report->clamped_times = t.n_clamped;
	if (ok && t.is_damaged && !t.events.n) {
		*err = report->damage;
		ok = false;
	}
	ok = ok && hand_out(&t, r, err);
	report->generations = ok && !t.is_damaged;
	release(&t);
	return ok;
}
