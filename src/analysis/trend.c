#include "analysis/trend.h"

#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a trend");
}

const char *gs_trend_verdict_name(gs_trend_verdict v)
{
	static const char *const names[] = { "can't tell", "steady", "growing", "shrinking" };

	return names[v];
}

/* ---- order ---- */

/* Nearer ones are the same moment: nobody takes profiles so fast, and seconds as numbers still tell these apart after years. */
enum { LEAST_APART_NS = 1000 };

typedef struct moment {
	uint32_t at;
	int64_t time_ns;
} moment;

static int by_time(const void *a, const void *b)
{
	const moment *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Bytes allocated since the program began; negative: the profile does not say. */
static double allocated(const gs_profile *p)
{
	double sum = 0;

	for (uint32_t t = 0; t < p->n_types; t++) {
		if (!gs_str_eq(gs_profile_str(p, p->types[t].type), GS_S("alloc_space")) || p->duration_ns)
			continue;
		for (uint32_t s = 0; s < p->n_samples; s++)
			sum += (double)p->values[t][s];
		return sum;
	}
	return -1;
}

/* Where the last run of the program begins: allocations never fall but by the rounding of samples. */
static uint32_t last_start(const gs_profile *const *list, const moment *m, uint32_t n)
{
	uint32_t from = 0;
	double before = -1;

	for (uint32_t i = 0; i < n; i++) {
		double now = allocated(list[m[i].at]);

		if (now >= 0 && now < before / 2)
			from = i;
		before = now;
	}
	return from;
}

uint32_t *gs_trend_order(gs_arena *mem, const gs_profile *const *list, const gs_str *names, uint32_t *n, const gs_trend_options *o,
			 gs_trend *out, gs_err *err)
{
	moment *m = gs_new(mem, moment, *n + 1u);
	uint32_t *order = gs_new(mem, uint32_t, *n + 1u), kept = 0, from;

	if (o->interval_ns > INT64_MAX / (*n + 1)) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--interval: that is longer than there is time for %u profiles", *n);
		return NULL;
	}
	for (uint32_t i = 0; i < *n; i++) {
		m[i] = (moment){ i, o->interval_ns ? i * o->interval_ns : list[i]->time_ns };
		if (!o->interval_ns && m[i].time_ns <= 0) {
			gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s does not say when it was taken: --interval 10s takes the inputs as that far apart, in the order given",
				GS_FMT(names[i]));
			return NULL;
		}
	}
	qsort(m, *n, sizeof(*m), by_time);
	for (uint32_t i = 0; i < *n; i++)
		if (!kept || m[i].time_ns - m[kept - 1].time_ns >= LEAST_APART_NS)
			m[kept++] = m[i];
	out->n_same = *n - kept;
	from = last_start(list, m, kept);
	out->n_before_restart = from;
	kept -= from;
	if (kept > GS_SLOPE_MAX) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%u profiles are more than a trend takes (%d): give every %u.", kept, GS_SLOPE_MAX,
			kept / GS_SLOPE_MAX + 1);
		return NULL;
	}
	for (uint32_t i = 0; i < kept; i++)
		order[i] = m[from + i].at;
	*n = kept;
	return order;
}

/* ---- series ---- */

typedef enum source { IN_USE, SINCE_START, COLLECTED } source;

static source source_of(const gs_view *v)
{
	const gs_profile *p = v->profiles[0].profile;

	if (p->duration_ns > 0)
		return COLLECTED;
	return gs_str_starts(v->type, GS_S("alloc_")) || gs_str_eq(v->type, GS_S("contentions")) || gs_str_eq(v->type, GS_S("delay")) ? SINCE_START : IN_USE;
}

static bool make_moments(gs_arena *mem, gs_trend *t, const gs_trend_options *o, gs_err *err)
{
	const gs_view *v = t->view;

	t->at_s = gs_new(mem, double, v->n_profiles + 1u);
	t->taken_s = gs_new(mem, double, v->n_profiles + 1u);
	t->n_moments = v->n_profiles;
	t->start_ns = o->interval_ns || !v->n_profiles ? 0 : v->profiles[0].profile->time_ns;
	t->is_rate = source_of(v) != IN_USE;
	for (uint32_t i = 0; i < t->n_moments; i++) {
		t->taken_s[i] = t->at_s[i] = (double)(o->interval_ns ? i * o->interval_ns : v->profiles[i].profile->time_ns - t->start_ns) / 1e9;
		if ((v->profiles[i].profile->duration_ns > 0) != (source_of(v) == COLLECTED))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "some of the profiles are of a while (seconds=) and others since the start: one kind at a time");
	}
	return true;
}

