/* A profile as the answer of a call, in the formats "pprof" (gzip) and "proto" (plain). */
#ifndef GS_APP_PPROF_BYTES_H
#define GS_APP_PPROF_BYTES_H

#include "app/op.h"
#include "model/merge.h"

bool gs_write_pprof_bytes(gs_op_call *call, const gs_profile *p, const gs_merge_rows *rows, gs_err *err);

#endif
