#include "service/http/session.h"

#include <pthread.h>

#include "present/info.h"

#include "base/banned.h"

enum { MAX_DOCUMENTS = 4096, MAX_LABEL_KEYS = 256 };

typedef struct entry {
	gs_document *doc;
	gs_buf json; /* its object in the list, made once */
} entry;

struct gs_session {
	pthread_mutex_t lock;
	entry entries[MAX_DOCUMENTS];
	unsigned n;
};

gs_session *gs_session_create(void)
{
	gs_session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void gs_session_free(gs_session *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		gs_document_close(s->entries[i].doc);
		gs_buf_release(&s->entries[i].json);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* "payments · go1.26.8 · 30 s": what the page shows in its head line. */
static void put_title(gs_json *j, const gs_document *d)
{
	const gs_profile *p = d->profile;
	GS_AUTO(buf) b;
	gs_str program = { 0 };

	gs_buf_init(&b, 4096);
	if (p->n_mappings > 1) {
		program = gs_profile_str(p, p->mappings[1].file);
		program = gs_str_skip(program, gs_str_rfind_char(program, '/') + 1); /* SIZE_MAX + 1 is 0 */
	}
	if (d->group.n)
		gs_buf_f(&b, "%.*s \xc2\xb7 ", GS_FMT(d->group));
	else if (program.n)
		gs_buf_f(&b, "%.*s \xc2\xb7 ", GS_FMT(program));
	gs_buf_str(&b, d->name);
	if (p->duration_ns > 0)
		gs_buf_f(&b, " \xc2\xb7 %.3g s", (double)p->duration_ns / 1e9);
	gs_json_kstr(j, "title", gs_buf_view(&b));
}

static void put_labels(gs_json *j, const gs_profile *p)
{
	uint32_t keys[MAX_LABEL_KEYS], n = 0;

	gs_json_key(j, "labels");
	gs_json_array(j);
	for (uint32_t i = 0; i < p->n_labels && n < MAX_LABEL_KEYS; i++) {
		uint32_t k = 0;

		while (k < n && keys[k] != p->labels[i].key)
			k++;
		if (k < n)
			continue;
		keys[n++] = p->labels[i].key;
		gs_json_str(j, gs_profile_str(p, p->labels[i].key));
	}
	gs_json_array_end(j);
}

static void put_document(gs_buf *out, const gs_document *d, unsigned id)
{
	const gs_profile *p = d->profile;
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_ku64(j, "id", id);
	gs_json_kstr(j, "name", d->name);
	gs_json_kstr(j, "kind", d->kind == GS_DOCUMENT_GOROUTINES ? GS_S("goroutines") : GS_S("profile"));
	gs_json_kstr(j, "format", d->format);
	gs_json_key(j, "group");
	if (d->group.n)
		gs_json_str(j, d->group);
	else
		gs_json_null(j);
	put_title(j, d);
	gs_json_key(j, "sample_types");
	gs_json_array(j);
	for (uint32_t t = 0; t < p->n_types; t++) {
		gs_json_object(j);
		gs_json_kstr(j, "type", gs_profile_str(p, p->types[t].type));
		gs_json_kstr(j, "unit", gs_profile_str(p, p->types[t].unit));
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_kstr(j, "default_type",
		     p->n_types ? gs_profile_str(p, p->types[gs_profile_default_type(p)].type) : (gs_str){ 0 });
	gs_json_ku64(j, "samples", p->n_samples);
	gs_json_key(j, "total");
	gs_json_array(j);
	for (uint32_t t = 0; t < p->n_types; t++)
		gs_json_i64(j, gs_info_total(p, t));
	gs_json_array_end(j);
	gs_json_ki64(j, "time_ns", p->time_ns);
	gs_json_ki64(j, "duration_ns", p->duration_ns);
	put_labels(j, p);
	if (d->goroutines)
		gs_json_ku64(j, "goroutines", d->goroutines->n);
	gs_json_object_end(j);
}

unsigned gs_session_add(gs_session *s, gs_document *d)
{
	gs_buf json;
	unsigned id = 0;

	gs_buf_init(&json, 1 << 20);
	pthread_mutex_lock(&s->lock);
	if (s->n < MAX_DOCUMENTS) {
		put_document(&json, d, s->n + 1);
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

bool gs_session_open(gs_session *s, gs_str source, const gs_progress *progress, unsigned *ids, unsigned max, unsigned *n,
		     gs_buf *notes, gs_err *err)
{
	gs_documents docs = { 0 };
	bool ok = gs_open_source(source, progress, &docs, notes, err);

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
	return ok;
}
