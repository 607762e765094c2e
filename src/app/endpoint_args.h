/* How to be let in by an endpoint: the arguments of everything that may fetch from a URL (operations, record, ui). */
#ifndef GS_APP_ENDPOINT_ARGS_H
#define GS_APP_ENDPOINT_ARGS_H

#include "app/op.h"
#include "capture/http.h"

/* header, bearer, ca, cert, key, insecure. */
extern const gs_arg_group gs_args_endpoint;

/* Of a command whose row has the group. Strings are the call's. Reads the token's file, GS_ERR_* of that. */
bool gs_endpoint_auth(const gs_op_call *call, gs_http_auth *out, gs_err *err);
/* The same from words of a command line, in their order. */
bool gs_endpoint_auth_of(gs_arena *mem, const gs_op_pair *pairs, unsigned n, gs_http_auth *out, gs_err *err);

#endif
