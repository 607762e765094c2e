#include <stdlib.h>

#include "analysis/heap_topology.h"
#include "analysis/heap_treemap.h"
#include "heap_columns.h"
#include "tap.h"

#include "base/banned.h"

/*
 * A variable holds a table (0) of 6400 bytes' slot that points to three sessions (1 2 3); each has its text (4 5 6) and the first two
 * point to each other. A goroutine holds the third session too.
 */
typedef struct fixture {
	gs_arena *mem;
	gs_heap h;
	gs_heap_span spans[3];
	uint64_t live[3];
	uint32_t rank[3];
	gs_heap_type types[3];
	gs_heap_goroutine goroutine;
	gs_heap_index *x;
} fixture;

static uint32_t edge_at[] = { 0, 3, 5, 7, 8, 8, 8, 8 };
static uint32_t edge_to[] = { 1, 2, 3, 4, 2, 5, 1, 6 };
static uint32_t type_of[] = { 0, 1, 1, 1, 2, 2, 2 };
static gs_heap_root roots[2];

static bool start(fixture *f)
{
	gs_heap *h = &f->h;
	gs_err err;

	*f = (fixture){ .mem = gs_arena_create(1 << 24), .live = { 1, 7, 7 } };
	f->spans[0] = (gs_heap_span){ .base = 0x1000, .elem_bytes = 6400, .n_slots = 1 };
	f->spans[1] = (gs_heap_span){ .base = 0x4000, .elem_bytes = 800, .n_slots = 3, .bit = 64 };
	f->spans[2] = (gs_heap_span){ .base = 0x8000, .elem_bytes = 1600, .n_slots = 3, .bit = 128 };
	*h = (gs_heap){ .spans = f->spans, .n_spans = 3, .live = f->live, .rank = f->rank, .n_live_words = 3,
			.types = f->types, .n_types = 3, .roots = roots, .n_roots = 2,
			.goroutines = &f->goroutine, .n_goroutines = 1, .all_goroutines = GS_HEAP_NONE };
	if (!gs_heap_number(h) || !gs_strtab_init(&h->strings, f->mem))
		return false;
	set_edges(f->mem, h, edge_at, edge_to);
	h->type_ids = packed_of(f->mem, type_of, h->n_objects);
	f->types[0] = (gs_heap_type){ .name = gs_strtab_id(&h->strings, GS_S("main.table")) };
	f->types[1] = (gs_heap_type){ .name = gs_strtab_id(&h->strings, GS_S("main.session")) };
	f->types[2] = (gs_heap_type){ .name = gs_strtab_id(&h->strings, GS_S("uint8")), .size_bytes = 1, .is_array = true };
	f->goroutine = (gs_heap_goroutine){ .object = GS_HEAP_NONE, .start.function = gs_strtab_id(&h->strings, GS_S("main.serve")) };
	roots[0] = (gs_heap_root){ .object = 0, .name = gs_strtab_id(&h->strings, GS_S("main.all")), .goroutine = GS_HEAP_NONE };
	roots[1] = (gs_heap_root){ .object = 3, .name = f->goroutine.start.function, .goroutine = 0, .kind = GS_HEAP_ROOT_STACK };
	f->x = gs_heap_index_build(f->mem, h, NULL, &err);
	return f->x;
}

static gs_str name(fixture *f, bool by_object, const gs_heap_box *b)
{
	return b->node == GS_HEAP_NONE ? GS_S("(rest)") : gs_heap_map_name(f->x, by_object, b->node);
}

static bool is_inside(const gs_heap_map *m, uint32_t i)
{
	const gs_tile_box *in = &m->boxes[m->boxes[i].parent].at, *b = &m->boxes[i].at;

	return b->x >= in->x - 1e-6 && b->y >= in->y - 1e-6 && b->x + b->w <= in->x + in->w + 1e-6 && b->y + b->h <= in->y + in->h + 1e-6;
}

TEST(boxes_of_the_merged_tree)
{
	gs_heap_map_query q = { .width = 1000, .height = 700, .max_boxes = 100 };
	fixture f;
	gs_heap_map m;
	gs_str all = GS_S("");
	gs_err err;

	CHECK(start(&f));
	CHECK(gs_heap_map_lay_out(f.mem, f.x, &q, &m, &err));
	for (uint32_t i = 0; i < m.n; i++) {
		all = gs_strf(f.mem, "%.*s%u %.*s %u/%u\n", GS_FMT(all), m.boxes[i].depth, GS_FMT(name(&f, false, &m.boxes[i])),
			      (unsigned)m.boxes[i].own_bytes, (unsigned)m.boxes[i].bytes);
		CHECK(is_inside(&m, i));
	}
	/* The third session is held by the variable and by the goroutine: by several. */
	CHECK_STR(all, GS_S("0 heap 0/13600\n"
			    "1 var main.all 0/11200\n"
			    "1 held by several 0/2400\n"
			    "2 main.table 6400/11200\n"
			    "3 main.session 1600/4800\n"
			    "4 []uint8 3200/3200\n"
			    "2 main.session 800/2400\n"
			    "3 []uint8 1600/1600\n"));
	CHECK(m.boxes[0].is_open && m.boxes[0].has_head && !m.boxes[7].is_open);
	gs_arena_free(f.mem);
}

