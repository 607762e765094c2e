/*
 * Arguments that pick pieces of work of an execution trace: --task, --region, --request, --group, --goroutine, --time.
 */
#ifndef GS_APP_TRACE_ARGS_H
#define GS_APP_TRACE_ARGS_H

#include "analysis/trace_instances.h"
#include "app/op.h"
#include "present/trace.h"

extern const gs_arg_group gs_args_instances;

/* The call's only trace. GS_ERR_USAGE when it has none or several. */
bool gs_call_trace(const gs_op_call *call, gs_trace_source *out, gs_err *err);
/* The same where its timeline is not looked at. */
bool gs_call_trace_document(const gs_op_call *call, const gs_document **out, gs_err *err);
/* "1.2s..1.4s", either end may be missing; both 0 for the empty text. GS_ERR_USAGE. */
bool gs_time_range_parse(gs_str text, int64_t *start_ns, int64_t *end_ns, gs_err *err);
/* --time alone, and its range of a call: the whole trace when it was not given. */
extern const gs_arg_group gs_args_time;
bool gs_call_time(const gs_op_call *call, int64_t *start_ns, int64_t *end_ns, gs_err *err);
/* --n as a number of rows; 0: all. */
uint32_t gs_call_rows(const gs_op_call *call);
/* Fill *q from gs_args_instances. */
bool gs_call_instances(const gs_op_call *call, gs_instance_query *q, gs_err *err);

#endif
