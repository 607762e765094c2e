#include "service/http/session.h"

#include <pthread.h>

#include "app/call_view.h"
#include "app/growth.h"
#include "app/summary.h"
#include "app/view_cache.h"
#include "service/http/jobs.h"

#include "base/banned.h"

enum { MAX_DOCUMENTS = 4096 };

/* A document for as long as its number means it, and then until the last who asked has let go. */
typedef struct reading {
	gs_session *session;
	gs_document *doc;
	gs_buf json; /* its object in the list, made once */
	unsigned users; /* under the lock */
} reading;

/* A number that is open. */
typedef struct entry {
	unsigned id;
	reading *now;
	gs_arena *mem; /* of how it was opened: */
	gs_str source;
	gs_open_options options;
	unsigned nth; /* of the documents of that name in it: profiles may be appended to each other */
	const char *path; /* of the file to look at; NULL: there is none */
	bool file_is_own; /* it holds nothing else */
	gs_file_look file; /* as it was read */
	uint64_t whole_until; /* as gs_growth_is_worth_reading wants it */
	/* Under the lock: somebody reads it again, and alone changes what stands above meanwhile. Who closes it then leaves the rest to him. */
	bool is_being_read, is_closed;
} entry;

struct gs_session {
	pthread_mutex_t lock;
	entry *entries[MAX_DOCUMENTS]; /* by number */
	unsigned n, last_id;
	uint64_t changes;
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

gs_jobs *gs_session_jobs(gs_session *s)
{
	return s->jobs;
}

/* ---- shares in readings ---- */

static void let_go(void *ctx)
{
	reading *r = ctx;
	gs_session *s = r->session;
	bool is_last;

	pthread_mutex_lock(&s->lock);
	is_last = --r->users == 0;
	pthread_mutex_unlock(&s->lock);
	if (!is_last)
		return;
	gs_view_cache_forget(s->views, r->doc);
	gs_document_close(r->doc);
	gs_buf_release(&r->json);
	free(r);
}

/* The session's own share is the first. Takes the document over. */
static reading *reading_create(gs_session *s, gs_document *d, unsigned id)
{
	reading *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	*r = (reading){ .session = s, .doc = d, .users = 1 };
	gs_buf_init(&r->json, 1 << 20);
	gs_summary_json(&r->json, d, id);
	return r;
}

static void entry_free(entry *e)
{
	gs_arena_free(e->mem);
	free(e);
}

static void drop(entry *e)
{
	let_go(e->now);
	entry_free(e);
}

void gs_session_free(gs_session *s)
{
	if (!s)
		return;
	gs_jobs_free(s->jobs); /* they may still add documents */
	for (unsigned i = 0; i < s->n; i++)
		drop(s->entries[i]);
	gs_view_cache_free(s->views);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Under the lock: where the number is or would be. */
static unsigned place_of(const gs_session *s, unsigned id)
{
	unsigned low = 0, high = s->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (s->entries[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Under the lock. */
static entry *find(const gs_session *s, unsigned id)
{
	unsigned at = place_of(s, id);

	return at < s->n && s->entries[at]->id == id ? s->entries[at] : NULL;
}

static const gs_document *share(gs_session *s, gs_arena *mem, unsigned id, bool is_first)
{
	const entry *e;
	reading *r;

	pthread_mutex_lock(&s->lock);
	e = !is_first ? find(s, id) : s->n ? s->entries[0] : NULL;
	r = e ? e->now : NULL;
	if (r)
		r->users++;
	pthread_mutex_unlock(&s->lock);
	if (r)
		gs_arena_on_free(mem, let_go, r);
	return r ? r->doc : NULL;
}

const gs_document *gs_session_get(gs_session *s, gs_arena *mem, unsigned id)
{
	return share(s, mem, id, false);
}

const gs_document *gs_session_first(gs_session *s, gs_arena *mem)
{
	return share(s, mem, 0, true);
}

static bool no_document(unsigned id, gs_err *err)
{
	return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no document %u", id);
}

bool gs_session_close(gs_session *s, unsigned id, gs_err *err)
{
	bool is_being_read = false;
	reading *r = NULL;
	entry *e;

	pthread_mutex_lock(&s->lock);
	e = find(s, id);
	if (e) {
		unsigned at = place_of(s, id);

		memmove(&s->entries[at], &s->entries[at + 1], (s->n - at - 1) * sizeof(*s->entries));
		s->n--;
		s->changes++;
		r = e->now;
		e->is_closed = true;
		is_being_read = e->is_being_read;
	}
	pthread_mutex_unlock(&s->lock);
	if (!e)
		return no_document(id, err);
	let_go(r);
	if (!is_being_read)
		entry_free(e);
	return true;
}

uint64_t gs_session_changes(gs_session *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->changes;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void gs_session_documents_json(gs_session *s, gs_json *j)
{
	gs_json_array(j);
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->n; i++)
		gs_json_raw(j, gs_buf_view(&s->entries[i]->now->json));
	pthread_mutex_unlock(&s->lock);
	gs_json_array_end(j);
}

void gs_session_follow_json(gs_session *s, gs_json *j)
{
	gs_json_array(j);
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->n; i++)
		if (s->entries[i]->options.load.is_growing)
			gs_json_u64(j, s->entries[i]->id);
	pthread_mutex_unlock(&s->lock);
	gs_json_array_end(j);
}

/* ---- opening ---- */

/* The view that a page asks for first is part of opening: as GET /api/flame without arguments asks for it. */
static void warm(gs_session *s, unsigned id)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	const gs_document *doc = gs_session_get(s, mem, id);
	gs_op_call call = { .op = gs_op_find(GS_S("flame")), .mem = mem, .docs = &doc, .n_docs = 1, .views = s->views };
	const gs_view *view = NULL;
	gs_query q;

	if (doc && call.op && gs_op_bind(&call, NULL, 0, NULL) && gs_call_query(&call, &q, NULL))
		view = gs_call_view(&call, &q, NULL);
	if (view)
		gs_view_sums_of(view);
}

/* How the document was read, and how it is to be read again. */
static void remember(entry *e, gs_str source, const gs_open_options *options)
{
	e->mem = gs_arena_create(1 << 20);
	e->source = gs_str_dup(e->mem, source);
	e->options = (gs_open_options){ .overlay_if_trace = true, .overlay = gs_str_dup(e->mem, options->overlay) };
	e->options.load.is_growing = options->load.is_growing;
	e->options.load.name = gs_str_dup(e->mem, options->load.name);
	if (options->load.executable)
		e->options.load.executable = gs_cstr(e->mem, gs_str_of(options->load.executable));
}

/* The file whose bytes the document is: by itself, a part of a folder, or an archive as a whole. */
static void look(entry *e, const gs_document *d)
{
	const char *const paths[] = { gs_cstr(e->mem, d->path), gs_cstr(e->mem, e->source) };
	gs_err err;

	for (unsigned i = 0; i < 2 && !e->path; i++)
		if (gs_file_look_at(paths[i], &e->file, &err))
			e->path = paths[i];
	e->file_is_own = e->path == paths[0];
	if (e->file_is_own && d->file_bytes)
		e->file.bytes = d->file_bytes; /* it may have grown meanwhile */
}

static bool is_alike(const gs_document *a, gs_document_kind kind, gs_str name)
{
	return a->kind == kind && gs_str_eq(a->name, name);
}

/* As gs_session_add. `nth` of those of that name and kind in its source. */
static unsigned add(gs_session *s, gs_str source, const gs_open_options *options, gs_document *d, unsigned nth)
{
	entry *e = calloc(1, sizeof(*e));
	bool is_full;
	unsigned id;

	if (!e)
		abort();
	remember(e, source, options);
	e->nth = nth;
	look(e, d);
	pthread_mutex_lock(&s->lock);
	id = ++s->last_id;
	pthread_mutex_unlock(&s->lock);
	e->id = id;
	e->now = reading_create(s, d, id);
	pthread_mutex_lock(&s->lock);
	is_full = s->n == MAX_DOCUMENTS;
	if (!is_full) {
		unsigned at = place_of(s, id);

		memmove(&s->entries[at + 1], &s->entries[at], (s->n - at) * sizeof(*s->entries));
		s->entries[at] = e;
		s->n++;
	}
	pthread_mutex_unlock(&s->lock);
	if (is_full)
		drop(e);
	return is_full ? 0 : id;
}

unsigned gs_session_add(gs_session *s, gs_document *d)
{
	return add(s, d->path, &(gs_open_options){ 0 }, d, 0);
}

bool gs_session_open(gs_session *s, gs_str source, const gs_open_options *options, const gs_progress *progress,
		     unsigned *ids, unsigned max, unsigned *n, gs_buf *notes, gs_err *err)
{
	gs_documents docs = { 0 };
	bool ok = gs_open_source(source, options, progress, &docs, notes, err);
	unsigned *nth = calloc(docs.n + 1, sizeof(*nth));

	if (!nth)
		abort();
	for (unsigned i = 0; i < docs.n; i++)
		for (unsigned k = 0; k < i; k++)
			nth[i] += is_alike(docs.list[k], docs.list[i]->kind, docs.list[i]->name);
	*n = 0;
	for (unsigned i = 0; i < docs.n && ok; i++) {
		unsigned id = add(s, source, options, docs.list[i], nth[i]);

		docs.list[i] = NULL; /* taken over or closed */
		if (!id)
			ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%d documents are open already", MAX_DOCUMENTS);
		else if (*n < max)
			ids[(*n)++] = id;
	}
	gs_documents_close(&docs);
	free(nth);
	if (ok && *n)
		warm(s, ids[0]);
	return ok;
}

/* ---- reading again ---- */

/* The document of the same name and kind in what the source holds now; the others are closed. */
static gs_document *read_again(const entry *e, const gs_document *before, gs_err *err)
{
	GS_AUTO(buf) notes = { 0 };
	gs_documents docs = { 0 };
	gs_document *found = NULL;
	unsigned nth = 0;
	gs_str rest, why = { 0 };

	gs_buf_init(&notes, 65536);
	if (!gs_open_source(e->source, &e->options, NULL, &docs, &notes, err))
		return NULL;
	for (unsigned i = 0; i < docs.n && !found; i++)
		if (is_alike(docs.list[i], before->kind, before->name) && nth++ == e->nth) {
			found = docs.list[i];
			docs.list[i] = NULL;
		}
	gs_documents_close(&docs);
	rest = gs_buf_view(&notes);
	if (!found && gs_str_line(&rest, &why))
		gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "%.*s", GS_FMT(why));
	else if (!found)
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s holds no %s called %.*s any more", GS_FMT(e->source),
			gs_document_kind_name(before->kind), GS_FMT(before->name));
	return found;
}

static bool replace(gs_session *s, entry *e, gs_document *d, gs_err *err)
{
	reading *fresh = reading_create(s, d, e->id), *old = fresh;
	bool is_closed;

	pthread_mutex_lock(&s->lock);
	is_closed = e->is_closed;
	if (!is_closed) {
		old = e->now;
		e->now = fresh;
		s->changes++;
	}
	pthread_mutex_unlock(&s->lock);
	let_go(old);
	if (is_closed)
		return no_document(e->id, err);
	warm(s, e->id);
	return true;
}

static bool is_cut(const gs_document *d)
{
	return d->timeline && d->timeline->is_cut;
}

static bool again(gs_session *s, entry *e, bool follows, gs_again *out, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	const gs_document *before = gs_session_get(s, mem, e->id);
	uint64_t whole_until = e->whole_until;
	bool ends_inside;
	gs_document *d;
	gs_file_look now;

	if (!before)
		return no_document(e->id, err);
	if (!e->path)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no file that can be read again", GS_FMT(e->source));
	if (!gs_file_look_at(e->path, &now, err))
		return false;
	out->file_bytes = now.bytes;
	ends_inside = is_cut(before);
	if (follows ? gs_growth_is_worth_reading(e->path, &e->file, &now, &whole_until) : gs_file_has_changed(&e->file, &now)) {
		d = read_again(e, before, err);
		if (!d)
			return false;
		ends_inside = is_cut(d);
		if (d->file_bytes && e->file_is_own)
			now.bytes = d->file_bytes;
		if (!replace(s, e, d, err))
			return false;
		e->file = now;
		out->is_replaced = true;
	}
	e->whole_until = whole_until;
	out->is_over = !gs_file_has_changed(&e->file, &now) && gs_growth_is_over(&now, ends_inside);
	return true;
}

bool gs_session_again(gs_session *s, unsigned id, bool follows, gs_again *out, gs_err *err)
{
	bool is_busy, is_closed, ok;
	entry *e;

	*out = (gs_again){ 0 };
	pthread_mutex_lock(&s->lock);
	e = find(s, id);
	is_busy = e && e->is_being_read;
	if (e)
		e->is_being_read = true;
	pthread_mutex_unlock(&s->lock);
	if (!e)
		return no_document(id, err);
	if (is_busy) /* who is at it puts it in place */
		return true;
	ok = again(s, e, follows, out, err);
	pthread_mutex_lock(&s->lock);
	e->is_being_read = false;
	is_closed = e->is_closed;
	pthread_mutex_unlock(&s->lock);
	if (is_closed)
		entry_free(e);
	return ok;
}
