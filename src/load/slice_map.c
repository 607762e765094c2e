#include "load/slice_map.h"

#include "base/arena.h"

#include "base/banned.h"

enum { FIRST_CAP = 256, MAX_CAP = 1 << 30 };

void gs_slice_map_release(gs_slice_map *m)
{
	free(m->slots);
	*m = (gs_slice_map){ 0 };
}

static bool grow(gs_slice_map *m)
{
	uint32_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
	gs_slice_map_slot *slots;

	if (m->cap >= MAX_CAP || gs_alloc_should_fail())
		return false;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t i = 0; i < m->cap; i++) {
		uint32_t at = m->slots[i].hash;

		if (!m->slots[i].p)
			continue;
		while (slots[at & (cap - 1)].p)
			at++;
		slots[at & (cap - 1)] = m->slots[i];
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	return true;
}

uint32_t *gs_slice_map_put_hashed(gs_slice_map *m, gs_str key, uint64_t full, bool *is_new)
{
	uint32_t hash = (uint32_t)(full ^ full >> 32), at = hash;

	if (m->n >= m->cap / 2 && !grow(m))
		return NULL;
	for (;; at++) {
		gs_slice_map_slot *s = &m->slots[at & (m->cap - 1)];

		if (!s->p) {
			*s = (gs_slice_map_slot){ key.n ? key.p : "", key.n, hash, 0 };
			m->n++;
			*is_new = true;
			return &s->value;
		}
		if (s->hash == hash && s->n == key.n &&
		    (key.n == 0 || memcmp(s->p, key.p, key.n) == 0)) {
			*is_new = false;
			return &s->value;
		}
	}
}

uint32_t *gs_slice_map_put(gs_slice_map *m, gs_str key, bool *is_new)
{
	return gs_slice_map_put_hashed(m, key, gs_str_hash(key), is_new);
}

uint32_t *gs_slice_map_put_copy(gs_slice_map *m, gs_arena *mem, gs_str *key, bool *is_new)
{
	uint32_t *value = gs_slice_map_put(m, *key, is_new);
	gs_slice_map_slot *s;
	char *copy;

	if (!value || !*is_new || !key->n)
		return value;
	copy = gs_try_new(mem, char, key->n);
	if (!copy)
		return NULL;
	s = (gs_slice_map_slot *)(void *)((char *)value - offsetof(gs_slice_map_slot, value));
	memcpy(copy, key->p, key->n);
	key->p = s->p = copy;
	return value;
}
