/*
 * The critical path: what a stretch of a goroutine's time was really spent on. Where it waited for another goroutine, the path goes
 * over to what that one did meanwhile, and so on, until somebody runs, waits for a processor, or waits for the outside world.
 * A waker's own past is followed only while the waiter waited for it: what it did for others before is not part of the answer.
 */
#ifndef GS_ANALYSIS_TRACE_PATH_H
#define GS_ANALYSIS_TRACE_PATH_H

#include "base/err.h"
#include "model/timeline.h"

typedef struct gs_path_step {
	int64_t start_ns, end_ns;
	uint32_t goroutine;
	gs_phase phase;
	uint8_t reason;
	uint32_t stack;	      /* where it blocked; of RUNNING and SYSCALL: where it next stopped or entered; 0 unknown */
	uint32_t waker;	      /* goroutine that ended it; GS_NO_INDEX: none, or none that the trace names */
	uint32_t waker_stack; /* where that one did it */
	uint32_t depth;	      /* 0: the goroutine asked about */
	bool is_older;	      /* its beginning was not seen: before the trace, or in a gap of it */
	bool is_followed;     /* a wait whose time is told by the steps behind it, one level deeper; they sum up to it */
} gs_path_step;

typedef struct gs_path {
	gs_path_step *steps; /* in order of time; a followed wait comes before what it was for */
	uint32_t n;
	int64_t start_ns, end_ns;
	bool is_cut; /* longer than what is kept: the rest is missing */
} gs_path;

/* The path of `goroutine` in [start_ns, end_ns). NULL when memory is out. */
gs_path *gs_path_find(gs_arena *mem, const gs_timeline *t, uint32_t goroutine, int64_t start_ns, int64_t end_ns, gs_err *err);

#endif
