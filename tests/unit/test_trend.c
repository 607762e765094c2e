#include "analysis/trend.h"

#include <math.h>

#include "tap.h"

enum { MOST = GS_SLOPE_MAX + 1 };

/* The same numbers on every machine. */
static uint64_t state;

static double uniform(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / 9007199254740992.0;
}

static double noise(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += uniform();
	return sum;
}

static gs_slope fit(const double *at, const double *values, uint32_t n)
{
	gs_slope f;
	gs_err err;

	CHECK(gs_slope_fit(at, values, n, 0.95, &f, &err));
	return f;
}

static bool near(double got, double want, double by)
{
	return fabs(got - want) <= by;
}

TEST(a_line_is_found_whatever_the_distances)
{
	double at[8] = { 0, 1, 3, 4, 10, 20, 21, 30 }, values[8];
	gs_slope f;

	for (int i = 0; i < 8; i++)
		values[i] = 100 + 7.5 * at[i];
	f = fit(at, values, 8);
	CHECK(near(f.slope, 7.5, 1e-9) && near(f.low, 7.5, 1e-9) && near(f.high, 7.5, 1e-9) && near(f.level, 100, 1e-9));
	CHECK(near(f.p, 2.0 / 40320, 1e-12)); /* one order of 8! upwards, one downwards */
	CHECK(near(gs_slope_additive(at, values, 8), 7.5, 1e-9));
}

