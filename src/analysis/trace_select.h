/*
 * Part of an execution trace: a stretch of time, some goroutines, what they did inside certain regions or tasks. All conditions
 * must hold. An operation walks the intervals of what was selected, cut to it; gs_trace_profile adds them up.
 */
#ifndef GS_ANALYSIS_TRACE_SELECT_H
#define GS_ANALYSIS_TRACE_SELECT_H

#include "base/err.h"
#include "model/timeline.h"

/* Plain values; all zero selects everything. Strings are borrowed. */
typedef struct gs_trace_query {
	int64_t start_ns, end_ns; /* [start, end) since the trace's start; both 0: all of it */
	const uint64_t *goroutines; /* runtime ids; n 0: all */
	uint32_t n_goroutines;
	gs_str group; /* regular expressions, empty: all. Start functions of goroutines */
	gs_str region; /* names of regions: what goroutines did in them */
	gs_str task; /* names of tasks: what goroutines that took part did while the task went on */
	bool without_open; /* leave out what the trace ends in, as go tool trace does */
} gs_trace_query;

static inline bool gs_trace_query_is_all(const gs_trace_query *q)
{
	return !q->end_ns && !q->n_goroutines && !q->group.n && !q->region.n && !q->task.n && !q->without_open;
}

typedef struct gs_time_span {
	int64_t start_ns, end_ns;
} gs_time_span;

typedef struct gs_trace_selection {
	const gs_timeline *timeline;
	const gs_profile *profile;
	gs_time_span time; /* within the trace */
	uint32_t n;
	const uint32_t *goroutines; /* selected, rising */
	/* With regions or tasks: spans[first_span[k]] to spans[first_span[k + 1]] are those of goroutines[k], disjoint, in order of
	 * time and within `time`. NULL: all of `time`. */
	const uint32_t *first_span;
	const gs_time_span *spans;
	bool without_open;
	bool has_all; /* whatever happens in `time`, on a goroutine or not */
} gs_trace_selection;

/*
 * GS_ERR_USAGE for a broken expression, GS_ERR_MISSING when a goroutine, group, region or task of that name is not in the trace.
 * All memory is `mem`'s.
 */
gs_trace_selection *gs_trace_select(gs_arena *mem, const gs_timeline *t, const gs_profile *p, const gs_trace_query *q, gs_err *err);

/* The intervals of the k-th selected goroutine that overlap, cut to what was selected: one interval may come several times. */
typedef struct gs_selected_walk {
	const gs_trace_selection *selection;
	gs_interval_walk intervals;
	uint32_t span, end_span;
	bool has_interval, has_ahead, is_done;
	gs_interval at, ahead;
} gs_selected_walk;

typedef struct gs_selected {
	gs_interval interval; /* whole */
	int64_t start_ns, end_ns; /* of the part */
	bool is_first; /* part of this interval */
	bool has_end;  /* the interval's end lies within what was selected */
	uint32_t end_stack; /* of the transition that ended the interval; GS_ROOT_NODE none */
} gs_selected;

gs_selected_walk gs_selected_of(const gs_trace_selection *s, uint32_t k);
bool gs_selected_next(gs_selected_walk *w, gs_selected *out);

/* Overlap of [start, end) with what is selected of the k-th goroutine. */
int64_t gs_selected_overlap(const gs_trace_selection *s, uint32_t k, int64_t start_ns, int64_t end_ns);

#endif
