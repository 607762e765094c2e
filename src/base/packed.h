/*
 * gs_packed: a column of numbers, each with as many bits as the largest of them needs. Where columns are long, they are read at random, and memory is what takes
 * time, packing is free: more of it is in the cache.
 */
#ifndef GS_BASE_PACKED_H
#define GS_BASE_PACKED_H

#include <endian.h>
#include <string.h>

#include "base/arena.h"

#define GS_PACKED_MAX_BITS 57

typedef struct gs_packed {
	unsigned char *bytes; /* eight beyond the last number */
	uint64_t mask;	      /* what fits; as an id this stands for none */
	unsigned bits;
} gs_packed;

/* `n` numbers of 0 to `max`, all 0; `max` itself is left for none. In `mem`. False: no memory, or more than GS_PACKED_MAX_BITS are needed. */
bool gs_packed_init(gs_packed *p, gs_arena *mem, uint64_t n, uint64_t max);
/* All ids are none. */
void gs_packed_set_none(gs_packed *p, uint64_t n);

/* A column of ids that grows in width, in memory of its own: gs_growing_set makes it wider when a larger id comes. All none at first. */
typedef struct gs_growing {
	gs_packed ids;
	gs_arena *mem;
	uint64_t n;
} gs_growing;

bool gs_growing_init(gs_growing *g, uint64_t n);
bool gs_growing_widen(gs_growing *g, uint64_t id);
void gs_growing_release(gs_growing *g);

static inline uint64_t gs_packed_get(const gs_packed *p, uint64_t i)
{
	uint64_t at = i * p->bits, v;

	memcpy(&v, p->bytes + at / 8, sizeof(v));
	return le64toh(v) >> (at & 7) & p->mask;
}

static inline void gs_packed_set(const gs_packed *p, uint64_t i, uint64_t value)
{
	uint64_t at = i * p->bits, v;

	memcpy(&v, p->bytes + at / 8, sizeof(v));
	v = le64toh(v);
	v = (v & ~(p->mask << (at & 7))) | (value & p->mask) << (at & 7);
	v = htole64(v);
	memcpy(p->bytes + at / 8, &v, sizeof(v));
}

/* The same of a column of ids: UINT32_MAX is none. */
static inline uint32_t gs_packed_id(const gs_packed *p, uint64_t i)
{
	uint64_t v = gs_packed_get(p, i);

	return v == p->mask ? UINT32_MAX : (uint32_t)v;
}

/* False: no memory, and nothing is set. */
static inline bool gs_growing_set(gs_growing *g, uint64_t i, uint32_t id)
{
	if (id >= g->ids.mask && !gs_growing_widen(g, id))
		return false;
	gs_packed_set(&g->ids, i, id);
	return true;
}

static inline void gs_packed_prefetch(const gs_packed *p, uint64_t i)
{
	__builtin_prefetch(p->bytes + i * p->bits / 8);
}

#endif
