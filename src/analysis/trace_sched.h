/*
 * The scheduler's part: how long goroutines that could run waited for a processor, when it was worst and who ran meanwhile; and
 * stops of the world: how long until every processor stood, and who kept one busy.
 */
#ifndef GS_ANALYSIS_TRACE_SCHED_H
#define GS_ANALYSIS_TRACE_SCHED_H

#include "analysis/latency.h"
#include "base/err.h"
#include "model/timeline.h"

typedef struct gs_sched_group {
	uint32_t name; /* string id of the start function */
	gs_latency latency;
} gs_sched_group;

enum { GS_SCHED_WORST = 32, GS_SCHED_RUNNERS = 4 };

/* One long wait for a processor, and what had the processors meanwhile. */
typedef struct gs_sched_wait {
	int64_t start_ns, end_ns;
	uint32_t goroutine;
	uint32_t stack; /* of what made it runnable */
	uint32_t waker; /* GS_NO_INDEX */
	struct {
		uint32_t name; /* string id of the start function */
		int64_t ns;    /* over all processors */
	} runners[GS_SCHED_RUNNERS];
	unsigned n_runners;
} gs_sched_wait;

typedef struct gs_sched {
	gs_latency all;
	gs_sched_group *groups; /* by total, largest first */
	uint32_t n_groups;
	gs_sched_wait worst[GS_SCHED_WORST]; /* longest first */
	uint32_t n_worst;
	/* Most goroutines that could run and did not, at once; and when that began. */
	uint32_t most_waiting;
	int64_t most_waiting_at_ns;
	double mean_waiting; /* over the time looked at */
} gs_sched;

/* Waits that begin in [start_ns, end_ns). NULL when memory is out. */
gs_sched *gs_sched_build(gs_arena *mem, const gs_timeline *t, int64_t start_ns, int64_t end_ns, gs_err *err);

typedef struct gs_stop {
	int64_t start_ns, end_ns;
	uint32_t kind;	    /* string id: "stop-the-world (...)" */
	uint32_t goroutine; /* that asked for it */
	/* The goroutine that was the last to leave its processor, and where; GS_NO_INDEX when none was running. */
	uint32_t last_goroutine;
	uint32_t last_stack;
	int64_t stopping_ns; /* until then */
} gs_stop;

typedef struct gs_stop_kind {
	uint32_t kind;
	gs_latency latency, stopping;
} gs_stop_kind;

typedef struct gs_stops {
	gs_stop *list; /* longest first */
	uint32_t n;
	gs_stop_kind *kinds; /* by total, largest first */
	uint32_t n_kinds;
	int64_t total_ns;
} gs_stops;

/* Stops that begin in [start_ns, end_ns). NULL when memory is out. */
gs_stops *gs_stops_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, int64_t start_ns, int64_t end_ns, gs_err *err);

#endif
