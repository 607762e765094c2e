#include "app/view_cache.h"
#include "load/load.h"
#include "tap.h"

#include <pthread.h>

static gs_document *small(const char *text)
{
	gs_load_options o = { .format = "folded" };
	gs_err err = { 0 };
	gs_document *d = gs_load_bytes(gs_str_of(text), GS_S("small.folded"), &o, NULL, &err);

	CHECK(d != NULL);
	return d;
}

static gs_query query(const char *focus)
{
	gs_query q;

	gs_query_init(&q);
	q.focus = gs_str_of(focus);
	return q;
}

TEST(equal_questions_share_a_view)
{
	GS_AUTO(document) *d = small("top;a 1\ntop;b 2\n");
	gs_view_cache *c = gs_view_cache_create(0);
	gs_arena *one = gs_arena_create(1 << 20), *two = gs_arena_create(1 << 20);
	gs_view_input in = { d->profile, false };
	gs_query q = query("a"), other = query("b"), same_type = query("a");
	gs_err err = { 0 };
	const gs_view *v = gs_view_cache_get(c, one, &in, 1, &q, &err);

	CHECK(v && v->total == 3 && v->n_nodes == 3);
	CHECK(gs_view_cache_get(c, two, &in, 1, &q, &err) == v);
	same_type.sample_index = GS_S("0"); /* the only type: the default */
	CHECK(gs_view_cache_get(c, two, &in, 1, &same_type, &err) == v);
	CHECK(gs_view_cache_get(c, two, &in, 1, &other, &err) != v);
	q.transforms = &(gs_transform){ .kind = GS_INVERT };
	q.n_transforms = 1;
	CHECK(gs_view_cache_get(c, two, &in, 1, &q, &err) != v);
	gs_arena_free(one);
	/* It stays for the other asker, and does not need the query that it was asked with. */
	CHECK(v->query != &q && gs_str_eq(v->query->focus, GS_S("a")));
	gs_arena_free(two);
	gs_view_cache_free(c);
}

TEST(questions_that_fail_are_asked_again)
{
	GS_AUTO(document) *d = small("main;a 1\n");
	gs_view_cache *c = gs_view_cache_create(0);
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_view_input in = { d->profile, false };
	gs_query q = query("");
	gs_err err = { 0 };

	q.sample_index = GS_S("nonsense");
	for (int i = 0; i < 2; i++) {
		err = (gs_err){ 0 };
		CHECK(!gs_view_cache_get(c, mem, &in, 1, &q, &err) && err.code == GS_ERR_USAGE);
	}
	gs_arena_free(mem);
	mem = NULL;
	gs_view_cache_free(c);
}

TEST(what_nobody_uses_makes_room)
{
	GS_AUTO(document) *d = small("top;a 1\ntop;b 2\ntop;c 3\n");
	gs_view_cache *c = gs_view_cache_create(1); /* room for the newest only */
	gs_view_input in = { d->profile, false };
	gs_err err = { 0 };
	gs_query a = query("a"), b = query("b");
	gs_arena *holds = gs_arena_create(1 << 20);
	const gs_view *held = gs_view_cache_get(c, holds, &in, 1, &a, &err);

	for (int i = 0; i < 200; i++) {
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		gs_query q = query(i % 2 ? "c" : "b|c");

		CHECK(gs_view_cache_get(c, mem, &in, 1, &q, &err) != NULL);
	}
	CHECK(held && held->n_nodes == 3 && gs_str_eq(held->query->focus, GS_S("a")));
	gs_arena_free(holds);
	holds = gs_arena_create(1 << 20);
	CHECK(gs_view_cache_get(c, holds, &in, 1, &b, &err) != NULL);
	gs_arena_free(holds);
	gs_view_cache_free(c);
}

typedef struct crowd {
	gs_view_cache *cache;
	const gs_document *doc;
	const gs_view *seen[64];
	gs_arena *mem[64];
	unsigned next;
} crowd;

static void *ask(void *ctx)
{
	crowd *w = ctx;
	gs_query q = query("top");

	for (int i = 0; i < 8; i++) {
		unsigned n = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED);
		gs_view_input in = { w->doc->profile, false };

		w->mem[n] = gs_arena_create(1 << 20);
		w->seen[n] = gs_view_cache_get(w->cache, w->mem[n], &in, 1, &q, NULL);
		if (w->seen[n])
			gs_view_sums_of(w->seen[n]);
	}
	return NULL;
}

TEST(a_crowd_waits_for_one_build)
{
	GS_AUTO(document) *d = small("top;a 1\ntop;b 2\n");
	crowd w = { .cache = gs_view_cache_create(0), .doc = d };
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, ask, &w) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 64; i++) {
		CHECK(w.seen[i] && w.seen[i] == w.seen[0]);
		gs_arena_free(w.mem[i]);
	}
	gs_view_cache_free(w.cache);
}
