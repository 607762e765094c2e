/*
 * Curves over a window: how many goroutines are in each state, and what the heap holds. Values are by cell, then by series.
 */
#ifndef GS_ANALYSIS_TRACE_CURVES_H
#define GS_ANALYSIS_TRACE_CURVES_H

#include "analysis/trace_tiles.h"

/* Series of counts. */
enum {
	GS_COUNT_RUNNING,
	GS_COUNT_SYSCALL,
	GS_COUNT_RUNNABLE,
	GS_COUNT_WAITING, /* all waits */
	GS_N_COUNTS,
};
/* Series of the heap. */
enum {
	GS_HEAP_BYTES, /* the largest in the cell, or the last one known */
	GS_HEAP_GOAL_BYTES,
	GS_N_HEAP,
};

typedef struct gs_curves gs_curves;

/* Sums the whole trace up once, coarsely. */
gs_curves *gs_curves_build(gs_arena *mem, const gs_lanes *l, gs_err *err);

uint32_t gs_window_cells(const gs_window *w);

/* Mean number of goroutines in each state: of `n` goroutines, or with NULL of all. GS_N_COUNTS floats for each cell; `mem` holds
 * them. NULL when memory is out. */
float *gs_curve_counts(gs_arena *mem, const gs_curves *c, const uint32_t *goroutines, uint32_t n, const gs_window *w);
/* Of those that were started with the function `name` (string id). */
float *gs_curve_group_counts(gs_arena *mem, const gs_curves *c, uint32_t name, const gs_window *w);
/* GS_N_HEAP floats for each cell; NaN where nothing is known yet. */
float *gs_curve_heap(gs_arena *mem, const gs_curves *c, const gs_window *w);

#endif
