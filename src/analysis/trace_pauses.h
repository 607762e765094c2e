/*
 * What the runtime takes from a goroutine beside its states: GC assist of its own, and stops of the world. Looked up many times.
 */
#ifndef GS_ANALYSIS_TRACE_PAUSES_H
#define GS_ANALYSIS_TRACE_PAUSES_H

#include "model/timeline.h"

typedef struct gs_trace_pauses gs_trace_pauses;

/* NULL when memory is out. */
gs_trace_pauses *gs_trace_pauses_of(gs_arena *mem, const gs_timeline *t, const gs_profile *p);
/* Inside [start_ns, end_ns). */
int64_t gs_trace_assist_ns(const gs_trace_pauses *x, uint32_t goroutine, int64_t start_ns, int64_t end_ns);
int64_t gs_trace_stw_ns(const gs_trace_pauses *x, int64_t start_ns, int64_t end_ns);

#endif
