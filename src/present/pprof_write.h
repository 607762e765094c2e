/*
 * gs_pprof_write: a profile as profile.proto, byte for byte what `go tool pprof -proto` makes of the same profile once
 * both are unpacked: ids as in the input, strings in the order of their first use.
 */
#ifndef GS_PRESENT_PPROF_WRITE_H
#define GS_PRESENT_PPROF_WRITE_H

#include "base/buf.h"
#include "model/merge.h"

/* Not packed: see gs_gzip. `rows`: its stacks, when it was merged without nodes, else NULL. The buffer goes bad when memory or its maximum is out. */
void gs_pprof_write(gs_buf *out, const gs_profile *p, const gs_merge_rows *rows);
/* The same in gzip. A large one comes as several members, made by all processors; the bytes do not depend on how many. */
void gs_pprof_write_packed(gs_buf *out, const gs_profile *p, const gs_merge_rows *rows);

#endif
