/* Go execution trace -> document: a timeline, and a profile of the time that its goroutines spent. */
#include "load/gotrace_build.h"
#include "load/recognisers.h"

#include "base/banned.h"

typedef struct loading {
	gs_trace_build build;
	const gs_load_source *src;
} loading;

static bool begin(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	(void)ctx;
	(void)g;
	*events = gs_trace_rows_create(index);
	return *events || gs_trace_no_memory(err);
}

static bool event(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	(void)g;
	return gs_trace_rows_event(events, e) || gs_trace_no_memory(err);
}

static void discard(void *ctx, void *events)
{
	(void)ctx;
	gs_trace_rows_free(events);
}

static bool stitch(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	loading *l = ctx;
	bool ok;

	if (gs_progress_should_stop(l->src->progress)) {
		gs_trace_rows_free(events);
		return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	}
	ok = gs_trace_build_add(&l->build, events, g, s, err);
	gs_trace_rows_free(events);
	return ok;
}

static bool load(const gs_load_source *src, gs_document *doc, gs_err *err)
{
	loading l = { .src = src };
	gs_gotrace_parallel_sink sink = { &l, begin, event, discard, stitch };
	gs_gotrace_report report;
	bool ok = gs_trace_build_init(&l.build, doc, err) &&
		  gs_gotrace_read_parallel(src->bytes, src->options->threads, &sink, &report, err) &&
		  gs_trace_build_finish(&l.build, doc, &report, err);

	gs_trace_build_release(&l.build);
	return ok;
}

static int probe(gs_str bytes)
{
	unsigned version;

	return gs_gotrace_probe(bytes, &version) ? GS_PROBE_SURE : GS_PROBE_NO;
}

const gs_recogniser gs_recogniser_gotrace = {
	.name = "go-trace",
	.title = "a Go execution trace",
	.probe = probe,
	.load = load,
};
