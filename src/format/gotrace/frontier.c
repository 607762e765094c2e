/*
 * One generation in order: the threads' next events in a heap by time, of which the first that may go goes. Nearly always that is
 * the root, and the next one is on the same thread or one step down the heap.
 */
#include "base/file.h"
#include "format/gotrace/order_step.h"

enum { MAX_EVENT_BYTES = 1 + 5 * 10 };

/* What happens to every event is one function; the rest keeps out of its way. */
#define HOT static inline __attribute__((always_inline))
#define RARE static __attribute__((noinline))

/* The place in one thread's batches, with the event that comes next there. */
typedef struct cursor {
	gs_gotrace_event e; /* as it will be handed out: nothing is copied */
	const unsigned char *p, *end;
	uint64_t shift; /* offset in the file = p + shift */
	uint64_t at;	/* offset of e in the file */
	int64_t time_ns; /* of e, as the thread has it: e.time_ns is what came of it */
	uint64_t m;
	uint32_t thread; /* of the order */
	uint32_t batch;
} cursor;

typedef struct place {
	int64_t time_ns; /* of the cursor, without a look at it */
	cursor *c;
} place;

typedef struct frontier {
	const gs_gotrace_generation *g;
	gs_gotrace_order *o;
	gs_gotrace_run *run;
	gs_err *err;
	place *heap; /* by time_ns */
	size_t n_heap;
	size_t sample;
	int64_t next_sample_ns;
	uint64_t ns_per_unit; /* when that is a whole number, else 0 */
	uint64_t end_stacks, end_strings; /* all ids below exist */
} frontier;

HOT int64_t units_ns(const frontier *f, uint64_t units)
{
	/* Below, both are exact and equal to the product of doubles. */
	if (f->ns_per_unit && units < UINT64_C(1) << 32)
		return (int64_t)(units * f->ns_per_unit);
	return gs_gotrace_ns(f->g, units);
}

