/*
 * Where the time of goroutines went, as go tool trace breaks it down: running, waiting for a processor, blocked for each reason, in
 * system calls with and without a proc; and the ranges (GC assist, sweep, stop-the-world) that overlap with these. By start
 * function, or for each goroutine.
 */
#ifndef GS_ANALYSIS_TRACE_STATS_H
#define GS_ANALYSIS_TRACE_STATS_H

#include "analysis/trace_select.h"

typedef struct gs_time_split {
	int64_t total_ns; /* that goroutines existed; the sum of what follows, but for ranges */
	int64_t exec_ns, sched_ns;
	int64_t syscall_ns;	    /* with a proc, or while it was not taken away yet */
	int64_t syscall_blocked_ns; /* after that */
	int64_t unknown_ns;
	int64_t *block_ns; /* by reason of the timeline; [0]: reason unknown */
	int64_t *range_ns; /* by gs_trace_stats.range_names; overlaps with the rest */
} gs_time_split;

/* All zero. NULL block_ns: no memory. */
gs_time_split gs_time_split_new(gs_arena *mem, const gs_timeline *t, uint32_t n_ranges);
/* What a goroutine did in [start, end). */
void gs_time_split_add(gs_time_split *to, const gs_timeline *t, uint32_t goroutine, int64_t start_ns, int64_t end_ns);
int64_t gs_time_split_blocked(const gs_time_split *s, const gs_timeline *t);

typedef struct gs_stats_row {
	uint32_t name; /* start function */
	uint32_t goroutine; /* GS_NO_INDEX for a group */
	uint32_t n;	    /* goroutines */
	gs_time_split split;
} gs_stats_row;

typedef struct gs_trace_stats {
	const gs_trace_selection *selection;
	gs_stats_row *rows; /* by time running, the longest first */
	uint32_t n;
	gs_time_split all;
	const uint32_t *range_names;
	uint32_t n_ranges;
} gs_trace_stats;

/* `each`: a row for each goroutine, not for each start function. */
gs_trace_stats *gs_trace_stats_build(gs_arena *mem, const gs_trace_selection *s, bool each, gs_err *err);

#endif