TEST(boxes_of_objects_below_one)
{
	gs_heap_map_query q = { .by_object = true, .root = 0, .width = 600, .height = 600, .max_boxes = 100 };
	fixture f;
	gs_heap_map m;
	gs_err err;

	CHECK(start(&f));
	CHECK(gs_heap_map_lay_out(f.mem, f.x, &q, &m, &err));
	CHECK_INT(m.n, 5); /* the table, two sessions, two texts */
	CHECK_INT(m.boxes[0].bytes, 11200);
	CHECK_INT(m.boxes[1].bytes, 2400);
	q.root = f.x->dominators.n_nodes;
	CHECK(!gs_heap_map_lay_out(f.mem, f.x, &q, &m, &err));
	CHECK_INT(err.code, GS_ERR_USAGE);
	gs_arena_free(f.mem);
}

TEST(few_boxes_are_the_largest_and_the_rest_is_counted)
{
	gs_heap_map_query q = { .by_object = true, .root = GS_HEAP_NONE, .width = 60, .height = 30, .max_boxes = 50 };
	fixture f;
	gs_heap_map m;
	uint32_t rest = 0;
	gs_err err;

	CHECK(start(&f));
	CHECK(gs_heap_map_lay_out(f.mem, f.x, &q, &m, &err));
	CHECK(m.n < 8);
	for (uint32_t i = 0; i < m.n; i++) {
		CHECK(is_inside(&m, i));
		rest += m.boxes[i].node == GS_HEAP_NONE;
	}
	q.width = 1000;
	q.height = 1000;
	q.max_boxes = 6;
	CHECK(gs_heap_map_lay_out(f.mem, f.x, &q, &m, &err));
	CHECK(m.n <= 6);
	gs_arena_free(f.mem);
}

static const gs_topology_node *find(fixture *f, const gs_topology *t, const char *want)
{
	for (uint32_t i = 0; i < t->picture.n_nodes; i++) {
		uint32_t id = t->nodes[i].id, n = f->x->dominators.n_objects;

		id = id < n ? f->x->names->of_type[gs_heap_type_of(&f->h, id)] : f->x->names->of_holder[id - n];
		if (gs_str_eq(gs_strtab_get(&f->x->names->strings, id), gs_str_of(want)))
			return &t->nodes[i];
	}
	return NULL;
}

TEST(around_an_object)
{
	gs_topology_query q = { .focus = 1, .max_nodes = 50, .fan = 5, .node_w = 100, .node_h = 20 };
	fixture f;
	gs_topology t;
	gs_err err;

	CHECK(start(&f));
	CHECK(gs_heap_topology(f.mem, f.x, &q, &t, &err));
	CHECK_INT(t.picture.n_nodes, 5); /* itself, its variable and table on the way, its peer, its text */
	CHECK_INT(t.picture.n_edges, 6);
	CHECK_INT(t.picture.n_cycles, 1);
	CHECK(!t.is_cut);
	CHECK(find(&f, &t, "var main.all") && find(&f, &t, "var main.all")->is_on_path && find(&f, &t, "var main.all")->is_holder);
	CHECK_INT(find(&f, &t, "main.table")->n_out, 3);
	CHECK_INT(find(&f, &t, "main.table")->out_shown, 2);
	CHECK_INT(find(&f, &t, "main.table")->retained_bytes, 11200);
	CHECK(!find(&f, &t, "goroutine main.serve"));
	q.open = (const uint32_t[]){ 0, 3 };
	q.n_open = 2;
	CHECK(gs_heap_topology(f.mem, f.x, &q, &t, &err));
	CHECK(find(&f, &t, "goroutine main.serve"));
	CHECK_INT(t.picture.n_nodes, 8);
	q.max_nodes = 3;
	CHECK(gs_heap_topology(f.mem, f.x, &q, &t, &err));
	CHECK_INT(t.picture.n_nodes, 3);
	CHECK(t.is_cut);
	gs_arena_free(f.mem);
}

TEST(around_a_type)
{
	gs_topology_query q = { .by_type = true, .max_nodes = 50, .fan = 5, .node_w = 100, .node_h = 20 };
	fixture f;
	gs_topology t;
	gs_err err;
	uint64_t pointers = 0;

	CHECK(start(&f));
	q.types = gs_re_compile(f.mem, GS_S("session$"), &err);
	CHECK(gs_heap_topology(f.mem, f.x, &q, &t, &err));
	CHECK_INT(t.picture.n_nodes, 4); /* sessions, tables, texts, the goroutine */
	for (uint32_t i = 0; i < t.picture.n_edges; i++)
		pointers += t.edges[i].count;
	CHECK_INT(pointers, 9); /* all but the variable's */
	CHECK_INT(t.nodes[0].count, 3);
	CHECK_INT(t.nodes[0].own_bytes, 2400);
	CHECK(t.nodes[0].is_focus && t.picture.cycle[0]);
	q.types = gs_re_compile(f.mem, GS_S("nothing"), &err);
	CHECK(!gs_heap_topology(f.mem, f.x, &q, &t, &err));
	CHECK_INT(err.code, GS_ERR_USAGE);
	gs_arena_free(f.mem);
}
