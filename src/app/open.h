/*
 * What a user may name as an input (a file, a capture folder, an address, a process) opened as documents. Used by the command
 * line and by the page alike.
 */
#ifndef GS_APP_OPEN_H
#define GS_APP_OPEN_H

#include "capture/http.h"
#include "load/load.h"

#define GS_AUTO_TYPE_documents gs_documents
static inline void gs_auto_documents(gs_documents *d)
{
	gs_documents_close(d);
}

/* All zero is a good choice. */
typedef struct gs_open_options {
	gs_load_options load;
	/* A running program is recorded first: */
	gs_str overlay; /* a profile to be laid over the source's trace: a file or a capture; empty: none */
	bool overlay_if_trace;	/* else a source without one is an error */
	int64_t duration_ns; /* 0: 30 s */
	gs_http_auth auth;   /* for a URL */
	gs_str only;	     /* "cpu,heap"; empty: everything. "goroutines" of a process: out of its memory */
	bool keeps_capture;  /* in the current folder, as `gospect record` does; else it is gone once it is opened */
} gs_open_options;

/*
 * Append the documents of `source`: a file has one, a capture folder one for each profile in it; an
 * address or a PID is recorded into a capture first. What had to be passed over is
 * named in *notes, a line each (may be NULL). Opening the same file twice gives two documents.
 */
bool gs_open_source(gs_str source, const gs_open_options *options, const gs_progress *progress, gs_documents *out,
		    gs_buf *notes, gs_err *err);

/*
 * Of documents [from, out->n) that one source gave, keep the one that a question about one input means: the part called `part`
 * ("cpu", "heap"; empty: the one called `usual` if there is such a one, else cpu first), of a kind in `needs_kinds` (0: any). The
 * others are closed. GS_ERR_USAGE lists the parts.
 */
bool gs_documents_choose(gs_documents *d, unsigned from, gs_str part, gs_str usual, unsigned needs_kinds, gs_err *err);

/* "cpu" for ".../cpu.pprof": how a part of a capture is called. */
gs_str gs_document_part(const gs_document *d);

#endif
