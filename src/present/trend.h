/* What grows over a series of profiles, as text, JSON (docs/api.md) and CSV. */
#ifndef GS_PRESENT_TREND_H
#define GS_PRESENT_TREND_H

#include "analysis/trend.h"
#include "base/buf.h"

typedef struct gs_trend_style {
	uint32_t limit; /* rows; 0: all */
	double confidence;
	double min_share;
	uint32_t n_failed; /* moments at which the program did not answer */
	const uint32_t *order; /* of the view's profiles: which of those that were given each one is */
} gs_trend_style;

/* Names are made in `mem`. */
void gs_trend_text(gs_arena *mem, const gs_trend *t, const gs_trend_style *s, gs_buf *out);
void gs_trend_json(gs_arena *mem, const gs_trend *t, const gs_trend_style *s, gs_buf *out);
void gs_trend_csv(gs_arena *mem, const gs_trend *t, const gs_trend_style *s, gs_buf *out);

#endif
