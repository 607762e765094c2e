/*
 * The samples of a view as rows: which, in which order, and what they come to.
 */
#ifndef GS_ANALYSIS_SAMPLE_ROWS_H
#define GS_ANALYSIS_SAMPLE_ROWS_H

#include "analysis/view.h"

typedef struct gs_sample_row {
	uint32_t profile, sample; /* of v->profiles */
} gs_sample_row;

typedef enum gs_sample_order {
	GS_SAMPLES_BY_TIME, /* as in the input where no time is known */
	GS_SAMPLES_BY_VALUE,
} gs_sample_order;

typedef struct gs_sample_rows {
	const gs_view *view;
	gs_sample_row *list;
	uint32_t n;
	int64_t total; /* of their values; wraps */
	bool has_time, has_goroutine, has_thread, has_cpu, has_pid; /* in any of the profiles */
} gs_sample_rows;

/* Of the profiles that are not base. */
gs_sample_rows *gs_sample_rows_build(gs_arena *mem, const gs_view *v, gs_sample_order order, gs_err *err);

#endif
