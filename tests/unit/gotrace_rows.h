/*
 * The events of a trace as rows, read in either way: what gs_gotrace_read_parallel promises is that both give the same. Shared by
 * the unit test and the fuzz target; aborts where the promise about calls is broken.
 */
#ifndef GS_TESTS_GOTRACE_ROWS_H
#define GS_TESTS_GOTRACE_ROWS_H

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "format/gotrace/gotrace.h"

typedef struct gotrace_rows {
	GS_VEC(gs_gotrace_event) events;
	GS_VEC(gs_gotrace_sync) syncs;
	uint32_t n_stitched;
	atomic_uint n_open; /* generations between begin and stitch */
	uint64_t n_corrections;
	uint64_t fail_at; /* event of a generation at which the sink refuses; 0: never */
} gotrace_rows;

typedef struct gotrace_part {
	gotrace_rows *all;
	uint32_t index;
	GS_VEC(gs_gotrace_event) events;
} gotrace_part;

static void *gotrace_pushed(void *p)
{
	if (!p)
		abort();
	return p;
}

#define gotrace_push(v) ((__typeof__((v)->p))gotrace_pushed(gs_vec_push((v), INT32_MAX)))

/* Arguments that its type does not have say nothing. */
static void gotrace_tidy(gs_gotrace_event *e)
{
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);
	unsigned n = e->type == GS_GOTRACE_CPU_SAMPLE ? 1 : spec->n_args;

	for (unsigned i = n; i < 4; i++)
		e->args[i] = 0;
}

static void gotrace_rows_release(gotrace_rows *r)
{
	gs_vec_release(&r->events);
	gs_vec_release(&r->syncs);
}

static bool gotrace_serial_sync(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *s, gs_err *err)
{
	gotrace_rows *r = ctx;

	(void)err;
	if (g)
		*gotrace_push(&r->syncs) = *s;
	return true;
}

static bool gotrace_serial_event(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	gotrace_rows *r = ctx;
	gs_gotrace_event *row;

	(void)g;
	(void)err;
	row = gotrace_push(&r->events);
	*row = *e;
	gotrace_tidy(row);
	return true;
}

static bool gotrace_part_begin(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	gotrace_rows *r = ctx;
	gotrace_part *part = gotrace_pushed(calloc(1, sizeof(*part)));

	(void)g;
	(void)err;
	atomic_fetch_add(&r->n_open, 1);
	part->all = r;
	part->index = index;
	*events = part;
	return true;
}

static bool gotrace_part_event(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	gotrace_part *part = events;
	gs_gotrace_event *row = gotrace_push(&part->events);

	(void)g;
	*row = *e;
	gotrace_tidy(row);
	if (part->all->fail_at && part->events.n == part->all->fail_at)
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "enough");
	return true;
}

static void gotrace_part_discard(void *ctx, void *events)
{
	gotrace_rows *r = ctx;
	gotrace_part *part = events;

	atomic_fetch_sub(&r->n_open, 1);
	gs_vec_release(&part->events);
	free(part);
}

static bool gotrace_part_stitch(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	gotrace_rows *r = ctx;
	gotrace_part *part = events;

	(void)g;
	(void)err;
	if (s->index != r->n_stitched++ || part->index != s->index || part->events.n != s->events)
		abort();
	*gotrace_push(&r->syncs) = s->sync;
	r->n_corrections += s->n_corrections;
	for (size_t i = 0; i < s->n_corrections; i++) {
		const gs_gotrace_correction *c = &s->corrections[i];
		gs_gotrace_event *e = &part->events.p[c->event];
		int64_t time_ns;

		if (c->event >= s->events || (i && c->event <= c[-1].event) || c->now.type != e->type)
			abort();
		time_ns = e->time_ns;
		*e = c->now;
		e->time_ns = time_ns;
		gotrace_tidy(e);
	}
	for (size_t i = 0; i < part->events.n; i++) {
		gs_gotrace_event *e = gotrace_push(&r->events);

		*e = part->events.p[i];
		e->time_ns = gs_gotrace_stitched_time(s, i, e->time_ns);
	}
	if (s->end_ns != (part->events.n ? r->events.p[r->events.n - 1].time_ns : s->sync.time_ns))
		abort();
	gotrace_part_discard(ctx, part);
	return true;
}

static bool gotrace_read_serial(gs_str bytes, gotrace_rows *r, gs_gotrace_report *report, gs_err *err)
{
	gs_gotrace_sink sink = { r, gotrace_serial_sync, gotrace_serial_event };

	return gs_gotrace_read(bytes, &sink, report, err);
}

/* Every generation that began has been stitched or discarded when this returns, or it aborts. */
static bool gotrace_read_parts(gs_str bytes, unsigned threads, gotrace_rows *r, gs_gotrace_report *report, gs_err *err)
{
	gs_gotrace_parallel_sink sink = { r, gotrace_part_begin, gotrace_part_event, NULL, gotrace_part_discard, gotrace_part_stitch };
	bool ok = gs_gotrace_read_parallel(bytes, threads, &sink, report, err);

	if (atomic_load(&r->n_open) != 0)
		abort();
	return ok;
}

/* The first event that differs; SIZE_MAX: none. */
static size_t gotrace_rows_differ(const gotrace_rows *a, const gotrace_rows *b)
{
	size_t n = a->events.n < b->events.n ? a->events.n : b->events.n;

	for (size_t i = 0; i < n; i++) {
		const gs_gotrace_event *x = &a->events.p[i], *y = &b->events.p[i];

		if (x->type != y->type || x->time_ns != y->time_ns || x->m != y->m || x->p != y->p || x->g != y->g ||
		    memcmp(x->args, y->args, sizeof(x->args)) != 0 || x->from_state != y->from_state ||
		    x->to_state != y->to_state || x->task_parent != y->task_parent || !gs_str_eq(x->name, y->name))
			return i;
	}
	if (a->events.n != b->events.n)
		return n;
	if (a->syncs.n != b->syncs.n)
		return n;
	for (size_t i = 0; i < a->syncs.n; i++)
		if (a->syncs.p[i].n != b->syncs.p[i].n || a->syncs.p[i].time_ns != b->syncs.p[i].time_ns)
			return n;
	return SIZE_MAX;
}

#endif
