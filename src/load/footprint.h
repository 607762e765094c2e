/* What the bytes of an execution trace are made of. */
#ifndef GS_LOAD_FOOTPRINT_H
#define GS_LOAD_FOOTPRINT_H

#include "base/err.h"
#include "base/str.h"

enum { GS_FOOTPRINT_MAX_KINDS = 256 };

typedef struct gs_footprint_kind {
	const char *name; /* Go's, a constant */
	uint64_t bytes, count;
} gs_footprint_kind;

/* header_bytes, lost_bytes and those of all kinds are total_bytes: of the trace unpacked. */
typedef struct gs_footprint {
	unsigned format_minor; /* as in the timeline */
	gs_footprint_kind kinds[GS_FOOTPRINT_MAX_KINDS]; /* those that occur, the largest first */
	unsigned n_kinds;
	uint64_t total_bytes, header_bytes, lost_bytes;
	uint64_t records;
	gs_err damage; /* when bytes were lost: why */
} gs_footprint;

/* Of the file at `path` ("-": standard input), packed or not. Fails as gs_load_file does; a damaged trace is no failure. */
bool gs_footprint_of_file(const char *path, gs_footprint *out, gs_err *err);

#endif
