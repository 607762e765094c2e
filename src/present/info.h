/* What documents say of themselves: kind, times, sample types with totals, mappings, comments, warnings. */
#ifndef GS_PRESENT_INFO_H
#define GS_PRESENT_INFO_H

#include "base/json.h"
#include "model/document.h"

/* Control characters of names are made visible. */
void gs_info_text(gs_buf *out, const gs_document *const *docs, unsigned n, bool use_color);
/* One object; the fields of the first document at the top, all documents in "documents". */
void gs_info_json(gs_buf *out, const gs_document *const *docs, unsigned n);

/* Sum of one value over all samples; saturates. */
int64_t gs_info_total(const gs_profile *p, uint32_t type);

#endif
