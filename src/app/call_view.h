/*
 * From a call of a profile operation to the view that it asks for: the shared arguments of GS_ARGS_PROFILE become a query.
 */
#ifndef GS_APP_CALL_VIEW_H
#define GS_APP_CALL_VIEW_H

#include "analysis/view.h"
#include "app/op.h"

/* Fill *q from the arguments of GS_ARGS_PROFILE. Strings are the call's. */
bool gs_call_query(const gs_op_call *call, gs_query *q, gs_err *err);

/* The call's arguments ask for no part of a trace, and for nothing else that its profile does not have: gs_op.wants_profile. */
bool gs_call_is_of_profile(const gs_op_call *call);

/* The view of the call's documents, and of its bases, under *q. Lives as long as call->mem; *q must live as long. */
const gs_view *gs_call_view(const gs_op_call *call, const gs_query *q, gs_err *err);
/* For rows and graphs by key only: see gs_view_build_keys. */
const gs_view *gs_call_view_keys(const gs_op_call *call, const gs_query *q, gs_err *err);

/* The profile of the call's first document, or of the part of it that q->trace asks for; q->trace is all then. NULL on error. */
const gs_profile *gs_call_first_profile(const gs_op_call *call, gs_query *q, gs_err *err);

#endif