/* A number of up to 8 bytes; 0 bytes: it is longer. 8 bytes must be readable, which the caller knows of a whole event at once. */
HOT unsigned varint(const unsigned char *p, uint64_t *v)
{
	uint64_t x, stops;

	if (p[0] < 0x80) {
		*v = p[0];
		return 1;
	}
	if (p[1] < 0x80) {
		*v = (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
		return 2;
	}
	memcpy(&x, p, sizeof(x));
	x = le64toh(x);
	stops = ~x & 0x8080808080808080u;
	if (!stops)
		return 0;
	x &= stops ^ (stops - 1);
	x = (x & 0x007f007f007f007fu) | (x & 0x7f007f007f007f00u) >> 1;
	x = (x & 0x00003fff00003fffu) | (x & 0x3fff00003fff0000u) >> 2;
	*v = (x & 0x000000000fffffffu) | (x & 0x0fffffff00000000u) >> 4;
	return (unsigned)__builtin_ctzll(stops) / 8 + 1;
}

/* Carefully, and over the ends of batches. *more false: the thread has no event any more. */
RARE bool next_event_slow(const frontier *f, cursor *c, bool *more)
{
	const gs_gotrace_generation *g = f->g;
	const gs_gotrace_spec *spec;
	gs_rd r;
	uint64_t dt;

	*more = false;
	while (c->p == c->end) {
		const gs_gotrace_batch *b = c->batch == UINT32_MAX ? NULL : &g->batches.p[c->batch];

		if (b && g->lost_at && gs_gotrace_may_lack_next(g, b)) {
			c->at = c->shift + (uint64_t)(uintptr_t)c->p;
			return gs_fail(f->err, GS_ERR_FORMAT, c->at, "events of thread %llu may be missing", (unsigned long long)c->m);
		}
		if (b && f->run->is_reread)
			gs_bytes_discard(b->data);
		c->batch = b ? b->next : UINT32_MAX;
		if (c->batch == UINT32_MAX)
			return true;
		b = &g->batches.p[c->batch];
		r = gs_rd_of(b->data);
		c->p = r.p;
		c->end = r.end;
		c->shift = b->at - (uint64_t)(uintptr_t)r.p;
		c->time_ns = gs_gotrace_ns(g, b->time);
	}
	*more = true;
	r = (gs_rd){ c->p, c->p, c->end, false };
	c->at = c->shift + (uint64_t)(uintptr_t)c->p;
	c->e.type = gs_rd_u8(&r);
	spec = gs_gotrace_spec_of(c->e.type);
	if (!spec->name)
		return gs_fail(f->err, GS_ERR_FORMAT, c->at, "event type %u is not known", c->e.type);
	dt = gs_rd_varint(&r);
	for (unsigned i = 0; i < spec->n_args; i++)
		c->e.args[i] = gs_rd_varint(&r);
	if (r.bad)
		return gs_fail(f->err, GS_ERR_FORMAT, c->at, "%s is cut short", spec->name);
	c->time_ns += gs_gotrace_ns(g, dt);
	if (c->time_ns > GS_GOTRACE_MAX_NS)
		return gs_fail(f->err, GS_ERR_FORMAT, c->at, "%s has a time beyond all bounds", spec->name);
	c->p = r.p;
	return true;
}

/* Read the thread's next event into the cursor. *more false: there is none. */
HOT bool next_event(const frontier *f, cursor *c, bool *more)
{
	const unsigned char *p = c->p;
	uint64_t dt;
	int64_t time_ns;
	unsigned type, n, size;

	if (c->end - p < MAX_EVENT_BYTES)
		return next_event_slow(f, c, more);
	type = *p++;
	n = gs_gotrace_shapes[type].n_args;
	size = varint(p, &dt);
	p += size;
	if (n == GS_GOTRACE_NO_EVENT || !size)
		return next_event_slow(f, c, more);
#define ARG(i)                                                  \
	if (n > (i)) {                                          \
		size = varint(p, &c->e.args[i]);                \
		p += size;                                      \
		if (__builtin_expect(!size, 0))                 \
			return next_event_slow(f, c, more);     \
	}
	ARG(0)
	ARG(1)
	ARG(2)
	ARG(3)
#undef ARG
	time_ns = c->time_ns + units_ns(f, dt);
	if (time_ns > GS_GOTRACE_MAX_NS)
		return next_event_slow(f, c, more);
	c->at = c->shift + (uint64_t)(uintptr_t)c->p;
	c->e.type = (uint8_t)type;
	c->time_ns = time_ns;
	c->p = p;
	*more = true;
	return true;
}

RARE void sift_down(frontier *f, size_t i)
{
	place *heap = f->heap, it = heap[i];
	size_t n = f->n_heap;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n)
			child += heap[child + 1].time_ns < heap[child].time_ns;
		if (heap[child].time_ns >= it.time_ns)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = it;
}

/*
 * sift_down(0). Which of two threads comes next is anybody's guess, so the first step has no branches for the processor to guess
 * with; that a second step is needed is rare.
 */
HOT void sift_root(frontier *f)
{
	place *heap = f->heap;
	size_t child;
	uint64_t swap, time, c;

	if (f->n_heap < 3) {
		sift_down(f, 0);
		return;
	}
	child = 1 + (size_t)(heap[2].time_ns < heap[1].time_ns);
	swap = -(uint64_t)(heap[child].time_ns < heap[0].time_ns);
	time = ((uint64_t)heap[0].time_ns ^ (uint64_t)heap[child].time_ns) & swap;
	c = ((uint64_t)(uintptr_t)heap[0].c ^ (uint64_t)(uintptr_t)heap[child].c) & swap;
	heap[0].time_ns = (int64_t)((uint64_t)heap[0].time_ns ^ time);
	heap[0].c = (cursor *)(uintptr_t)((uint64_t)(uintptr_t)heap[0].c ^ c);
	heap[child].time_ns = (int64_t)((uint64_t)heap[child].time_ns ^ time);
	heap[child].c = (cursor *)(uintptr_t)((uint64_t)(uintptr_t)heap[child].c ^ c);
	if (2 * child + 1 < f->n_heap && (heap[2 * child + 1].time_ns < heap[child].time_ns ||
					  (2 * child + 2 < f->n_heap && heap[2 * child + 2].time_ns < heap[child].time_ns)))
		sift_down(f, child);
}

