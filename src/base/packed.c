#include "base/packed.h"

#include "base/banned.h"

bool gs_packed_init(gs_packed *p, gs_arena *mem, uint64_t n, uint64_t max)
{
	unsigned bits = max ? 64 - (unsigned)__builtin_clzll(max) : 1;
	uint64_t total;

	*p = (gs_packed){ .bits = bits };
	if (bits > GS_PACKED_MAX_BITS || __builtin_mul_overflow(n, bits, &total))
		return false;
	p->mask = ((uint64_t)1 << bits) - 1;
	p->bytes = gs_try_new(mem, unsigned char, total / 8 + 1 + sizeof(uint64_t));
	return p->bytes;
}

void gs_packed_set_none(gs_packed *p, uint64_t n)
{
	memset(p->bytes, 0xff, n * p->bits / 8 + 1);
}

enum { FIRST_BITS = 8, MORE_BITS = 3 };

static bool make(gs_growing *g, uint64_t n, unsigned bits)
{
	*g = (gs_growing){ .mem = gs_arena_create((uint64_t)1 << 40), .n = n };
	if (!gs_packed_init(&g->ids, g->mem, n, ((uint64_t)1 << bits) - 1)) {
		gs_growing_release(g);
		return false;
	}
	gs_packed_set_none(&g->ids, n);
	return true;
}

bool gs_growing_init(gs_growing *g, uint64_t n)
{
	return make(g, n, FIRST_BITS);
}

bool gs_growing_widen(gs_growing *g, uint64_t id)
{
	unsigned bits = g->ids.bits + MORE_BITS;
	gs_growing wider;

	while (id >= ((uint64_t)1 << bits) - 1)
		bits += MORE_BITS;
	if (!make(&wider, g->n, bits))
		return false;
	for (uint64_t i = 0; i < g->n; i++) {
		uint64_t was = gs_packed_get(&g->ids, i);

		if (was != g->ids.mask)
			gs_packed_set(&wider.ids, i, was);
	}
	gs_growing_release(g);
	*g = wider;
	return true;
}

void gs_growing_release(gs_growing *g)
{
	gs_arena_free(g->mem);
	*g = (gs_growing){ 0 };
}
