#include "analysis/units.h"

#include <math.h>

typedef struct unit {
	const char *name;
	const char *aliases[4];
	double factor;
} unit;

typedef struct unit_type {
	const unit *units;
	unsigned n;
	const char *def_name;
	double def_factor;
} unit_type;

static const unit bytes_units[] = {
	{ "B", { "b", "byte" }, 1 },
	{ "kB", { "kb", "kbyte", "kilobyte" }, 1024.0 },
	{ "MB", { "mb", "mbyte", "megabyte" }, 1048576.0 },
	{ "GB", { "gb", "gbyte", "gigabyte" }, 1073741824.0 },
	{ "TB", { "tb", "tbyte", "terabyte" }, 1099511627776.0 },
	{ "PB", { "pb", "pbyte", "petabyte" }, 1125899906842624.0 },
};
static const unit time_units[] = {
	{ "ns", { "ns", "nanosecond" }, 1 },
	{ "us", { "\xce\xbcs", "us", "microsecond" }, 1e3 },
	{ "ms", { "ms", "millisecond" }, 1e6 },
	{ "s", { "s", "sec", "second" }, 1e9 },
	{ "hrs", { "hour", "hr" }, 3600e9 },
};
static const unit gcu_units[] = {
	{ "n*GCU", { "nanogcu" }, 1e-9 }, { "u*GCU", { "microgcu" }, 1e-6 }, { "m*GCU", { "milligcu" }, 1e-3 },
	{ "GCU", { "gcu" }, 1 },	  { "k*GCU", { "kilogcu" }, 1e3 },   { "M*GCU", { "megagcu" }, 1e6 },
	{ "G*GCU", { "gigagcu" }, 1e9 },  { "T*GCU", { "teragcu" }, 1e12 },  { "P*GCU", { "petagcu" }, 1e15 },
};
static const unit_type types[] = {
	{ bytes_units, 6, "B", 1 },
	{ time_units, 5, "s", 1e9 },
	{ gcu_units, 9, "GCU", 1 },
};
enum { N_TYPES = 3 };

static const unit *find_unit(const unit_type *t, gs_str name)
{
	char low[24];
	size_t n = name.n;

	if (n == 0 || n > sizeof(low))
		return NULL;
	for (size_t i = 0; i < n; i++)
		low[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
	if (n > 2 && low[n - 1] == 's')
		n--;
	for (unsigned u = 0; u < t->n; u++)
		for (unsigned a = 0; a < 4 && t->units[u].aliases[a]; a++)
			if (gs_str_eq(gs_str_of(t->units[u].aliases[a]), (gs_str){ low, n }))
				return &t->units[u];
	return NULL;
}

static bool is_auto(gs_str s)
{
	return gs_str_eq(s, GS_S("minimum")) || gs_str_eq(s, GS_S("auto"));
}

static bool convert(const unit_type *t, int64_t value, gs_str from, gs_str to, double *out, gs_str *name)
{
	const unit *f = find_unit(t, from), *best = NULL;
	double v;

	if (!f)
		return false;
	v = (double)value * f->factor;
	if (is_auto(to)) {
		for (unsigned u = 0; u < t->n; u++)
			if ((!best || t->units[u].factor >= best->factor) && v / t->units[u].factor >= 1.0)
				best = &t->units[u];
	} else {
		best = find_unit(t, to);
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
	for (unsigned t = 0; t < N_TYPES; t++)
		if (convert(&types[t], value, from, to, &v, name))
			return v;
	*name = to;
	for (size_t i = 0; i < sizeof(dull) / sizeof(dull[0]); i++)
		if (gs_str_eq(to, gs_str_of(dull[i])))
			*name = (gs_str){ "", 0 };
	return (double)value;
}

bool gs_unit_is_compatible(gs_str a, gs_str b)
{
	for (unsigned t = 0; t < N_TYPES; t++)
		if (find_unit(&types[t], a) && find_unit(&types[t], b))
			return true;
	return gs_str_eq(a, b);
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
