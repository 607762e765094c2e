/*
 * gs_timeline_runs: a timeline seen from its procs and threads: what ran on each, in order of time. Made from the transitions chunk
 * by chunk, when a chunk is first asked for: many questions need none, or a few.
 */
#ifndef GS_MODEL_TIMELINE_RUNS_H
#define GS_MODEL_TIMELINE_RUNS_H

#include "model/timeline.h"

/*
 * runs[proc_first[p]] to runs[proc_first[p + 1]] are the transitions of the chunk to RUNNING or SYSCALL on that proc in order of time;
 * each lasts until the next transition of its goroutine. The same for threads. All procs and threads of the timeline have lists.
 */
typedef struct gs_chunk_runs {
	uint32_t *proc_first, *proc_runs;
	uint32_t *thread_first, *thread_runs;
} gs_chunk_runs;

typedef struct gs_timeline_runs {
	gs_arena *mem;
	const gs_timeline *timeline;
	gs_chunk_runs *by_chunk; /* all NULL: not made yet */
} gs_timeline_runs;

/* NULL: no memory. Must not outlive the timeline; one thread at a time, until all are made. */
gs_timeline_runs *gs_timeline_runs_create(gs_arena *mem, const gs_timeline *t);
/* NULL: no memory. */
const gs_chunk_runs *gs_timeline_runs_of(gs_timeline_runs *r, uint32_t chunk);
/* Make all that are missing, on all CPUs: from then on any number of threads may ask. False: no memory. */
bool gs_timeline_runs_make(gs_timeline_runs *r);

/* The first run of a list [first, end) of the chunk that begins after `time_ns`. */
uint32_t gs_runs_until(const gs_timeline_chunk *c, const uint32_t *runs, uint32_t first, uint32_t end, int64_t time_ns);

typedef struct gs_run {
	uint32_t chunk, transition;
} gs_run;

/* The last run that began on a proc or thread until `time_ns`, whatever chunk that was in. False: none, or no memory. */
bool gs_run_on_proc(gs_timeline_runs *r, uint32_t proc, int64_t time_ns, gs_run *out);
bool gs_run_on_thread(gs_timeline_runs *r, uint32_t thread, int64_t time_ns, gs_run *out);

#endif