TEST(the_test_on_the_order_has_the_values_of_its_table)
{
	/* Kendall's table: n 5, S 8: 0.042 one-sided; n 6, S 11: 0.028; n 10, S 23: 0.023 */
	double at[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	double five[5] = { 2, 1, 3, 4, 5 }, six[6] = { 2, 1, 4, 3, 5, 6 }, ten[10] = { 6, 1, 2, 3, 5, 9, 4, 7, 10, 8 };

	CHECK(near(fit(at, five, 5).p, 2 * 5.0 / 120, 1e-12));
	CHECK(near(fit(at, six, 6).p, 2 * 20.0 / 720, 1e-12));
	CHECK(near(fit(at, ten, 10).p, 0.0286, 0.002));
	CHECK(near(fit(at, ten, 4).p, 1, 0)); /* too few */
	CHECK(isinf(fit(at, ten, 4).low) && isinf(fit(at, ten, 4).high));
}

TEST(wild_moments_do_not_move_the_slope)
{
	double at[20], values[20];
	gs_slope f;

	for (int i = 0; i < 20; i++) {
		at[i] = i;
		values[i] = 1000 + 10 * i + (i % 4 == 3 ? 100000 : 0);
	}
	f = fit(at, values, 20);
	CHECK(near(f.slope, 10, 1));
	CHECK(f.low <= 10 && f.high >= 10);
}

TEST(equal_values_are_no_trend)
{
	double at[10], values[10];
	gs_slope f;

	for (int i = 0; i < 10; i++) {
		at[i] = i;
		values[i] = 5;
	}
	f = fit(at, values, 10);
	CHECK(near(f.slope, 0, 0) && near(f.low, 0, 0) && near(f.high, 0, 0) && near(f.p, 1, 0));
	CHECK(near(fit(at, values, 1).p, 1, 0));
}

/* How often, of 2,000 series, chance is called a trend, and how often the interval has the true slope. */
static void score(uint32_t n, double slope, double like, double *found, double *covered)
{
	enum { ROUNDS = 2000 };
	int n_found = 0, n_covered = 0;

	state = 20240229 + n;
	for (int round = 0; round < ROUNDS; round++) {
		double at[MOST], values[MOST], left = noise();
		gs_slope f;

		for (uint32_t i = 0; i < n; i++) {
			at[i] = i + uniform() / 4;
			left = like * left + sqrt(1 - like * like) * noise();
			values[i] = 100 + slope * at[i] + left;
		}
		f = fit(at, values, n);
		n_found += f.p < 0.05;
		n_covered += f.low <= slope && slope <= f.high;
	}
	*found = (double)n_found / ROUNDS;
	*covered = (double)n_covered / ROUNDS;
}

TEST(chance_is_called_a_trend_as_rarely_as_was_said)
{
	static const uint32_t sizes[] = { 5, 6, 8, 12, 20, 50 };
	double found, covered;

	for (unsigned i = 0; i < 6; i++) {
		score(sizes[i], 0, 0, &found, &covered);
		CHECK(found < 0.065);
		CHECK(covered > 0.92);
	}
	score(20, 0.3, 0, &found, &covered); /* six deviations over the series */
	CHECK(found > 0.99);
	CHECK(covered > 0.93);
}

TEST(neighbours_that_are_alike_do_not_pass_for_growth)
{
	double found, covered;

	score(40, 0, 0.6, &found, &covered);
	CHECK(found < 0.15); /* a third without the correction */
	CHECK(covered > 0.85);
}

TEST(a_sawtooth_is_no_growth)
{
	double at[48], values[48];

	for (int period = 2; period <= 12; period++) {
		for (int i = 0; i < 48; i++) {
			at[i] = i;
			values[i] = 1000 + 100 * ((i + period / 2) % period);
		}
		CHECK(fit(at, values, 48).p > 0.05);
	}
	/* But growth below a sawtooth is. */
	for (int i = 0; i < 48; i++)
		values[i] = 1000 + 100 * (i % 4) + 20 * i;
	CHECK(fit(at, values, 48).p < 0.001);
	CHECK(near(fit(at, values, 48).slope, 20, 2));
}

TEST(many_tests_are_corrected)
{
	double p[5] = { 0.04, 0.001, 0.03, 0.8, 0.02 };
	gs_err err;

	CHECK(gs_slope_adjust(p, 5, &err));
	CHECK(near(p[1], 0.005, 1e-12) && near(p[4], 0.05, 1e-12) && near(p[2], 0.05, 1e-12) && near(p[0], 0.05, 1e-12) && near(p[3], 0.8, 1e-12));
	CHECK(gs_slope_adjust(p, 0, &err));
}

/* ---- series of profiles ---- */

typedef struct stack {
	const char *names; /* caller first: "main;f" */
	int64_t value;
} stack;

static gs_profile *build(gs_arena *mem, const char *type, const char *unit, int64_t time_ns, const stack *stacks, unsigned n)
{
	gs_err err;
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_profile *p = gs_profile_builder_profile(b);

	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, gs_str_of(type)), gs_profile_builder_str(b, gs_str_of(unit)) };
	p->time_ns = time_ns;
	for (unsigned i = 0; i < n; i++) {
		gs_str rest = gs_str_of(stacks[i].names), name;
		gs_sample s = { .values = &stacks[i].value };

		while (rest.n) {
			gs_frame f = { 0 };

			gs_str_cut(rest, ';', &name, &rest);
			f.function = gs_profile_builder_function(b, (gs_function){ .name = gs_profile_builder_str(b, name) });
			s.node = gs_profile_builder_push(b, s.node, gs_profile_builder_location_intern(b, 0, 0, &f, 1));
		}
		gs_profile_builder_sample(b, &s);
	}
	return gs_profile_builder_finish(b, &err);
}

static const gs_trend_options usual = { .confidence = 0.95, .min_share = 0.005, .steady_share = 0.1 };
#define SECOND 1000000000ll

static bool order_and_build(gs_arena *mem, const gs_profile *const *list, uint32_t n, const gs_trend_options *o, gs_trend *t, gs_err *err)
{
	static gs_str names[MOST];
	gs_view_input in[MOST] = { 0 };
	gs_query *q = gs_new(mem, gs_query, 1);
	uint32_t *order = gs_trend_order(mem, list, names, &n, o, t, err);
	gs_view *v;

	if (!order)
		return false;
	for (uint32_t i = 0; i < n; i++)
		in[i].profile = list[order[i]];
	gs_query_init(q);
	v = gs_view_build(mem, in, n, q, err);
	return v && gs_trend_build(mem, v, o, t, err);
}

static const gs_trend_row *row_of(const gs_trend *t, const char *name)
{
	for (uint32_t i = 0; i < t->n_rows; i++)
		if (gs_str_eq(gs_view_str(t->view, t->view->keys[t->rows[i].key].name), gs_str_of(name)))
			return &t->rows[i];
	return NULL;
}

