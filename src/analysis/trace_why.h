/*
 * Why was this slow: the wall time of many pieces of work split into what their goroutine did, who they waited for, and what that
 * one did meanwhile; and how the slow ones differ from all.
 */
#ifndef GS_ANALYSIS_TRACE_WHY_H
#define GS_ANALYSIS_TRACE_WHY_H

#include "analysis/trace_instances.h"
#include "analysis/trace_path.h"

/* Part of the wall time. `slow_ns` is of the slow instances alone. */
typedef struct gs_why_part {
	gs_phase phase;
	uint8_t reason;
	bool is_collector; /* a wait inside the allocator, for the garbage collector */
	uint64_t count;
	int64_t total_ns, slow_ns, max_ns;
} gs_why_part;

/* A place that they waited at, and who let them go on. Nodes are of the profile, cut at the reader's own code. */
typedef struct gs_why_blocker {
	uint8_t reason;
	bool is_collector;
	uint32_t node;		/* where they waited; 0: the trace does not say */
	bool is_older;		/* node 0, as the wait began before the trace or in a gap of it; such rows are of one start function each */
	uint32_t name;		/* string id: that function, of older ones; 0 unknown */
	uint32_t waker_node;	/* where the waker let them go; 0: no goroutine did (network, timer, the runtime) */
	uint32_t waker_name;	/* string id: what the waker's goroutine was started with; 0 unknown */
	uint64_t count;
	int64_t total_ns, slow_ns, max_ns;
	int64_t max_at_ns;	 /* when the longest wait began, */
	uint32_t max_goroutine, max_waker; /* and whose it was */
} gs_why_blocker;

/* What the time went for in the end, waits for others replaced by what those did. */
typedef struct gs_why_cause {
	gs_phase phase;
	uint8_t reason;
	bool is_collector;
	bool is_older;	    /* a wait with node 0 that began before the trace or in a gap of it */
	bool is_other;	    /* done by another goroutine than the one asked about */
	uint32_t node;		 /* 0 for RUNNABLE, and for RUNNING where too few CPU samples know it */
	uint32_t goroutine_name; /* string id */
	int64_t total_ns, slow_ns;
} gs_why_cause;

typedef struct gs_why {
	const gs_trace_instances *instances;
	uint32_t n_looked; /* the longest ones; fewer than there are only in very large traces */
	uint32_t n_slow;   /* of them: the slowest tenth, at least one */
	int64_t total_ns, slow_ns;
	gs_why_part *parts;	  /* by total, largest first, as all below */
	gs_why_blocker *blockers;
	gs_why_cause *causes;
	uint32_t n_parts, n_blockers, n_causes;
	int64_t assist_ns, assist_slow_ns, stw_ns, stw_slow_ns; /* inside the parts above */
	int64_t p50_ns, p90_ns, p99_ns, max_ns;
	bool is_cut; /* a path was too long to be followed to its end */
} gs_why;

gs_why *gs_why_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, const gs_trace_instances *in, gs_err *err);

#endif
