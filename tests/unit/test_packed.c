#include "base/packed.h"
#include "model/heap_rows.h"
#include "tap.h"

#include "base/banned.h"

enum { N = 1000 };

static uint64_t value(uint64_t i, uint64_t mask)
{
	return (i * 0x9e3779b97f4a7c15) & mask;
}

TEST(numbers_of_every_width)
{
	unsigned bad = 0;

	for (unsigned bits = 1; bits <= GS_PACKED_MAX_BITS; bits++) {
		gs_arena *mem = gs_arena_create(1 << 20);
		gs_packed p;

		CHECK(gs_packed_init(&p, mem, N, ((uint64_t)1 << bits) - 1));
		CHECK_INT(p.bits, bits);
		for (unsigned i = N; i-- > 0;)
			gs_packed_set(&p, i, value(i, p.mask));
		for (unsigned i = 0; i < N; i += 3) /* neighbours stay */
			gs_packed_set(&p, i, 0);
		for (unsigned i = 0; i < N; i++)
			bad += gs_packed_get(&p, i) != (i % 3 ? value(i, p.mask) : 0);
		gs_packed_set_none(&p, N);
		for (unsigned i = 0; i < N; i++)
			bad += gs_packed_id(&p, i) != UINT32_MAX;
		gs_arena_free(mem);
	}
	CHECK_INT(bad, 0);
}

TEST(too_wide_or_too_many)
{
	gs_arena *mem = gs_arena_create(1 << 20);
	gs_packed p;

	CHECK(!gs_packed_init(&p, mem, 1, UINT64_MAX));
	CHECK(!gs_packed_init(&p, mem, UINT64_MAX / 2, 255));
	CHECK(!gs_packed_init(&p, mem, 2 << 20, 255));
	gs_arena_free(mem);
}

TEST(a_column_grows_in_width)
{
	gs_growing g;
	unsigned bad = 0;

	CHECK(gs_growing_init(&g, N));
	for (uint32_t i = 0; i < N; i += 2)
		CHECK(gs_growing_set(&g, i, i * i * i));
	for (uint32_t i = 0; i < N; i++)
		bad += gs_packed_id(&g.ids, i) != (i % 2 ? UINT32_MAX : i * i * i);
	CHECK_INT(bad, 0);
	gs_growing_release(&g);
}

/* Short and long rows in all orders. */
TEST(rows_begin_where_those_before_end)
{
	unsigned bad = 0;

	for (unsigned round = 0; round < 50; round++) {
		gs_arena *mem = gs_arena_create(1 << 22);
		uint32_t length[N], at = 0;
		gs_heap_rows r;

		for (uint32_t i = 0; i < N; i++) {
			uint64_t x = value(i + 1, UINT32_MAX) * (round + 1) >> 7;

			length[i] = x % 11 ? (uint32_t)(x % (round + 1)) : (uint32_t)(x % 700);
			at += length[i];
		}
		CHECK(gs_heap_rows_init(&r, mem, N, at));
		for (uint32_t i = 0; i < N; i++)
			gs_heap_rows_add(&r, length[i]);
		at = 0;
		for (uint32_t i = 0; i < N; i++) {
			bad += gs_heap_rows_at(&r, i) != at;
			at += length[i];
		}
		bad += gs_heap_rows_at(&r, N) != at;
		gs_arena_free(mem);
	}
	CHECK_INT(bad, 0);
}
