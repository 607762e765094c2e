/*
 * gs_session: what is open behind one page: documents, numbered from 1, and recordings under way. Documents are immutable and stay
 * until the session ends, so a request needs no lock once it has one.
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
/* NULL when there is none of that number. */
const gs_document *gs_session_get(gs_session *s, unsigned id);
unsigned gs_session_count(gs_session *s);

/* Recordings started from the page. */
gs_jobs *gs_session_jobs(gs_session *s);
/* Views that the questions about its documents share. */
struct gs_view_cache *gs_session_views(gs_session *s);

/* The list of docs/api.md, GET /api/session "documents". */
void gs_session_documents_json(gs_session *s, gs_json *j);

/*
 * Open a source and add what it holds, the first with the view that a page asks for first; the numbers go to ids[], at most
 * `max`. *notes as gs_open_source.
 */
bool gs_session_open(gs_session *s, gs_str source, const gs_open_options *options, const gs_progress *progress,
		     unsigned *ids, unsigned max, unsigned *n, gs_buf *notes, gs_err *err);

#endif
