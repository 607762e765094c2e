#include "present/pace.h"

#include <math.h>

#include "analysis/units.h"

#include "base/banned.h"

const gs_pace gs_pace_per_moment = { "moment", "moment", 1 };

gs_pace gs_pace_of(double most, gs_str unit)
{
	static const gs_pace paces[] = { { "s", "second", 1 }, { "min", "minute", 60 }, { "hour", "hour", 3600 }, { "day", "day", 86400 } };
	double well = gs_str_eq(unit, GS_S("count")) ? 1 : 1024;

	for (unsigned i = 0; i < 3; i++)
		if (most * paces[i].seconds >= well)
			return paces[i];
	return paces[3];
}

void gs_pace_amount(gs_buf *out, double value, gs_str unit, bool with_sign)
{
	if (!isfinite(value)) {
		gs_buf_c(out, '?');
		return;
	}
	if (with_sign && value >= 0.5)
		gs_buf_c(out, '+');
	gs_unit_label(out, gs_f64_to_i64(round(value)), unit, GS_S("auto"));
}

void gs_pace_slope(gs_buf *out, const gs_slope *fit, gs_pace p, gs_str unit, double confidence)
{
	gs_pace_amount(out, fit->slope * p.seconds, unit, true);
	gs_buf_f(out, " a %s (%g %%: ", p.word, confidence * 100);
	gs_pace_amount(out, fit->low * p.seconds, unit, true);
	gs_buf_z(out, " to ");
	gs_pace_amount(out, fit->high * p.seconds, unit, true);
	gs_buf_c(out, ')');
}

void gs_pace_verdict(gs_buf *out, const gs_trend_row *r)
{
	gs_buf_z(out, gs_trend_verdict_name(r->verdict));
	if (r->is_slowing)
		gs_buf_z(out, ", slower");
}

void gs_pace_json(gs_json *j, const gs_trend_row *r, bool is_timed)
{
	const gs_slope *f = &r->fit;

	gs_json_kstr(j, "verdict", gs_str_of(gs_trend_verdict_name(r->verdict)));
	gs_json_kbool(j, "slowing", r->is_slowing);
	gs_json_kf64(j, is_timed ? "slope_per_s" : "slope_per_moment", f->slope);
	gs_json_kf64(j, is_timed ? "low_per_s" : "low_per_moment", f->low);
	gs_json_kf64(j, is_timed ? "high_per_s" : "high_per_moment", f->high);
	gs_json_kf64(j, "level", f->level);
	gs_json_kf64(j, "p", f->p);
	gs_json_kf64(j, "q", r->q);
	gs_json_kf64(j, "autocorrelation", f->alike);
	gs_json_kf64(j, "mean", r->mean);
}