TEST(places_get_their_verdicts)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 26);
	const gs_profile *list[12];
	gs_trend_options o = usual;
	gs_trend t = { 0 };
	gs_err err = { 0 };
	const gs_trend_row *r;
	gs_profile *grown;

	state = 7;
	for (int i = 0; i < 12; i++) {
		stack stacks[] = { { "main;serve;put", 100000 + 5000 * i },	     { "main;serve;render", 200000 + (int64_t)(2000 * noise()) },
				   { "main;drain", 500000 - 10000 * i },	     { "main;wild", (int64_t)(400000 * uniform()) },
				   { "main;init;put", 1000 },			     { "main;small", 30 } };

		/* Not in the order of time. */
		list[(i * 5) % 12] = build(mem, "inuse_space", "bytes", (1000 + 10 * i) * SECOND, stacks, 6);
	}
	CHECK(order_and_build(mem, list, 12, &o, &t, &err));
	CHECK_INT(t.n_moments, 12);
	CHECK_INT(t.n_small, 1);
	CHECK(!t.is_rate);
	r = &t.rows[0];
	CHECK(r == row_of(&t, "put") && r->verdict == GS_TREND_GROWING && near(r->fit.slope, 500, 1e-6) && !r->is_slowing);
	CHECK_STR(gs_view_str(t.view, t.view->keys[t.view->nodes[t.view->nodes[r->node].parent].key].name), GS_S("serve"));
	CHECK((r = row_of(&t, "drain")) && r->verdict == GS_TREND_SHRINKING && near(r->fit.slope, -1000, 1e-6));
	CHECK((r = row_of(&t, "render")) && r->verdict == GS_TREND_STEADY);
	CHECK((r = row_of(&t, "wild")) && r->verdict == GS_TREND_UNCLEAR);
	grown = gs_trend_profile(mem, &t, &err);
	CHECK(grown != NULL);
	for (uint32_t s = 0; grown && s < grown->n_samples; s++)
		if (grown->values[1][s] == 55000)
			CHECK_INT(grown->values[0][s], 1800000);
	o.by = GS_TREND_CUM;
	t = (gs_trend){ 0 };
	CHECK(order_and_build(mem, list, 12, &o, &t, &err));
	CHECK((r = row_of(&t, "serve")) && r->verdict == GS_TREND_GROWING && near(r->fit.slope, 500, 60));
	CHECK((r = row_of(&t, "main")) && near(r->fit.slope, t.whole.fit.slope, 1e-9));
	o.by = GS_TREND_STACK;
	t = (gs_trend){ 0 };
	CHECK(order_and_build(mem, list, 12, &o, &t, &err));
	CHECK(t.rows[0].verdict == GS_TREND_GROWING && t.rows[0].node && t.view->nodes[t.rows[0].node].key == t.rows[0].key);
	CHECK_STR(gs_view_str(t.view, t.view->keys[t.rows[0].key].name), GS_S("put"));
}

TEST(a_recursive_place_counts_once)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	const gs_profile *list[6];
	gs_trend_options o = usual;
	gs_trend t = { 0 };
	gs_err err = { 0 };

	o.by = GS_TREND_CUM;
	for (int i = 0; i < 6; i++)
		list[i] = build(mem, "inuse_space", "bytes", (1 + i) * SECOND, (stack[]){ { "main;walk;walk;walk", 10 * (i + 1) } }, 1);
	CHECK(order_and_build(mem, list, 6, &o, &t, &err));
	CHECK(row_of(&t, "walk") && near(row_of(&t, "walk")->fit.slope, 10, 1e-9));
}

