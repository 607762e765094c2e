#include "analysis/heap_slack.h"
#include "model/go_slots.h"
#include "heap_columns.h"
#include "tap.h"

#include "base/banned.h"

/* A variable holds a struct (0) that leads to six buffers of 4096 bytes (1 to 6) as `given` says. */
enum { N_BUFFERS = 6, BUFFER = 4096, BASE = 0x10000 };

static const gs_heap_reference *given;
static uint32_t n_given;
static const gs_heap_map_room *given_map;

static gs_str edge(gs_heap_look *l, uint32_t from, uint32_t to, bool is_exact)
{
	(void)l, (void)from, (void)to, (void)is_exact;
	return GS_S(".next");
}

static gs_str variable(gs_heap_look *l, const gs_heap_root *root, bool is_exact)
{
	(void)l, (void)root, (void)is_exact;
	return GS_S("main.boxes[*]");
}

static gs_str place(gs_heap_look *l, uint32_t object, uint64_t offset)
{
	(void)l, (void)object;
	return offset == 8 ? GS_S(".body") : GS_S(".name");
}

static void references(gs_heap_look *l, const uint64_t *only, void *ctx, void (*take)(void *ctx, const gs_heap_reference *r))
{
	(void)l, (void)only;
	for (uint32_t i = 0; i < n_given; i++)
		take(ctx, &given[i]);
}

static void maps(gs_heap_look *l, void *ctx, void (*take)(void *ctx, const gs_heap_map_room *m))
{
	(void)l;
	if (given_map)
		take(ctx, given_map);
}

static gs_heap_look look = { .edge = edge, .variable = variable, .place = place, .references = references, .maps = maps };

static bool find(gs_arena *mem, gs_heap_slacks *out)
{
	static uint32_t edge_at[] = { 0, 6, 6, 6, 6, 6, 6, 6 }, edge_to[] = { 1, 2, 3, 4, 5, 6 }, type_of[] = { 0, 1, 1, 1, 1, 1, 1 };
	static uint64_t live[] = { 1, 0x3f };
	static uint32_t rank[2];
	static gs_heap_span spans[] = { { .base = 0x1000, .elem_bytes = 128, .n_slots = 1 },
					{ .base = BASE, .elem_bytes = BUFFER, .n_slots = N_BUFFERS, .bit = 64, .is_noscan = true } };
	static gs_heap_type types[] = { { .addr = 1, .kind = 25, .size_bytes = 128 }, { .kind = 8, .size_bytes = 1, .is_array = true } };
	static gs_heap_root root = { .object = 0, .goroutine = GS_HEAP_NONE, .frame = GS_HEAP_NONE };
	gs_heap *h = gs_new(mem, gs_heap, 1); /* its table of strings is let go with the arena */
	gs_heap_names *names;
	gs_dominators d;
	gs_packed up;
	gs_err err;

	*h = (gs_heap){ .spans = spans, .n_spans = 2, .live = live, .rank = rank, .n_live_words = 2, .types = types, .n_types = 2,
			.roots = &root, .n_roots = 1, .all_goroutines = GS_HEAP_NONE, .go_minor = 27 };
	if (!gs_heap_number(h) || !gs_strtab_init(&h->strings, mem))
		return false;
	set_edges(mem, h, edge_at, edge_to);
	h->type_ids = packed_of(mem, type_of, h->n_objects);
	types[0].name = gs_strtab_id(&h->strings, GS_S("main.box"));
	types[1].name = gs_strtab_id(&h->strings, GS_S("uint8"));
	if (!gs_dominators_build(mem, h, &d, &err))
		return false;
	names = gs_heap_names_build(mem, h, &d, &err);
	if (!names || !gs_heap_shortest(mem, h, &d, &up, &err) || gs_heap_slack_find(mem, h, &d, names, NULL, &up, out, &err) || err.code != GS_ERR_UNSUPPORTED)
		return false;
	return gs_heap_slack_find(mem, h, &d, names, &look, &up, out, &err);
}

#define SLICE(object, at, len, cap)                                                                                          \
	{ .to = object, .root = GS_HEAP_NONE, .kind = GS_HEAP_REFERENCE_SLICE, .from_offset = 8, .offset = at, .used_bytes = len, \
	  .room_bytes = cap, .is_whole = (at) == 0 }
#define STRING(object, at, len)                                                                                                \
	{ .to = object, .root = GS_HEAP_NONE, .kind = GS_HEAP_REFERENCE_STRING, .from_offset = 32, .offset = at, .used_bytes = len, \
	  .room_bytes = len, .is_whole = (at) == 0 }

