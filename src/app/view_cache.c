#include "app/view_cache.h"

#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"

#include "base/banned.h"

#define VIEW_BUDGET_BYTES ((uint64_t)64 << 30)
enum { MAX_VIEWS = 64, INPUT_KEY_BYTES = sizeof(void *) + 1 };

typedef struct entry {
	struct entry *next;
	gs_view_cache *cache;
	gs_buf key;
	unsigned n_inputs; /* the key begins with them */
	gs_arena *mem; /* the view's; NULL while it is being built */
	const gs_view *view;
	gs_err err; /* why there is none */
	unsigned users;
	bool is_building, is_dropped; /* dropped: not in the list any more */
	uint64_t used_at;
} entry;

struct gs_view_cache {
	pthread_mutex_t lock;
	pthread_cond_t built;
	entry *list;
	unsigned n;
	uint64_t max_bytes, clock;
	gs_trace_indexes *traces;
};

gs_view_cache *gs_view_cache_create(uint64_t max_bytes)
{
	gs_view_cache *c = calloc(1, sizeof(*c));
	long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

	if (!c)
		abort();
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->built, NULL);
	c->traces = gs_trace_indexes_create();
	c->max_bytes = max_bytes ? max_bytes : pages > 0 && page > 0 ? (uint64_t)pages / 8 * (uint64_t)page : 1 << 30;
	return c;
}

static void entry_free(entry *e)
{
	gs_arena_free(e->mem);
	gs_buf_release(&e->key);
	free(e);
}

