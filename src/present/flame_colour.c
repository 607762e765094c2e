#include "present/flame.h"

#include <math.h>

static uint32_t hsl(double h, double s, double l)
{
	double c = (1 - fabs(2 * l - 1)) * s, x = c * (1 - fabs(fmod(h / 60, 2) - 1)), m = l - c / 2;
	double r = 0, g = 0, b = 0;

	if (h < 60)
		r = c, g = x;
	else if (h < 120)
		r = x, g = c;
	else if (h < 180)
		g = c, b = x;
	else if (h < 240)
		g = x, b = c;
	else if (h < 300)
		r = x, b = c;
	else
		r = c, b = x;
	return (uint32_t)lround((r + m) * 255) << 16 | (uint32_t)lround((g + m) * 255) << 8 |
	       (uint32_t)lround((b + m) * 255);
}

/* Blue for less, orange for more, grey for the same: readable without telling red from green. */
static uint32_t diff_colour(const gs_flame *f, uint32_t i)
{
	double now = (double)f->total[i], was = (double)f->base_total[i];
	double change = now + was > 0 ? (now - was) / fmax(fmax(now, was), 1) : 0;
	double strength = fmin(fabs(change), 1);

	if (strength < 0.005)
		return hsl(0, 0, 0.86);
	return change > 0 ? hsl(28, 0.45 + 0.5 * strength, 0.86 - 0.28 * strength) :
			    hsl(212, 0.35 + 0.5 * strength, 0.86 - 0.26 * strength);
}

uint32_t gs_flame_colour(const gs_flame *f, uint32_t i)
{
	const gs_flame_name *n = &f->names[f->name[i]];
	uint64_t hash = gs_str_hash(n->package.n ? n->package : n->name);
	double shade = (double)(gs_str_hash(n->name) % 16) / 16;

	if (f->base_total)
		return diff_colour(f, i);
	if (f->parent[i] == GS_FLAME_NO_PARENT || f->flags[i] & GS_FLAME_SMALLER)
		return hsl(0, 0, 0.85);
	if (f->flags[i] & GS_FLAME_LABEL)
		return hsl(265, 0.30, 0.80);
	if (f->flags[i] & GS_FLAME_KERNEL)
		return hsl(28, 0.50, 0.74 + 0.05 * shade);
	if (f->flags[i] & GS_FLAME_RUNTIME)
		return hsl(215, 0.10, 0.78 + 0.06 * shade);
	return hsl((double)(hash % 360), 0.48, 0.72 + 0.06 * shade);
}
