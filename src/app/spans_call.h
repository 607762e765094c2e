/* Operations that list spans of a trace by name: regions, tasks. */
#ifndef GS_APP_SPANS_CALL_H
#define GS_APP_SPANS_CALL_H

#include "app/op.h"
#include "app/select_args.h"
#include "present/trace_spans.h"

/* Find those of the call's selection and write them as its format and its rows and each say. --region and --task are find's: they name spans here, not what goroutines did in them. */
bool gs_call_spans(gs_op_call *call, gs_trace_spans *(*find)(const gs_op_call *call, const gs_trace_selection *s, gs_err *err), gs_err *err);

#endif
