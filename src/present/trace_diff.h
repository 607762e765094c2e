/* Two execution traces side by side, as text and JSON (docs/api.md). Text is safe for a terminal. */
#ifndef GS_PRESENT_TRACE_DIFF_H
#define GS_PRESENT_TRACE_DIFF_H

#include "analysis/trace_diff.h"
#include "base/buf.h"

/* `limit` rows of each table; 0: all. */
void gs_trace_diff_text(const gs_trace_diff *d, uint32_t limit, gs_buf *out);
void gs_trace_diff_json(const gs_trace_diff *d, uint32_t limit, gs_buf *out);

#endif
