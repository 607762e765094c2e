#include "base/id_index.h"

#include "base/buf.h"

#include "base/banned.h"

enum { FIRST_SLOTS = 64, QUICK_SLOTS = 1 << 16, MAX_SLOTS = 1 << 30 };

bool gs_id_index_grow(gs_id_index *x)
{
	uint32_t cap = x->cap ? x->cap * (x->cap < QUICK_SLOTS ? 4 : 2) : FIRST_SLOTS;
	uint64_t *slots = x->cap >= MAX_SLOTS || gs_alloc_should_fail() ? NULL : calloc(cap, sizeof(*slots));

	if (!slots)
		return false;
	gs_memory_hint_large(slots, cap * sizeof(*slots));
	for (uint32_t i = 0; i < x->cap; i++) {
		uint64_t at = x->slots[i] >> 32;

		if (!x->slots[i])
			continue;
		while (slots[at & (cap - 1)])
			at++;
		slots[at & (cap - 1)] = x->slots[i];
	}
	free(x->slots);
	x->slots = slots;
	x->cap = cap;
	return true;
}
