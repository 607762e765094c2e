/* The part of a request target behind '?': names and values, percent-decoded. */
#ifndef GS_SERVICE_HTTP_QUERY_H
#define GS_SERVICE_HTTP_QUERY_H

#include "app/op.h"

/* A request with more is refused. */
enum { GS_QUERY_MAX_PAIRS = 256 };

/* Split `target` into path (as sent) and decoded pairs in `mem`. GS_ERR_USAGE: broken escapes, NUL, too many pairs. */
bool gs_query_read(gs_arena *mem, gs_str target, gs_str *path, gs_op_pair **pairs, unsigned *n, gs_err *err);

#endif
