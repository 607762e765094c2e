/* One document in a few words, for lists of what is open: docs/api.md, GET /api/session "documents". */
#ifndef GS_APP_SUMMARY_H
#define GS_APP_SUMMARY_H

#include "base/buf.h"
#include "model/document.h"

/* One JSON object. */
void gs_summary_json(gs_buf *out, const gs_document *d, unsigned id);

#endif
