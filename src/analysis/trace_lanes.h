/*
 * gs_lanes: a timeline as lanes that can be drawn at any zoom. A lane is what one goroutine, proc or thread did: spans that cover
 * the whole trace without gaps. For every 64th span (16th of procs and threads, whose spans lie apart in memory) the time spent
 * in each state so far is kept, so that the shares of any window cost a search and a short walk, exact at every zoom.
 *
 * All memory is the arena's; the timeline must live as long. Immutable once built: any number of threads.
 */
#ifndef GS_ANALYSIS_TRACE_LANES_H
#define GS_ANALYSIS_TRACE_LANES_H

#include "base/err.h"
#include "model/timeline.h"

/* What is told apart by colour. The numbers are those of docs/api.md. */
typedef enum gs_lane_state {
	GS_LANE_NONE, /* not there, unknown, or idle */
	GS_LANE_RUNNING,
	GS_LANE_RUNNABLE,
	GS_LANE_SYSCALL,
	GS_LANE_NETWORK,
	GS_LANE_SYNC,	 /* mutexes, wait groups, conditions */
	GS_LANE_CHANNEL, /* send, receive, select */
	GS_LANE_SLEEP,
	GS_LANE_GC,	/* waits for the collector; procs and threads: a mark worker runs */
	GS_LANE_WAITING, /* any other wait */
	GS_LANE_SYSTEM,	/* procs and threads: another goroutine of the runtime runs */
} gs_lane_state;
enum { GS_N_LANE_STATES = 11 };

const char *gs_lane_state_name(gs_lane_state state);

typedef enum gs_lane_kind {
	GS_LANE_OF_GOROUTINE,
	GS_LANE_OF_PROC,
	GS_LANE_OF_THREAD,
	GS_LANE_OF_TASK, /* in lists only: it has no states */
} gs_lane_kind;

typedef struct gs_lane {
	gs_lane_kind kind;
	uint32_t index; /* into the timeline's array */
} gs_lane;

typedef struct gs_lanes gs_lanes;

/* NULL with GS_ERR_LIMIT when memory is out. */
gs_lanes *gs_lanes_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, gs_err *err);
const gs_timeline *gs_lanes_timeline(const gs_lanes *l);
const gs_profile *gs_lanes_profile(const gs_lanes *l);

/* Time in each state over the whole trace, and the number of transitions; arrays of GS_N_LANE_STATES. */
void gs_lane_totals(const gs_lanes *l, gs_lane lane, int64_t *total_ns, uint64_t *n);

/* Time in each state in [from_ns, to_ns), an array of GS_N_LANE_STATES. */
void gs_lane_part_totals(const gs_lanes *l, gs_lane lane, int64_t from_ns, int64_t to_ns, int64_t *total_ns);

typedef struct gs_lane_span {
	int64_t start_ns, end_ns;
	uint8_t state, reason;
	uint32_t chunk, transition; /* where it began; chunk GS_NO_INDEX: nowhere (before the first, or idle) */
} gs_lane_span;

/* Walks a lane. cum_ns[state] is the time spent in it before the current span. */
typedef struct gs_lane_walk {
	const gs_lanes *lanes;
	gs_lane lane;
	gs_lane_span span;
	int64_t cum_ns[GS_N_LANE_STATES];
	uint64_t n_seen;    /* transitions before the current span */
	uint32_t part, at;  /* place of the current span: piece or chunk, and the transition or run in it */
	bool is_idle;	    /* procs, threads: the idle time behind a run */
} gs_lane_walk;

/* At the span that holds `time_ns`. */
gs_lane_walk gs_lane_walk_from(const gs_lanes *l, gs_lane lane, int64_t time_ns);
/* Forward only: at the span that holds `time_ns`, at a cost that does not depend on how far away it is. */
void gs_lane_walk_to(gs_lane_walk *w, int64_t time_ns);
/* To the next span. False at the end of the trace. */
bool gs_lane_walk_next(gs_lane_walk *w);
/* The goroutine of a span of a proc or thread; GS_NO_INDEX when idle. Of a goroutine's lane: itself. */
uint32_t gs_lane_span_goroutine(const gs_lanes *l, gs_lane lane, const gs_lane_span *s);

/* The state that a goroutine's lane shows. */
gs_lane_state gs_lane_state_of(const gs_lanes *l, gs_phase phase, uint8_t reason);
/* The same of a wait, by the runtime's word for why. */
gs_lane_state gs_lane_state_of_wait(gs_str reason);

#endif
