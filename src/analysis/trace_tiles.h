/*
 * Tiles: what a window of a trace looks like, at a resolution of one cell. Spans that are at least a cell long come out as they
 * are; shorter ones between them are merged into cells that end on multiples of the cell's length, with the share of each state.
 * So there are never more cells than the window has, plus the spans between them, and tiles of one resolution meet without a seam.
 */
#ifndef GS_ANALYSIS_TRACE_TILES_H
#define GS_ANALYSIS_TRACE_TILES_H

#include "analysis/filter.h"
#include "analysis/trace_lanes.h"
#include "base/buf.h"

typedef enum gs_track_kind {
	GS_TRACK_STATES,
	GS_TRACK_REGIONS, /* user regions of one depth; `value` is the name's string id */
	GS_TRACK_RANGES,  /* GC and STW phases (value: name), or those of the lane's goroutine or proc */
	GS_TRACK_LOGS,	  /* marks; value: index of the log */
	GS_TRACK_SAMPLES, /* CPU samples; value: stack */
	GS_TRACK_HITS,	  /* what a stack predicate marks */
	GS_TRACK_TASKS,	  /* value: index of the task */
	GS_TRACK_FRAMES,  /* stacks of a goroutine's spans, outermost at depth 0; value: name */
} gs_track_kind;

enum {
	GS_CELL_MERGED = 1, /* several spans: `shares` tells */
	GS_CELL_OPEN_START = 2, /* began before the trace */
	GS_CELL_OPEN_END = 4,
};

typedef struct gs_cell {
	int64_t start_ns, end_ns; /* of a span whole, even where it leaves the window */
	uint32_t count;	 /* spans, marks */
	uint8_t state, reason, flags; /* state: of a merged cell the one with most time that is not NONE */
	/* STATES: goroutines: RUNNABLE: who woke it, RUNNING: the proc; procs and threads: the goroutine. GS_NO_INDEX none. */
	uint32_t value;
	uint32_t stack; /* see gs_lane_walk_stack; GS_ROOT_NODE none, or merged */
	uint8_t shares[GS_N_LANE_STATES + 1]; /* of 255, by state */
} gs_cell;

typedef struct gs_track {
	gs_track_kind kind;
	uint32_t lane; /* index into the question's lanes; GS_NO_INDEX: of the whole trace */
	uint32_t depth;
	uint32_t first, n; /* cells */
} gs_track;

/* Where cells and tracks are collected. */
typedef struct gs_tiles {
	GS_VEC(gs_cell) cells;
	GS_VEC(gs_track) tracks;
	bool is_full; /* memory is out */
} gs_tiles;
#define GS_AUTO_TYPE_tiles gs_tiles
void gs_tiles_release(gs_tiles *out);
static inline void gs_auto_tiles(gs_tiles *t)
{
	gs_tiles_release(t);
}

typedef struct gs_window {
	int64_t from_ns, to_ns; /* within the trace, from < to */
	int64_t cell_ns;	/* above 0 */
} gs_window;

/* Which regions, logs and so on belong to which lane: made once for a timeline. */
typedef struct gs_lane_extras gs_lane_extras;
gs_lane_extras *gs_lane_extras_build(gs_arena *mem, const gs_lanes *l, gs_err *err);
/* How many rows of regions a goroutine needs. */
uint32_t gs_lane_region_depth(const gs_lane_extras *x, uint32_t goroutine);
uint32_t gs_lane_log_count(const gs_lane_extras *x, uint32_t goroutine);
/* Regions of a goroutine by depth, then start; *n of them. */
const uint32_t *gs_lane_regions(const gs_lane_extras *x, uint32_t goroutine, uint32_t *n);

/* The stack that a span is told by: of its beginning, and of the end for time that was spent running. */
uint32_t gs_lane_walk_stack(const gs_lane_walk *walk);

/* One track of states for a lane. `lane_at` is what the track says of its lane. */
void gs_tiles_states(gs_tiles *out, const gs_lanes *l, gs_lane lane, uint32_t lane_at, const gs_window *w);
/* Regions, ranges, logs and samples of a lane, where there are any. */
void gs_tiles_extras(gs_tiles *out, const gs_lanes *l, const gs_lane_extras *x, gs_lane lane, uint32_t lane_at, const gs_window *w);
/*
 * The stacks of a goroutine's spans as boxes, the outermost GS_MAX_FRAME_DEPTH frames. Neighbours with the same stack down to
 * a frame share its box. Spans that were merged have none.
 */
enum { GS_MAX_FRAME_DEPTH = 24 };
void gs_tiles_frames(gs_tiles *out, const gs_lanes *l, uint32_t goroutine, uint32_t lane_at, const gs_window *w);
/* GC phases (depth 0) and stops of the world (depth 1) of the whole trace. */
void gs_tiles_gc(gs_tiles *out, const gs_lanes *l, const gs_lane_extras *x, const gs_window *w);
void gs_tiles_task(gs_tiles *out, const gs_lanes *l, uint32_t task, uint32_t lane_at, const gs_window *w);

/*
 * Spans of a goroutine whose stack is marked (a bit for each node of the profile) and whose state is in `states`
 * (bits 1 << state); with `samples` CPU samples with a marked stack instead, each as long before it as it stands for. Returns the
 * marked time in the window, to the nanosecond.
 */
typedef struct gs_hit_filter gs_hit_filter;
typedef struct gs_stack_set {
	const uint64_t *marked; /* NULL: all */
	const gs_hit_filter *filter; /* of those, which; NULL: all */
	unsigned states;
	bool samples;
} gs_stack_set;
int64_t gs_tiles_hits(gs_tiles *out, const gs_lanes *l, const gs_lane_extras *x, gs_lane lane, uint32_t lane_at, const gs_stack_set *set,
		      const gs_window *w);

/* The sum alone, of many lanes: hit_ns[i] is that of goroutine i, 0 where wanted[i] is 0. */
void gs_lanes_hit_ns(const gs_lanes *l, const gs_lane_extras *x, const gs_stack_set *set, int64_t from_ns, int64_t to_ns,
		     const uint8_t *wanted, int64_t *hit_ns);

/* A bit for each node of the profile whose stack has the function. NULL when memory is out. */
uint64_t *gs_stacks_with(gs_arena *mem, const gs_profile *p, gs_str function);
/* A filter expression over the intervals and samples behind the sample type `value`, as gs_trace_samples has them. */
gs_hit_filter *gs_hit_filter_create(gs_arena *mem, const gs_filter *f, const gs_timeline *t, const gs_profile *p, gs_str value,
				    gs_err *err);
bool gs_hit_filter_span(const gs_hit_filter *f, uint32_t goroutine, const gs_interval *i, uint32_t stack);
bool gs_hit_filter_sample(const gs_hit_filter *f, const gs_timeline_cpu_sample *s);

/* What a sample type of a trace ("wall", "sync", "cpu"...) counts, without the stacks. False when it is none of them. */
bool gs_stack_set_of_type(gs_stack_set *set, gs_str type);

#endif
