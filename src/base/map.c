#include "base/map.h"

#include <assert.h>

#include "base/banned.h"

void gs_map_release(gs_map *m)
{
	free(m->slots);
	*m = (gs_map){ 0 };
}

static gs_map_slot *slot_of(gs_map_slot *slots, uint32_t cap, uint64_t key)
{
	uint64_t i = gs_hash_u64(key);

	for (;; i++) {
		gs_map_slot *s = &slots[i & (cap - 1)];

		if (!s->is_used || s->key == key)
			return s;
	}
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
			*slot_of(slots, cap, m->slots[i].key) = m->slots[i];
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	return true;
}

uint32_t *gs_map_get(const gs_map *m, uint64_t key)
{
	gs_map_slot *s;

	if (!m->n)
		return NULL;
	s = slot_of(m->slots, m->cap, key);
	return s->is_used ? &s->value : NULL;
}

uint32_t *gs_map_put(gs_map *m, uint64_t key, bool *is_new)
{
	gs_map_slot *s;

	if (m->n >= m->cap / 2 && !gs_map_reserve(m, m->n + 1))
		return NULL;
	s = slot_of(m->slots, m->cap, key);
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

static bool strtab_grow(gs_strtab *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 256;
	gs_str *strings;
	uint32_t *slots;

	if (t->cap > UINT32_MAX / 8 || gs_alloc_should_fail())
		return false;
	strings = realloc(t->strings, cap * sizeof(*strings));
	if (!strings)
		return false;
	t->strings = strings;
	slots = calloc((size_t)cap * 2, sizeof(*slots));
	if (!slots)
		return false;
	free(t->slots);
	t->slots = slots;
	t->n_slots = cap * 2;
	t->cap = cap;
	for (uint32_t id = 0; id < t->n; id++) {
		uint64_t i = gs_str_hash(t->strings[id]);

		while (slots[i & (t->n_slots - 1)])
			i++;
		slots[i & (t->n_slots - 1)] = id + 1;
	}
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
	uint64_t i = gs_str_hash(s);

	for (;; i++) {
		uint32_t id = t->slots[i & (t->n_slots - 1)];

		if (!id)
			return UINT32_MAX;
		if (gs_str_eq(t->strings[id - 1], s))
			return id - 1;
	}
}

static uint32_t strtab_put(gs_strtab *t, gs_str s, bool is_borrowed)
{
	uint32_t id = gs_strtab_find(t, s);
	uint64_t i;

	if (id != UINT32_MAX)
		return id;
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
	id = t->n++;
	t->strings[id] = s;
	i = gs_str_hash(s);
	while (t->slots[i & (t->n_slots - 1)])
		i++;
	t->slots[i & (t->n_slots - 1)] = id + 1;
	return id;
}

uint32_t gs_strtab_id(gs_strtab *t, gs_str s)
{
	return strtab_put(t, s, false);
}

uint32_t gs_strtab_id_borrow(gs_strtab *t, gs_str s)
{
	return strtab_put(t, s, true);
}
