/* Where the boxes of a flame graph file stand: shared by its SVG and PNG writers. */
#ifndef GS_PRESENT_FLAME_LAYOUT_H
#define GS_PRESENT_FLAME_LAYOUT_H

#include "present/flame.h"

enum { GS_FLAME_ROW_PX = 17, GS_FLAME_PAD_PX = 10, GS_FLAME_HEAD_PX = 44 };

typedef struct gs_flame_layout {
	double *x, *w;	/* shares of the root's width, n of each */
	uint32_t *depth;
	uint32_t *index; /* running number among the boxes drawn; UINT32_MAX: too narrow */
	uint32_t rows;
	double width_px, inner_px;
} gs_flame_layout;

/* Columns live in `mem`. */
gs_flame_layout gs_flame_lay_out(gs_arena *mem, const gs_flame *f, const gs_flame_style *style);

/* Row of a node from the top. */
static inline uint32_t gs_flame_row(const gs_flame_layout *l, const gs_flame_style *style, uint32_t node)
{
	return style->is_icicle ? l->depth[node] : l->rows - 1 - l->depth[node];
}

#endif
