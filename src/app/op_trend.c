/* gospect trend: what grows over a series of profiles. */
#include "analysis/trend.h"

#include "app/call_view.h"
#include "app/common_args.h"
#include "app/endpoint_args.h"
#include "app/live.h"
#include "app/moments.h"
#include "app/pprof_bytes.h"
#include "base/clock.h"
#include "present/trend.h"

#include "base/banned.h"

enum { MAX_PROFILES = 20000, FAILURES_IN_A_ROW = 3 };

static const gs_arg args[] = {
	{ "limit", GS_ARG_INT, "20", .help = "rows; 0 for all", .unit = "rows", .short_name = 'n' },
	{ "by", GS_ARG_ENUM, "flat", "flat cum stack", .help = "what a row is: where it was allocated, that with its callees, or a whole stack" },
	{ "sample-index", GS_ARG_STRING, .unit = "type", .short_name = 's',
	  .help = "sample type by name (inuse_space, inuse_objects, alloc_space, goroutine, ...); default: inuse_space, or as the profiles say" },
	{ "part", GS_ARG_STRING, .unit = "name", .help = "of a capture, a folder or a running program: heap, goroutine, allocs, mutex, block, ...; default: heap" },
	{ "interval", GS_ARG_DURATION, .help = "of profiles that do not say when they were taken: so far apart, in the order given" },
	{ "skip", GS_ARG_INT, "0", .unit = "profiles", .help = "leave the first ones out: caches that fill after the start" },
	{ "confidence", GS_ARG_FLOAT, "95", .unit = "percent", .help = "of the intervals; the rest is the share of wrong finds among all finds" },
	{ "min-share", GS_ARG_FLOAT, "0.5", .unit = "percent", .help = "test what is so much of the whole, on average; the fewer are tested, the fewer profiles are enough" },
	{ "fail-on", GS_ARG_ENUM, .def = "never", .values = "never growing unclear", .help = "what makes the exit status 1: anything that grows; unclear: also a total that nobody can judge" },
	{ "every", GS_ARG_DURATION, .def = "10s", .help = "of a running program: a profile so often" },
	{ "for", GS_ARG_DURATION, .def = "2m", .help = "of a running program: for so long" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct series {
	gs_op_call *call;
	GS_VEC(gs_document *) opened; /* ours to close */
	GS_VEC(const gs_document *) docs;
	uint32_t n_failed;
} series;

static bool add(series *s, const gs_document *d, gs_err *err)
{
	const gs_document **to = gs_vec_push(&s->docs, MAX_PROFILES);

	if (!to)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "trend: more than %d profiles", MAX_PROFILES);
	*to = d;
	return true;
}

/* ---- inputs of the command line ---- */

static bool has_part(const gs_documents *d, gs_str part)
{
	for (unsigned i = 0; i < d->n; i++)
		if (gs_str_starts(gs_document_part(d->list[i]), part))
			return true;
	return false;
}

/* Of a source that has several: those of the part, "heap" when nobody named one and it is there, else of the first one's sample type. */
static bool is_wanted(const series *s, const gs_documents *all, const gs_document *d)
{
	gs_str part = gs_call_str(s->call, "part");
	const gs_profile *first = all->list[0]->profile;

	if (all->n == 1)
		return true;
	if (d->kind != GS_DOCUMENT_PROFILE && d->kind != GS_DOCUMENT_GOROUTINES)
		return false;
	if (part.n || has_part(all, GS_S("heap")))
		return gs_str_starts(gs_document_part(d), part.n ? part : GS_S("heap"));
	return gs_str_eq(gs_profile_str(d->profile, d->profile->types[gs_profile_default_type(d->profile)].type),
			 gs_profile_str(first, first->types[gs_profile_default_type(first)].type));
}

static bool keep(series *s, gs_documents *all, gs_str source, gs_err *err)
{
	size_t before = s->docs.n;
	bool ok = true;

	for (unsigned i = 0; ok && i < all->n; i++) {
		gs_document *d = all->list[i], **to;

		if (!is_wanted(s, all, d))
			continue;
		if (d->kind != GS_DOCUMENT_PROFILE && d->kind != GS_DOCUMENT_GOROUTINES)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no profile: gospect heap-diff compares cores, gospect trace-diff traces", GS_FMT(source));
		to = gs_vec_push(&s->opened, MAX_PROFILES);
		if (to)
			*to = d;
		ok = to && add(s, d, err);
	}
	for (unsigned i = 0; i < all->n; i++) {
		bool is_ours = false;

		for (size_t k = before; k < s->opened.n && !is_ours; k++)
			is_ours = s->opened.p[k] == all->list[i];
		if (!is_ours)
			gs_document_close(all->list[i]);
	}
	all->n = 0;
	if (ok && s->docs.n == before)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no part \"%.*s\" in %.*s", GS_FMT(gs_call_str(s->call, "part")), GS_FMT(source));
	return ok;
}

