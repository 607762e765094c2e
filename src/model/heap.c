#include "model/heap.h"

#include "base/banned.h"

uint32_t gs_heap_find(const gs_heap *h, uint64_t addr)
{
	uint32_t lo = 0, hi = h->n_spans;
	const gs_heap_span *s;
	uint64_t slot, bit, bits;

	while (lo < hi) { /* the first span behind addr */
		uint32_t mid = lo + (hi - lo) / 2;

		if (h->spans[mid].base <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return GS_HEAP_NONE;
	s = &h->spans[lo - 1];
	slot = (addr - s->base) / s->elem_bytes;
	if (slot >= s->n_slots)
		return GS_HEAP_NONE;
	bit = s->bit + slot;
	bits = h->live[bit / 64];
	if (!(bits >> (bit & 63) & 1))
		return GS_HEAP_NONE;
	return h->rank[bit / 64] + (uint32_t)__builtin_popcountll(bits & (((uint64_t)1 << (bit & 63)) - 1));
}

uint32_t gs_heap_span_of(const gs_heap *h, uint32_t object)
{
	uint32_t lo = 0, hi = h->n_spans;

	while (hi - lo > 1) { /* spans[lo].first <= object; of several without objects the last has it */
		uint32_t mid = lo + (hi - lo) / 2;

		if (h->spans[mid].first <= object)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

uint64_t gs_heap_addr(const gs_heap *h, uint32_t object)
{
	const gs_heap_span *s = &h->spans[gs_heap_span_of(h, object)];
	uint64_t first = s->bit / 64, last = (s->bit + s->n_slots + 63) / 64, bits;
	uint32_t left;

	while (last - first > 1) { /* rank[first] <= object */
		uint64_t mid = first + (last - first) / 2;

		if (h->rank[mid] <= object)
			first = mid;
		else
			last = mid;
	}
	bits = h->live[first];
	for (left = object - h->rank[first]; left; left--)
		bits &= bits - 1;
	return s->base + (first * 64 - s->bit + (uint64_t)__builtin_ctzll(bits)) * s->elem_bytes;
}

bool gs_heap_number(gs_heap *h)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < h->n_spans; i++) {
		gs_heap_span *s = &h->spans[i];
		uint64_t end = (s->bit + s->n_slots + 63) / 64;

		s->first = (uint32_t)n;
		for (uint64_t w = s->bit / 64; w < end; w++) {
			h->rank[w] = (uint32_t)n;
			n += (uint64_t)__builtin_popcountll(h->live[w]);
		}
		if (n >= GS_HEAP_NONE)
			return false;
	}
	h->n_objects = (uint32_t)n;
	return true;
}
