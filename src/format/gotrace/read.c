#include "format/gotrace/gotrace.h"

#include "format/gotrace/order.h"

enum { HEADER_BYTES = 16, MAX_KNOWN_VERSION = 26 };

/* The place in one thread's batches, with the event that comes next there. */
typedef struct cursor {
	int64_t time_ns; /* of `event` */
	uint64_t m;
	uint32_t batch;
	gs_rd data;
	int64_t last_ns;
	bool has_time;
	gs_gotrace_event event;
	uint64_t at; /* offset of `event` in the file */
} cursor;

typedef struct reader {
	const gs_gotrace_generation *g;
	gs_gotrace_order *order;
	const gs_gotrace_sink *sink;
	gs_gotrace_report *report;
	cursor **heap; /* by time */
	size_t n_heap;
	size_t sample;
	int64_t last_ns;
	unsigned syncs;
	bool sink_failed; /* err is the sink's */
} reader;

bool gs_gotrace_probe(gs_str bytes, unsigned *version)
{
	gs_str rest, number;
	uint64_t n;

	if (bytes.n < HEADER_BYTES || !gs_str_starts(bytes, GS_S("go 1.")))
		return false;
	rest = gs_str_slice(bytes, 5, HEADER_BYTES);
	if (!gs_str_cut(rest, ' ', &number, &rest) || !gs_str_u64(number, 10, &n) || n > 999 ||
	    !gs_str_starts(rest, GS_S("trace\0")))
		return false;
	*version = (unsigned)n;
	return true;
}

/* Read the thread's next event into the cursor. *more false: there is none. */
static bool next_event(const reader *r, cursor *c, bool *more, gs_err *err)
{
	const gs_gotrace_generation *g = r->g;
	const gs_gotrace_spec *spec;
	uint64_t dt;

	while (c->batch != UINT32_MAX && gs_rd_left(&c->data) == 0) {
		c->batch = g->batches.p[c->batch].next;
		c->has_time = false;
		if (c->batch != UINT32_MAX)
			c->data = gs_rd_of(g->batches.p[c->batch].data);
	}
	*more = c->batch != UINT32_MAX;
	if (!*more)
		return true;
	if (!c->has_time) {
		c->last_ns = gs_gotrace_ns(g, g->batches.p[c->batch].time);
		c->has_time = true;
	}
	c->at = g->batches.p[c->batch].at + gs_rd_at(&c->data);
	c->event.type = gs_rd_u8(&c->data);
	spec = gs_gotrace_spec_of(c->event.type);
	if (!spec->name)
		return gs_fail(err, GS_ERR_FORMAT, c->at, "event type %u is not known", c->event.type);
	dt = gs_rd_varint(&c->data);
	for (unsigned i = 0; i < spec->n_args; i++)
		c->event.args[i] = gs_rd_varint(&c->data);
	if (c->data.bad)
		return gs_fail(err, GS_ERR_FORMAT, c->at, "%s is cut short", spec->name);
	if (__builtin_add_overflow(c->last_ns, gs_gotrace_ns(g, dt), &c->last_ns))
		return gs_fail(err, GS_ERR_FORMAT, c->at, "%s has a time beyond all bounds", spec->name);
	c->event.time_ns = c->time_ns = c->last_ns;
	return true;
}

static void sift_down(reader *r, size_t i)
{
	cursor *c = r->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= r->n_heap)
			break;
		if (child + 1 < r->n_heap && r->heap[child + 1]->time_ns < r->heap[child]->time_ns)
			child++;
		if (r->heap[child]->time_ns >= c->time_ns)
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = c;
}

