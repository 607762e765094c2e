/* The profile of a part of a trace: the samples of the trace's own, with the values of what was selected. See model/timeline_sums.h. */
#ifndef GS_ANALYSIS_TRACE_PROFILE_H
#define GS_ANALYSIS_TRACE_PROFILE_H

#include "analysis/trace_select.h"

/*
 * All but the values is shared with the selection's profile, which must live as long. Intervals are counted where they end.
 * By creation: stacks begin with those of the goroutine's creators, and samples and nodes are others than the trace's.
 */
gs_profile *gs_trace_profile(gs_arena *mem, const gs_trace_selection *s, bool by_creation, gs_err *err);

#endif
