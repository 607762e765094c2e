/*
 * The slope of one series of numbers over time, by ranks: no assumption about the noise but that its order is chance.
 *
 * Slope: Theil and Sen's, the median of the slopes of all pairs of moments; up to 29 % of the moments may be wild (a peak just before a
 * collection) without moving it. Interval: Sen's. Test: Mann and Kendall's, exact for few moments without ties. Memory that swings over
 * several moments would pass for growth, as neighbours are alike: where neighbours are significantly alike in what
 * a parabola leaves over, the test's variance grows as Yue and Wang (2004) have it.
 */
#ifndef GS_ANALYSIS_SLOPE_H
#define GS_ANALYSIS_SLOPE_H

#include "base/arena.h"
#include "base/err.h"

enum {
	GS_SLOPE_MIN = 5, /* moments: with fewer no order is rare enough to prove anything at 95 % */
	GS_SLOPE_MAX = 512,
};

typedef struct gs_slope {
	double slope, low, high; /* per unit of `at`; low and high are infinite with fewer than GS_SLOPE_MIN moments */
	double level; /* the line's value at the first moment */
	double p; /* that chance alone brings such an order, upwards or downwards; 1 with too few */
	double alike; /* lag-one correlation of the residuals where it counted, else 0 */
	uint32_t n;
} gs_slope;

/* at[] rises, n at most GS_SLOPE_MAX; confidence 0.95 for 95 %. False: GS_ERR_LIMIT, memory. */
bool gs_slope_fit(const double *at, const double *values, uint32_t n, double confidence, gs_slope *out, gs_err *err);

/* Least squares: of several series, the slope of the sum is the sum of the slopes, which medians do not give. */
double gs_slope_additive(const double *at, const double *values, uint32_t n);

/* Benjamini and Hochberg: each p becomes the least share of false finds among all that are accepted with it. False: GS_ERR_LIMIT. */
bool gs_slope_adjust(double *p, uint32_t n, gs_err *err);

#endif
