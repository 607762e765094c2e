/*
 * What the bytes of an execution trace are made of: how many there are of each kind of record. One pass in the order of the file,
 * without ordering anything, so that it also works on traces whose events contradict each other.
 */
#ifndef GS_FORMAT_GOTRACE_FOOTPRINT_H
#define GS_FORMAT_GOTRACE_FOOTPRINT_H

#include "base/err.h"
#include "base/str.h"

typedef struct gs_gotrace_kind {
	const char *name; /* as in Go's sources */
	uint64_t bytes, count;
} gs_gotrace_kind;

/* header_bytes, lost_bytes and the bytes of all kinds add up to the size of the trace. */
typedef struct gs_gotrace_footprint {
	unsigned version; /* N of "go 1.N trace" */
	gs_gotrace_kind kinds[256]; /* by record type; name NULL: none there */
	uint64_t header_bytes;
	uint64_t records;
	uint64_t lost_bytes; /* not 0: behind the first broken record, see damage */
	gs_err damage;
} gs_gotrace_footprint;

/* False: not a trace that can be read. Names are constants. */
bool gs_gotrace_footprint_count(gs_str bytes, gs_gotrace_footprint *out, gs_err *err);

#endif
