/* Lanes, tiles and goroutines of an execution trace as JSON, text and binary columns (docs/api.md). */
#ifndef GS_PRESENT_TRACE_JSON_H
#define GS_PRESENT_TRACE_JSON_H

#include "analysis/trace_curves.h"
#include "analysis/trace_goroutine.h"
#include "analysis/trace_list.h"
#include "base/json.h"

/* "g7", "p0", "m3", "t2": how the API calls a lane. */
void gs_lane_name(gs_lane lane, char out[16]);
/* The other way round. False when it is none, or there is no such lane. */
bool gs_lane_read(const gs_timeline *t, gs_str s, gs_lane *out);

typedef struct gs_lane_page {
	uint32_t offset, limit; /* rows */
	bool has_hits;
} gs_lane_page;
void gs_lanes_write_json(gs_arena *mem, const gs_lanes *l, const gs_lane_extras *x, const gs_lane_list *list, const gs_lane_page *page,
			 gs_buf *out);
void gs_lanes_write_text(gs_arena *mem, const gs_lanes *l, const gs_lane_list *list, const gs_lane_page *page, gs_buf *out);

/* A curve of an answer: `n` cells of `n_series` floats each. */
typedef struct gs_tile_curve {
	uint32_t lane; /* index into the question's lanes */
	const char *series; /* names, separated by blanks */
	uint32_t n_series, n;
	const float *values;
} gs_tile_curve;

typedef struct gs_tile_answer {
	gs_window window;
	const gs_str *lanes; /* as they were asked for */
	uint32_t n_lanes;
	const gs_tiles *tiles;
	const gs_tile_curve *curves;
	uint32_t n_curves;
	const int64_t *hit_ns; /* by lane; NULL when nothing was to be marked */
} gs_tile_answer;
void gs_tiles_write_json(gs_arena *mem, const gs_lanes *l, const gs_tile_answer *a, gs_buf *out);
void gs_tiles_write_frames(gs_arena *mem, const gs_lanes *l, const gs_tile_answer *a, gs_buf *out);

void gs_goroutine_write_json(const gs_lanes *l, const gs_lane_extras *x, const gs_goroutine_detail *d, gs_buf *out);
void gs_goroutine_write_text(const gs_lanes *l, const gs_goroutine_detail *d, gs_buf *out);

#endif
