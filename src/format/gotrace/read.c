#include "format/gotrace/v1.h"

/* MAX_REFUSED: so often the search goes on inside of what looked like a generation, and was none. */
enum { MAX_KNOWN_VERSION = 26, MAX_REFUSED = 64, MAX_MISSING = 1 << 20 };

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

/* Before Go 1.26 a generation ends where the next begins. */
static bool skip_whole(gs_rd *r, unsigned version)
{
	version = version > MAX_KNOWN_VERSION ? MAX_KNOWN_VERSION : version;
	return gs_gotrace_generation_skip(r, version) && (version >= MAX_KNOWN_VERSION || gs_rd_left(r));
}

uint64_t gs_gotrace_whole_in(gs_str batches, unsigned version)
{
	gs_rd r = gs_rd_of(batches);
	uint64_t whole = 0;

	while (skip_whole(&r, version))
		whole = gs_rd_at(&r);
	return whole;
}

bool gs_gotrace_holds_generation(gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);
	unsigned version;

	if (!gs_gotrace_probe(bytes, &version) || version < 22)
		return false;
	gs_rd_skip(&r, GS_GOTRACE_HEADER_BYTES);
	return skip_whole(&r, version);
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
		s.is_whole = ok && !g->is_partial && !run.is_cut;
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

/* ---- damage: what is lost, and where to go on ---- */

static bool forget(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	(void)ctx;
	(void)g;
	(void)e;
	(void)err;
	return true;
}

/* Nothing is known of what came before: as at the beginning of a trace. */
static bool start_anew(gs_gotrace_reader *r, gs_err *err)
{
	gs_gotrace_order_free(r->order);
	r->order = gs_gotrace_order_create();
	return r->order || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory while reading the trace");
}

/* Whether a generation behind a gap can be what it says. Its beginning is there when its first batch tells that it is the first, or nothing
 * is missing in front of it; else all of it must have an order, which it has not when any of its threads lacks something. */
static bool is_credible(gs_gotrace_reader *r, const gs_gotrace_generation *g, gs_err *err)
{
	gs_gotrace_run trial = { .event = forget, .last_ns = r->last_ns };
	unsigned long long number = g->number;

	if (g->number <= r->number || gs_gotrace_ns(g, g->last_time) <= r->last_ns)
		return gs_fail(err, GS_ERR_FORMAT, g->start_at, "generation %llu behind the damage says that it lies before it", number);
	if (!start_anew(r, err))
		return false;
	if (g->begins_with_clock || (r->is_adjacent && r->version < 25))
		return true;
	if (g->is_partial || !gs_gotrace_order_run(r->order, g, false, &trial, err) || trial.is_cut) {
		if (err->code != GS_ERR_LIMIT)
			gs_fail(err, GS_ERR_FORMAT, g->start_at, "the beginning of generation %llu is lost, so that it has no sure order", number);
		return false;
	}
	return start_anew(r, err);
}

/* The generation comes next: with what is lost in front of it, if anything. False: it cannot be shown, err says why. */
static bool enter(gs_gotrace_reader *r, gs_gotrace_generation *g, gs_err *err)
{
	/* What is missing may be anything that a thread did: what goroutines did meanwhile is then not sure from its first event on. */
	if (g->lost_at && r->number && (gs_gotrace_may_lack_first(g) || (!r->has_gap && gs_gotrace_order_misses_thread(r->order, g))))
		return gs_fail(err, GS_ERR_FORMAT, g->lost_at, "all that a thread did in generation %llu may be missing",
			       (unsigned long long)g->number);
	if (r->number && !r->has_gap && g->number != r->number + 1) {
		bool is_missing = g->number > r->number;

		r->has_gap = true;
		r->is_adjacent = true;
		r->gap = (gs_gotrace_gap){ .from_at = g->start_at, .first_generation = r->number + 1, .from_ns = r->last_ns };
		gs_fail(&r->gap.why, GS_ERR_FORMAT, g->start_at, is_missing ? "generation %llu follows generation %llu: what lies between is missing" :
			"generation %llu follows generation %llu", (unsigned long long)g->number, (unsigned long long)r->number);
		if (!r->report->is_damaged)
			r->report->damage = r->gap.why;
		r->report->is_damaged = true;
	}
	if (r->has_gap && r->n) {
		if (!is_credible(r, g, err))
			return false;
		r->report->lost_generations += g->number - r->number <= MAX_MISSING ? (unsigned)(g->number - r->number - 1) : MAX_MISSING;
		r->gap.last_generation = g->number - 1;
		r->gap.until_at = g->start_at;
		r->last_ns++; /* a gap is longer than nothing */
		r->gap.until_ns = gs_gotrace_ns(g, g->min_time);
		if (r->gap.until_ns <= r->last_ns)
			r->gap.until_ns = r->last_ns + 1;
		g->gap = &r->gap;
		r->report->gaps++;
	}
	return true;
}

/* More is lost: `bytes` of it, and all that was to come of generation g. */
static void lose(gs_gotrace_reader *r, const gs_gotrace_generation *g, bool is_tried, uint64_t bytes, const gs_err *why)
{
	gs_gotrace_report *report = r->report;
	bool is_known = (is_tried || g->is_cut) && g->ns_per_unit > 0 && g->last_time;
	int64_t claim = is_known ? gs_gotrace_ns(g, g->last_time) : GS_GOTRACE_NO_TIME;

	if (!report->is_damaged)
		report->damage = *why;
	report->is_damaged = true;
	report->lost_bytes += bytes;
	if (!r->has_gap) {
		r->gap = (gs_gotrace_gap){ .from_at = !is_tried || why->at < g->start_at || why->at > g->end_at ? g->start_at : why->at,
					   .first_generation = is_tried ? g->number : r->number + 1, .from_ns = r->last_ns, .why = *why };
		r->lost_until_ns = GS_GOTRACE_NO_TIME;
	}
	r->has_gap = true;
	r->gap.lost_bytes += bytes;
	if (is_tried)
		claim = latest(claim, r->left.lost_until_ns);
	r->lost_until_ns = latest(r->lost_until_ns, claim);
}

