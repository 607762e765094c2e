/*
 * Generations side by side: each is read on its own, by an open order, while the ones before it still are; in the order of the file
 * they are then stitched to the state that came before. One that does not fit is read again knowing that state, as the serial
 * reader does from the start.
 */
#include <stdatomic.h>

#include "base/pool.h"
#include "format/gotrace/reader.h"

typedef struct part {
	uint64_t start_at, end_at;
	gs_gotrace_generation g;
	gs_gotrace_order *order; /* closed for the first generation, as nothing comes before it */
	gs_gotrace_run run;
	bool has_begun; /* run.ctx is the sink's */
	bool is_whole;	/* tables read and all events delivered */
	bool begin_failed;
	gs_err err;
} part;

typedef struct crew {
	gs_gotrace_reader *r;
	const gs_gotrace_parallel_sink *sink;
	gs_str bytes;
	gs_rd in; /* all of it */
	part *parts;
	size_t n;
	gs_gotrace_order **spare; /* of each worker: from a generation that is done */
	atomic_bool is_over; /* damage, or the sink failed: err */
	gs_err *err;
} crew;

static void prepare(void *ctx, unsigned worker, size_t i)
{
	crew *c = ctx;
	part *p = &c->parts[i];
	gs_rd in = c->in;
	bool done;

	if (atomic_load(&c->is_over))
		return;
	gs_rd_seek(&in, p->start_at);
	if (!gs_gotrace_generation_read(&in, c->r->version, 0, &p->g, &done, &p->err) || done || p->g.is_partial)
		return;
	p->order = c->spare[worker];
	c->spare[worker] = NULL;
	if (!p->order)
		p->order = gs_gotrace_order_create();
	if (!p->order)
		return;
	if (!c->sink->begin(c->sink->ctx, (uint32_t)i, &p->g, &p->run.ctx, &p->err)) {
		p->begin_failed = true;
		return;
	}
	p->has_begun = true;
	p->run.event = c->sink->event;
	p->run.is_reread = c->sink->is_reread;
	p->run.last_ns = gs_gotrace_ns(&p->g, p->g.min_time);
	p->is_whole = gs_gotrace_order_run(p->order, &p->g, i > 0, &p->run, &p->err) && !p->run.is_cut;
}

static void discard(crew *c, part *p)
{
	if (p->has_begun)
		c->sink->discard(c->sink->ctx, p->run.ctx);
	p->has_begun = false;
}

/* False: it has to be read again. */
static bool stitch(crew *c, part *p, size_t i)
{
	gs_gotrace_reader *r = c->r;
	gs_gotrace_correction *corrections = NULL;
	gs_gotrace_stitch s = { .index = (uint32_t)i,
				.events = p->run.events,
				.n_later = (uint32_t)(c->n - i - 1),
				.is_whole = true,
				.bytes = gs_str_slice(c->bytes, (size_t)p->start_at, (size_t)p->end_at) };
	gs_err err = { 0 };
	bool ok;

	if (i == 0) {
		gs_gotrace_order_free(r->order);
		r->order = p->order;
		p->order = NULL;
	} else if (p->g.number != r->number + 1 || p->g.ns_per_unit != r->ns_per_unit || (c->sink->fits && !c->sink->fits(p->run.ctx, r->last_ns))) {
		return false;
	} else if (!gs_gotrace_order_stitch(r->order, p->order, &corrections, &s.n_corrections, &err)) {
		if (err.code == GS_ERR_NONE)
			return false;
		r->report->is_damaged = r->is_over = r->has_gap = true;
		r->report->damage = err;
		r->gap = (gs_gotrace_gap){ .from_at = p->start_at, .from_ns = r->last_ns, .why = err };
		r->lost_until_ns = GS_GOTRACE_NO_TIME;
		r->report->lost_bytes = (uint64_t)(r->in.end - r->in.start) - p->start_at;
		return true;
	}
	s.sync = gs_gotrace_reader_sync(r, &p->g);
	s.end_ns = s.sync.time_ns + (int64_t)s.events;
	if (p->run.last_ns > s.end_ns)
		s.end_ns = p->run.last_ns;
	s.corrections = corrections;
	r->last_ns = s.end_ns;
	r->ns_per_unit = p->g.ns_per_unit;
	r->number = r->seen = p->g.number;
	r->min_time = p->g.min_time;
	r->report->events += s.events;
	r->report->generations++;
	p->has_begun = false;
	ok = c->sink->stitch(c->sink->ctx, p->run.ctx, &p->g, &s, c->err);
	r->sink_failed = !ok;
	free(corrections);
	return true;
}

static void take(void *ctx, unsigned worker, size_t i)
{
	crew *c = ctx;
	part *p = &c->parts[i];
	gs_gotrace_reader *r = c->r;

	if (!atomic_load(&c->is_over)) {
		if (p->begin_failed || p->run.sink_failed) {
			r->sink_failed = true;
			*c->err = p->err;
		} else if (!p->is_whole || !stitch(c, p, i)) {
			discard(c, p);
			gs_rd_seek(&r->in, p->start_at);
			gs_gotrace_reader_step(r, c->err);
		}
		/* Behind damage the rest is read one by one. */
		if (r->sink_failed || r->report->is_damaged)
			atomic_store(&c->is_over, true);
	}
	discard(c, p);
	gs_gotrace_generation_release(&p->g);
	if (p->order && !c->spare[worker] && gs_gotrace_order_reuse(p->order))
		c->spare[worker] = p->order;
	else
		gs_gotrace_order_free(p->order);
	p->order = NULL;
}

/* The complete generations, and where what comes after them begins. False: no memory. */
static bool find_parts(crew *c, gs_rd *end, gs_err *err)
{
	gs_rd in = c->r->in;
	GS_VEC(part) parts = { 0 };

	while (c->r->report->version >= 22) {
		gs_rd start = in;
		part *p;

		if (!gs_gotrace_generation_skip(&in, c->r->version))
			break;
		p = gs_vec_push(&parts, INT32_MAX);
		if (!p) {
			gs_vec_release(&parts);
			return gs_fail(err, GS_ERR_LIMIT, gs_rd_at(&start), "out of memory for the trace's generations");
		}
		p->start_at = gs_rd_at(&start);
		p->end_at = gs_rd_at(&in);
	}
	*end = in;
	c->parts = parts.p;
	c->n = parts.n;
	return true;
}

bool gs_gotrace_read_parallel(gs_str bytes, unsigned threads, const gs_gotrace_parallel_sink *sink, gs_gotrace_report *report,
			      gs_err *err)
{
	gs_gotrace_reader r;
	crew c = { .r = &r, .sink = sink, .bytes = bytes, .err = err };
	gs_rd end;
	bool ok = gs_gotrace_reader_init(&r, bytes, report, err) && find_parts(&c, &end, err);
	unsigned n_workers = ok ? gs_pool_workers(threads, c.n) : 0;

	c.spare = ok && !gs_alloc_should_fail() ? calloc(n_workers + 1, sizeof(*c.spare)) : NULL;
	if (ok && !c.spare)
		ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the trace's generations");
	if (ok) {
		c.in = r.in;
		r.parallel = sink;
		gs_pool_run_ordered(threads, c.n, prepare, take, &c);
		for (unsigned i = 0; i < n_workers; i++)
			gs_gotrace_order_free(c.spare[i]);
		if (!atomic_load(&c.is_over))
			r.in = end;
		ok = gs_gotrace_reader_finish(&r, err);
	}
	free(c.spare);
	free(c.parts);
	gs_gotrace_reader_release(&r);
	return ok;
}
