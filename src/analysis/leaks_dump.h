/*
 * Goroutine dumps and profiles beside or instead of a heap: what Go's own detector says (a `goroutineleak` profile, or "(leaked)" in a dump of Go 1.26 and
 * later), and the weaker judgment by number and time where there is no heap to prove anything with.
 */
#ifndef GS_ANALYSIS_LEAKS_DUMP_H
#define GS_ANALYSIS_LEAKS_DUMP_H

#include "analysis/goroutine_groups.h"
#include "analysis/leaks.h"

/* Groups of a dump alone: proven is what Go's detector says. members are NULL, all that only a heap knows is 0. `before`: dumps of earlier
 * moments, the first one first. GS_ERR_USAGE: the document has no goroutines. */
bool gs_leaks_of_dump(gs_arena *mem, const gs_document *d, const gs_document *const *before, unsigned n_before,
		      const gs_leak_options *options, gs_leaks *out, gs_err *err);

enum { GS_LEAK_MAX_ONLY = 32 };

/* What Go's own detector said, beside what we proved. Goroutines, by the line that blocks. */
typedef struct gs_leak_check {
	gs_str source;		   /* whose word: the document's name */
	uint32_t n_said, n_agreed; /* agreed: proven at the same line */
	uint32_t n_only_said, n_only_proven;
	gs_leak_place only_said[GS_LEAK_MAX_ONLY]; /* lines where Go says so and we do not */
	uint32_t n_places;
} gs_leak_check;

/* False with err->code GS_ERR_NONE: the document has no word of the detector. */
bool gs_leaks_check(gs_arena *mem, const gs_document *d, const gs_leaks *proven, gs_leak_check *out, gs_err *err);

#endif