TEST(slots)
{
	CHECK_INT(gs_go_slot_bytes(0, false, 27), 0);
	CHECK_INT(gs_go_slot_bytes(1, false, 27), 8);
	CHECK_INT(gs_go_slot_bytes(100, true, 27), 112);
	CHECK_INT(gs_go_slot_bytes(512, true, 27), 512);
	CHECK_INT(gs_go_slot_bytes(1020, true, 27), 1152); /* with its type in front */
	CHECK_INT(gs_go_slot_bytes(1020, true, 21), 1024);
	CHECK_INT(gs_go_slot_bytes(1020, false, 27), 1024);
	CHECK_INT(gs_go_slot_bytes(32768, true, 27), 32768);
	CHECK_INT(gs_go_slot_bytes(32769, false, 27), 40960);
	CHECK_INT(gs_go_slot_bytes(UINT64_MAX, false, 27), UINT64_MAX);
}

TEST(slices_pieces_and_what_is_not_known)
{
	const gs_heap_reference list[] = {
		SLICE(1, 0, 100, 4096),						    /* slack */
		SLICE(2, 0, 10, 4096), SLICE(2, 0, 200, 4096),			    /* the longer one counts */
		STRING(3, 50, 10), STRING(3, 55, 20), STRING(3, 3000, 1),	    /* 25 in one piece, and one */
		SLICE(4, 100, 5, 5), { .to = 4, .root = GS_HEAP_NONE },		    /* somebody else, who knows */
		{ .to = 5, .root = GS_HEAP_NONE }, SLICE(5, 0, 4000, 4096),	    /* full, whoever else */
		SLICE(6, 0, 100, 4096), SLICE(6, 0, 4090, 4096), SLICE(6, 2, 1, 1), /* full */
	};
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_heap_slacks s;

	given = list;
	n_given = sizeof(list) / sizeof(*list);
	given_map = NULL;
	CHECK(find(mem, &s));
	CHECK_INT(s.n, 2);
	CHECK_INT(s.n_unknown, 1);
	CHECK_INT(s.unknown_bytes, BUFFER);
	CHECK_STR(s.rows[0].where, GS_S("main.box.body"));
	CHECK_INT(s.rows[0].kind, GS_HEAP_SLACK_SLICE);
	CHECK_INT(s.rows[0].count, 2);
	CHECK_INT(s.rows[0].bytes, 2 * BUFFER);
	CHECK_INT(s.rows[0].used_bytes, 300);
	CHECK_INT(s.rows[0].wasted_bytes, 2 * BUFFER - 112 - 208);
	CHECK_INT(s.rows[0].object, 1);
	CHECK_STR(s.rows[1].where, GS_S("main.box.name"));
	CHECK_INT(s.rows[1].kind, GS_HEAP_SLACK_PINNED);
	CHECK(s.rows[1].is_by_string);
	CHECK_INT(s.rows[1].used_bytes, 26);
	CHECK_INT(s.rows[1].wasted_bytes, BUFFER - 32 - 8);
	gs_arena_free(mem);
}

TEST(variables_and_maps)
{
	const gs_heap_reference list[] = {
		{ .from = GS_HEAP_NONE, .root = 0, .to = 1, .kind = GS_HEAP_REFERENCE_POINTER, .offset = 16, .used_bytes = 8, .room_bytes = 8 },
		SLICE(2, 8, 0, 0), /* nothing at all, and yet it holds it */
	};
	const gs_heap_map_room room = { .object = 0, .n_entries = 3, .n_slots = 64, .have_bytes = 9000, .need_bytes = 144 };
	gs_arena *mem = gs_arena_create(1 << 24);
	gs_heap_slacks s;

	given = list;
	n_given = 2;
	given_map = &room;
	CHECK(find(mem, &s));
	CHECK_INT(s.n, 3);
	CHECK_INT(s.rows[0].kind, GS_HEAP_SLACK_MAP);
	CHECK_STR(s.rows[0].where, GS_S("main.box"));
	CHECK_INT(s.rows[0].wasted_bytes, 9000 - 144);
	CHECK_INT(s.rows[1].kind, GS_HEAP_SLACK_PINNED);
	CHECK_STR(s.rows[1].where, GS_S("main.box.body"));
	CHECK_INT(s.rows[1].wasted_bytes, BUFFER);
	CHECK(!s.rows[1].is_by_string);
	CHECK_STR(s.rows[2].where, GS_S("main.boxes[*]"));
	CHECK_INT(s.rows[2].wasted_bytes, BUFFER - 8);
	gs_arena_free(mem);
}
