#include "app/pprof_bytes.h"

#include "present/pprof_write.h"

#include "base/banned.h"

bool gs_write_pprof_bytes(gs_op_call *call, const gs_profile *p, const gs_merge_rows *rows, gs_err *err)
{
	if (strcmp(call->format, "proto") == 0)
		gs_pprof_write(call->out, p, rows);
	else
		gs_pprof_write_packed(call->out, p, rows);
	return !call->out->bad ||
	       gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile is larger than memory allows");
}