/* Own values of each node at one moment. */
static void own_at(const gs_view *v, uint32_t at, double *own)
{
	const gs_view_profile *vp = &v->profiles[at];

	memset(own, 0, v->n_nodes * sizeof(*own));
	for (uint32_t s = 0; s < vp->profile->n_samples; s++)
		if (vp->sample_node[s] != GS_NO_ID)
			own[vp->sample_node[s]] += (double)vp->profile->values[vp->type][s];
}

/* Of each node, whether its key stands on the way to the root already. */
static bool *find_repeated(gs_arena *mem, const gs_view *v)
{
	bool *again = gs_try_new(mem, bool, v->n_nodes);

	for (uint32_t i = 1; again && i < v->n_nodes; i++)
		for (uint32_t up = v->nodes[i].parent; up && !again[i]; up = v->nodes[up].parent)
			again[i] = v->nodes[up].key == v->nodes[i].key;
	return again;
}

/* n_rows series, one behind the other, of own values that get a second column while they are looked at. */
static double *fill(gs_arena *mem, gs_trend *t, uint32_t n_rows, double *whole, gs_err *err)
{
	const gs_view *v = t->view;
	double *all = gs_try_new(mem, double, (size_t)n_rows * (t->n_moments + 1u)), *own = gs_try_new(mem, double, v->n_nodes);
	bool *again = t->by == GS_TREND_CUM ? find_repeated(mem, v) : NULL;

	if (!all || !own || (t->by == GS_TREND_CUM && !again)) {
		no_memory(err);
		return NULL;
	}
	for (uint32_t m = 0; m < t->n_moments; m++) {
		own_at(v, m, own);
		whole[m] = 0;
		for (uint32_t i = 0; i < v->n_nodes; i++)
			whole[m] += own[i];
		for (uint32_t i = v->n_nodes; i-- > 1;) {
			uint32_t row = t->by == GS_TREND_STACK ? i : v->nodes[i].key;

			if (t->by != GS_TREND_CUM || !again[i])
				all[(size_t)row * t->n_moments + m] += own[i];
			if (t->by == GS_TREND_CUM)
				own[v->nodes[i].parent] += own[i];
		}
	}
	return all;
}

static void to_rate(const gs_trend *t, source from, double *values)
{
	if (from == COLLECTED)
		for (uint32_t m = 0; m < t->n_moments; m++)
			values[m] /= (double)t->view->profiles[m].profile->duration_ns / 1e9;
	else if (from == SINCE_START)
		for (uint32_t m = 0; m + 1 < t->n_moments; m++)
			values[m] = (values[m + 1] - values[m]) / (t->taken_s[m + 1] - t->taken_s[m]);
}

/* Rates between neighbours are one fewer than moments, and of the middle between them. */
static void to_middles(gs_trend *t)
{
	for (uint32_t m = 0; m + 1 < t->n_moments; m++)
		t->at_s[m] = (t->taken_s[m] + t->taken_s[m + 1]) / 2;
	t->n_moments -= t->n_moments > 0;
}

static double mean_of(const double *values, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += values[i];
	return n ? sum / n : 0;
}

/* ---- verdicts ---- */

typedef struct moments {
	const double *at;
	uint32_t n;
} moments;

static bool fit(moments m, const gs_trend_options *o, gs_trend_row *r, gs_err *err)
{
	uint32_t half = m.n / 2;
	gs_slope first, second;

	if (!gs_slope_fit(m.at, r->values, m.n, o->confidence, &r->fit, err))
		return false;
	r->q = r->fit.p;
	if (half < 4)
		return true;
	if (!gs_slope_fit(m.at, r->values, half, o->confidence, &first, err) ||
	    !gs_slope_fit(m.at + m.n - half, r->values + m.n - half, half, o->confidence, &second, err))
		return false;
	r->is_slowing = first.slope > 0 && second.slope < first.slope / 2;
	return true;
}

static void decide(moments m, const gs_trend_options *o, gs_trend_row *r)
{
	double length = m.n ? m.at[m.n - 1] - m.at[0] : 0, least = o->steady_share * fabs(r->mean);

	if (m.n < GS_SLOPE_MIN)
		r->verdict = GS_TREND_UNCLEAR;
	else if (r->q < 1 - o->confidence && r->fit.slope > 0)
		r->verdict = GS_TREND_GROWING;
	else if (r->q < 1 - o->confidence && r->fit.slope < 0)
		r->verdict = GS_TREND_SHRINKING;
	else if (r->fit.low * length >= -least && r->fit.high * length <= least)
		r->verdict = GS_TREND_STEADY;
	else
		r->verdict = GS_TREND_UNCLEAR;
	r->is_slowing = r->is_slowing && r->verdict == GS_TREND_GROWING;
}

