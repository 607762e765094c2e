#include "model/units.h"

#include "base/banned.h"

static const gs_unit bytes_units[] = {
	{ "B", { "b", "byte" }, 1 },
	{ "kB", { "kb", "kbyte", "kilobyte" }, 1024.0 },
	{ "MB", { "mb", "mbyte", "megabyte" }, 1048576.0 },
	{ "GB", { "gb", "gbyte", "gigabyte" }, 1073741824.0 },
	{ "TB", { "tb", "tbyte", "terabyte" }, 1099511627776.0 },
	{ "PB", { "pb", "pbyte", "petabyte" }, 1125899906842624.0 },
};
static const gs_unit time_units[] = {
	{ "ns", { "ns", "nanosecond" }, 1 },
	{ "us", { "\xce\xbcs", "us", "microsecond" }, 1e3 },
	{ "ms", { "ms", "millisecond" }, 1e6 },
	{ "s", { "s", "sec", "second" }, 1e9 },
	{ "hrs", { "hour", "hr" }, 3600e9 },
};
static const gs_unit gcu_units[] = {
	{ "n*GCU", { "nanogcu" }, 1e-9 }, { "u*GCU", { "microgcu" }, 1e-6 }, { "m*GCU", { "milligcu" }, 1e-3 },
	{ "GCU", { "gcu" }, 1 },	  { "k*GCU", { "kilogcu" }, 1e3 },   { "M*GCU", { "megagcu" }, 1e6 },
	{ "G*GCU", { "gigagcu" }, 1e9 },  { "T*GCU", { "teragcu" }, 1e12 },  { "P*GCU", { "petagcu" }, 1e15 },
};
const gs_unit_kind gs_unit_kinds[GS_UNIT_KINDS] = {
	{ bytes_units, 6, "B", 1 },
	{ time_units, 5, "s", 1e9 },
	{ gcu_units, 9, "GCU", 1 },
};

const gs_unit *gs_unit_find(const gs_unit_kind *t, gs_str name)
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

bool gs_unit_ratio(gs_str from, gs_str to, double *ratio)
{
	for (unsigned k = 0; k < GS_UNIT_KINDS; k++) {
		const gs_unit *a = gs_unit_find(&gs_unit_kinds[k], from), *b = gs_unit_find(&gs_unit_kinds[k], to);

		if (a && b) {
			*ratio = a->factor / b->factor;
			return true;
		}
	}
	*ratio = 1;
	return gs_str_eq(from, to);
}

bool gs_unit_is_compatible(gs_str a, gs_str b)
{
	double ratio;

	return gs_unit_ratio(a, b, &ratio);
}