/* To the next generation behind g, or the end of all. One that says to be much later than it can be may be none: it is searched too. */
static void go_on(gs_gotrace_reader *r, const gs_gotrace_generation *g, bool is_tried)
{
	gs_gotrace_report *report = r->report;
	bool is_odd = !is_tried && (!g->number || (g->number > r->seen + 1 && r->refused++ < MAX_REFUSED));
	uint64_t from = is_tried ? g->end_at : g->start_at, skipped, last_time;
	gs_rd next = { r->in.start, r->in.start + (is_odd ? g->start_at + 1 : g->end_at), r->in.end, false };
	unsigned lost;

	if (!is_odd && g->number > r->seen)
		r->seen = g->number;
	r->is_over = r->is_over || g->is_cut || !gs_gotrace_resync(&next, r->seen ? r->seen + 1 : 0, r->min_time);
	skipped = (r->is_over ? (uint64_t)(r->in.end - r->in.start) : gs_rd_at(&next)) - from;
	report->lost_bytes += skipped;
	r->gap.lost_bytes += skipped;
	if (!r->is_over) {
		r->is_adjacent = is_tried && !skipped && !g->ends_lost;
		r->in = next;
		return;
	}
	/* Nothing can be shown that lies behind: how far does it reach? */
	if (!g->is_cut) {
		gs_gotrace_look_ahead((gs_rd){ r->in.start, r->in.start + from, r->in.end, false }, r->seen, r->min_time, &lost, &last_time);
		report->lost_generations += lost;
		if (g->ns_per_unit > 0 && last_time)
			r->lost_until_ns = latest(r->lost_until_ns, gs_gotrace_ns(g, last_time));
	}
}

/* At the end: what is lost there has no generation behind it. */
static void tell_end(gs_gotrace_reader *r)
{
	gs_gotrace_report *report = r->report;

	report->good_until_ns = r->last_ns;
	report->lost_until_ns = r->has_gap ? r->lost_until_ns : GS_GOTRACE_NO_TIME;
	if (report->lost_until_ns <= r->last_ns)
		report->lost_until_ns = GS_GOTRACE_NO_TIME;
	if (r->has_gap) {
		report->lost_from_at = r->gap.from_at;
		report->end_damage = r->gap.why;
	}
}

bool gs_gotrace_reader_step(gs_gotrace_reader *r, gs_err *err)
{
	gs_gotrace_report *report = r->report;
	gs_gotrace_generation g = { 0 };
	gs_err damage = { 0 }, why = { 0 };
	bool done = false, is_tried = false, is_whole;
	bool is_read = gs_gotrace_generation_read(&r->in, r->version, r->ns_per_unit, &g, &done, &damage);

	r->left = (gs_gotrace_run){ .lost_until_ns = GS_GOTRACE_NO_TIME };
	is_whole = is_read && !g.is_partial;
	if (is_read && !done && enter(r, &g, &why)) {
		r->ns_per_unit = g.ns_per_unit;
		r->number = r->seen = g.number;
		r->min_time = g.min_time;
		is_tried = true;
		is_read = hand_out(r, &g, &why);
		r->has_gap = false; /* told with it */
		/* A generation that the file cuts short breaks somewhere by itself: the cut is what to tell. */
		if (is_whole && (!is_read || r->left.is_cut)) {
			g.is_cut = r->left.is_cut || (!is_read && g.may_be_cut);
			damage = why;
			if (g.is_cut)
				gs_fail(&damage, GS_ERR_FORMAT, g.end_at, "the trace ends inside generation %llu",
					(unsigned long long)g.number);
			is_whole = false;
		}
	} else if (is_read && !done) {
		if (damage.code == GS_ERR_NONE || why.code != GS_ERR_FORMAT)
			damage = why;
		is_whole = false;
	}
	if (r->sink_failed) {
		*err = why;
	} else if (done) {
		r->is_over = true;
	} else if (is_whole) {
		report->generations++;
	} else if (is_tried && is_read && !g.lost_at && !g.is_cut) {
		/* Tables alone are damaged: no event is missing. */
		if (!report->is_damaged)
			report->damage = damage;
		report->is_damaged = true;
		report->lost_bytes += g.lost_bytes;
	} else {
		lose(r, &g, is_tried, is_tried ? g.lost_bytes + r->left.lost_bytes : 0, &damage);
		report->is_cut = g.is_cut;
		r->is_over = damage.code != GS_ERR_FORMAT;
		go_on(r, &g, is_tried);
	}
	gs_gotrace_generation_release(&g);
	return !r->is_over && !r->sink_failed;
}

bool gs_gotrace_reader_finish(gs_gotrace_reader *r, gs_err *err)
{
	gs_gotrace_report *report = r->report;

	if (report->version < 22) {
		if (!gs_gotrace_v1_read(r, err))
			return false;
		report->good_until_ns = r->last_ns;
	} else {
		while (!r->sink_failed && !r->is_over && gs_gotrace_reader_step(r, err))
			;
		if (!r->sink_failed)
			tell_end(r);
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