static bool is_level(const gs_trend_row *r, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++)
		if (r->values[i] < r->values[0] || r->values[i] > r->values[0])
			return false;
	return true;
}

bool gs_trend_judge(gs_arena *mem, const double *at, uint32_t n_moments, gs_trend_row *rows, uint32_t n_rows, const gs_trend_options *o,
		    gs_err *err)
{
	moments m = { at, n_moments };
	double *p = gs_try_new(mem, double, n_rows + 1u);
	uint32_t n = 0;

	if (!p)
		return no_memory(err);
	for (uint32_t i = 0; i < n_rows; i++) {
		if (!fit(m, o, &rows[i], err))
			return false;
		if (!is_level(&rows[i], n_moments))
			p[n++] = rows[i].fit.p;
	}
	if (!gs_slope_adjust(p, n, err))
		return false;
	n = 0;
	for (uint32_t i = 0; i < n_rows; i++) {
		if (!is_level(&rows[i], n_moments))
			rows[i].q = p[n++];
		decide(m, o, &rows[i]);
	}
	return true;
}

static int place(gs_trend_verdict v)
{
	return v == GS_TREND_GROWING ? 0 : v == GS_TREND_SHRINKING ? 1 : v == GS_TREND_UNCLEAR ? 2 : 3;
}

static int by_verdict(const void *a, const void *b)
{
	const gs_trend_row *x = a, *y = b;
	double mine = fabs(x->fit.slope), theirs = fabs(y->fit.slope);

	if (x->verdict != y->verdict)
		return place(x->verdict) < place(y->verdict) ? -1 : 1;
	if (mine < theirs || mine > theirs)
		return mine > theirs ? -1 : 1;
	if (x->mean < y->mean || x->mean > y->mean)
		return x->mean > y->mean ? -1 : 1;
	return x->key != y->key ? (x->key < y->key ? -1 : 1) : x->node < y->node ? -1 : x->node > y->node;
}

/* ---- which stack ---- */

static double *additive_slopes(gs_arena *mem, const gs_trend *t)
{
	const gs_view *v = t->view;
	source from = source_of(v);
	uint32_t n_all = v->n_profiles, m;
	double *own = gs_try_new(mem, double, v->n_nodes), *slopes = gs_try_new(mem, double, v->n_nodes), *before = gs_try_new(mem, double, v->n_nodes);
	double middle = mean_of(t->at_s, t->n_moments), down = 0;

	if (!own || !slopes || !before)
		return NULL;
	for (m = 0; m < t->n_moments; m++)
		down += (t->at_s[m] - middle) * (t->at_s[m] - middle);
	/* Least squares is a weighted sum of the values: no series need be kept. */
	for (m = 0; m < n_all && down > 0; m++) {
		const gs_profile *p = v->profiles[m].profile;
		uint32_t at = from == SINCE_START ? m - 1 : m;
		double length = 1, weight;

		own_at(v, m, own);
		if (from == COLLECTED)
			length = (double)p->duration_ns / 1e9;
		else if (from == SINCE_START && m)
			length = t->taken_s[m] - t->taken_s[m - 1];
		weight = from == SINCE_START && !m ? 0 : (t->at_s[at] - middle) / down / length;
		for (uint32_t i = 0; i < v->n_nodes; i++) {
			slopes[i] += weight * (own[i] - (from == SINCE_START ? before[i] : 0));
			before[i] = own[i];
		}
	}
	return slopes;
}

/* A row says which way memory comes to it most. */
static bool find_stacks(gs_arena *mem, gs_trend *t)
{
	const gs_view *v = t->view;
	double *slopes = additive_slopes(mem, t);
	uint32_t *best = gs_try_new(mem, uint32_t, v->n_keys + 1u);

	if (!slopes || !best)
		return false;
	if (t->by == GS_TREND_CUM)
		for (uint32_t i = v->n_nodes; i-- > 1;)
			slopes[v->nodes[i].parent] += slopes[i];
	for (uint32_t i = 1; i < v->n_nodes; i++) {
		uint32_t *b = &best[v->nodes[i].key];

		if (!*b || slopes[i] > slopes[*b])
			*b = i;
	}
	for (uint32_t i = 0; i < t->n_rows; i++)
		t->rows[i].node = best[t->rows[i].key];
	return true;
}

