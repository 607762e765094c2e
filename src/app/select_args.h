/* Arguments that take a part of an execution trace: --time, --goroutine, --group, --region, --task. */
#ifndef GS_APP_SELECT_ARGS_H
#define GS_APP_SELECT_ARGS_H

#include "analysis/trace_select.h"
#include "app/op.h"

extern const gs_arg_group gs_args_select;

/* Fill *q from gs_args_select. Strings are the call's. */
bool gs_call_trace_query(const gs_op_call *call, gs_trace_query *q, gs_err *err);
/* What they select of the call's one trace. GS_ERR_USAGE when it has none or several. */
gs_trace_selection *gs_call_selection(const gs_op_call *call, gs_err *err);

#endif
