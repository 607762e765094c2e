#include "format/gotrace/gotrace.h"

/* Hands the serial reader's events on as generations. */
typedef struct turner {
	const gs_gotrace_parallel_sink *sink;
	const gs_gotrace_generation *g;
	void *events; /* of g */
	gs_gotrace_stitch stitch;
	uint32_t n;
} turner;

static bool on_sync(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *sync, gs_err *err)
{
	turner *t = ctx;
	const gs_gotrace_generation *done = t->g;

	t->g = NULL;
	if (done && !t->sink->stitch(t->sink->ctx, t->events, done, &t->stitch, err))
		return false;
	if (!g)
		return true;
	if (!t->sink->begin(t->sink->ctx, t->n, g, &t->events, err))
		return false;
	t->g = g;
	t->stitch = (gs_gotrace_stitch){ .index = t->n++, .sync = *sync, .end_ns = sync->time_ns };
	return true;
}

static bool on_event(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	turner *t = ctx;

	t->stitch.events++;
	t->stitch.end_ns = e->time_ns;
	return t->sink->event(t->events, g, e, err);
}

bool gs_gotrace_read_parallel(gs_str bytes, unsigned threads, const gs_gotrace_parallel_sink *sink, gs_gotrace_report *report,
			      gs_err *err)
{
	turner t = { .sink = sink };
	gs_gotrace_sink serial = { &t, on_sync, on_event };
	bool ok = gs_gotrace_read(bytes, &serial, report, err);

	(void)threads;
	if (t.g)
		sink->discard(sink->ctx, t.events);
	return ok;
}