static bool add_source(series *s, gs_str source, const gs_open_options *o, gs_err *err)
{
	GS_AUTO(documents) d = { 0 };

	return gs_open_source(source, o, s->call->progress, &d, NULL, err) && keep(s, &d, source, err);
}

/* A moment without an answer is a gap; three in a row are the end of the program, or of what it lets us see. */
static bool add_running(series *s, gs_str source, gs_err *err)
{
	gs_str part = gs_call_str(s->call, "part");
	int64_t every = gs_call_int(s->call, "every"), start = gs_now_ns(), length = gs_call_int(s->call, "for");
	gs_open_options o = { .only = part.n ? part : GS_S("heap"), .duration_ns = every };
	unsigned in_a_row = 0;

	if (every < 1000000)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "trend: --every needs a millisecond or more");
	if (!gs_endpoint_auth(s->call, &o.auth, err))
		return false;
	for (int64_t i = 1; i <= length / every + 1; i++) {
		GS_AUTO(documents) d = { 0 };
		gs_err why = { .at = GS_ERR_NOWHERE };
		char text[64];

		snprintf(text, sizeof(text), "profile %lld of %lld", (long long)i, (long long)(length / every + 1));
		gs_progress_report(s->call->progress, (double)(i - 1) / (double)(length / every + 1), text);
		if (gs_live_open(source, &o, NULL, &d, NULL, &why)) {
			in_a_row = 0;
			if (!keep(s, &d, source, err))
				return false;
		} else if (i == 1) {
			*err = why;
			return false;
		} else {
			s->n_failed++;
			if (++in_a_row == FAILURES_IN_A_ROW)
				break;
		}
		if (i <= length / every)
			gs_sleep_until(start + i * every, s->call->progress);
		if (gs_progress_should_stop(s->call->progress))
			break;
	}
	return true;
}

static bool add_inputs(series *s, gs_err *err)
{
	gs_op_call *call = s->call;
	gs_open_options o = { .load = { .keep_path_name = false } };

	for (unsigned i = 0; i < call->n_docs; i++)
		if (!add(s, call->docs[i], err))
			return false;
	for (unsigned i = 0; i < call->n_paths; i++)
		if (!(gs_live_is(call->paths[i]) ? add_running(s, call->paths[i], err) : add_source(s, call->paths[i], &o, err)))
			return false;
	if (s->docs.n < 2)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "a trend needs several profiles: gospect trend heap.*.pprof, gospect trend FOLDER, gospect trend --every 10s --for 2m URL");
	return true;
}

/* ---- the answer ---- */

static bool has_type(const gs_document *d, gs_str type)
{
	for (uint32_t t = 0; t < d->profile->n_types; t++)
		if (gs_str_eq(gs_profile_str(d->profile, d->profile->types[t].type), type))
			return true;
	return false;
}

/* A number means what it means in the first one; every profile must have the type. */
static bool choose_type(const series *s, gs_query *q, gs_err *err)
{
	const gs_profile *first = s->docs.p[0]->profile;
	uint32_t type;

	if (!q->sample_index.n && has_type(s->docs.p[0], GS_S("inuse_space")) && !gs_str_starts(gs_document_part(s->docs.p[0]), GS_S("allocs")))
		q->sample_index = GS_S("inuse_space");
	if (!gs_sample_index(first, q->sample_index, &type, err))
		return false;
	q->sample_index = gs_profile_str(first, first->types[type].type);
	for (size_t i = 0; i < s->docs.n; i++)
		if (!has_type(s->docs.p[i], q->sample_index))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s has no %.*s: a trend is of profiles of one kind", GS_FMT(s->docs.p[i]->name),
				       GS_FMT(q->sample_index));
	return true;
}

static bool put_in_order(series *s, const gs_trend_options *o, gs_trend *t, const uint32_t **order_out, gs_err *err)
{
	gs_op_call *call = s->call;
	uint32_t n = (uint32_t)s->docs.n, *order;
	int64_t skip = gs_call_int(call, "skip");
	const gs_profile **profiles = gs_new(call->mem, const gs_profile *, n);
	const gs_document **docs = gs_new(call->mem, const gs_document *, n);
	gs_str *names = gs_new(call->mem, gs_str, n);

	for (uint32_t i = 0; i < n; i++) {
		profiles[i] = s->docs.p[i]->profile;
		names[i] = s->docs.p[i]->name;
	}
	order = gs_trend_order(call->mem, profiles, names, &n, o, t, err);
	if (!order)
		return false;
	if (skip >= n || n - (uint32_t)skip < 2)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "a trend needs several profiles of different moments, here are %u%s", n, skip ? " before --skip" : "");
	n -= (uint32_t)skip;
	for (uint32_t i = 0; i < n; i++)
		docs[i] = s->docs.p[order[i + (uint32_t)skip]];
	call->docs = docs;
	call->n_docs = n;
	*order_out = order + skip;
	return true;
}

