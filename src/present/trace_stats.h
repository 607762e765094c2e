/* Where the time of goroutines, regions and tasks went, as text and JSON (docs/api.md). Text is safe for a terminal. */
#ifndef GS_PRESENT_TRACE_STATS_H
#define GS_PRESENT_TRACE_STATS_H

#include "analysis/trace_stats.h"
#include "base/buf.h"
#include "base/json.h"
#include "present/trace.h"

/* `limit` rows; 0: all. */
void gs_trace_stats_text(const gs_trace_stats *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_trace_stats_json(const gs_trace_stats *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);

/* Columns total, running, runnable, blocked, syscall; GS_SPLIT_HEADING is their heading. */
#define GS_SPLIT_HEADING "      total    running   runnable    waiting    syscall"
void gs_trace_put_split(gs_buf *out, const gs_time_split *s, const gs_timeline *t);
/* "network 1.2s, chan receive 3ms; GC mark assist 1ms"; nothing when there is nothing. */
void gs_trace_put_reasons(gs_buf *out, const gs_time_split *s, const gs_trace_source *src, const uint32_t *range_names,
			  uint32_t n_ranges);
/* The fields of an open object. */
void gs_trace_split_json(gs_json *j, const gs_time_split *s, const gs_trace_source *src, const uint32_t *range_names,
			 uint32_t n_ranges);

#endif