static void sift_up(reader *r, size_t i)
{
	cursor *c = r->heap[i];

	for (; i > 0 && r->heap[(i - 1) / 2]->time_ns > c->time_ns; i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = c;
}

static int by_time(const void *a, const void *b)
{
	const cursor *x = *(cursor *const *)a, *y = *(cursor *const *)b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* Times rise strictly: a clock that went back never reorders what sequence numbers have ordered. */
static int64_t clamp_time(reader *r, int64_t time_ns)
{
	r->last_ns = time_ns <= r->last_ns ? r->last_ns + 1 : time_ns;
	return r->last_ns;
}

static bool ids_exist(const reader *r, const gs_gotrace_event *e, uint64_t at, gs_err *err)
{
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);
	const gs_gotrace_frame *frames;
	gs_str text;
	uint32_t n;

	if ((spec->stack && !gs_gotrace_stack(r->g, e->args[spec->stack - 1], &frames, &n)) ||
	    (spec->new_stack && !gs_gotrace_stack(r->g, e->args[spec->new_stack - 1], &frames, &n)))
		return gs_fail(err, GS_ERR_FORMAT, at, "%s names a stack that its generation does not have", spec->name);
	for (unsigned i = 0; i < spec->n_args; i++)
		if (spec->strings & 1u << i && !gs_gotrace_string(r->g, e->args[i], &text))
			return gs_fail(err, GS_ERR_FORMAT, at, "%s names a string that its generation does not have", spec->name);
	return true;
}

static bool deliver(reader *r, gs_gotrace_event *e, gs_err *err)
{
	e->time_ns = clamp_time(r, e->time_ns);
	r->report->events++;
	if (r->sink->event(r->sink->ctx, r->g, e, err))
		return true;
	r->sink_failed = true;
	return false;
}

static bool deliver_sync(reader *r, const gs_gotrace_generation *g, int64_t time_ns, gs_err *err)
{
	gs_gotrace_sync s = { .n = ++r->syncs, .time_ns = clamp_time(r, time_ns) };

	if (g && g->has_clock) {
		s.has_clock = true;
		s.clock_trace_ns = gs_gotrace_ns(g, g->clock_time);
		s.clock_mono_ns = g->clock_mono;
		s.clock_wall_s = (int64_t)g->clock_wall_s;
		s.clock_wall_ns = g->clock_wall_ns;
	}
	if (r->sink->sync(r->sink->ctx, g, &s, err))
		return true;
	r->sink_failed = true;
	return false;
}

/* Try the event of heap[i]. *went false: not yet. */
static bool try_advance(reader *r, size_t i, bool *went, gs_err *err)
{
	cursor *c = r->heap[i];
	gs_gotrace_event out[GS_GOTRACE_MAX_OUT], e = c->event;
	unsigned n = 0;
	uint64_t at = c->at;
	bool more;

	switch (gs_gotrace_order_advance(r->order, r->g, &e, c->m, at, out, &n, err)) {
	case GS_GOTRACE_NOT_YET:
		*went = false;
		return true;
	case GS_GOTRACE_BROKEN:
		return false;
	case GS_GOTRACE_YES:
		break;
	}
	*went = true;
	for (unsigned k = 0; k < n; k++)
		if (!ids_exist(r, &out[k], at, err) || !deliver(r, &out[k], err))
			return false;
	if (!next_event(r, c, &more, err))
		return false;
	if (!more) {
		/* Take it out: the last one moves to its place and finds its own. */
		r->heap[i] = r->heap[--r->n_heap];
		if (i == r->n_heap)
			return true;
	}
	if (i > 0 && r->heap[(i - 1) / 2]->time_ns > r->heap[i]->time_ns)
		sift_up(r, i);
	else
		sift_down(r, i);
	return true;
}

static bool deliver_sample(reader *r, gs_err *err)
{
	const gs_gotrace_sample *s = &r->g->samples.p[r->sample++];
	gs_gotrace_event e = { .type = GS_GOTRACE_CPU_SAMPLE, .time_ns = s->time_ns, .m = s->m, .p = s->p, .g = s->g,
			       .args = { s->stack }, .task_parent = GS_GOTRACE_NONE };
	const gs_gotrace_frame *frames;
	uint32_t n;

	if (!gs_gotrace_stack(r->g, s->stack, &frames, &n))
		return gs_fail(err, GS_ERR_FORMAT, r->g->start_at, "a CPU sample names a stack that its generation does not have");
	return deliver(r, &e, err);
}

static bool order_generation(reader *r, gs_err *err)
{
	while (r->n_heap || r->sample < r->g->samples.n) {
		bool went;

		if (r->sample < r->g->samples.n &&
		    (!r->n_heap || r->g->samples.p[r->sample].time_ns < r->heap[0]->time_ns)) {
			if (!deliver_sample(r, err))
				return false;
			continue;
		}
		if (!try_advance(r, 0, &went, err))
			return false;
		if (went)
			continue;
		/* A sorted heap is still a heap: try the others in order of time. */
		qsort(r->heap, r->n_heap, sizeof(*r->heap), by_time);
		for (size_t i = 1; !went && i < r->n_heap; i++)
			if (!try_advance(r, i, &went, err))
				return false;
		if (!went)
			return gs_fail(err, GS_ERR_FORMAT, r->heap[0]->at,
				       "no consistent order: none of %zu threads can go on in generation %llu", r->n_heap,
				       (unsigned long long)r->g->number);
	}
	return true;
}

static bool read_generation(reader *r, gs_err *err)
{
	const gs_gotrace_generation *g = r->g;
	size_t n = g->threads.n;
	cursor *cursors = gs_alloc_should_fail() ? NULL : calloc(n + 1, sizeof(*cursors));
	bool ok = true;

	r->heap = calloc(n + 1, sizeof(*r->heap));
	r->n_heap = 0;
	r->sample = 0;
	if (!cursors || !r->heap)
		ok = gs_fail(err, GS_ERR_LIMIT, g->start_at, "out of memory while reading the trace");
	for (size_t i = 0; ok && i < n; i++) {
		cursor *c = &cursors[i];
		bool more = false;

		c->m = g->threads.p[i].m;
		c->batch = g->threads.p[i].first;
		c->data = gs_rd_of(g->batches.p[c->batch].data);
		ok = next_event(r, c, &more, err);
		if (more && ok) {
			r->heap[r->n_heap] = c;
			sift_up(r, r->n_heap++);
		}
	}
	ok = ok && deliver_sync(r, g, gs_gotrace_ns(g, g->min_time), err) && order_generation(r, err);
	free(cursors);
	free(r->heap);
	r->heap = NULL;
	return ok;
}

bool gs_gotrace_read(gs_str bytes, const gs_gotrace_sink *sink, gs_gotrace_report *report, gs_err *err)
{
	gs_gotrace_generation two[2] = { 0 };
	reader r = { .sink = sink, .report = report };
	gs_rd in;
	bool done = false, ok = true;
	unsigned turn = 0;

	*report = (gs_gotrace_report){ 0 };
	if (!gs_gotrace_probe(bytes, &report->version))
		return gs_fail(err, GS_ERR_FORMAT, 0, "not a Go execution trace: it does not begin with \"go 1.N trace\"");
	if (report->version < 22)
		return gs_fail(err, GS_ERR_UNSUPPORTED, 0, "a trace of Go 1.%u: only Go 1.22 and later can be read", report->version);
	r.order = gs_gotrace_order_create();
	if (!r.order)
		return gs_fail(err, GS_ERR_LIMIT, 0, "out of memory");
	in = gs_rd_of(bytes);
	gs_rd_skip(&in, HEADER_BYTES);
	while (!report->is_damaged) {
		gs_gotrace_generation *g = &two[turn], *before = &two[turn ^ 1];
		gs_err damage;

		ok = gs_gotrace_generation_read(&in, report->version > MAX_KNOWN_VERSION ? MAX_KNOWN_VERSION : report->version,
						before->number ? before : NULL, g, &done, &damage);
		if (done)
			break;
		report->is_damaged = !ok || g->is_partial;
		report->damage = damage;
		if (ok) {
			gs_err why = { 0 };

			r.g = g;
			ok = read_generation(&r, &why);
			if (r.sink_failed) {
				*err = why;
				break;
			}
			/* A generation that the file cuts short breaks somewhere by itself: the cut is what to tell. */
			if (!ok && !report->is_damaged)
				report->damage = why;
			report->is_damaged |= !ok;
		}
		if (!report->is_damaged)
			report->generations++;
		else
			report->lost_bytes = bytes.n - g->start_at;
		gs_gotrace_generation_release(before);
		turn ^= 1;
	}
	if (!r.sink_failed && (report->events || !report->is_damaged)) {
		ok = deliver_sync(&r, NULL, r.last_ns, err);
		report->end_ns = r.last_ns;
	} else if (!r.sink_failed) {
		*err = report->damage;
		ok = false;
	}
	gs_gotrace_generation_release(&two[0]);
	gs_gotrace_generation_release(&two[1]);
	gs_gotrace_order_free(r.order);
	return ok;
}
