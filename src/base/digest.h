/*
 * gs_digest: 128 bits that stand for a text. Two different texts have the same digest with a chance of less than 2^-60, whatever
 * they are, as long as whoever wrote them does not know the key: so texts that were seen before are told without being
 * looked at again. The key is new in each process; digests mean nothing outside of it.
 *
 * Sums of products of 64-bit words, as in UMAC (RFC 4418, section 5.2, there of 32 bits), over blocks; more than one block makes
 * a text of its digests, which is digested likewise with the next level's key.
 */
#ifndef GS_BASE_DIGEST_H
#define GS_BASE_DIGEST_H

#include "base/str.h"

enum {
	GS_DIGEST_LEVELS = 6,
	GS_DIGEST_WORDS = 256, /* of a block */
};

typedef struct gs_digest {
	uint64_t lo, hi;
} gs_digest;

typedef struct gs_digest_key {
	uint64_t words[GS_DIGEST_LEVELS][GS_DIGEST_WORDS + 2];
} gs_digest_key;

/* From the system's randomness. */
void gs_digest_key_init(gs_digest_key *k);
/* From a number: for tests. */
void gs_digest_key_from(gs_digest_key *k, uint64_t seed);
gs_digest gs_digest_of(const gs_digest_key *k, gs_str text);

static inline bool gs_digest_eq(gs_digest a, gs_digest b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

/* Digest -> uint32. Insert only, at most three quarters full. Zero-initialise. Of the digest the low half says where. */
typedef struct gs_digest_map {
	gs_digest *keys; /* of zeros: free. A slot is in one line of the cache, as one of a key and a value would not be */
	uint32_t *values; /* behind the keys */
	uint32_t n, cap; /* cap is 0 or a power of two */
} gs_digest_map;

void gs_digest_map_release(gs_digest_map *m);
/* Make room for `n` keys ahead of time. False when memory is out. */
bool gs_digest_map_reserve(gs_digest_map *m, uint32_t n);
/*
 * Ask the memory ahead of time for where the key would be. Inlined at any rate: to gcc, a function that does no more than this does
 * nothing, and calls of it go.
 */
__attribute__((always_inline)) static inline void gs_digest_map_prefetch(const gs_digest_map *m, gs_digest key)
{
	uint64_t at = key.lo * 0x9e3779b97f4a7c15u >> 32 & (m->cap - 1);

	if (m->cap) {
		__builtin_prefetch(&m->keys[at]);
		__builtin_prefetch(&m->values[at]);
	}
}
/* The value's place, fresh (0, *is_new true) when the key was absent. NULL when memory is out. Valid until the next put. */
uint32_t *gs_digest_map_put(gs_digest_map *m, gs_digest key, bool *is_new);

#endif
