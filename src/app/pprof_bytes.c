#include "app/pprof_bytes.h"

#include "base/gzip.h"
#include "present/pprof_write.h"

#include "base/banned.h"

/* The best level takes more time than merging does; of what is large the fastest makes 3 to 4 % more. */
enum { GZIP_LEVEL = 6, FAST_LEVEL = 1, FAST_FROM = 4 << 20 };

bool gs_write_pprof_bytes(gs_op_call *call, const gs_profile *p, gs_err *err)
{
	GS_AUTO(buf) plain = { .max = call->out->max };
	gs_buf *to = strcmp(call->format, "proto") == 0 ? call->out : &plain;

	gs_pprof_write(to, p);
	if (to == &plain)
		gs_gzip(call->out, gs_buf_view(&plain), plain.n < FAST_FROM ? GZIP_LEVEL : FAST_LEVEL);
	return !(plain.bad || call->out->bad) ||
	       gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile is larger than memory allows");
}
