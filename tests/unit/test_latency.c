#include "analysis/latency.h"
#include "tap.h"

TEST(every_duration_falls_into_its_bucket)
{
	int64_t from, to, last = 0;

	for (unsigned i = 0; i < GS_LATENCY_BUCKETS; i++) {
		gs_latency l = { 0 };

		gs_latency_bounds(i, &from, &to);
		CHECK_INT(from, last);
		CHECK(to > from);
		last = to;
		gs_latency_add(&l, from);
		gs_latency_add(&l, to - 1);
		CHECK_INT(l.bucket[i], 2);
	}
	CHECK(last == INT64_MAX);
}

TEST(percentiles_are_near_and_never_below)
{
	gs_latency l = { 0 }, twice = { 0 };

	CHECK_INT(gs_latency_percentile(&l, 0.5), 0);
	for (int i = 1; i <= 1000; i++)
		gs_latency_add(&l, i * 1000);
	gs_latency_add(&l, -5);
	CHECK_INT(l.count, 1001);
	CHECK_INT(l.max_ns, 1000000);
	CHECK_INT(l.sum_ns, 500500000);
	CHECK(gs_latency_percentile(&l, 0.5) >= 500000 && gs_latency_percentile(&l, 0.5) < 500000 * 17 / 16);
	CHECK(gs_latency_percentile(&l, 0.99) >= 990000);
	CHECK_INT(gs_latency_percentile(&l, 1), 1000000);
	gs_latency_merge(&twice, &l);
	gs_latency_merge(&twice, &l);
	CHECK_INT(twice.count, 2002);
	CHECK_INT(gs_latency_percentile(&twice, 0.5), gs_latency_percentile(&l, 0.5));
}
