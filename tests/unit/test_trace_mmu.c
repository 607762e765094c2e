/* Utilization of a hand-made trace: two procs for 100 us, one of them taken by an assist from 10 to 30, all stopped from 50 to 55. */
#include <math.h>

#include "analysis/trace_mmu.h"
#include "tap.h"
#include "timeline_columns.h"

static gs_mmu *make_with(gs_arena *mem, unsigned flags, const gs_timeline_gap *gaps, uint32_t n_gaps)
{
	static const uint32_t offsets[] = { 0 };
	static const uint8_t phases[] = { GS_PHASE_RUNNING }, reasons[] = { 0 };
	static const uint32_t zero[] = { 0 }, none[] = { GS_NO_INDEX };
	static const uint16_t lane[] = { 0 };
	gs_err err = { 0 };
	gs_profile_builder *b = gs_profile_builder_create(mem, &err);
	gs_timeline *t = gs_new(mem, gs_timeline, 1);
	gs_mmu *m;

	t->duration_ns = 100000;
	t->gaps = gaps;
	t->n_gaps = n_gaps;
	t->ranges = gs_new(mem, gs_timeline_range, 2);
	t->n_ranges = 2;
	t->ranges[0] = (gs_timeline_range){ .start_ns = 10000, .end_ns = 30000, .scope = GS_RANGE_GOROUTINE,
					    .name = gs_profile_builder_str(b, GS_S("GC mark assist")) };
	t->ranges[1] = (gs_timeline_range){ .start_ns = 50000, .end_ns = 55000, .scope = GS_RANGE_GOROUTINE,
					    .name = gs_profile_builder_str(b, GS_S("stop-the-world (GC mark termination)")) };
	t->chunks = gs_new(mem, gs_timeline_chunk, 1);
	t->n_chunks = 1;
	t->chunks[0] = columns_chunk(mem, &(columns){ offsets, zero, none, phases, reasons, lane, lane }, 1);
	t->chunks[0].end_ns = 100000;
	t->chunks[0].n_pieces = 1;
	t->pieces = gs_new(mem, gs_timeline_piece, 1);
	t->n_pieces = 1;
	t->pieces[0] = (gs_timeline_piece){ .n = 1, .next = GS_NO_INDEX };
	t->goroutines = gs_new(mem, gs_timeline_goroutine, 1);
	t->n_goroutines = 1;
	t->goroutines[0] = (gs_timeline_goroutine){ .id = 1, .end_ns = 100000, .creator = GS_NO_INDEX };
	t->procs = gs_new(mem, gs_timeline_proc, 1);
	t->n_procs = 1;
	t->gomaxprocs = (gs_timeline_metric){ gs_new(mem, int64_t, 1), gs_new(mem, uint64_t, 1), 1 };
	t->gomaxprocs.value[0] = 2;
	m = gs_mmu_build(mem, t, gs_profile_builder_finish(b, &err), flags, &err);
	CHECK_STR(gs_str_of(err.text), GS_S(""));
	return m;
}

static gs_mmu *make(gs_arena *mem, unsigned flags)
{
	return make_with(mem, flags, NULL, 0);
}

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

TEST(everything)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_mmu *m = make(mem, GS_MMU_STW | GS_MMU_ASSIST);
	gs_mmu_window list[4];
	uint32_t n;

	CHECK(near(m->mean, (100 - 10 - 5) / 100.0));
	CHECK(near(gs_mmu_worst(m, 1000).util, 0));
	CHECK(near(gs_mmu_worst(m, 5000).util, 0));
	CHECK_INT(gs_mmu_worst(m, 5000).start_ns, 50000);
	CHECK(near(gs_mmu_worst(m, 10000).util, 0.5)); /* half of it stopped, or all of it half taken */
	CHECK(near(gs_mmu_worst(m, 20000).util, 0.5));
	CHECK(near(gs_mmu_worst(m, 1000000).util, m->mean)); /* longer than the trace */
	n = gs_mmu_worst_windows(m, 5000, list, 4);
	CHECK_INT(n, 4);
	CHECK(near(list[0].util, 0) && near(list[1].util, 0.5));
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < i; k++)
			CHECK(list[i].start_ns + list[i].window_ns <= list[k].start_ns ||
			      list[k].start_ns + list[k].window_ns <= list[i].start_ns);
}