TEST(counters_become_rates)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	const gs_profile *list[9];
	gs_trend t = { 0 };
	gs_err err = { 0 };
	int64_t sum = 0, time = 0;
	gs_profile *grown;

	for (int i = 0; i < 9; i++) {
		list[i] = build(mem, "alloc_space", "bytes", 5 * SECOND + time, (stack[]){ { "main;f", 1000 + sum } }, 1);
		/* 100 bytes a second and 10 more each time; the distances differ. */
		time += (10 + i) * SECOND;
		sum += (100 + 10 * i) * (10 + i);
	}
	CHECK(order_and_build(mem, list, 9, &usual, &t, &err));
	CHECK(t.is_rate);
	CHECK_INT(t.n_moments, 8);
	CHECK(near(t.rows[0].values[0], 100, 1e-9) && near(t.rows[0].values[7], 170, 1e-9));
	CHECK(t.rows[0].verdict == GS_TREND_GROWING);
	grown = gs_trend_profile(mem, &t, &err);
	CHECK(grown && near((double)grown->values[0][0], gs_slope_additive(t.at_s, t.rows[0].values, 8) * 3600, 1));
}

TEST(what_cannot_be_a_series_says_why)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	const gs_profile *list[7];
	gs_trend_options o = usual;
	gs_trend t = { 0 };
	gs_err err = { 0 };
	static const int64_t allocated[] = { 1000, 2000, 100, 200, 300, 400, 500 };

	for (int i = 0; i < 7; i++)
		list[i] = build(mem, "alloc_space", "bytes", (i < 6 ? 1 + i : 6) * SECOND + i / 6, (stack[]){ { "main;f", allocated[i] } }, 1);
	/* One moment twice, and a restart after the first two. */
	CHECK(order_and_build(mem, list, 7, &o, &t, &err));
	CHECK_INT(t.n_same, 1);
	CHECK_INT(t.n_before_restart, 2);
	CHECK_INT(t.view->n_profiles, 4);
	CHECK(t.rows[0].verdict == GS_TREND_UNCLEAR);
	list[3] = build(mem, "alloc_space", "bytes", 0, (stack[]){ { "main;f", 5 } }, 1);
	t = (gs_trend){ 0 };
	CHECK(!order_and_build(mem, list, 7, &o, &t, &err));
	CHECK(err.code == GS_ERR_USAGE);
	o.interval_ns = INT64_MAX / 4;
	t = (gs_trend){ 0 };
	CHECK(!order_and_build(mem, list, 7, &o, &t, &err));
	CHECK(err.code == GS_ERR_USAGE);
	o.interval_ns = 2 * SECOND;
	list[2] = list[3];
	t = (gs_trend){ 0 };
	CHECK(order_and_build(mem, list, 7, &o, &t, &err));
	CHECK(near(t.taken_s[t.view->n_profiles - 1], 2.0 * (t.view->n_profiles - 1), 1e-9));
}

TEST(a_long_series)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 28);
	static const gs_profile *list[GS_SLOPE_MAX + 1];
	gs_trend t = { 0 };
	gs_err err = { 0 };

	for (int i = 0; i <= GS_SLOPE_MAX; i++)
		list[i] = build(mem, "inuse_space", "bytes", (1 + i) * SECOND, (stack[]){ { "main;f", 1000 + 3 * i }, { "main;g", 1000 + i % 7 } }, 2);
	CHECK(order_and_build(mem, list, GS_SLOPE_MAX, &usual, &t, &err));
	CHECK(row_of(&t, "f") && row_of(&t, "f")->verdict == GS_TREND_GROWING && near(row_of(&t, "f")->fit.slope, 3, 1e-9));
	CHECK(row_of(&t, "g") && row_of(&t, "g")->verdict == GS_TREND_STEADY);
	CHECK(!order_and_build(mem, list, GS_SLOPE_MAX + 1, &usual, &t, &err));
	CHECK(err.code == GS_ERR_USAGE);
}

TEST(growth_that_slows_down_is_marked)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	const gs_profile *list[16];
	gs_trend t = { 0 };
	gs_err err = { 0 };

	for (int i = 0; i < 16; i++)
		list[i] = build(mem, "inuse_space", "bytes", (1 + i) * SECOND, (stack[]){ { "main;f", (int64_t)(1e6 * (1 - exp(-i / 4.0))) + 1 } }, 1);
	CHECK(order_and_build(mem, list, 16, &usual, &t, &err));
	CHECK(t.rows[0].verdict == GS_TREND_GROWING && t.rows[0].is_slowing);
}
