#include "present/flame_layout.h"

/* One forward pass: a parent hands its room to its children in order. */
gs_flame_layout gs_flame_lay_out(gs_arena *mem, const gs_flame *f, const gs_flame_style *style)
{
	gs_flame_layout l = { .x = gs_new(mem, double, f->n),
			      .w = gs_new(mem, double, f->n),
			      .depth = gs_new(mem, uint32_t, f->n),
			      .index = gs_new(mem, uint32_t, f->n),
			      .rows = 1,
			      .width_px = style->width > 0 ? style->width : 1200 };
	double *next = gs_new(mem, double, f->n);
	double whole = f->n && f->weight[0] > 0 ? (double)f->weight[0] : 1;
	double least;
	uint32_t drawn = 0;

	l.inner_px = l.width_px - 2 * GS_FLAME_PAD_PX;
	least = (style->min_px > 0 ? style->min_px : 0.1) / l.inner_px;
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t p = f->parent[i];
		bool is_root = p == GS_FLAME_NO_PARENT;

		l.w[i] = (double)f->weight[i] / whole;
		if (!is_root) {
			l.x[i] = next[p];
			l.depth[i] = l.depth[p] + 1;
			next[p] += l.w[i];
		}
		next[i] = l.x[i];
		l.index[i] = UINT32_MAX;
		if (is_root || (l.w[i] >= least && l.index[p] != UINT32_MAX)) {
			l.index[i] = drawn++;
			if (l.depth[i] + 1 > l.rows)
				l.rows = l.depth[i] + 1;
		}
	}
	return l;
}
