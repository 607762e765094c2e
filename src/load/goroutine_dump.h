/* Goroutine dumps into documents, wherever the dump is from. */
#ifndef GS_LOAD_GOROUTINE_DUMP_H
#define GS_LOAD_GOROUTINE_DUMP_H

#include "format/gotext/dump.h"
#include "model/document.h"

/* Makes `doc` a GS_DOCUMENT_GOROUTINES: one row and one sample for each goroutine, in the dump's order. GS_ERR_LIMIT. */
bool load_goroutine_dump(const gs_dump *dump, gs_document *doc, gs_err *err);

#endif