/* The stop lies between two gaps, 40 to 45 and 60 to 80; what is behind the last one is free of it. */
TEST(windows_that_touch_a_gap_do_not_count)
{
	static const gs_timeline_gap gaps[] = { { .start_ns = 40000, .end_ns = 45000 }, { .start_ns = 60000, .end_ns = 80000 } };
	static const double shares[] = { 0, 0.5 };
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);
	gs_mmu *m = make_with(mem, GS_MMU_STW | GS_MMU_ASSIST, gaps, 2);
	gs_mmu_window list[8];
	double have[2];
	uint32_t n;

	CHECK_INT(m->n, 3);
	CHECK_INT(m->longest_ns, 40000);
	CHECK_INT(m->unknown_ns, 25000);
	CHECK(near(m->mean, (75 - 10 - 5) / 75.0));
	CHECK(near(gs_mmu_worst(m, 10000).util, 0.5));
	CHECK(near(gs_mmu_worst(m, 15000).util, 0.5)); /* of 10 to 25; or 45 to 60, with the stop: two thirds */
	CHECK(near(gs_mmu_worst(m, 20000).util, 0.5));
	CHECK_INT(gs_mmu_worst(m, 20000).start_ns, 10000);
	CHECK_INT(gs_mmu_worst(m, 1000000).window_ns, 40000); /* none is longer */
	n = gs_mmu_worst_windows(m, 9000, list, 8);
	CHECK(n >= 4);
	for (uint32_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 2; k++)
			CHECK(list[i].start_ns >= gaps[k].end_ns || list[i].start_ns + list[i].window_ns <= gaps[k].start_ns);
	gs_mmu_distribution(m, 15000, shares, 2, have); /* 25 places in the first section, one in the second, five in the last */
	CHECK(fabs(have[0] - 0.5) < 0.001 && have[1] < 0.7);
	/* A trace that is nothing but a gap has no windows. */
	m = make_with(mem, GS_MMU_STW, &(gs_timeline_gap){ .start_ns = 0, .end_ns = 100000 }, 1);
	CHECK_INT(gs_mmu_worst_windows(m, 1000, list, 8), 0);
	CHECK(near(m->mean, 0));
}

TEST(what_counts_is_chosen)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 24);

	CHECK(near(make(mem, GS_MMU_STW)->mean, 0.95));
	CHECK(near(make(mem, GS_MMU_ASSIST)->mean, 0.9));
	CHECK(near(make(mem, 0)->mean, 1));
	CHECK(near(gs_mmu_worst(make(mem, GS_MMU_ASSIST), 1000).util, 0.5));
}

TEST(the_distribution_is_that_of_windows_everywhere)
{
	static const gs_util steps[] = { { 0, 1 }, { 400, 0 }, { 500, 0.5 }, { 700, 1 }, { 1000, 0.25 }, { 1300, 1 }, { 2000, 0 } };
	static const double shares[] = { 0, 0.1, 0.5, 0.9 };
	const gs_mmu_section section = { .steps = steps, .n = 7 };
	const gs_mmu m = { .sections = &section, .n = 1, .longest_ns = 2000 };
	enum { WINDOW = 150, N = 1851 };
	double mean[N], got[4];

	/* By hand: every window that begins at a whole nanosecond. */
	for (int start = 0; start < N; start++) {
		double sum = 0;

		for (int t = start; t < start + WINDOW; t++) {
			unsigned i = 0;

			while (i + 1 < 7 && steps[i + 1].time_ns <= t)
				i++;
			sum += steps[i].util;
		}
		mean[start] = sum / WINDOW;
	}
	for (int i = 1; i < N; i++)
		for (int k = i; k > 0 && mean[k - 1] > mean[k]; k--) {
			double t = mean[k];

			mean[k] = mean[k - 1];
			mean[k - 1] = t;
		}
	gs_mmu_distribution(&m, WINDOW, shares, 4, got);
	for (unsigned q = 0; q < 4; q++)
		CHECK(fabs(got[q] - mean[(int)(shares[q] * (N - 1))]) < 0.005);
	gs_mmu_distribution(&m, 5000, shares, 4, got); /* the whole trace, once */
	CHECK(fabs(got[0] - got[3]) < 0.001 && got[0] > 0.7 && got[0] < 0.8);
}
