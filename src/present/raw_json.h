/* A profile's samples, locations and mappings as JSON, under the filters of a report. */
#ifndef GS_PRESENT_RAW_JSON_H
#define GS_PRESENT_RAW_JSON_H

#include "present/report.h"

/* `r` is a report of kind GS_REPORT_RAW. */
void gs_raw_json(gs_report *r, gs_buf *out);

#endif