static void sift_up(frontier *f, size_t i)
{
	place it = f->heap[i];

	for (; i > 0 && f->heap[(i - 1) / 2].time_ns > it.time_ns; i = (i - 1) / 2)
		f->heap[i] = f->heap[(i - 1) / 2];
	f->heap[i] = it;
}

static int by_time(const void *a, const void *b)
{
	const place *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* A sorted heap is still a heap. It was sorted a moment ago, nearly always, and little has moved since. */
static void sort_heap(frontier *f)
{
	size_t moves = 0, enough = 64 * 64 + 4 * f->n_heap;

	for (size_t i = 1; i < f->n_heap; i++) {
		place it = f->heap[i];
		size_t k = i;

		for (; k > 0 && f->heap[k - 1].time_ns > it.time_ns; k--)
			f->heap[k] = f->heap[k - 1];
		f->heap[k] = it;
		moves += i - k;
		if (moves > enough) {
			qsort(f->heap, f->n_heap, sizeof(*f->heap), by_time);
			return;
		}
	}
}

RARE bool look_ids_up(const gs_gotrace_generation *g, const gs_gotrace_event *e)
{
	const gs_gotrace_shape *shape = &gs_gotrace_shapes[e->type];
	bool ok = gs_gotrace_id_exists(&g->stack_ids, e->args[shape->stack_at] & shape->stack_mask) &&
		  gs_gotrace_id_exists(&g->string_ids, e->args[shape->string_at] & shape->string_mask);

	if (shape->new_stack)
		ok &= gs_gotrace_id_exists(&g->stack_ids, e->args[shape->new_stack - 1]);
	for (unsigned i = 0, strings = shape->strings; strings; i++, strings >>= 1)
		if (strings & 1)
			ok &= gs_gotrace_id_exists(&g->string_ids, e->args[i]);
	return ok || g->is_partial;
}

HOT bool ids_exist(const frontier *f, const gs_gotrace_event *e)
{
	const gs_gotrace_shape *shape = &gs_gotrace_shapes[e->type];

	return ((e->args[shape->stack_at] & shape->stack_mask) < f->end_stacks &&
		(e->args[shape->string_at] & shape->string_mask) < f->end_strings && !shape->new_stack && !shape->strings) ||
	       look_ids_up(f->g, e);
}

/* Times rise strictly: a clock that went back never reorders what sequence numbers have ordered. */
HOT bool deliver(frontier *f, gs_gotrace_event *e, int64_t time_ns, uint64_t at)
{
	gs_gotrace_run *run = f->run;

	if (!ids_exist(f, e)) {
		run->is_cut = f->g->may_be_cut;
		if (!run->is_cut)
			return gs_fail(f->err, GS_ERR_FORMAT, at, "%s names a stack or string that its generation does not have",
			       gs_gotrace_spec_of(e->type)->name);
	}
	run->last_ns = e->time_ns = time_ns <= run->last_ns ? run->last_ns + 1 : time_ns;
	f->o->n_events++;
	if (run->event(run->ctx, f->g, e, f->err))
		return true;
	run->sink_failed = true;
	return false;
}

RARE bool deliver_sample(frontier *f)
{
	const gs_gotrace_sample *s = &f->g->samples.p[f->sample++];
	gs_gotrace_event e = { .type = GS_GOTRACE_CPU_SAMPLE, .m = s->m, .p = s->p, .g = s->g, .args = { s->stack },
			       .task_parent = NONE };

	f->next_sample_ns = f->sample < f->g->samples.n ? f->g->samples.p[f->sample].time_ns : INT64_MAX;
	if (s->stack && !gs_gotrace_id_find(&f->g->stack_ids, s->stack) && !f->g->is_partial)
		return gs_fail(f->err, GS_ERR_FORMAT, f->g->start_at,
			       "a CPU sample names a stack that its generation does not have");
	return deliver(f, &e, s->time_ns, f->g->start_at);
}

/* With the two events that an event may bring along. */
RARE bool deliver_all(frontier *f, cursor *c)
{
	gs_gotrace_order *o = f->o;
	unsigned n = o->n_extra;

	o->n_extra = 0;
	if (!o->extra_first && !deliver(f, &c->e, c->time_ns, c->at))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (!deliver(f, &o->extra[i], c->time_ns, c->at))
			return false;
	if (!o->extra_first)
		return true;
	o->extra_first = false;
	return deliver(f, &c->e, c->time_ns, c->at);
}

/* What only few types fill, for the next event in the same place. */
HOT void tidy(cursor *c)
{
	c->e.m = c->m;
	c->e.from_state = c->e.to_state = 0;
	c->e.task_parent = NONE;
	c->e.name = (gs_str){ 0 };
}

/* As Go's reader takes it out: up to the root, then replaced by the last. Equal times stay apart as there: its order is ours. */
static void take_out(frontier *f, size_t i)
{
	for (; i > 0; i = (i - 1) / 2)
		f->heap[i] = f->heap[(i - 1) / 2];
	f->heap[0] = f->heap[--f->n_heap];
	if (f->n_heap)
		sift_down(f, 0);
}

/* Hand out the event of a cursor, which the order let go, and put the thread's next one in its place. */
HOT bool follow(frontier *f, cursor *c, bool *more)
{
	if (f->o->n_extra ? !deliver_all(f, c) : !deliver(f, &c->e, c->time_ns, c->at))
		return false;
	tidy(c);
	return next_event(f, c, more);
}

HOT gs_gotrace_advance advance(frontier *f, cursor *c)
{
	f->o->at = c->at;
	return gs_gotrace_order_advance(f->o, c->thread, &c->e);
}

/* The root may not go yet: the first of the others that may. */
RARE bool follow_another(frontier *f)
{
	sort_heap(f);
	for (size_t i = 1; i < f->n_heap; i++) {
		cursor *c = f->heap[i].c;
		bool more;

		switch (advance(f, c)) {
		case GS_GOTRACE_YES:
			if (!follow(f, c, &more))
				return false;
			f->heap[i].time_ns = c->time_ns;
			if (!more)
				take_out(f, i);
			else if (f->heap[(i - 1) / 2].time_ns > c->time_ns)
				sift_up(f, i);
			else
				sift_down(f, i);
			return true;
		case GS_GOTRACE_BROKEN:
			return false;
		case GS_GOTRACE_NOT_YET:
			break;
		}
	}
	return gs_fail(f->err, GS_ERR_FORMAT, f->heap[0].c->at,
		       "no consistent order: none of %zu threads can go on in generation %llu", f->n_heap,
		       (unsigned long long)f->g->number);
}

static bool follow_all(frontier *f)
{
	while (f->n_heap || f->sample < f->g->samples.n) {
		gs_gotrace_advance answer;
		cursor *c;
		bool more;

		if (f->sample < f->g->samples.n && (!f->n_heap || f->next_sample_ns < f->heap[0].time_ns)) {
			if (!deliver_sample(f))
				return false;
			continue;
		}
		c = f->heap[0].c;
		answer = advance(f, c);
		if (answer == GS_GOTRACE_YES) {
			if (!follow(f, c, &more))
				return false;
			f->heap[0].time_ns = c->time_ns;
			if (more)
				sift_root(f);
			else
				take_out(f, 0);
		} else if (answer == GS_GOTRACE_BROKEN || !follow_another(f)) {
			return false;
		}
	}
	return true;
}

RARE bool start(frontier *f, cursor *cursors)
{
	const gs_gotrace_generation *g = f->g;

	for (size_t i = 0; i < g->threads.n; i++) {
		cursor *c = &cursors[i];
		gs_rd r = gs_rd_of(g->batches.p[g->threads.p[i].first].data);
		bool more;

		c->m = g->threads.p[i].m;
		c->batch = g->threads.p[i].first;
		c->p = r.p;
		c->end = r.end;
		c->shift = g->batches.p[c->batch].at - (uint64_t)(uintptr_t)r.p;
		c->time_ns = gs_gotrace_ns(g, g->batches.p[c->batch].time);
		c->thread = gs_gotrace_order_make_m(f->o, c->m);
		if (c->thread == UINT32_MAX)
			return gs_fail(f->err, GS_ERR_LIMIT, g->start_at, "out of memory while reading the trace");
		f->o->ms.p[c->thread].epoch = f->o->epoch;
		tidy(c);
		if (!next_event(f, c, &more))
			return false;
		if (more) {
			f->heap[f->n_heap] = (place){ c->time_ns, c };
			sift_up(f, f->n_heap++);
		}
	}
	return true;
}

/* What stays undelivered: of each thread from its next event on. */
static void measure_rest(const frontier *f, const cursor *cursors)
{
	const gs_gotrace_generation *g = f->g;
	int64_t until = INT64_MIN;

	for (size_t i = 0; i < g->threads.n; i++) {
		const cursor *c = &cursors[i];
		uint32_t batch = c->p ? c->batch : g->threads.p[i].first;

		if (batch == UINT32_MAX)
			continue;
		if (c->p) {
			f->run->lost_bytes += (uint64_t)(uintptr_t)c->end - (c->at - c->shift);
			until = c->time_ns > until ? c->time_ns : until;
			batch = g->batches.p[batch].next;
		}
		for (; batch != UINT32_MAX; batch = g->batches.p[batch].next) {
			int64_t at = gs_gotrace_ns(g, g->batches.p[batch].time);

			f->run->lost_bytes += g->batches.p[batch].data.n;
			until = at > until ? at : until;
		}
	}
	f->run->lost_until_ns = until;
}

/* The runtime's ids count from 1. */
static uint64_t end_of_run(const gs_gotrace_ids *ids, uint64_t n)
{
	return ids->dense && ids->n_dense == n + 1 ? ids->n_dense : 0;
}

bool gs_gotrace_order_run(gs_gotrace_order *o, const gs_gotrace_generation *g, bool is_open, gs_gotrace_run *run, gs_err *err)
{
	frontier f = { .g = g, .o = o, .run = run, .err = err, .next_sample_ns = INT64_MAX };
	size_t n = g->threads.n;
	cursor *cursors = gs_alloc_should_fail() ? NULL : calloc(n + 1, sizeof(*cursors));
	bool ok;

	f.heap = calloc(n + 1, sizeof(*f.heap));
	if (g->ns_per_unit >= 1 && g->ns_per_unit <= 1 << 20 && g->ns_per_unit == (double)(uint64_t)g->ns_per_unit)
		f.ns_per_unit = (uint64_t)g->ns_per_unit;
	if (g->samples.n)
		f.next_sample_ns = g->samples.p[0].time_ns;
	f.end_stacks = end_of_run(&g->stack_ids, g->stacks.n);
	f.end_strings = end_of_run(&g->string_ids, g->strings.n);
	o->gen = g;
	o->err = err;
	o->epoch++;
	o->is_open = is_open;
	o->lacks_names |= g->is_partial;
	o->is_initial = !is_open && o->epoch == 1;
	o->n_events = 0;
	ok = cursors && f.heap ? start(&f, cursors) && follow_all(&f) :
				 gs_fail(err, GS_ERR_LIMIT, g->start_at, "out of memory while reading the trace");
	run->events = o->n_events;
	if (!ok && cursors && f.heap)
		measure_rest(&f, cursors);
	free(cursors);
	free(f.heap);
	if (ok && !is_open && !gs_gotrace_order_tidy(o))
		ok = gs_fail(err, GS_ERR_LIMIT, g->start_at, "out of memory while reading the trace");
	return ok;
}
