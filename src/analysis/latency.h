/*
 * Durations counted into buckets, for percentiles and histograms of any number of them in a few kilobytes. Sixteen buckets to each
 * power of two: a percentile is at most 1/16 above the true one, never below; count, sum and maximum are exact.
 */
#ifndef GS_ANALYSIS_LATENCY_H
#define GS_ANALYSIS_LATENCY_H

#include <stdint.h>

enum { GS_LATENCY_STEPS = 16, GS_LATENCY_BUCKETS = 60 * GS_LATENCY_STEPS };

/* All zero is an empty one. */
typedef struct gs_latency {
	uint64_t count;
	int64_t sum_ns, max_ns;
	uint32_t bucket[GS_LATENCY_BUCKETS];
} gs_latency;

/* Negative durations count as 0. */
void gs_latency_add(gs_latency *l, int64_t ns);
void gs_latency_merge(gs_latency *to, const gs_latency *from);
/* share 0 to 1; 0 when empty. Never above max_ns. */
int64_t gs_latency_percentile(const gs_latency *l, double share);
/* What bucket i holds: durations in [from, to). */
void gs_latency_bounds(unsigned i, int64_t *from_ns, int64_t *to_ns);

#endif
