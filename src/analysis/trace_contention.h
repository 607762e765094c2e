/*
 * Contention by the edges of an execution trace: where goroutines wait for each other. A *convoy* is a place whose waiters are woken by
 * goroutines that waited there themselves a moment ago: everybody queues for the same thing. *Ping-pong* are two goroutines that
 * wake each other in turn with hardly any work in between, as over an unbuffered channel.
 */
#ifndef GS_ANALYSIS_TRACE_CONTENTION_H
#define GS_ANALYSIS_TRACE_CONTENTION_H

#include "base/err.h"
#include "model/timeline.h"

typedef struct gs_wait_place {
	uint8_t reason;
	bool is_collector; /* for the garbage collector, inside the allocator: no lock of the program */
	uint32_t node; /* the reader's own frame that waits: analysis/trace_frames.h */
	uint64_t count;
	int64_t total_ns, max_ns;
	uint32_t most_waiting; /* at once */
	double mean_waiting;   /* over the time looked at */
	uint64_t handed_on;    /* woken by a goroutine that had waited here since it last ran elsewhere */
	uint32_t waker_node;   /* the place that woke most of its time; 0: none by a goroutine */
	uint32_t waker_name;   /* string id of what that one's goroutine was started with */
	int64_t waker_ns;
	bool is_convoy;
} gs_wait_place;

typedef struct gs_ping_pong {
	uint32_t node_a, node_b; /* where each waits */
	uint32_t name_a, name_b; /* string ids of their start functions */
	uint64_t turns;		 /* wakes that were answered */
	int64_t busy_ns, switch_ns; /* time that they ran between, and that they waited for a processor after a wake */
	uint32_t pairs;		 /* different pairs of goroutines */
} gs_ping_pong;

typedef struct gs_contention {
	gs_wait_place *places; /* by total, largest first */
	uint32_t n_places;
	gs_ping_pong *ping_pongs; /* by turns, most first */
	uint32_t n_ping_pongs;
	int64_t total_ns;
} gs_contention;

/* Waits for sync, channels and select that begin and end in [start_ns, end_ns). NULL when memory is out. */
gs_contention *gs_contention_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, int64_t start_ns, int64_t end_ns,
				   gs_err *err);

#endif
