/* Slopes as text: "+2.32MB a second (95 %: +1.52MB to +2.78MB)". And what a fitted series says, as JSON. */
#ifndef GS_PRESENT_PACE_H
#define GS_PRESENT_PACE_H

#include "analysis/trend.h"
#include "base/buf.h"
#include "base/json.h"

typedef struct gs_pace {
	const char *name, *word;
	double seconds; /* or moments, when nobody knows how far apart these are */
} gs_pace;

extern const gs_pace gs_pace_per_moment;

/* The shortest while in which the steepest slope, `most` a second, gains something that reads well. */
gs_pace gs_pace_of(double most, gs_str unit);
/* "?" for what is not finite. */
void gs_pace_amount(gs_buf *out, double value, gs_str unit, bool with_sign);
void gs_pace_slope(gs_buf *out, const gs_slope *fit, gs_pace p, gs_str unit, double confidence);
/* "growing, slower" */
void gs_pace_verdict(gs_buf *out, const gs_trend_row *r);

/* Verdict, slope, interval and how sure that is, into an open object; slopes per second, or per moment. */
void gs_pace_json(gs_json *j, const gs_trend_row *r, bool is_timed);

#endif
