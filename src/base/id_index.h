/*
 * gs_id_index: ids by content, which lies elsewhere. A slot has the id below and the upper half of its hash above, so that
 * content is nearly only looked at where it fits. Open addressing, insert only, at most half full.
 */
#ifndef GS_BASE_ID_INDEX_H
#define GS_BASE_ID_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct gs_id_index {
	uint64_t *slots; /* 0 is free: no id is 0 */
	uint32_t n, cap; /* cap is 0 or a power of two */
} gs_id_index;

bool gs_id_index_grow(gs_id_index *x);

/* Room for one more, before gs_id_index_find. False when memory is out. */
static inline bool gs_id_index_make_room(gs_id_index *x)
{
	return x->n < x->cap / 2 || gs_id_index_grow(x);
}

static inline void gs_id_index_prefetch(const gs_id_index *x, uint64_t hash)
{
	if (x->cap)
		__builtin_prefetch(&x->slots[hash >> 32 & (x->cap - 1)], 1);
}

/* The slot of the id whose content is_equal says fits, else the free one that it would take. Valid until the next growth. */
__attribute__((always_inline)) static inline uint64_t *
gs_id_index_find(const gs_id_index *x, uint64_t hash, bool (*is_equal)(const void *ctx, uint32_t id), const void *ctx)
{
	for (uint64_t at = hash >> 32;; at++) {
		uint64_t *slot = &x->slots[at & (x->cap - 1)];

		if (!*slot || (*slot >> 32 == hash >> 32 && is_equal(ctx, (uint32_t)*slot)))
			return slot;
	}
}

/* `slot` is free and gs_id_index_find's. */
static inline uint32_t gs_id_index_put(gs_id_index *x, uint64_t *slot, uint64_t hash, uint32_t id)
{
	*slot = hash >> 32 << 32 | id;
	x->n++;
	return id;
}

static inline void gs_id_index_release(gs_id_index *x)
{
	free(x->slots);
	*x = (gs_id_index){ 0 };
}

#endif
