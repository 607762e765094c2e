/*
 * Squarified treemaps: a rectangle cut into ones whose areas are in proportion to values, as near to squares as can be.
 * Bruls, Huizing, van Wijk: Squarified Treemaps, 2000.
 */
#ifndef GS_ANALYSIS_TREEMAP_H
#define GS_ANALYSIS_TREEMAP_H

#include <stdint.h>

typedef struct gs_tile_box {
	double x, y, w, h;
} gs_tile_box;

/* `values`: the largest first, none negative; all of them together fill `in`. Values of 0 get boxes of no size. */
void gs_treemap_squarify(const double *values, uint32_t n, gs_tile_box in, gs_tile_box *out);

#endif
