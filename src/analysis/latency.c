#include "analysis/latency.h"

static unsigned bucket_of(int64_t ns)
{
	unsigned bits;

	if (ns < GS_LATENCY_STEPS)
		return ns > 0 ? (unsigned)ns : 0;
	bits = 63 - (unsigned)__builtin_clzll((unsigned long long)ns); /* 4 or more */
	return (bits - 3) * GS_LATENCY_STEPS + (unsigned)((ns >> (bits - 4)) & (GS_LATENCY_STEPS - 1));
}

void gs_latency_bounds(unsigned i, int64_t *from_ns, int64_t *to_ns)
{
	unsigned power = i / GS_LATENCY_STEPS, step = i % GS_LATENCY_STEPS;

	if (power == 0) {
		*from_ns = step;
		*to_ns = step + 1;
		return;
	}
	*from_ns = (int64_t)(GS_LATENCY_STEPS + step) << (power - 1);
	*to_ns = power < 60 - 1 || step < GS_LATENCY_STEPS - 1 ? (int64_t)(GS_LATENCY_STEPS + step + 1) << (power - 1) : INT64_MAX;
}

void gs_latency_add(gs_latency *l, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	l->count++;
	l->sum_ns += ns;
	l->max_ns = ns > l->max_ns ? ns : l->max_ns;
	l->bucket[bucket_of(ns)]++;
}

void gs_latency_merge(gs_latency *to, const gs_latency *from)
{
	to->count += from->count;
	to->sum_ns += from->sum_ns;
	to->max_ns = from->max_ns > to->max_ns ? from->max_ns : to->max_ns;
	for (unsigned i = 0; i < GS_LATENCY_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

int64_t gs_latency_percentile(const gs_latency *l, double share)
{
	uint64_t rank, seen = 0;
	int64_t from, to;

	if (!l->count)
		return 0;
	rank = (uint64_t)(share * (double)l->count);
	rank = rank < l->count ? rank : l->count - 1;
	for (unsigned i = 0; i < GS_LATENCY_BUCKETS; i++) {
		seen += l->bucket[i];
		if (seen > rank) {
			gs_latency_bounds(i, &from, &to);
			return to - 1 < l->max_ns ? to - 1 : l->max_ns;
		}
	}
	return l->max_ns;
}
