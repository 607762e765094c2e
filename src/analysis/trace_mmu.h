/*
 * Minimum mutator utilization: of all windows of a length, the least share of processor time that was left to the program while
 * the garbage collector worked. As go tool trace's /mmu pages have it (internal/trace/gc.go), except that a mark worker takes its
 * proc once, each time it runs: Go counts every start after the first twice and never gives the second one back.
 */
#ifndef GS_ANALYSIS_TRACE_MMU_H
#define GS_ANALYSIS_TRACE_MMU_H

#include "base/err.h"
#include "model/timeline.h"

enum {
	GS_MMU_STW = 1,	       /* stops of the world for the collector take all procs */
	GS_MMU_BACKGROUND = 2, /* dedicated and fractional mark workers */
	GS_MMU_ASSIST = 4,
	GS_MMU_SWEEP = 8,
};

typedef struct gs_util {
	int64_t time_ns;
	double util; /* from then on: share of the procs that run the program; 0 at the end */
} gs_util;

typedef struct gs_mmu_window {
	int64_t start_ns, window_ns;
	double util;
} gs_mmu_window;

/* What is known without a break: from the first step to the last one. */
typedef struct gs_mmu_section {
	const gs_util *steps; /* at least two */
	uint32_t n;
} gs_mmu_section;

/* Windows lie in one section: what happened in the gaps of a damaged trace nobody knows, so that a window that touches one is none. */
typedef struct gs_mmu {
	const gs_mmu_section *sections; /* in order of time; a whole trace has one */
	uint32_t n;
	int64_t longest_ns; /* section, and so window */
	int64_t unknown_ns; /* all gaps together */
	double mean; /* over all sections */
} gs_mmu;

/* `flags`: what counts as the collector's. */
gs_mmu *gs_mmu_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, unsigned flags, gs_err *err);

/* The least mean utilization of all windows of that length, and one that has it. A longer window than the longest section is that. */
gs_mmu_window gs_mmu_worst(const gs_mmu *m, int64_t window_ns);
/*
 * The distribution of all windows of that length, wherever they begin: out[i] is the utilization that a share quantiles[i] of them does
 * not reach, to a four-thousandth (mutator utilization distribution; 0.01 gives what 99 % of the windows have at least).
 */
void gs_mmu_distribution(const gs_mmu *m, int64_t window_ns, const double *quantiles, unsigned n, double *out);
/* Up to `max` windows that do not overlap, the worst first. Returns how many. */
uint32_t gs_mmu_worst_windows(const gs_mmu *m, int64_t window_ns, gs_mmu_window *out, uint32_t max);

#endif
