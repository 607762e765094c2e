/*
 * What grows over a series of profiles of one program: a view of all of them, and by key or by stack a series of values with its slope.
 *
 * Values that count from the start of the program (allocations, contentions) become rates between neighbours, those that a profile collected
 * for a while (CPU, differences) become rates over that while; what is in use stays as it is.
 * Only rows with some share of the whole are tested, and shares are of means over all moments: choosing by what does not depend
 * on the order takes nothing from the tests. The tests that remain are corrected for their number.
 */
#ifndef GS_ANALYSIS_TREND_H
#define GS_ANALYSIS_TREND_H

#include "analysis/slope.h"
#include "analysis/view.h"

typedef enum gs_trend_by { GS_TREND_FLAT, GS_TREND_CUM, GS_TREND_STACK } gs_trend_by;

typedef enum gs_trend_verdict {
	GS_TREND_UNCLEAR, /* too few moments or too much noise */
	GS_TREND_STEADY,  /* nothing found, and what could have been missed is small */
	GS_TREND_GROWING,
	GS_TREND_SHRINKING,
} gs_trend_verdict;

/* What a row may have gained or lost over the series and be called steady, of its mean. */
#define GS_TREND_STEADY_SHARE 0.1

typedef struct gs_trend_options {
	gs_trend_by by;
	double confidence;  /* 0.95 */
	double min_share;   /* of the whole, to be looked at: 0.005 */
	double steady_share; /* GS_TREND_STEADY_SHARE */
	int64_t interval_ns; /* of profiles that do not know their time, in the order given; 0: they must */
} gs_trend_options;

typedef struct gs_trend_row {
	uint32_t key;  /* of the view; GS_NO_ID: the whole */
	uint32_t node; /* GS_TREND_STACK: the stack; else, of the stacks of a row, the one that grows most. 0: none */
	double *values; /* n_moments of them */
	double mean;
	gs_slope fit; /* per second */
	double q; /* fit.p, corrected */
	gs_trend_verdict verdict;
	bool is_slowing; /* grows, and in the second half at less than half of the first half's pace */
} gs_trend_row;

typedef struct gs_trend {
	const gs_view *view;
	gs_trend_by by;
	double *taken_s; /* of each profile: seconds since the first, rising */
	double *at_s; /* of each value; between two profiles where it is a rate between them */
	uint32_t n_moments;
	bool is_rate; /* values are per second */
	int64_t start_ns; /* Unix epoch of at_s 0; 0 unknown */
	gs_trend_row whole;
	gs_trend_row *rows; /* growing ones first, the steepest first; then shrinking, unclear, steady ones */
	uint32_t n_rows;
	uint32_t n_small; /* rows below min_share: not tested */
	uint32_t n_same;  /* profiles left out: of the same moment as another */
	uint32_t n_before_restart; /* left out: the program was started again after them */
} gs_trend;

/*
 * The profiles in order of time, as gs_trend_build needs them: indexes into `list`, *n of them. Left out are several of one moment and what lies before
 * a restart. GS_ERR_USAGE: one has no time, too many, too long; `names` are for that.
 */
uint32_t *gs_trend_order(gs_arena *mem, const gs_profile *const *list, const gs_str *names, uint32_t *n, const gs_trend_options *o,
			 gs_trend *out, gs_err *err);
/* `v` is of those profiles, in that order. Everything in `mem`. */
bool gs_trend_build(gs_arena *mem, const gs_view *v, const gs_trend_options *o, gs_trend *out, gs_err *err);

/*
 * For series that are no view's: of rows with `values` and `mean` at moments that rise, what the rest of a row says. Of the options confidence and
 * steady_share count. Rows whose values are all alike are no tests: no order of them would be a trend.
 */
bool gs_trend_judge(gs_arena *mem, const double *at, uint32_t n_moments, gs_trend_row *rows, uint32_t n_rows, const gs_trend_options *o,
		    gs_err *err);

const char *gs_trend_verdict_name(gs_trend_verdict v);

/*
 * What each stack gains over the series, by least squares, so that callers are the sums of their callees, as a profile that every viewer opens: sample types
 * "<type>_growth" (over the series) and "<type>_growth_hour". NULL: GS_ERR_LIMIT.
 */
gs_profile *gs_trend_profile(gs_arena *mem, const gs_trend *t, gs_err *err);

#endif