static bool answer(series *s, gs_err *err)
{
	static const char *const by[] = { "flat", "cum", "stack" };
	gs_op_call *call = s->call;
	gs_query *q = gs_new(call->mem, gs_query, 1);
	gs_trend_options o = { .confidence = gs_call_float(call, "confidence") / 100, .min_share = gs_call_float(call, "min-share") / 100, .steady_share = GS_TREND_STEADY_SHARE,
			       .interval_ns = gs_call_int(call, "interval") };
	gs_trend_style style = { .limit = (uint32_t)gs_call_int(call, "limit"), .confidence = o.confidence, .min_share = o.min_share, .n_failed = s->n_failed };
	gs_str fail_on = gs_call_str(call, "fail-on");
	gs_trend t = { 0 };
	const gs_view *v;

	if (!(o.confidence >= 0.5 && o.confidence <= 0.9999))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "trend: --confidence is from 50 to 99.99 percent");
	while (!gs_str_eq(gs_call_str(call, "by"), gs_str_of(by[o.by])))
		o.by++;
	if (!gs_call_query(call, q, err) || !choose_type(s, q, err) || !put_in_order(s, &o, &t, &style.order, err))
		return false;
	v = gs_call_view(call, q, err);
	if (!v || !gs_trend_build(call->mem, v, &o, &t, err))
		return false;
	if (strcmp(call->format, "pprof") == 0 || strcmp(call->format, "proto") == 0) {
		gs_profile *p = gs_trend_profile(call->mem, &t, err);

		if (!p || !gs_write_pprof_bytes(call, p, NULL, err))
			return false;
	} else {
		(strcmp(call->format, "json") == 0 ? gs_trend_json : strcmp(call->format, "csv") == 0 ? gs_trend_csv : gs_trend_text)(call->mem, &t, &style, call->out);
	}
	if (!gs_str_eq(fail_on, GS_S("never")) && (t.whole.verdict == GS_TREND_GROWING || (t.n_rows && t.rows[0].verdict == GS_TREND_GROWING)))
		call->exit_status = 1;
	if (gs_str_eq(fail_on, GS_S("unclear")) && t.whole.verdict == GS_TREND_UNCLEAR)
		call->exit_status = 1;
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	series s = { .call = call };
	bool ok = add_inputs(&s, err) && answer(&s, err);

	for (size_t i = 0; i < s.opened.n; i++)
		gs_document_close(s.opened.p[i]);
	gs_vec_release(&s.opened);
	gs_vec_release(&s.docs);
	return ok;
}

extern const gs_op gs_op_trend;
const gs_op gs_op_trend = {
	.name = "trend",
	.summary = "what grows over a series of profiles: slope, confidence and projection for each place",
	.help = "Takes heap profiles (or goroutine, allocs, mutex, block, CPU profiles) of one program at several moments: files, captures, folders of profiles, or an address or PID, of\n"
		"which it takes a profile --every so often. The time of each is the one that it says of itself.\n"
		"\n"
		"The slope is the median over all pairs of moments (Theil and Sen), which peaks do not move, with its confidence interval. Growing and shrinking are what chance would\n"
		"hardly do: Mann and Kendall's test on the order, corrected for neighbours that are alike (a sawtooth) and for the number of rows. Steady: nothing\n"
		"found, and a change of a tenth would have been. Can't tell: too few profiles (five at least; more the more rows there are), or too much noise.\n"
		"\n"
		"Allocations, contentions and CPU time become rates first. The pprof output is a profile of what each stack gained, for every viewer.\n"
		"\n"
		"  gospect trend --every 10s --for 2m localhost:6060\n"
		"  gospect trend --by cum captures/\n"
		"  gospect trend --part goroutine --every 5s --for 1m 4242\n"
		"  gospect trend --part goroutine --by cum --tagroot tenant --for 1m localhost:6060\n"
		"  gospect trend --fail-on growing heap.*.pprof\n"
		"  gospect trend heap.*.pprof -o growth.pprof && gospect flame growth.pprof\n",
	.operands = "FILE|FOLDER|URL|PID...",
	.input = GS_INPUT_HEAPS,
	.needs_kinds = 1u << GS_DOCUMENT_PROFILE | 1u << GS_DOCUMENT_GOROUTINES,
	.groups = (const gs_arg_group *const[]){ &group, &gs_args_filters, &gs_args_tags, &gs_args_view, &gs_args_select, &gs_args_endpoint, NULL },
	.formats = "text json csv pprof proto",
	.run = run,
	.is_slow = true,
};
