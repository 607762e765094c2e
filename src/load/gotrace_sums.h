/*
 * gs_trace_sums: the short way from a trace to its profile, for questions that nothing else of it is asked for. While a generation
 * is put in order, what its goroutines did is added up and forgotten; only states that go on over its end are taken from one
 * generation to the next. The profile has the same samples as the one that comes with a timeline (gotrace_build.h).
 */
#ifndef GS_LOAD_GOTRACE_SUMS_H
#define GS_LOAD_GOTRACE_SUMS_H

#include "load/gotrace_build.h"

typedef struct gs_trace_sums gs_trace_sums;

/* Of generation `index`. Made on any thread. NULL: no memory. */
gs_trace_sums *gs_trace_sums_create(uint32_t index);
/* Empty them for another generation: their memory is kept. False: no memory. */
bool gs_trace_sums_reuse(gs_trace_sums *s, uint32_t index);
void gs_trace_sums_free(gs_trace_sums *s);
/* The next event of the generation; `events` is a gs_trace_sums. False: out of memory. */
bool gs_trace_sums_event(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err);

/*
 * The next generation; the build then only serves for the profile. *must_restart (never set back): this trace does things that no
 * Go program does, and takes the long way. False then too.
 */
bool gs_trace_build_add_sums(gs_trace_build *b, gs_trace_sums *s, const gs_gotrace_generation *g, const gs_gotrace_stitch *st,
			     bool *must_restart, gs_err *err);

#endif
