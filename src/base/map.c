#include "base/map.h"

#include <assert.h>

#include "base/banned.h"

void gs_map_release(gs_map *m)
{
	free(m->slots);
	*m = (gs_map){ 0 };
}

void gs_map_clear(gs_map *m)
{
	if (m->n)
		memset(m->slots, 0, m->cap * sizeof(*m->slots));
	m->n = 0;
}

bool gs_map_reserve(gs_map *m, uint32_t n)
{
	uint32_t cap = m->cap ? m->cap : 16;
	gs_map_slot *slots;

	while (n > cap / 2) {
		if (cap > UINT32_MAX / 2)
			return false;
		cap *= 2;
	}
	if (cap == m->cap)
		return true;
	if (gs_alloc_should_fail())
		return false;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t i = 0; i < m->cap; i++)
		if (m->slots[i].is_used)
			*gs_map_slot_of(slots, cap, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	return true;
}

uint32_t *gs_map_put(gs_map *m, uint64_t key, bool *is_new)
{
	gs_map_slot *s;

	if (m->n >= m->cap / 2 && !gs_map_reserve(m, m->n + 1))
		return NULL;
	s = gs_map_slot_of(m->slots, m->cap, key);
	*is_new = !s->is_used;
	if (!s->is_used) {
		s->key = key;
		s->is_used = 1;
		m->n++;
	}
	return &s->value;
}

static void strtab_release(void *ctx)
{
	gs_strtab *t = ctx;

	free(t->strings);
	gs_id_index_release(&t->index);
}

typedef struct strtab_probe {
	const gs_strtab *t;
	gs_str s;
} strtab_probe;

static bool is_string(const void *ctx, uint32_t id)
{
	const strtab_probe *q = ctx;

	return gs_str_eq(q->t->strings[id - 1], q->s);
}

static uint64_t *strtab_slot(const gs_strtab *t, gs_str s, uint64_t hash)
{
	strtab_probe q = { t, s };

	return gs_id_index_find(&t->index, hash, is_string, &q);
}

static bool strtab_grow(gs_strtab *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 256;
	gs_str *strings;

	if (t->cap > UINT32_MAX / 8 || gs_alloc_should_fail())
		return false;
	strings = realloc(t->strings, cap * sizeof(*strings));
	if (!strings)
		return false;
	t->strings = strings;
	t->cap = cap;
	return true;
}

/* The table is a struct inside the owner's memory; its arrays follow the arena's life. */
bool gs_strtab_init(gs_strtab *t, gs_arena *mem)
{
	*t = (gs_strtab){ .mem = mem };
	gs_arena_on_free(mem, strtab_release, t);
	return strtab_grow(t) && gs_strtab_id(t, (gs_str){ 0 }) == 0;
}

uint32_t gs_strtab_find(const gs_strtab *t, gs_str s)
{
	uint64_t slot = *strtab_slot(t, s, gs_str_hash(s));

	return slot ? (uint32_t)slot - 1 : UINT32_MAX;
}

void gs_strtab_find_many(const gs_strtab *t, const gs_str *strings, const uint64_t *hashes, uint32_t n, uint32_t *out)
{
	enum { LANES = 16 };

	for (uint32_t first = 0; first < n; first += LANES) {
		uint32_t end = n - first < LANES ? n : first + LANES;

		for (uint32_t i = first; i < end; i++)
			gs_id_index_prefetch(&t->index, hashes[i]);
		for (uint32_t i = first; i < end; i++) {
			uint32_t guess = (uint32_t)t->index.slots[hashes[i] >> 32 & (t->index.cap - 1)];

			out[i] = guess ? guess - 1 : 0;
			__builtin_prefetch(&t->strings[out[i]]);
		}
		for (uint32_t i = first; i < end; i++)
			__builtin_prefetch(t->strings[out[i]].p);
		for (uint32_t i = first; i < end; i++) {
			uint64_t slot = *strtab_slot(t, strings[i], hashes[i]);

			out[i] = slot ? (uint32_t)slot - 1 : 0;
		}
	}
}

static uint32_t strtab_put(gs_strtab *t, gs_str s, uint64_t hash, bool is_borrowed)
{
	uint64_t *slot;

	if (!gs_id_index_make_room(&t->index))
		return UINT32_MAX;
	slot = strtab_slot(t, s, hash);
	if (*slot)
		return (uint32_t)*slot - 1;
	if (t->n == t->cap && !strtab_grow(t))
		return UINT32_MAX;
	if (!is_borrowed) {
		char *copy = gs_try_new(t->mem, char, s.n + 1);

		if (!copy)
			return UINT32_MAX;
		if (s.n)
			memcpy(copy, s.p, s.n);
		s.p = copy;
	}
	t->strings[t->n++] = s;
	return gs_id_index_put(&t->index, slot, hash, t->n) - 1;
}

uint32_t gs_strtab_id(gs_strtab *t, gs_str s)
{
	return strtab_put(t, s, gs_str_hash(s), false);
}

uint32_t gs_strtab_id_hashed(gs_strtab *t, gs_str s, uint64_t hash)
{
	return strtab_put(t, s, hash, false);
}

uint32_t gs_strtab_id_borrow(gs_strtab *t, gs_str s)
{
	return strtab_put(t, s, gs_str_hash(s), true);
}
