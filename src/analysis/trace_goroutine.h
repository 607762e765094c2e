/*
 * What one goroutine did: why it waited, who woke it, whom it woke, and a page of its spans.
 */
#ifndef GS_ANALYSIS_TRACE_GOROUTINE_H
#define GS_ANALYSIS_TRACE_GOROUTINE_H

#include "analysis/trace_tiles.h"

typedef struct gs_wait_sum {
	uint8_t state, reason;
	uint32_t count;
	int64_t total_ns, longest_ns, longest_at_ns;
} gs_wait_sum;

typedef struct gs_peer_sum {
	uint32_t goroutine; /* GS_NO_INDEX: the network, a timer, the runtime */
	uint32_t count;
} gs_peer_sum;

typedef struct gs_range_sum {
	uint32_t name, count;
	int64_t total_ns;
} gs_range_sum;

typedef struct gs_goroutine_span {
	gs_lane_span span;
	uint32_t stack, peer;
	uint16_t proc, thread;
} gs_goroutine_span;

enum { GS_MAX_PEERS = 20 };

typedef struct gs_goroutine_detail {
	uint32_t goroutine;
	int64_t total_ns[GS_N_LANE_STATES];
	uint64_t n_transitions;
	gs_wait_sum *waits; /* of the window, by time */
	uint32_t n_waits;
	gs_peer_sum woken_by[GS_MAX_PEERS], woke[GS_MAX_PEERS]; /* of the whole trace, the most frequent first */
	uint32_t n_woken_by, n_woke, n_children;
	gs_range_sum *ranges; /* GC assists, sweeps */
	uint32_t n_ranges;
	gs_goroutine_span *spans; /* `limit` of those in the window, from `offset` */
	uint32_t n_spans;
	uint64_t n_spans_all; /* in the window */
} gs_goroutine_detail;

/* NULL when memory is out. */
gs_goroutine_detail *gs_goroutine_detail_build(gs_arena *mem, const gs_lanes *l, uint32_t goroutine, int64_t from_ns, int64_t to_ns,
					       uint32_t offset, uint32_t limit, gs_err *err);

#endif
