#include "app/pprof_bytes.h"

#include "present/pprof_write.h"

#include "base/banned.h"

bool gs_write_pprof_bytes(gs_op_call *call, const gs_profile *p, gs_err *err)
{
	if (strcmp(call->format, "proto") == 0)
		gs_pprof_write(call->out, p);
	else
		gs_pprof_write_packed(call->out, p);
	return !call->out->bad ||
	       gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile is larger than memory allows");
}
