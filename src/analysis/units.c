#include "analysis/units.h"

#include <math.h>

static bool is_auto(gs_str s)
{
	return gs_str_eq(s, GS_S("minimum")) || gs_str_eq(s, GS_S("auto"));
}

static bool convert(const gs_unit_kind *t, int64_t value, gs_str from, gs_str to, double *out, gs_str *name)
{
	const gs_unit *f = gs_unit_find(t, from), *best = NULL;
	double v;

	if (!f)
		return false;
	v = (double)value * f->factor;
	if (is_auto(to)) {
		for (unsigned u = 0; u < t->n; u++)
			if ((!best || t->units[u].factor >= best->factor) && v / t->units[u].factor >= 1.0)
				best = &t->units[u];
	} else {
		best = gs_unit_find(t, to);
	}
	*out = v / (best ? best->factor : t->def_factor);
	*name = gs_str_of(best ? best->name : t->def_name);
	return true;
}

double gs_unit_scale(int64_t value, gs_str from, gs_str to, gs_str *name)
{
	static const char *const dull[] = { "count", "sample", "unit", "minimum", "auto" };
	double v;

	if (value < 0 && value != INT64_MIN)
		return -gs_unit_scale(-value, from, to, name);
	for (unsigned t = 0; t < GS_UNIT_KINDS; t++)
		if (convert(&gs_unit_kinds[t], value, from, to, &v, name))
			return v;
	*name = to;
	for (size_t i = 0; i < sizeof(dull) / sizeof(dull[0]); i++)
		if (gs_str_eq(to, gs_str_of(dull[i])))
			*name = (gs_str){ "", 0 };
	return (double)value;
}

void gs_unit_label(gs_buf *out, int64_t value, gs_str from, gs_str to)
{
	char text[400];
	gs_str unit_name, s;
	double v = gs_unit_scale(value, from, to, &unit_name);
	int n = snprintf(text, sizeof(text), "%.2f", v);

	s = (gs_str){ text, n < 0 ? 0 : (size_t)n };
	if (gs_str_ends(s, GS_S(".00")))
		s.n -= 3;
	if (gs_str_eq(s, GS_S("0")) || gs_str_eq(s, GS_S("-0"))) {
		gs_buf_c(out, '0');
		return;
	}
	gs_buf_str(out, s);
	gs_buf_str(out, unit_name);
}

gs_str gs_unit_label_str(gs_arena *mem, int64_t value, gs_str from, gs_str to)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 4096);
	gs_unit_label(&b, value, from, to);
	return gs_str_dup(mem, gs_buf_view(&b));
}

void gs_percent(gs_buf *out, int64_t value, int64_t total)
{
	double ratio = total ? fabs((double)value / (double)total) * 100 : 0;

	if (ratio >= 99.95 && ratio <= 100.05)
		gs_buf_z(out, "  100%");
	else if (ratio >= 1.0)
		gs_buf_f(out, "%5.2f%%", ratio);
	else
		gs_buf_f(out, "%5.2g%%", ratio);
}

void gs_share(gs_buf *out, int64_t value, int64_t total)
{
	if (value && total && fabs((double)value / (double)total) < 0.0001)
		gs_buf_z(out, "<0.01%");
	else
		gs_percent(out, value, total);
}

gs_str gs_percent_str(gs_arena *mem, int64_t value, int64_t total)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 4096);
	gs_percent(&b, value, total);
	return gs_str_dup(mem, gs_buf_view(&b));
}

int64_t gs_f64_to_i64(double v)
{
	if (!(v >= -9223372036854775808.0 && v < 9223372036854775808.0))
		return INT64_MIN;
	return (int64_t)v;
}
