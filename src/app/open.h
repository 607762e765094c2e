/*
 * What a user may name as an input (a file, a capture folder, an address, a process) opened as documents. Used by the command
 * line and by the page alike.
 */
#ifndef GS_APP_OPEN_H
#define GS_APP_OPEN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/progress.h"
#include "model/document.h"

typedef struct gs_documents {
	gs_document **p;
	size_t n, cap;
} gs_documents;

/* The most documents that one list may hold. */
enum { GS_MAX_DOCUMENTS = 4096 };

void gs_documents_release(gs_documents *d); /* closes them */
#define GS_AUTO_TYPE_documents gs_documents
static inline void gs_auto_documents(gs_documents *d)
{
	gs_documents_release(d);
}

/*
 * Append the documents of `source`. A capture folder gives one document for each part that can be read; when a part cannot, that
 * is an error only if no other can. Opening the same file twice gives two documents.
 */
bool gs_open_source(gs_str source, const gs_progress *progress, gs_documents *out, gs_err *err);

/*
 * Of documents [from, out->n) that one source gave, keep the one that a question about one input means: the part called `part`
 * ("cpu", "heap"; empty: cpu first), of a kind in `needs_kinds` (0: any). The others are closed. GS_ERR_USAGE lists the parts.
 */
bool gs_documents_choose(gs_documents *d, size_t from, gs_str part, unsigned needs_kinds, gs_err *err);

/* "cpu" for ".../cpu.pprof": how a part of a capture is called. */
gs_str gs_document_part(const gs_document *d);

#endif