void gs_view_cache_free(gs_view_cache *c)
{
	if (!c)
		return;
	while (c->list) {
		entry *e = c->list;

		c->list = e->next;
		entry_free(e);
	}
	gs_trace_indexes_free(c->traces);
	pthread_cond_destroy(&c->built);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void put_str(gs_buf *b, gs_str s)
{
	gs_buf_add(b, &s.n, sizeof(s.n));
	gs_buf_str(b, s);
}

/* Everything that a view depends on. A new field of gs_query belongs here too: the assertion is there to remind. */
static void put_key(gs_buf *b, const gs_view_input *in, unsigned n, const gs_query *q)
{
	const gs_str strings[] = { q->focus, q->ignore, q->hide, q->show, q->show_from, q->prune_from, q->tagfocus, q->tagignore, q->tagshow,
				   q->taghide, q->tagroot, q->tagleaf, q->filter, q->unit, q->source_path, q->trim_path,
				   q->trace.group, q->trace.region, q->trace.task };
	const bool flags[] = { q->noinlines, q->showcolumns, q->keep_objects, q->mean, q->relative_percentages, q->normalize,
			       q->drop_negative, q->compact_labels, q->call_tree, q->trim, q->cum_sort, q->intel_syntax, q->trace.without_open,
			       q->each_sample, q->by_creation };
	const double numbers[] = { q->divide_by, q->node_fraction, q->edge_fraction, (double)q->node_count, (double)q->granularity };
	const int64_t times[] = { q->trace.start_ns, q->trace.end_ns };
	uint32_t type = 0;

	_Static_assert(sizeof(gs_query) == 448, "a field came or went: put_key and copy_query must know it");
	for (unsigned i = 0; i < n; i++) { /* INPUT_KEY_BYTES each */
		gs_buf_add(b, &in[i].profile, sizeof(in[i].profile));
		gs_buf_c(b, in[i].is_base);
	}
	/* "cpu", "1" and the default may be the same. */
	if (n == 1 && gs_sample_index(in[0].profile, q->sample_index, &type, NULL))
		gs_buf_add(b, &type, sizeof(type));
	else
		put_str(b, q->sample_index);
	for (unsigned i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		put_str(b, strings[i]);
	gs_buf_add(b, flags, sizeof(flags));
	gs_buf_add(b, numbers, sizeof(numbers));
	gs_buf_add(b, times, sizeof(times));
	gs_buf_add(b, &q->trace.n_goroutines, sizeof(q->trace.n_goroutines));
	if (q->trace.n_goroutines)
		gs_buf_add(b, q->trace.goroutines, q->trace.n_goroutines * sizeof(*q->trace.goroutines));
	for (unsigned i = 0; i < q->n_transforms; i++) {
		gs_buf_add(b, &q->transforms[i].kind, sizeof(q->transforms[i].kind));
		gs_buf_add(b, &q->transforms[i].node, sizeof(q->transforms[i].node));
		put_str(b, q->transforms[i].name);
	}
}

static gs_query *copy_query(gs_arena *mem, const gs_query *q)
{
	gs_query *out = gs_new(mem, gs_query, 1);
	gs_transform *transforms = gs_new(mem, gs_transform, q->n_transforms);
	uint64_t *goroutines = gs_new(mem, uint64_t, q->trace.n_goroutines);

	*out = *q;
	gs_str *const strings[] = { &out->focus, &out->ignore, &out->hide, &out->show, &out->show_from, &out->prune_from, &out->tagfocus,
				    &out->tagignore, &out->tagshow, &out->taghide, &out->tagroot, &out->tagleaf, &out->filter, &out->sample_index,
				    &out->unit, &out->source_path, &out->trim_path, &out->trace.group, &out->trace.region,
				    &out->trace.task };
	for (unsigned i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		*strings[i] = gs_str_dup(mem, *strings[i]);
	for (unsigned i = 0; i < q->n_transforms; i++) {
		transforms[i] = q->transforms[i];
		transforms[i].name = gs_str_dup(mem, q->transforms[i].name);
	}
	if (q->trace.n_goroutines)
		memcpy(goroutines, q->trace.goroutines, q->trace.n_goroutines * sizeof(*goroutines));
	out->trace.goroutines = goroutines;
	out->transforms = transforms;
	return out;
}

/* Under the lock. */
static void unlink_entry(gs_view_cache *c, entry *e)
{
	entry **at = &c->list;

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->is_dropped = true;
	c->n--;
}

/* Under the lock: the least recently used of those that nobody uses go until the rest fits. */
static void shrink(gs_view_cache *c)
{
	for (;;) {
		entry *oldest = NULL;
		uint64_t bytes = 0;

		for (entry *e = c->list; e; e = e->next) {
			bytes += !e->is_building && e->mem ? gs_arena_used_bytes(e->mem) : 0;
			if (!e->users && (!oldest || e->used_at < oldest->used_at))
				oldest = e;
		}
		/* The newest stays, however large: its page is being looked at. */
		if (!oldest || (bytes <= c->max_bytes && c->n <= MAX_VIEWS) || oldest->used_at == c->clock)
			return;
		unlink_entry(c, oldest);
		entry_free(oldest);
	}
}

static void release(void *ctx)
{
	entry *e = ctx;
	gs_view_cache *c = e->cache;
	bool is_last;

	pthread_mutex_lock(&c->lock);
	is_last = --e->users == 0;
	if (is_last && e->is_dropped)
		entry_free(e);
	else if (is_last)
		shrink(c);
	pthread_mutex_unlock(&c->lock);
}

/* Without the lock; the entry says that it is being built. */
static void build(entry *e, const gs_view_input *in, unsigned n, const gs_query *q)
{
	gs_arena *mem = gs_arena_create(VIEW_BUDGET_BYTES);

	e->err = (gs_err){ .at = GS_ERR_NOWHERE };
	e->view = gs_view_build(mem, in, n, copy_query(mem, q), &e->err);
	e->mem = mem;
}

const gs_view *gs_view_cache_get(gs_view_cache *c, gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q,
				 gs_err *err)
{
	GS_AUTO(buf) key = { 0 };
	entry *e;

	gs_buf_init(&key, 1 << 20);
	put_key(&key, in, n, q);
	if (key.bad)
		return gs_view_build(mem, in, n, q, err);
	pthread_mutex_lock(&c->lock);
	e = c->list;
	while (e && !gs_str_eq(gs_buf_view(&e->key), gs_buf_view(&key)))
		e = e->next;
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			abort();
		*e = (entry){ .next = c->list, .cache = c, .key = key, .n_inputs = n, .is_building = true };
		key = (gs_buf){ 0 };
		c->list = e;
		c->n++;
		e->users = 1;
		pthread_mutex_unlock(&c->lock);
		build(e, in, n, q);
		pthread_mutex_lock(&c->lock);
		e->is_building = false;
		if (!e->view) /* whoever waits gets the reason, whoever comes later tries again */
			unlink_entry(c, e);
		pthread_cond_broadcast(&c->built);
	} else {
		e->users++;
		while (e->is_building)
			pthread_cond_wait(&c->built, &c->lock);
	}
	e->used_at = ++c->clock;
	if (!e->view && err)
		*err = e->err;
	pthread_mutex_unlock(&c->lock);
	gs_arena_on_free(mem, release, e);
	return e->view;
}

static bool is_of(const entry *e, const gs_profile *p)
{
	for (unsigned i = 0; i < e->n_inputs; i++)
		if (memcmp(e->key.p + i * INPUT_KEY_BYTES, &p, sizeof(p)) == 0)
			return true;
	return false;
}

void gs_view_cache_forget(gs_view_cache *c, const gs_document *d)
{
	entry *next;

	pthread_mutex_lock(&c->lock);
	for (entry *e = c->list; e; e = next) {
		next = e->next;
		if (!is_of(e, d->profile))
			continue;
		unlink_entry(c, e);
		if (!e->users)
			entry_free(e);
	}
	pthread_mutex_unlock(&c->lock);
	if (d->timeline)
		gs_trace_indexes_forget(c->traces, d->timeline);
}

gs_trace_indexes *gs_view_cache_traces(gs_view_cache *c)
{
	return c->traces;
}
