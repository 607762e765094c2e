#include "format/gotrace/v1.h"

enum { MAX_KNOWN_VERSION = 26 };

bool gs_gotrace_probe(gs_str bytes, unsigned *version)
{
	gs_str rest, number;
	uint64_t n;

	if (bytes.n < GS_GOTRACE_HEADER_BYTES || !gs_str_starts(bytes, GS_S("go 1.")))
		return false;
	rest = gs_str_slice(bytes, 5, GS_GOTRACE_HEADER_BYTES);
	if (!gs_str_cut(rest, ' ', &number, &rest) || !gs_str_u64(number, 10, &n) || n > 999 ||
	    !gs_str_starts(rest, GS_S("trace\0")))
		return false;
	*version = (unsigned)n;
	return true;
}

bool gs_gotrace_holds_generation(gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);
	unsigned version;

	if (!gs_gotrace_probe(bytes, &version) || version < 22)
		return false;
	gs_rd_skip(&r, GS_GOTRACE_HEADER_BYTES);
	/* Before Go 1.26 it ends where the next begins. */
	return gs_gotrace_generation_skip(&r, version > MAX_KNOWN_VERSION ? MAX_KNOWN_VERSION : version) &&
	       (version >= MAX_KNOWN_VERSION || gs_rd_left(&r));
}

bool gs_gotrace_reader_init(gs_gotrace_reader *r, gs_str bytes, gs_gotrace_report *report, gs_err *err)
{
	*r = (gs_gotrace_reader){ .report = report };
	*report = (gs_gotrace_report){ 0 };
	if (!gs_gotrace_probe(bytes, &report->version))
		return gs_fail(err, GS_ERR_FORMAT, 0, "not a Go execution trace: it does not begin with \"go 1.N trace\"");
	if (report->version < 7)
		return gs_fail(err, GS_ERR_UNSUPPORTED, 0, "a trace of Go 1.%u: only Go 1.7 and later can be read", report->version);
	r->version = report->version > MAX_KNOWN_VERSION ? MAX_KNOWN_VERSION : report->version;
	r->order = gs_gotrace_order_create();
	if (!r->order)
		return gs_fail(err, GS_ERR_LIMIT, 0, "out of memory");
	r->in = gs_rd_of(bytes);
	gs_rd_skip(&r->in, GS_GOTRACE_HEADER_BYTES);
	return true;
}

void gs_gotrace_reader_release(gs_gotrace_reader *r)
{
	gs_gotrace_order_free(r->order);
	r->order = NULL;
}

static int64_t later_than(int64_t *last_ns, int64_t time_ns)
{
	*last_ns = time_ns <= *last_ns ? *last_ns + 1 : time_ns;
	return *last_ns;
}

gs_gotrace_sync gs_gotrace_reader_sync(gs_gotrace_reader *r, const gs_gotrace_generation *g)
{
	gs_gotrace_sync s = { .n = ++r->n, .time_ns = later_than(&r->last_ns, gs_gotrace_ns(g, g->min_time)) };

	if (g->has_clock) {
		s.has_clock = true;
		s.clock_trace_ns = gs_gotrace_ns(g, g->clock_time);
		s.clock_mono_ns = g->clock_mono;
		s.clock_wall_s = (int64_t)g->clock_wall_s;
		s.clock_wall_ns = g->clock_wall_ns;
	}
	return s;
}

