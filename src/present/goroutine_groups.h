/* Groups of goroutines as text and JSON (docs/api.md, "goroutines"). */
#ifndef GS_PRESENT_GOROUTINE_GROUPS_H
#define GS_PRESENT_GOROUTINE_GROUPS_H

#include "analysis/goroutine_groups.h"
#include "base/buf.h"

/* At most `n` groups; 0: all. */
void gs_goroutine_groups_text(const gs_goroutine_groups *g, const gs_document *d, uint32_t n, gs_buf *out);
void gs_goroutine_groups_json(const gs_goroutine_groups *g, const gs_document *d, uint32_t n, gs_buf *out);

#endif
