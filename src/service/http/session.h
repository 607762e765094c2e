/*
 * gs_session: what is open behind one page: documents, numbered from 1 on, and recordings under way. A document never changes, but
 * it can be closed, or a later reading of the same file takes its place and number. Whoever asks about one has a share in it, so that
 * an answer under way is finished with what it began with; the last to let go frees it and all that was kept for it.
 */
#ifndef GS_SERVICE_HTTP_SESSION_H
#define GS_SERVICE_HTTP_SESSION_H

#include "app/open.h"
#include "base/json.h"

typedef struct gs_session gs_session;
typedef struct gs_jobs gs_jobs;

gs_session *gs_session_create(void);
/* No request may run any more. */
void gs_session_free(gs_session *s);

/* Takes the document over. Its number, or 0 (and the document is closed) when the session is full. */
unsigned gs_session_add(gs_session *s, gs_document *d);
/* Stays for as long as `mem` does, whatever becomes of its number meanwhile. NULL when there is none of that number. */
const gs_document *gs_session_get(gs_session *s, gs_arena *mem, unsigned id);
/* The same of the lowest number that is open. */
const gs_document *gs_session_first(gs_session *s, gs_arena *mem);

/* Its number is not given again. GS_ERR_MISSING. */
bool gs_session_close(gs_session *s, unsigned id, gs_err *err);

/* How often a number came to mean something else (closed, replaced): an answer of before then may no longer be right. */
uint64_t gs_session_changes(gs_session *s);

/* Recordings started from the page. */
gs_jobs *gs_session_jobs(gs_session *s);
/* Views that the questions about its documents share. */
struct gs_view_cache *gs_session_views(gs_session *s);

/* The lists of docs/api.md, GET /api/session "documents" and "follow". */
void gs_session_documents_json(gs_session *s, gs_json *j);
void gs_session_follow_json(gs_session *s, gs_json *j);

/*
 * Open a source and add what it holds, the first with the view that a page asks for first; the numbers go to ids[], at most
 * `max`. *notes as gs_open_source.
 */
bool gs_session_open(gs_session *s, gs_str source, const gs_open_options *options, const gs_progress *progress,
		     unsigned *ids, unsigned max, unsigned *n, gs_buf *notes, gs_err *err);

typedef struct gs_again {
	bool is_replaced;
	bool is_over; /* all of the file has been read, and nothing more will come: it has not been written to for a while */
	uint64_t file_bytes;
} gs_again;

/*
 * Read the file of a document again, in the same way, if it is another than it was: the new reading takes the place of the old one.
 * With `follows` only when that is worth while: a further generation of a Go trace is whole, or nobody has written to the file for a
 * moment. False: the old reading stays. GS_ERR_MISSING: no such document, or the file is gone; GS_ERR_USAGE: it is none that
 * can be read twice; and as gs_session_open.
 */
bool gs_session_again(gs_session *s, unsigned id, bool follows, gs_again *out, gs_err *err);

#endif
