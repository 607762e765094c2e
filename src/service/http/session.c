#include "service/http/session.h"

#include <pthread.h>

#include "app/call_view.h"
#include "app/summary.h"
#include "app/view_cache.h"
#include "service/http/jobs.h"

#include "base/banned.h"

enum { MAX_DOCUMENTS = 4096 };

typedef struct entry {
	gs_document *doc;
	gs_buf json; /* its object in the list, made once */
} entry;

struct gs_session {
	pthread_mutex_t lock;
	entry entries[MAX_DOCUMENTS];
	unsigned n;
	gs_jobs *jobs;
	gs_view_cache *views;
};

gs_session *gs_session_create(void)
{
	gs_session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	s->jobs = gs_jobs_create(s);
	s->views = gs_view_cache_create(0);
	return s;
}

struct gs_view_cache *gs_session_views(gs_session *s)
{
	return s->views;
}

/* The view that a page asks for first is part of opening: as GET /api/flame without arguments asks for it. */
static void warm(gs_session *s, const gs_document *doc)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call = { .op = gs_op_find(GS_S("flame")), .mem = mem, .docs = &doc, .n_docs = 1, .views = s->views };
	const gs_view *view = NULL;
	gs_query q;

	if (call.op && gs_op_bind(&call, NULL, 0, NULL) && gs_call_query(&call, &q, NULL))
		view = gs_call_view(&call, &q, NULL);
	if (view)
		gs_view_sums_of(view);
}

gs_jobs *gs_session_jobs(gs_session *s)
{
	return s->jobs;
}

void gs_session_free(gs_session *s)
{
	if (!s)
		return;
	gs_jobs_free(s->jobs); /* they may still add documents */
	gs_view_cache_free(s->views);
	for (unsigned i = 0; i < s->n; i++) {
		gs_document_close(s->entries[i].doc);
		gs_buf_release(&s->entries[i].json);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

unsigned gs_session_add(gs_session *s, gs_document *d)
{
	gs_buf json;
	unsigned id = 0;

	gs_buf_init(&json, 1 << 20);
	pthread_mutex_lock(&s->lock);
	if (s->n < MAX_DOCUMENTS) {
		gs_summary_json(&json, d, s->n + 1);
		s->entries[s->n++] = (entry){ d, json };
		id = s->n;
	}
	pthread_mutex_unlock(&s->lock);
	if (!id) {
		gs_document_close(d);
		gs_buf_release(&json);
	}
	return id;
}

const gs_document *gs_session_get(gs_session *s, unsigned id)
{
	const gs_document *d = NULL;

	pthread_mutex_lock(&s->lock);
	if (id >= 1 && id <= s->n)
		d = s->entries[id - 1].doc;
	pthread_mutex_unlock(&s->lock);
	return d;
}

unsigned gs_session_count(gs_session *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void gs_session_documents_json(gs_session *s, gs_json *j)
{
	unsigned n = gs_session_count(s);

	gs_json_array(j);
	for (unsigned i = 0; i < n; i++)
		gs_json_raw(j, gs_buf_view(&s->entries[i].json));
	gs_json_array_end(j);
}

bool gs_session_open(gs_session *s, gs_str source, const gs_open_options *options, const gs_progress *progress,
		     unsigned *ids, unsigned max, unsigned *n, gs_buf *notes, gs_err *err)
{
	gs_documents docs = { 0 };
	bool ok = gs_open_source(source, options, progress, &docs, notes, err);

	*n = 0;
	for (unsigned i = 0; i < docs.n; i++) {
		unsigned id = 0;

		if (ok) {
			id = gs_session_add(s, docs.list[i]);
			docs.list[i] = NULL; /* taken over or closed */
			if (!id)
				ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%d documents are open already", MAX_DOCUMENTS);
		}
		if (id && *n < max)
			ids[(*n)++] = id;
	}
	gs_documents_close(&docs);
	if (ok && *n)
		warm(s, gs_session_get(s, ids[0]));
	return ok;
}
