/*
 * Events of a trace as lines and as JSON rows.
 */
#ifndef GS_PRESENT_TRACE_EVENTS_H
#define GS_PRESENT_TRACE_EVENTS_H

#include "analysis/trace_events.h"
#include "base/re.h"
#include "present/trace.h"

typedef struct gs_events_page {
	const gs_re *match; /* its text or a function, file or line of its stack; NULL: all */
	uint64_t offset, limit; /* limit 0: all */
	bool with_stacks;
} gs_events_page;

/* The text form ends with a line that counts what matched. */
bool gs_events_write(gs_arena *mem, const gs_trace_source *src, const gs_trace_event_query *q, const gs_events_page *page, bool json,
		     gs_buf *out, gs_err *err);

#endif
