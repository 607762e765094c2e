/* Parts of a trace: what is selected, and that the profile of a part is what its intervals add up to. */
#include "analysis/trace_profile.h"
#include "load/load.h"
#include "model/timeline_sums.h"
#include "tap.h"

static gs_document *d;
static gs_arena *mem;

static void open_trace(void)
{
	gs_err err = { 0 };

	d = gs_load_file(tap_data("data/go1.26/trace.gz"), NULL, NULL, &err);
	mem = gs_arena_create((uint64_t)1 << 30);
	CHECK_STR(gs_str_of(err.text), GS_S(""));
}

static void done(void)
{
	gs_arena_free(mem);
	gs_document_close(d);
}

static gs_trace_selection *select_part(gs_trace_query q)
{
	gs_err err = { 0 };
	gs_trace_selection *s = gs_trace_select(mem, d->timeline, d->profile, &q, &err);

	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return s;
}

static int64_t total(const gs_profile *p, gs_time_value v)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < p->n_samples; i++)
		sum += p->values[v][i];
	return sum;
}

static gs_profile *profile_of(gs_trace_query q)
{
	gs_err err = { 0 };
	gs_profile *p = gs_trace_profile(mem, select_part(q), false, &err);

	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return p;
}

TEST(all_of_it_is_the_traces_own_profile)
{
	const gs_profile *p;
	bool is_same = true;

	open_trace();
	p = profile_of((gs_trace_query){ 0 });
	for (unsigned v = 0; v < GS_N_TIME_VALUES; v++)
		for (uint32_t i = 0; i < p->n_samples; i++)
			is_same &= p->values[v][i] == d->profile->values[v][i];
	CHECK(is_same);
	done();
}

TEST(two_halves_are_the_whole)
{
	int64_t middle, whole[GS_N_TIME_VALUES];
	const gs_profile *a, *b;

	open_trace();
	middle = d->timeline->duration_ns / 3;
	for (unsigned v = 0; v < GS_N_TIME_VALUES; v++)
		whole[v] = total(d->profile, (gs_time_value)v);
	a = profile_of((gs_trace_query){ .end_ns = middle });
	b = profile_of((gs_trace_query){ .start_ns = middle, .end_ns = INT64_MAX });
	for (unsigned v = 0; v < GS_N_TIME_VALUES; v++)
		CHECK_INT(total(a, (gs_time_value)v) + total(b, (gs_time_value)v), whole[v]);
	CHECK(total(a, GS_TIME_WAIT) > 0 && total(b, GS_TIME_WAIT) > 0);
	done();
}

TEST(a_group)
{
	gs_trace_selection *s;

	open_trace();
	s = select_part((gs_trace_query){ .group = GS_S("^main\\.worker$") });
	CHECK_INT(s->n, 1);
	CHECK_STR(gs_profile_str(d->profile, d->timeline->goroutines[s->goroutines[0]].name), GS_S("main.worker"));
	s = select_part((gs_trace_query){ .goroutines = &d->timeline->goroutines[s->goroutines[0]].id, .n_goroutines = 1 });
	CHECK_INT(s->n, 1);
	done();
}

/* Each interval of the walk lies within its spans; their lengths are those of the regions. */
TEST(regions)
{
	gs_trace_selection *s;
	int64_t sum = 0, want = 0;

	open_trace();
	s = select_part((gs_trace_query){ .region = GS_S("^db-") });
	CHECK_INT(s->n, 3);
	for (uint32_t k = 0; k < s->n; k++) {
		gs_selected_walk w = gs_selected_of(s, k);
		gs_selected v;
		int64_t before = -1;

		while (gs_selected_next(&w, &v)) {
			CHECK(v.start_ns >= before && v.start_ns < v.end_ns);
			CHECK(v.start_ns >= v.interval.start_ns && v.end_ns <= v.interval.end_ns);
			CHECK_INT(gs_selected_overlap(s, k, v.start_ns, v.end_ns), v.end_ns - v.start_ns);
			before = v.end_ns;
			sum += v.end_ns - v.start_ns;
		}
	}
	for (uint32_t i = 0; i < d->timeline->n_regions; i++) /* db-row lies in db-query */
		if (gs_str_eq(gs_profile_str(d->profile, d->timeline->regions[i].name), GS_S("db-query")))
			want += d->timeline->regions[i].end_ns - d->timeline->regions[i].start_ns;
	CHECK_INT(sum, want);
	CHECK_INT(total(profile_of((gs_trace_query){ .region = GS_S("db-") }), GS_TIME_WALL), want);
	done();
}

TEST(tasks_and_regions_at_once)
{
	gs_trace_selection *get, *both;

	open_trace();
	get = select_part((gs_trace_query){ .task = GS_S("http-get") });
	CHECK(get->n > 3); /* handlers, and their audits */
	both = select_part((gs_trace_query){ .task = GS_S("http-get"), .region = GS_S("audit") });
	CHECK_INT(both->n, 8); /* tasks 0, 2 ... 14 */
	CHECK_INT(both->first_span[both->n], 8);
	done();
}

TEST(nothing_of_that_name)
{
	static const uint64_t unknown = 123456789;
	static const gs_trace_query queries[] = {
		{ .goroutines = &unknown, .n_goroutines = 1 },
		{ .group = { "nope", 4 } },
		{ .region = { "nope", 4 } },
		{ .task = { "nope", 4 } },
	};
	gs_err err;

	open_trace();
	for (unsigned i = 0; i < sizeof(queries) / sizeof(*queries); i++) {
		CHECK(!gs_trace_select(mem, d->timeline, d->profile, &queries[i], &err));
		CHECK_INT(err.code, GS_ERR_MISSING);
	}
	CHECK(!gs_trace_select(mem, d->timeline, d->profile, &(gs_trace_query){ .group = GS_S("(") }, &err));
	CHECK_INT(err.code, GS_ERR_USAGE);
	done();
}
