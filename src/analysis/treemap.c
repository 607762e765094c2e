#include "analysis/treemap.h"

#include <math.h>

/* How far the worst box of a row is from a square: 1 is one. `sum` of the areas of the row, `side` along which it lies. */
static double worst(double largest, double smallest, double sum, double side)
{
	double across = sum / side;

	return fmax(largest / (across * across), across * across / smallest);
}

/* Boxes [from, to) as one row along the shorter side of *in, which loses it. */
static void put_row(const double *values, uint32_t from, uint32_t to, double sum, double scale, gs_tile_box *in, gs_tile_box *out)
{
	int is_column = in->w >= in->h;
	double side = is_column ? in->h : in->w, across = side > 0 ? sum * scale / side : 0;
	double at = is_column ? in->y : in->x;

	across = fmin(across, is_column ? in->w : in->h);
	for (uint32_t i = from; i < to; i++) {
		double along = sum > 0 ? side * values[i] / sum : 0;

		out[i] = is_column ? (gs_tile_box){ in->x, at, across, along } : (gs_tile_box){ at, in->y, along, across };
		at += along;
	}
	if (is_column) {
		in->x += across;
		in->w -= across;
	} else {
		in->y += across;
		in->h -= across;
	}
}

void gs_treemap_squarify(const double *values, uint32_t n, gs_tile_box in, gs_tile_box *out)
{
	double total = 0, scale;
	uint32_t from = 0;

	for (uint32_t i = 0; i < n; i++)
		total += values[i];
	scale = total > 0 ? in.w * in.h / total : 0;
	while (from < n) {
		double side = fmin(in.w, in.h), sum = values[from], last = INFINITY;
		uint32_t to = from + 1;

		if (!(scale > 0) || !(side > 0) || !(values[from] > 0)) {
			out[from++] = (gs_tile_box){ in.x, in.y, 0, 0 };
			continue;
		}
		last = worst(values[from] * scale, values[from] * scale, sum * scale, side);
		while (to < n && values[to] > 0) {
			double with = worst(values[from] * scale, values[to] * scale, (sum + values[to]) * scale, side);

			if (with > last)
				break;
			last = with;
			sum += values[to++];
		}
		put_row(values, from, to, sum, scale, &in, out);
		from = to;
	}
}
