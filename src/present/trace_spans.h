/* Tasks and regions as text and JSON (docs/api.md). Text is safe for a terminal. */
#ifndef GS_PRESENT_TRACE_SPANS_H
#define GS_PRESENT_TRACE_SPANS_H

#include "analysis/trace_spans.h"
#include "present/trace.h"

/* `each`: one by one, not by name. `limit` rows; 0: all. */
void gs_trace_spans_text(const gs_trace_spans *s, const gs_trace_source *src, bool each, uint32_t limit, gs_buf *out);
/* Always both: groups with their histograms, and up to `limit` single ones. */
void gs_trace_spans_json(const gs_trace_spans *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);

void gs_task_events_text(const gs_task_event *e, uint32_t n, const gs_trace_source *src, gs_buf *out);
void gs_task_events_json(const gs_task_event *e, uint32_t n, const gs_trace_source *src, gs_buf *out);

#endif
