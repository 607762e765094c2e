/*
 * gs_map: uint64 key -> uint32 value, open addressing, insert only. And gs_strtab: an intern table of strings.
 */
#ifndef GS_BASE_MAP_H
#define GS_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/id_index.h"
#include "base/str.h"

typedef struct gs_map_slot {
	uint64_t key;
	uint32_t value;
	uint32_t is_used;
} gs_map_slot;

typedef struct gs_map {
	gs_map_slot *slots;
	uint32_t n, cap; /* cap is 0 or a power of two */
} gs_map;

void gs_map_release(gs_map *m);
/* Empty it: its memory is kept. */
void gs_map_clear(gs_map *m);
/* Make room for `n` keys ahead of time. False when memory is out. */
bool gs_map_reserve(gs_map *m, uint32_t n);

/* Where `key` is, or the free slot where it would be. Needs one free slot. */
static inline gs_map_slot *gs_map_slot_of(gs_map_slot *slots, uint32_t cap, uint64_t key)
{
	uint64_t i = gs_hash_u64(key);

	for (;; i++) {
		gs_map_slot *s = &slots[i & (cap - 1)];

		if (!s->is_used || s->key == key)
			return s;
	}
}

/* NULL when absent. */
static inline uint32_t *gs_map_get(const gs_map *m, uint64_t key)
{
	gs_map_slot *s;

	if (!m->n)
		return NULL;
	s = gs_map_slot_of(m->slots, m->cap, key);
	return s->is_used ? &s->value : NULL;
}

/* The value's place, fresh (0, *is_new true) when the key was absent. NULL when memory is out. */
uint32_t *gs_map_put(gs_map *m, uint64_t key, bool *is_new);

#define GS_AUTO_TYPE_map gs_map
static inline void gs_auto_map(gs_map *m)
{
	gs_map_release(m);
}

/* Interned strings. Id 0 is the empty string. Bytes are copied into the arena. */
typedef struct gs_strtab {
	gs_arena *mem;
	gs_str *strings;
	uint32_t n, cap;
	gs_id_index index; /* of id + 1 */
} gs_strtab;

/* False when memory is out. Tables live in `mem`'s budget but are themselves malloc'ed and released with it. */
bool gs_strtab_init(gs_strtab *t, gs_arena *mem);
/* Id of `s`, interning it when new; UINT32_MAX when memory or budget is out. */
uint32_t gs_strtab_id(gs_strtab *t, gs_str s);
/* As gs_strtab_id, but a new string is borrowed, not copied: it must live as long as the table. */
uint32_t gs_strtab_id_borrow(gs_strtab *t, gs_str s);
/* As gs_strtab_id for who has the string's gs_str_hash at hand. */
uint32_t gs_strtab_id_hashed(gs_strtab *t, gs_str s, uint64_t hash);
/* Many at once, with misses of the cache in parallel: out[i] is the id, or 0 when absent (and for the empty string). */
void gs_strtab_find_many(const gs_strtab *t, const gs_str *strings, const uint64_t *hashes, uint32_t n, uint32_t *out);
/* UINT32_MAX when absent. */
uint32_t gs_strtab_find(const gs_strtab *t, gs_str s);

static inline gs_str gs_strtab_get(const gs_strtab *t, uint32_t id)
{
	return t->strings[id];
}

#endif
