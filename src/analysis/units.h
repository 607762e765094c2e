/*
 * Units of sample values and labels: scaling and the number texts of reports. The rules are pprof's (its measurement
 * package): bytes in steps of 1024 with "kB", time from ns to hours, GCU (model/units.h); anything else keeps its unit.
 */
#ifndef GS_ANALYSIS_UNITS_H
#define GS_ANALYSIS_UNITS_H

#include "base/buf.h"
#include "model/units.h"

/* `value` in another unit, and that unit's canonical name (empty when it is not worth showing). `to` may be "auto" or
 * "minimum": the largest unit that keeps the number at 1 or above. The name is static or a slice of `to`. */
double gs_unit_scale(int64_t value, gs_str from, gs_str to, gs_str *unit);

/* "1.50MB", "30ms", "12": two digits after the point unless they are zero. */
void gs_unit_label(gs_buf *out, int64_t value, gs_str from, gs_str to);
gs_str gs_unit_label_str(gs_arena *mem, int64_t value, gs_str from, gs_str to);

/* Six characters or more: "12.34%", "  100%", " 0.25%", "    0%". */
void gs_percent(gs_buf *out, int64_t value, int64_t total);
/* The same for reports that pprof does not have: what is below 0.01% and not nothing is "<0.01%", not "9.8e-05%". */
void gs_share(gs_buf *out, int64_t value, int64_t total);
gs_str gs_percent_str(gs_arena *mem, int64_t value, int64_t total);

/* Go's conversion: truncates; what does not fit becomes the smallest integer. */
int64_t gs_f64_to_i64(double v);

#endif
