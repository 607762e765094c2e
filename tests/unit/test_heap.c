#include "model/heap.h"
#include "tap.h"

#include "base/banned.h"

/* Three spans, the middle one empty; the last has 130 slots of which every third lives. */
TEST(heap_numbers)
{
	gs_heap_span spans[] = { { .base = 0x1000, .elem_bytes = 48, .bit = 0, .n_slots = 3 },
				 { .base = 0x2000, .elem_bytes = 16, .bit = 64, .n_slots = 64 },
				 { .base = 0x3000, .elem_bytes = 32, .bit = 128, .n_slots = 130 } };
	uint64_t live[5] = { 5 };
	uint32_t rank[5], n = 0;
	gs_heap h = { .spans = spans, .n_spans = 3, .live = live, .rank = rank, .n_live_words = 5 };

	for (unsigned i = 0; i < 130; i += 3)
		live[2 + i / 64] |= (uint64_t)1 << (i & 63);
	CHECK(gs_heap_number(&h));
	CHECK_INT(h.n_objects, 2 + 44);
	CHECK_INT(gs_heap_find(&h, 0x1000), 0);
	CHECK_INT(gs_heap_find(&h, 0x102f), 0);
	CHECK_INT(gs_heap_find(&h, 0x1030), GS_HEAP_NONE);
	CHECK_INT(gs_heap_find(&h, 0x1060), 1);
	CHECK_INT(gs_heap_find(&h, 0x1090), GS_HEAP_NONE);
	CHECK_INT(gs_heap_find(&h, 0xfff), GS_HEAP_NONE);
	CHECK_INT(gs_heap_find(&h, 0x2000), GS_HEAP_NONE);
	CHECK_INT(gs_heap_find(&h, 0x3000 + 129 * 32 + 31), 45);
	CHECK_INT(gs_heap_find(&h, 0x3000 + 130 * 32), GS_HEAP_NONE);
	for (gs_heap_walk w = gs_heap_walk_start(&h); gs_heap_walk_next(&w); n++) {
		CHECK_INT(w.object, n);
		CHECK_INT(w.addr, gs_heap_addr(&h, n));
		CHECK_INT(w.size_bytes, gs_heap_size(&h, n));
		CHECK_INT(gs_heap_find(&h, w.addr + w.size_bytes - 1), n);
	}
	CHECK_INT(n, h.n_objects);
}

TEST(heap_empty)
{
	gs_heap h = { 0 };
	gs_heap_walk w = gs_heap_walk_start(&h);

	CHECK(gs_heap_number(&h));
	CHECK(!gs_heap_walk_next(&w));
	CHECK_INT(gs_heap_find(&h, 0x1000), GS_HEAP_NONE);
}
