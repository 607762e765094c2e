#include "analysis/heap_waste.h"
#include "heap_columns.h"
#include "tap.h"

#include "base/banned.h"

/* Objects of 16 bytes at BASE: bytes, records without pointers, and behind them tiny slots; then two of 2 MB that differ in their last byte. */
enum { BASE = 0x1000, BIG = 2 << 20, N_SMALL = 8, N_TINY = 3, TINY_AT = 0x2000, BIG_AT = 0x100000 };

typedef struct memory {
	const char *small[N_SMALL], *tiny[N_TINY];
	uint8_t *big;
	uint64_t missing; /* address that cannot be read */
} memory;

static bool read_at(void *ctx, uint64_t addr, void *out, size_t n)
{
	const memory *m = ctx;

	if (addr == m->missing)
		return false;
	if (addr >= BIG_AT) {
		memcpy(out, m->big + (addr - BIG_AT), n);
		return true;
	}
	memset(out, 0, n);
	if (addr >= TINY_AT)
		memcpy(out, m->tiny[(addr - TINY_AT) / 16], strlen(m->tiny[(addr - TINY_AT) / 16]));
	else
		memcpy(out, m->small[(addr - BASE) / 16], strlen(m->small[(addr - BASE) / 16]));
	return true;
}

static gs_heap_type types[] = {
	{ .kind = 8, .size_bytes = 1, .is_array = true, .source = GS_HEAP_TYPE_FIELD },
	{ .kind = 25, .size_bytes = 16, .source = GS_HEAP_TYPE_EXACT },
	{ .source = GS_HEAP_TYPE_SHAPE },
	{ .kind = 24, .source = GS_HEAP_TYPE_FIELD }, /* the bytes of a string */
};
static uint32_t type_of[] = { 0, 0, 3, 0, 3, 0, 1, 1, 2, 2, 1, 0, 0, 0 };
static gs_heap_span spans[] = {
	{ .base = BASE, .elem_bytes = 16, .n_slots = N_SMALL, .is_noscan = true },
	{ .base = TINY_AT, .elem_bytes = 16, .n_slots = N_TINY, .bit = 64, .is_noscan = true, .is_tiny = true },
	{ .base = BIG_AT, .elem_bytes = BIG, .n_slots = 3, .bit = 128, .is_noscan = true },
};

static void find(memory *m, gs_heap_twins *out, gs_arena *mem)
{
	uint64_t live[] = { 0xff, 7, 7 };
	uint32_t rank[3];
	gs_heap h = { .spans = spans, .n_spans = 3, .live = live, .rank = rank, .n_live_words = 3, .types = types, .n_types = 4,
		      .read = read_at, .read_ctx = m };
	gs_err err;

	CHECK(gs_heap_number(&h));
	h.type_ids = packed_of(mem, type_of, h.n_objects);
	CHECK(gs_heap_twins_find(mem, &h, out, &err));
	h.read = NULL;
	CHECK(!gs_heap_twins_find(mem, &h, &(gs_heap_twins){ 0 }, &err));
	CHECK_INT(err.code, GS_ERR_UNSUPPORTED);
}

TEST(equal_bytes)
{
	memory m = { .small = { "a", "b", "a", "", "a", "", "rec", "rec" }, .tiny = { "t", "t", "t" } };
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_heap_twins t;

	m.big = gs_new(mem, uint8_t, 3 * (size_t)BIG);
	m.big[0] = m.big[BIG] = m.big[2 * BIG] = 1;
	m.big[2 * BIG - 1] = 1; /* the second one is another, behind what the hash has seen */
	find(&m, &t, mem);
	CHECK_INT(t.n, 4);
	CHECK_INT(t.n_compared, 11); /* no records */
	CHECK_INT(t.rows[0].size_bytes, BIG);
	CHECK_INT(t.rows[0].count, 2);
	CHECK_INT(t.rows[0].wasted_bytes, BIG);
	CHECK_INT(t.rows[0].object, 11);
	CHECK(!t.rows[0].is_zero);
	CHECK_INT(t.rows[1].count, 3); /* "a" */
	CHECK_INT(t.rows[1].wasted_bytes, 32);
	CHECK_INT(t.rows[1].addr, BASE);
	CHECK_INT(t.rows[2].count, 2); /* nothing */
	CHECK(t.rows[2].is_zero);
	CHECK_INT(t.rows[3].count, 2); /* "t", but for what is known to be a record */
	CHECK_INT(t.rows[3].addr, TINY_AT);
	CHECK_INT(t.count, 5);
	CHECK_INT(t.wasted_bytes, BIG + 64);
	CHECK_INT(t.n_unread, 0);
	m.missing = BASE;
	find(&m, &t, mem);
	CHECK_INT(t.n_unread, 1);
	CHECK_INT(t.rows[1].count, 2);
	CHECK_INT(t.rows[1].addr, BASE + 32);
	gs_arena_free(mem);
}
