/*
 * What a trace's profile adds up, one by one: CPU samples, or the intervals behind another of its sample types, each with its time,
 * goroutine, thread and processor (the P, in the column of CPUs).
 */
#ifndef GS_ANALYSIS_TRACE_SAMPLES_H
#define GS_ANALYSIS_TRACE_SAMPLES_H

#include "analysis/trace_select.h"
#include "model/timeline_sums.h"

/*
 * All but the samples is shared with the selection's profile, which must live as long. Only what has a value of `type` is there.
 * By creation: as gs_trace_profile.
 */
gs_profile *gs_trace_samples(gs_arena *mem, const gs_trace_selection *s, gs_time_value type, bool by_creation, gs_err *err);

#endif
