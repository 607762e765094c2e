#include "analysis/leaks.h"

#include "base/banned.h"

enum { MIN_GROWTH = 4 };

static double count_at(const gs_map *moment, uint64_t key)
{
	const uint32_t *at = gs_map_get(moment, key);

	return at ? *at : 0;
}

/* With too few moments for a slope: it rose more often than it fell. */
static bool seems_to_grow(const double *values, uint32_t n)
{
	uint32_t rises = 0, falls = 0;

	for (uint32_t i = 1; i < n; i++) {
		rises += values[i] > values[i - 1];
		falls += values[i] < values[i - 1];
	}
	return rises > 2 * falls && values[n - 1] - values[0] >= values[0] / 10;
}

static bool make_moments(gs_arena *mem, gs_leaks *l, const gs_leak_options *o)
{
	double *at = gs_try_new(mem, double, o->n_before + 1u);

	if (!at)
		return false;
	l->n_moments = o->n_before + 1;
	l->is_timed = o->at_s;
	for (uint32_t i = 0; i < l->n_moments; i++)
		at[i] = o->at_s ? o->at_s[i] - o->at_s[0] : i;
	l->at = at;
	return true;
}

/* A row for each place: groups of one place, some proven and some not yet, share it. */
static bool make_rows(gs_arena *mem, gs_leaks *l, const gs_map *now, const gs_leak_options *o, gs_trend_row *rows, uint32_t *n)
{
	GS_AUTO(map) row_of = { 0 };
	bool is_new;

	for (uint32_t i = 0; i < l->n; i++) {
		gs_leak_group *group = &l->groups[i];
		uint32_t *at = gs_map_put(&row_of, group->key, &is_new);
		gs_trend_row *r;

		if (!at)
			return false;
		if (is_new)
			*at = (*n)++;
		r = &rows[*at];
		group->trend = r;
		if (!is_new)
			continue;
		r->values = gs_try_new(mem, double, l->n_moments);
		if (!r->values)
			return false;
		for (uint32_t k = 0; k < l->n_moments; k++) {
			r->values[k] = count_at(k < o->n_before ? &o->before[k] : now, group->key);
			r->mean += r->values[k] / l->n_moments;
		}
	}
	return true;
}

bool gs_leaks_look_back(gs_arena *mem, gs_leaks *l, const gs_map *now, const gs_leak_options *o, gs_err *err)
{
	gs_trend_options as_trend = { .confidence = o->confidence, .steady_share = GS_TREND_STEADY_SHARE };
	gs_trend_row *rows = gs_try_new(mem, gs_trend_row, l->n + 1u);
	uint32_t n = 0;

	if (!rows || !make_moments(mem, l, o) || !make_rows(mem, l, now, o, rows, &n))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u groups at %u moments", l->n, o->n_before + 1);
	if (!gs_trend_judge(mem, l->at, l->n_moments, rows, n, &as_trend, err))
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		gs_leak_group *group = &l->groups[i];
		const double *values = group->trend->values;
		bool grows = l->n_moments < GS_SLOPE_MIN ? seems_to_grow(values, l->n_moments) : group->trend->verdict == GS_TREND_GROWING;

		group->n_before = (uint32_t)values[0];
		group->is_growing = grows && values[l->n_moments - 1] >= values[0] + MIN_GROWTH;
	}
	return true;
}
