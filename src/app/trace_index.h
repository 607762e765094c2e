/*
 * What every question about a timeline's lanes needs, made once for a document and shared by the calls of a session.
 */
#ifndef GS_APP_TRACE_INDEX_H
#define GS_APP_TRACE_INDEX_H

#include "analysis/trace_curves.h"
#include "app/op.h"

typedef struct gs_trace_index {
	const gs_timeline *timeline;
	gs_lanes *lanes;
	gs_lane_extras *extras;
	gs_curves *curves;
} gs_trace_index;

/* Of the call's document, which must be one trace: GS_ERR_USAGE otherwise. Lives as long as the call. */
const gs_trace_index *gs_call_lanes(const gs_op_call *call, gs_err *err);

/* Indexes that a session keeps. Documents are known by address and must outlive it, or be forgotten. Any number of threads. */
typedef struct gs_trace_indexes gs_trace_indexes;
gs_trace_indexes *gs_trace_indexes_create(void);
void gs_trace_indexes_free(gs_trace_indexes *x);
/* Nobody may use it any more. */
void gs_trace_indexes_forget(gs_trace_indexes *x, const gs_timeline *t);

/* The arguments "function", "filter" and "value" of a call as a set of stacks; *is_set false when nothing is to be marked. */
bool gs_call_stack_set(const gs_op_call *call, const gs_trace_index *x, gs_stack_set *set, bool *is_set, gs_err *err);
extern const gs_arg_group gs_args_trace_window; /* time */
extern const gs_arg_group gs_args_trace_stacks; /* function, filter, value */
/* The time asked for, within the trace. GS_ERR_USAGE when nothing is left. */
bool gs_call_window(const gs_op_call *call, const gs_trace_index *x, int64_t *from_ns, int64_t *to_ns, gs_err *err);

#endif