/* False: err is filled, and what came before the failure was handed out. */
static bool hand_out(gs_gotrace_reader *r, const gs_gotrace_generation *g, gs_err *err)
{
	uint32_t index = r->n;
	gs_gotrace_stitch s = { .index = index, .sync = gs_gotrace_reader_sync(r, g) };
	gs_gotrace_run run = { .last_ns = r->last_ns, .lost_until_ns = GS_GOTRACE_NO_TIME };
	gs_err later;
	bool ok;

	if (r->serial) {
		run.event = r->serial->event;
		run.ctx = r->serial->ctx;
		r->sink_failed = !r->serial->sync(r->serial->ctx, g, &s.sync, err);
	} else {
		run.event = r->parallel->event;
		r->sink_failed = !r->parallel->begin(r->parallel->ctx, index, g, &run.ctx, err);
	}
	if (r->sink_failed)
		return false;
	ok = gs_gotrace_order_run(r->order, g, false, &run, err);
	r->report->events += run.events;
	r->last_ns = run.last_ns;
	r->sink_failed = run.sink_failed;
	r->left = run;
	if (r->parallel && run.sink_failed) {
		r->parallel->discard(r->parallel->ctx, run.ctx);
	} else if (r->parallel) {
		s.events = run.events;
		s.end_ns = run.last_ns;
		if (!r->parallel->stitch(r->parallel->ctx, run.ctx, g, &s, &later)) {
			*err = later;
			r->sink_failed = true;
			return false;
		}
	}
	return ok;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What is not delivered of generation g, where reading ends, and of all behind it. `is_tried`: its events went out as far as they could. */
static void tell_loss(gs_gotrace_reader *r, const gs_gotrace_generation *g, bool is_tried)
{
	gs_gotrace_report *report = r->report;
	gs_rd rest = { r->in.start, r->in.start + g->end_at, r->in.end, false };
	uint64_t last_time;
	int64_t claim;

	report->lost_bytes = is_tried ? g->lost_bytes + r->left.lost_bytes : g->end_at - g->start_at;
	report->lost_bytes += gs_rd_left(&rest);
	report->is_cut = g->is_cut;
	report->good_until_ns = r->last_ns;
	report->lost_until_ns = is_tried ? r->left.lost_until_ns : GS_GOTRACE_NO_TIME;
	if (!g->is_cut)
		gs_gotrace_look_ahead(rest, g->number, &report->lost_generations, &last_time);
	else
		last_time = 0;
	if (g->last_time > last_time)
		last_time = g->last_time;
	claim = g->ns_per_unit > 0 && last_time ? gs_gotrace_ns(g, last_time) : GS_GOTRACE_NO_TIME;
	report->lost_until_ns = latest(report->lost_until_ns, claim);
	if (report->lost_until_ns <= report->good_until_ns)
		report->lost_until_ns = GS_GOTRACE_NO_TIME;
}

bool gs_gotrace_reader_step(gs_gotrace_reader *r, gs_err *err)
{
	gs_gotrace_report *report = r->report;
	gs_gotrace_generation g = { 0 };
	gs_err damage = { 0 }, why = { 0 };
	bool done = false;
	bool is_tried = gs_gotrace_generation_read(&r->in, r->version, r->ns_per_unit, &g, &done, &damage), ok = is_tried;

	if (!done) {
		report->is_damaged = !ok || g.is_partial;
		if (ok) {
			r->ns_per_unit = g.ns_per_unit;
			ok = hand_out(r, &g, &why);
			/* A generation that the file cuts short breaks somewhere by itself: the cut is what to tell. */
			if (!report->is_damaged && (!ok || r->left.is_cut)) {
				g.is_cut = r->left.is_cut || (!ok && g.may_be_cut);
				damage = why;
				if (g.is_cut)
					gs_fail(&damage, GS_ERR_FORMAT, g.end_at, "the trace ends inside generation %llu",
						(unsigned long long)g.number);
				report->is_damaged = true;
			}
		}
		report->damage = damage;
		if (r->sink_failed)
			*err = why;
		else if (report->is_damaged)
			tell_loss(r, &g, is_tried);
		else
			report->generations++;
	}
	gs_gotrace_generation_release(&g);
	return !done && !report->is_damaged;
}

bool gs_gotrace_reader_finish(gs_gotrace_reader *r, gs_err *err)
{
	gs_gotrace_report *report = r->report;

	if (report->version < 22) {
		if (!gs_gotrace_v1_read(r, err))
			return false;
		report->good_until_ns = r->last_ns;
	} else {
		while (!r->sink_failed && !report->is_damaged && gs_gotrace_reader_step(r, err))
			;
	}
	if (r->sink_failed)
		return false;
	if (!report->events && report->is_damaged) {
		*err = report->damage;
		return false;
	}
	report->end_ns = later_than(&r->last_ns, r->last_ns);
	return true;
}

bool gs_gotrace_read(gs_str bytes, const gs_gotrace_sink *sink, gs_gotrace_report *report, gs_err *err)
{
	gs_gotrace_reader r;
	bool ok = gs_gotrace_reader_init(&r, bytes, report, err);

	if (ok) {
		r.serial = sink;
		ok = gs_gotrace_reader_finish(&r, err);
	}
	if (ok) {
		gs_gotrace_sync end = { .n = ++r.n, .time_ns = report->end_ns };

		ok = sink->sync(sink->ctx, NULL, &end, err);
	}
	gs_gotrace_reader_release(&r);
	return ok;
}
