/* One execution trace in one row, for looking at many of them. */
#ifndef GS_ANALYSIS_TRACE_SURVEY_H
#define GS_ANALYSIS_TRACE_SURVEY_H

#include "base/err.h"
#include "model/timeline.h"

typedef struct gs_trace_survey {
	int64_t duration_ns;
	unsigned format_minor; /* as in the timeline */
	uint32_t goroutines;
	double running;	 /* goroutines that ran, on average */
	double waiting_for_proc; /* that could have, on average */
	int64_t sched_p99_ns, sched_max_ns;
	double gc_share; /* of the time that a collection was marking */
	int64_t stw_total_ns, stw_max_ns;
	uint32_t requests; /* HTTP requests, whole ones */
	int64_t request_p50_ns, request_p99_ns;
	/* Where goroutines waited most for locks, channels and select in code of the program; 0: nowhere */
	uint32_t wait_node;
	uint8_t wait_reason;
	int64_t wait_ns;
	bool is_convoy;
	bool is_damaged;
} gs_trace_survey;

/* False when memory is out. */
bool gs_trace_survey_build(const gs_timeline *t, const gs_profile *p, gs_trace_survey *out, gs_err *err);

#endif
