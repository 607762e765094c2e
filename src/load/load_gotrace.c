/* Go execution trace -> document: a timeline, and a profile of the time that its goroutines spent. */
#include <pthread.h>

#include "base/file.h"
#include "base/pool.h"
#include "load/gotrace_sums.h"
#include "load/recognisers.h"

#include "base/banned.h"

enum { MAX_SPARE = 16 };

typedef struct loading {
	gs_trace_build build;
	const gs_load_source *src;
	/* Rows or sums of generations that are done: fresh memory costs more than what is written to it. */
	pthread_mutex_t lock;
	gs_trace_rows *spare[MAX_SPARE];
	gs_trace_sums *spare_sums[MAX_SPARE];
	unsigned n_spare, n_spare_sums;
	bool must_restart; /* sums cannot tell */
	bool is_partial;   /* the generation before lacked something */
} loading;

static bool begin(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	loading *l = ctx;
	gs_trace_rows *rows = NULL;

	/* Behind a gap it is as with the first one. */
	if (gs_gotrace_gap_before(g))
		index = 0;
	pthread_mutex_lock(&l->lock);
	if (l->n_spare)
		rows = l->spare[--l->n_spare];
	pthread_mutex_unlock(&l->lock);
	if (rows && !gs_trace_rows_reuse(rows, index)) {
		gs_trace_rows_free(rows);
		return gs_trace_no_memory(err);
	}
	*events = rows ? rows : gs_trace_rows_create(index);
	return *events || gs_trace_no_memory(err);
}

static void put_back(loading *l, gs_trace_rows *rows, bool is_wanted)
{
	pthread_mutex_lock(&l->lock);
	if (is_wanted && l->n_spare < MAX_SPARE) {
		l->spare[l->n_spare++] = rows;
		rows = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	gs_trace_rows_free(rows);
}

/* The times of transitions whose events are remembered can be mended: those behind them must be right. */
static bool fits(void *events, int64_t before_ns)
{
	const gs_trace_chunks *c = &((const gs_trace_rows *)events)->chunks;
	const gs_gotrace_stitch s = { .sync = { .time_ns = before_ns + 1 } };

	return !c->has_late || gs_gotrace_stitched_time(&s, c->late_event, c->late_ns) == c->late_ns;
}

static void discard(void *ctx, void *events)
{
	put_back(ctx, events, true);
}

static bool stitch(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	loading *l = ctx;
	bool ok = gs_progress_should_stop(l->src->progress) ? gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped") :
							      gs_trace_build_add(&l->build, events, g, s, err);

	/* The generations behind this one that are being read have theirs. */
	put_back(l, events, s->n_later >= gs_pool_workers(l->src->options->threads, SIZE_MAX));
	if (l->src->is_reread)
		gs_bytes_discard(s->bytes);
	return ok;
}

static bool begin_sums(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err)
{
	loading *l = ctx;
	gs_trace_sums *sums = NULL;

	(void)g;
	pthread_mutex_lock(&l->lock);
	if (l->n_spare_sums)
		sums = l->spare_sums[--l->n_spare_sums];
	pthread_mutex_unlock(&l->lock);
	if (sums && !gs_trace_sums_reuse(sums, index)) {
		gs_trace_sums_free(sums);
		return gs_trace_no_memory(err);
	}
	*events = sums ? sums : gs_trace_sums_create(index);
	return *events || gs_trace_no_memory(err);
}

static void discard_sums(void *ctx, void *events)
{
	loading *l = ctx;
	gs_trace_sums *sums = events;

	pthread_mutex_lock(&l->lock);
	if (l->n_spare_sums < MAX_SPARE) {
		l->spare_sums[l->n_spare_sums++] = sums;
		sums = NULL;
	}
	pthread_mutex_unlock(&l->lock);
	gs_trace_sums_free(sums);
}

static bool stitch_sums(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err)
{
	loading *l = ctx;
	/* Something is missing in the middle, names at least. */
	bool is_behind_damage = l->is_partial || gs_gotrace_gap_before(g), ok;

	if (gs_progress_should_stop(l->src->progress))
		ok = gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped");
	else if (is_behind_damage)
		ok = gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "sums cannot tell of damage");
	else
		ok = gs_trace_build_add_sums(&l->build, events, g, s, &l->must_restart, err);
	l->must_restart = l->must_restart || is_behind_damage;
	l->is_partial = !s->is_whole;
	discard_sums(ctx, events);
	return ok;
}

static bool load_by(gs_load_source *src, bool is_sums, bool *must_restart, gs_document *doc, gs_err *err)
{
	loading l = { .src = src };
	gs_gotrace_parallel_sink rows = { &l, begin, gs_trace_rows_event, fits, discard, stitch, src->is_reread };
	gs_gotrace_parallel_sink sums = { &l, begin_sums, gs_trace_sums_event, NULL, discard_sums, stitch_sums, src->is_reread };
	gs_gotrace_report report;
	bool ok;

	pthread_mutex_init(&l.lock, NULL);
	ok = gs_trace_build_init(&l.build, doc, err) &&
	     gs_gotrace_read_parallel(src->bytes, src->options->threads, is_sums ? &sums : &rows, &report, err);
	while (l.n_spare)
		gs_trace_rows_free(l.spare[--l.n_spare]);
	while (l.n_spare_sums)
		gs_trace_sums_free(l.spare_sums[--l.n_spare_sums]);
	l.build.overlays = src->options->overlays;
	l.build.n_overlays = src->options->n_overlays;
	l.build.must_overlay = src->options->must_overlay;
	ok = ok && gs_trace_build_finish(&l.build, doc, &report, err);
	gs_trace_build_release(&l.build);
	pthread_mutex_destroy(&l.lock);
	if (is_sums)
		doc->timeline = NULL;
	*must_restart = l.must_restart;
	return ok;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	bool is_sums = src->options->for_profile && !src->options->n_overlays, must_restart;

	if (load_by(src, is_sums, &must_restart, doc, err))
		return true;
	return must_restart && load_by(src, false, &must_restart, doc, err);
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
