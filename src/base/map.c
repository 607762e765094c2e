#include "base/map.h"

#include <assert.h>

#include "base/banned.h"

void gs_map_release(gs_map *m)
{
	free(m->slots);
	*m = (gs_map){ 0 };
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
	free(t->slots);
}

/* Text is nearly only looked at where it fits: the slot has half of the hash. */
static uint64_t *strtab_slot(const gs_strtab *t, gs_str s, uint64_t hash)
{
	for (uint64_t i = hash >> 32;; i++) {
		uint64_t *slot = &t->slots[i & (t->n_slots - 1)];

		if (!*slot || (*slot >> 32 == hash >> 32 && gs_str_eq(t->strings[(uint32_t)*slot - 1], s)))
			return slot;
	}
}

static bool strtab_grow(gs_strtab *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 256, n_slots = cap * 2;
	gs_str *strings;
	uint64_t *slots;

	if (t->cap > UINT32_MAX / 8 || gs_alloc_should_fail())
		return false;
	strings = realloc(t->strings, cap * sizeof(*strings));
	if (!strings)
		return false;
	t->strings = strings;
	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t k = 0; k < t->n_slots; k++) {
		uint64_t i = t->slots[k] >> 32;

		if (!t->slots[k])
			continue;
		while (slots[i & (n_slots - 1)])
			i++;
		slots[i & (n_slots - 1)] = t->slots[k];
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n_slots;
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
			__builtin_prefetch(&t->slots[hashes[i] >> 32 & (t->n_slots - 1)]);
		for (uint32_t i = first; i < end; i++) {
			uint32_t guess = (uint32_t)t->slots[hashes[i] >> 32 & (t->n_slots - 1)];

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
	uint64_t *slot = strtab_slot(t, s, hash);
	uint32_t id;

	if (*slot)
		return (uint32_t)*slot - 1;
	if (t->n == t->cap) {
		if (!strtab_grow(t))
			return UINT32_MAX;
		slot = strtab_slot(t, s, hash);
	}
	if (!is_borrowed) {
		char *copy = gs_try_new(t->mem, char, s.n + 1);

		if (!copy)
			return UINT32_MAX;
		if (s.n)
			memcpy(copy, s.p, s.n);
		s.p = copy;
	}
	id = t->n++;
	t->strings[id] = s;
	*slot = hash >> 32 << 32 | (id + 1);
	return id;
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
