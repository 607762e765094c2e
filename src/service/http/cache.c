#include "service/http/cache.h"

#include <pthread.h>

#include "base/banned.h"

enum { SLOTS = 128 };

typedef struct slot {
	uint64_t hash;
	gs_buf key;
	gs_cached *value;
	uint64_t used_at;
} slot;

struct gs_cache {
	pthread_mutex_t lock;
	slot slots[SLOTS];
	size_t bytes, max_bytes;
	uint64_t clock, changes;
};

gs_cache *gs_cache_create(size_t max_bytes)
{
	gs_cache *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	pthread_mutex_init(&c->lock, NULL);
	c->max_bytes = max_bytes;
	return c;
}

void gs_cache_drop(gs_cached *e)
{
	if (__atomic_sub_fetch(&e->users, 1, __ATOMIC_ACQ_REL) == 0)
		free(e);
}

static void empty(gs_cache *c, slot *s)
{
	if (!s->value)
		return;
	c->bytes -= s->value->n;
	gs_cache_drop(s->value);
	gs_buf_release(&s->key);
	*s = (slot){ 0 };
}

void gs_cache_free(gs_cache *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		empty(c, &c->slots[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static slot *find(gs_cache *c, gs_str key, uint64_t hash)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (c->slots[i].value && c->slots[i].hash == hash && gs_str_eq(gs_buf_view(&c->slots[i].key), key))
			return &c->slots[i];
	return NULL;
}

/* Under the lock. */
static void renew(gs_cache *c, uint64_t changes)
{
	if (changes <= c->changes)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		empty(c, &c->slots[i]);
	c->changes = changes;
}

void gs_cache_renew(gs_cache *c, uint64_t changes)
{
	pthread_mutex_lock(&c->lock);
	renew(c, changes);
	pthread_mutex_unlock(&c->lock);
}

gs_cached *gs_cache_get(gs_cache *c, gs_str key, uint64_t changes)
{
	gs_cached *e = NULL;
	slot *s;

	pthread_mutex_lock(&c->lock);
	renew(c, changes);
	s = find(c, key, gs_str_hash(key));
	if (s) {
		s->used_at = ++c->clock;
		e = s->value;
		__atomic_add_fetch(&e->users, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&c->lock);
	return e;
}

/* A free slot, or the one that was not asked for the longest. */
static slot *oldest(gs_cache *c)
{
	slot *best = &c->slots[0];

	for (unsigned i = 1; i < SLOTS && best->value; i++)
		if (!c->slots[i].value || c->slots[i].used_at < best->used_at)
			best = &c->slots[i];
	return best;
}

static bool make_room(gs_cache *c, size_t n)
{
	while (c->bytes + n > c->max_bytes) {
		slot *victim = NULL;

		for (unsigned i = 0; i < SLOTS; i++)
			if (c->slots[i].value && (!victim || c->slots[i].used_at < victim->used_at))
				victim = &c->slots[i];
		if (!victim)
			return false;
		empty(c, victim);
	}
	return true;
}

void gs_cache_put(gs_cache *c, gs_str key, uint64_t changes, const char *mime, const char *file_name, gs_str bytes)
{
	gs_cached *e;
	slot *s;

	if (bytes.n > c->max_bytes / 4 || key.n > 16384)
		return;
	e = malloc(sizeof(*e) + bytes.n);
	if (!e)
		return;
	*e = (gs_cached){ .mime = mime, .n = bytes.n, .users = 1 };
	snprintf(e->file_name, sizeof(e->file_name), "%s", file_name);
	if (bytes.n)
		memcpy(e->bytes, bytes.p, bytes.n);
	pthread_mutex_lock(&c->lock);
	renew(c, changes);
	s = find(c, key, gs_str_hash(key));
	if (s)
		empty(c, s);
	if (changes == c->changes && make_room(c, e->n)) {
		s = oldest(c);
		empty(c, s);
		gs_buf_init(&s->key, key.n + 1);
		gs_buf_str(&s->key, key);
		s->hash = gs_str_hash(key);
		s->value = e;
		s->used_at = ++c->clock;
		c->bytes += e->n;
		e = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	free(e);
}
