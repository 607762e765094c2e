#include "base/digest.h"

#include <endian.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

#include "base/banned.h"

__extension__ typedef unsigned __int128 u128;

enum { BLOCK_BYTES = GS_DIGEST_WORDS * 8, FIRST_CAP = 1024, MAX_CAP = 1 << 28 };

void gs_digest_key_from(gs_digest_key *k, uint64_t seed)
{
	for (unsigned level = 0; level < GS_DIGEST_LEVELS; level++)
		for (unsigned i = 0; i < GS_DIGEST_WORDS + 2; i++)
			k->words[level][i] = gs_hash_u64(seed += 0x9e3779b97f4a7c15u);
}

void gs_digest_key_init(gs_digest_key *k)
{
	enum { AT_ONCE = 256 }; /* what getentropy gives */
	char *to = (char *)k->words;

	for (size_t at = 0; at < sizeof(k->words); at += AT_ONCE)
		if (getentropy(to + at, sizeof(k->words) - at < AT_ONCE ? sizeof(k->words) - at : AT_ONCE)) {
			/* No randomness to be had: where the kernel put things is some. */
			gs_digest_key_from(k, (uint64_t)(uintptr_t)k ^ (uint64_t)(uintptr_t)&to << 20);
			return;
		}
}

static inline uint64_t word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return le64toh(w);
}

static inline u128 pair(const char *p, const uint64_t *key)
{
	return (u128)(word(p) + key[0]) * (word(p + 8) + key[1]);
}

/*
 * At most a block. The last 16 bytes are read again where the length is no multiple of 16: with the length, which has a pair of
 * its own, that leaves no two texts the same words.
 */
static inline u128 block(const uint64_t *key, const char *p, size_t n)
{
	u128 sum = (u128)(n + key[0]) * key[1], other = 0;
	size_t at = 0;
	char tail[16] = { 0 };

	key += 2;
	for (; n - at >= 32; at += 32, key += 4) {
		sum += pair(p + at, key);
		other += pair(p + at + 16, key + 2);
	}
	if (n - at >= 16) {
		sum += pair(p + at, key);
		at += 16;
		key += 2;
	}
	if (n > at && n >= 16) {
		other += pair(p + n - 16, key);
	} else if (n > at) {
		memcpy(tail, p + at, n - at);
		other += pair(tail, key);
	}
	return sum + other;
}

typedef struct levels {
	char sums[GS_DIGEST_LEVELS][BLOCK_BYTES]; /* of level 0 there are none: that is the text */
	size_t filled[GS_DIGEST_LEVELS];
	unsigned last;
} levels;

/* A block's digest becomes part of the level above; what is full there goes on up. 64 TiB fill all levels. */
static void add_sum(levels *l, const gs_digest_key *k, unsigned level, u128 sum)
{
	if (l->filled[level] == BLOCK_BYTES) {
		add_sum(l, k, level + 1, block(k->words[level], l->sums[level], BLOCK_BYTES));
		l->filled[level] = 0;
	}
	for (unsigned i = 0; i < 2; i++, sum >>= 64) {
		uint64_t w = htole64((uint64_t)sum);

		memcpy(l->sums[level] + l->filled[level], &w, sizeof(w));
		l->filled[level] += sizeof(w);
	}
	l->last = level > l->last ? level : l->last;
}

static u128 of_blocks(const gs_digest_key *k, gs_str text)
{
	levels l;
	unsigned level = 1;

	memset(l.filled, 0, sizeof(l.filled));
	l.last = 1;
	for (size_t at = 0; at < text.n; at += BLOCK_BYTES)
		add_sum(&l, k, 1, block(k->words[0], text.p + at, text.n - at < BLOCK_BYTES ? text.n - at : BLOCK_BYTES));
	for (; level < l.last; level++)
		add_sum(&l, k, level + 1, block(k->words[level], l.sums[level], l.filled[level]));
	return block(k->words[level], l.sums[level], l.filled[level]);
}

gs_digest gs_digest_of(const gs_digest_key *k, gs_str text)
{
	u128 sum = text.n > BLOCK_BYTES ? of_blocks(k, text) : block(k->words[0], text.p, text.n);

	return (gs_digest){ (uint64_t)sum, (uint64_t)(sum >> 64) };
}

void gs_digest_map_release(gs_digest_map *m)
{
	free(m->keys);
	*m = (gs_digest_map){ 0 };
}

static bool is_free(gs_digest key)
{
	return (key.lo | key.hi) == 0;
}

/* Where the key is, or would be. */
static uint32_t slot_of(const gs_digest *keys, uint32_t cap, gs_digest key)
{
	uint64_t at = key.lo * 0x9e3779b97f4a7c15u >> 32;

	while (!gs_digest_eq(keys[at & (cap - 1)], key) && !is_free(keys[at & (cap - 1)]))
		at++;
	return (uint32_t)at & (cap - 1);
}

static bool grow(gs_digest_map *m, uint32_t cap)
{
	uint32_t *values;
	size_t size = cap * (sizeof(*m->keys) + sizeof(*m->values));
	gs_digest *keys = gs_alloc_should_fail() ? NULL : calloc(1, size);

	if (!keys)
		return false;
	gs_memory_hint_large(keys, size);
	values = (uint32_t *)(void *)(keys + cap);
	for (uint32_t i = 0; i < m->cap; i++)
		if (!is_free(m->keys[i])) {
			uint32_t to = slot_of(keys, cap, m->keys[i]);

			keys[to] = m->keys[i];
			values[to] = m->values[i];
		}
	free(m->keys);
	m->keys = keys;
	m->values = values;
	m->cap = cap;
	return true;
}

bool gs_digest_map_reserve(gs_digest_map *m, uint32_t n)
{
	uint32_t cap = m->cap ? m->cap : FIRST_CAP;

	if (n > MAX_CAP / 4 * 3)
		return false;
	while (n > cap / 4 * 3)
		cap *= 4;
	return cap == m->cap || grow(m, cap);
}

uint32_t *gs_digest_map_put(gs_digest_map *m, gs_digest key, bool *is_new)
{
	uint32_t at;

	if (m->n >= m->cap / 4 * 3 && !gs_digest_map_reserve(m, m->n + 1))
		return NULL;
	if (is_free(key))
		key.hi = 1;
	at = slot_of(m->keys, m->cap, key);
	*is_new = is_free(m->keys[at]);
	if (*is_new) {
		m->keys[at] = key;
		m->n++;
	}
	return &m->values[at];
}
