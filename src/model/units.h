/*
 * Units of sample values: which there are, and which convert into each other. pprof's (its measurement package): bytes in steps of
 * 1024, time, GCU; upper case and a plural s do not matter. How numbers are shown with them is analysis/units.h.
 */
#ifndef GS_MODEL_UNITS_H
#define GS_MODEL_UNITS_H

#include "base/str.h"

typedef struct gs_unit {
	const char *name; /* as it is shown */
	const char *aliases[4];
	double factor;
} gs_unit;

typedef struct gs_unit_kind {
	const gs_unit *units;
	unsigned n;
	const char *def_name; /* for what is of the kind but no unit of it */
	double def_factor;
} gs_unit_kind;

enum { GS_UNIT_KINDS = 3 };
extern const gs_unit_kind gs_unit_kinds[GS_UNIT_KINDS];

/* NULL: not of this kind. */
const gs_unit *gs_unit_find(const gs_unit_kind *kind, gs_str name);

/* What a number in `from` is multiplied with to be one in `to`. False, and 1, when they do not convert. */
bool gs_unit_ratio(gs_str from, gs_str to, double *ratio);
/* They do, or are the same text. */
bool gs_unit_is_compatible(gs_str a, gs_str b);

#endif
