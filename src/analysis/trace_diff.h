/*
 * Two execution traces side by side: where goroutines of the same start function spent their time, and how long requests, tasks or
 * regions of the same name took. Times are for each second of trace, as traces are of different lengths.
 */
#ifndef GS_ANALYSIS_TRACE_DIFF_H
#define GS_ANALYSIS_TRACE_DIFF_H

#include "analysis/latency.h"
#include "analysis/trace_instances.h"
#include "analysis/trace_stats.h"

/* [0] is before, [1] after. */
typedef struct gs_diff_group {
	gs_str name; /* start function; empty: all goroutines */
	uint32_t n[2];
	int64_t running[2], runnable[2], waiting[2], syscall[2]; /* ns in a second */
} gs_diff_group;

typedef struct gs_diff_latency {
	gs_str name;
	gs_latency *latency[2]; /* NULL: there was none */
} gs_diff_latency;

typedef struct gs_trace_diff {
	int64_t duration_ns[2];
	gs_diff_group all;
	gs_diff_group *groups; /* by the sum of changes in running, runnable and syscall time, largest first */
	uint32_t n_groups;
	gs_instance_kind kind; /* of the latencies */
	gs_diff_latency *latencies; /* by time in all, largest first */
	uint32_t n_latencies;
} gs_trace_diff;

typedef struct gs_trace_side {
	const gs_timeline *timeline;
	const gs_profile *profile;
} gs_trace_side;

/* `kind` AUTO: what both have. */
gs_trace_diff *gs_trace_diff_build(gs_arena *mem, const gs_trace_side sides[2], const gs_trace_query *q, gs_instance_kind kind,
				   gs_err *err);

#endif