bool gs_trend_build(gs_arena *mem, const gs_view *v, const gs_trend_options *o, gs_trend *out, gs_err *err)
{
	uint32_t n = o->by == GS_TREND_STACK ? v->n_nodes : v->n_keys, n_all = v->n_profiles;
	source from = source_of(v);
	double *all, *whole = gs_new(mem, double, n_all + 1u);

	out->view = v;
	out->by = o->by;
	if (!make_moments(mem, out, o, err))
		return false;
	all = fill(mem, out, n, whole, err);
	out->rows = gs_try_new(mem, gs_trend_row, n + 1u);
	if (!all)
		return false;
	if (!out->rows)
		return no_memory(err);
	to_rate(out, from, whole);
	for (uint32_t i = 0; i < n; i++)
		to_rate(out, from, all + (size_t)i * n_all);
	if (from == SINCE_START)
		to_middles(out);
	out->whole = (gs_trend_row){ .key = GS_NO_ID, .values = whole, .mean = mean_of(whole, out->n_moments) };
	for (uint32_t i = 0; i < n; i++) {
		double *values = all + (size_t)i * n_all, mean = mean_of(values, out->n_moments);
		bool is_node = o->by == GS_TREND_STACK;

		if (!(fabs(mean) > 0))
			continue;
		if (fabs(mean) < o->min_share * fabs(out->whole.mean))
			out->n_small++;
		else
			out->rows[out->n_rows++] =
				(gs_trend_row){ .key = is_node ? v->nodes[i].key : i, .node = is_node ? i : 0, .values = values, .mean = mean };
	}
	if (!fit((moments){ out->at_s, out->n_moments }, o, &out->whole, err) ||
	    !gs_trend_judge(mem, out->at_s, out->n_moments, out->rows, out->n_rows, o, err))
		return false;
	decide((moments){ out->at_s, out->n_moments }, o, &out->whole);
	if (o->by != GS_TREND_STACK && !find_stacks(mem, out))
		return no_memory(err);
	if (out->n_rows)
		qsort(out->rows, out->n_rows, sizeof(*out->rows), by_verdict);
	return true;
}

/* ---- as a profile ---- */

static int64_t rounded(double x)
{
	return x > 9e18 ? INT64_MAX : x < -9e18 ? INT64_MIN : llround(x);
}

gs_profile *gs_trend_profile(gs_arena *mem, const gs_trend *t, gs_err *err)
{
	const gs_view *v = t->view;
	double *slopes = additive_slopes(mem, t), length = t->n_moments ? t->at_s[t->n_moments - 1] - t->at_s[0] : 0;
	uint32_t *nodes = gs_try_new(mem, uint32_t, v->n_nodes), unit;
	gs_profile_builder *b = gs_profile_builder_create(mem, err);
	gs_profile *p = b ? gs_profile_builder_profile(b) : NULL;

	if (!p)
		return NULL;
	unit = gs_profile_builder_str(b, t->is_rate ? gs_strf(mem, "%.*s/s", GS_FMT(v->unit)) : v->unit);
	p->n_types = 2;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, gs_strf(mem, "%.*s_growth_hour", GS_FMT(v->type))), unit };
	p->types[1] = (gs_value_type){ gs_profile_builder_str(b, gs_strf(mem, "%.*s_growth", GS_FMT(v->type))), unit };
	p->time_ns = t->start_ns;
	for (uint32_t i = 1; slopes && nodes && i < v->n_nodes; i++) {
		const gs_key *k = &v->keys[v->nodes[i].key];
		gs_function f = { .name = gs_profile_builder_str(b, gs_key_text(mem, v, k)),
				  .file = gs_profile_builder_str(b, gs_view_str(v, k->at_file)), .start_line = k->start_line };
		gs_frame line = { .function = gs_profile_builder_function(b, f), .line = k->line ? k->line : k->at_line };
		int64_t values[2] = { rounded(slopes[i] * 3600), rounded(slopes[i] * length) };
		gs_sample s = { .values = values };

		nodes[i] = gs_profile_builder_push(b, nodes[v->nodes[i].parent], gs_profile_builder_location_intern(b, 0, 0, &line, 1));
		s.node = nodes[i];
		if (values[0] || values[1])
			gs_profile_builder_sample(b, &s);
	}
	p = gs_profile_builder_finish(b, err);
	if (p && (!slopes || !nodes))
		p = NULL, no_memory(err);
	return p;
}
