/*
 * Flame graphs as files. Names are hostile: each writer escapes for its own format.
 */
#ifndef GS_PRESENT_FLAME_H
#define GS_PRESENT_FLAME_H

#include "analysis/flame.h"
#include "base/buf.h"
#include "base/err.h"

typedef struct gs_flame_style {
	gs_str title, subtitle;
	double width;	 /* pixels, 0: 1200 */
	bool is_icicle;	 /* root on top */
	double min_px;	 /* leave out narrower frames; 0: 0.1 */
} gs_flame_style;

/* An interactive SVG that works from disk: search with regular expressions, zoom, hover, keys. With base values the
 * colour tells the difference (blue less, orange more) and the tooltip the numbers with their sign. */
void gs_flame_write_svg(const gs_flame *f, const gs_flame_style *style, gs_buf *out);

/* PNG by cairo. GS_ERR_LIMIT when the picture would be larger than 32,767 pixels in a direction. */
bool gs_flame_write_png(const gs_flame *f, const gs_flame_style *style, gs_buf *out, gs_err *err);

/* The binary frames of docs/api.md, "GET /api/flame". */
void gs_flame_write_frames(const gs_flame *f, gs_buf *out);

/* {"name":..,"value":..,"self":..,"children":[..]}, nested; deep trees included. */
void gs_flame_write_json(const gs_flame *f, gs_buf *out);

/* "a;b;c 12" lines, for every node with a self value. with_lines: "a file.go:12;b ...". Differential (two counts) with a base. */
void gs_flame_write_folded(const gs_flame *f, bool with_lines, gs_buf *out);

/* An indented tree with shares and values, frames below half a percent summed up. */
void gs_flame_write_text(const gs_flame *f, gs_buf *out);

/* https://www.speedscope.app/file-format-schema.json, one "sampled" profile for each flame given. */
void gs_flame_write_speedscope(const gs_flame *const *flames, unsigned n, gs_str name, gs_buf *out);

/* Fill colour of a frame, 0xRRGGBB: hue by package, runtime muted; by difference when there is a base. */
uint32_t gs_flame_colour(const gs_flame *f, uint32_t node);

#endif
