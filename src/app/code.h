/*
 * Sources and instructions of the programs that a call's profiles are about, for listings.
 */
#ifndef GS_APP_CODE_H
#define GS_APP_CODE_H

#include "load/source.h"
#include "load/symbolize.h"
#include "present/listing.h"
#include "present/report.h"

typedef struct gs_code gs_code;

/* Opens nothing yet. `symbolizer` and `source` may be NULL: own ones are made and live with the arena. */
gs_code *gs_code_create(gs_arena *mem, gs_symbolizer *symbolizer, const char *source_path, const char *trim_path);
/* Binaries of the profile tell the Go version and modules that its sources are of. */
void gs_code_add_profile(gs_code *c, const gs_profile *p);

/* What the reports take. With `as_pprof`, functions end a byte early, as there. */
gs_report_code gs_code_for_report(gs_code *c, bool as_pprof);
gs_listing_code gs_code_for_listing(gs_code *c);

#endif
