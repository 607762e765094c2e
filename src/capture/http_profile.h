/*
 * Profiles from a net/http/pprof endpoint, all at once, into a capture folder.
 * Source: Go's net/http/pprof/pprof.go (paths, seconds=, debug=, X-Go-Pprof and its error texts).
 */
#ifndef GS_CAPTURE_HTTP_PROFILE_H
#define GS_CAPTURE_HTTP_PROFILE_H

#include "capture/folder.h"
#include "capture/http.h"

typedef struct gs_http_profile_options {
	const gs_http_target *target;
	const gs_http_auth *auth; /* may be NULL */
	int64_t duration_ns;	  /* of the CPU profile and of the differences; at least a second */
	gs_str only;		  /* "cpu,heap": comma-separated kinds; empty: all there are */
	int64_t trace_ns;	  /* of the execution trace, from the start on; 0 or less: none unless `only` names it */
	uint64_t trace_max_bytes; /* what comes behind is not taken, and the part says so; 0: max_bytes */
	bool is_delta;		  /* allocs, block and mutex over the duration, instead of since the program's start */
	const char *cpu_file;	  /* NULL: "cpu.pprof" */
	uint64_t max_bytes;	  /* of one profile; 0: 1 GiB */
	const gs_progress *progress; /* a stop lets the CPU profile finish early */
} gs_http_profile_options;

/*
 * parts[] tells of each profile whether it was taken and if not, why. False with *err when the endpoint is none or nothing at all
 * could be taken.
 */
bool gs_http_profile_fetch(gs_arena *mem, gs_folder *folder, const gs_http_profile_options *options, gs_part **parts,
			   uint32_t *n_parts, gs_err *err);

/* Is `kind` in the list `only`? "profile" is another name for "cpu". Everything is when it is empty. */
bool gs_only_has(gs_str only, gs_str kind);

#endif
