#include <stdlib.h>

#include "analysis/heap_allocated.h"
#include "analysis/heap_diff.h"
#include "analysis/heap_holders.h"
#include "analysis/heap_objects.h"
#include "analysis/heap_profile.h"
#include "heap_columns.h"
#include "tap.h"

#include "base/banned.h"

/*
 * A variable holds a list (0 -> 1 -> 2 of one type) whose last has an array (3); two goroutines of one function hold one object each in
 * a frame (4, 5), and both hold 6. The list's array is also two steps from a goroutine: 5 -> 3.
 */
typedef struct fixture {
	gs_arena *mem;
	gs_heap h;
	gs_heap_span span;
	uint64_t live[1];
	uint32_t rank[1];
	gs_heap_type types[3];
	gs_heap_goroutine goroutines[2];
	gs_dominators d;
	gs_heap_names *names;
} fixture;

static uint32_t edge_at[] = { 0, 1, 2, 3, 3, 4, 6, 6 };
static uint32_t edge_to[] = { 1, 2, 3, 6, 6, 3 };
static uint32_t type_of[] = { 0, 0, 0, 1, 2, 2, 1 };
static gs_heap_root roots[3];

static bool start(fixture *f)
{
	gs_err err;
	gs_heap *h = &f->h;
	uint32_t list, worker, handle;

	*f = (fixture){ .mem = gs_arena_create(1 << 22), .span = { .elem_bytes = 16, .n_slots = 7 }, .live = { 0x7f } };
	*h = (gs_heap){ .spans = &f->span, .n_spans = 1, .live = f->live, .rank = f->rank, .n_live_words = 1,
			.types = f->types, .n_types = 3, .roots = roots, .n_roots = 3,
			.goroutines = f->goroutines, .n_goroutines = 2, .all_goroutines = GS_HEAP_NONE };
	if (!gs_heap_number(h) || !gs_strtab_init(&h->strings, f->mem))
		return false;
	set_edges(f->mem, h, edge_at, edge_to);
	h->type_ids = packed_of(f->mem, type_of, h->n_objects);
	list = gs_strtab_id(&h->strings, GS_S("main.list"));
	worker = gs_strtab_id(&h->strings, GS_S("main.worker"));
	handle = gs_strtab_id(&h->strings, GS_S("main.handle"));
	f->types[0] = (gs_heap_type){ .name = gs_strtab_id(&h->strings, GS_S("main.node")) };
	f->types[1] = (gs_heap_type){ .name = gs_strtab_id(&h->strings, GS_S("uint8")), .size_bytes = 1, .is_array = true };
	f->types[2] = (gs_heap_type){ .name = gs_strtab_id(&h->strings, GS_S("main.job")) };
	for (uint32_t i = 0; i < 2; i++)
		f->goroutines[i] = (gs_heap_goroutine){ .object = GS_HEAP_NONE, .start.function = worker };
	roots[0] = (gs_heap_root){ .object = 0, .name = list, .goroutine = GS_HEAP_NONE };
	roots[1] = (gs_heap_root){ .object = 4, .name = handle, .goroutine = 0, .kind = GS_HEAP_ROOT_STACK };
	roots[2] = (gs_heap_root){ .object = 5, .name = handle, .goroutine = 1, .kind = GS_HEAP_ROOT_STACK };
	if (!gs_dominators_build(f->mem, h, &f->d, &err))
		return false;
	f->names = gs_heap_names_build(f->mem, h, &f->d, &err);
	return f->names;
}

/* "var main.list 2/32 > main.node ...", each step with its objects and bytes, in order. */
static gs_str show(fixture *f, const gs_heap_paths *p)
{
	gs_str out = GS_S("");

	for (uint32_t i = 0; i + 1 < p->n; i++) {
		const gs_heap_step *s = &p->steps[p->order[i]];
		gs_str name = gs_strtab_get(&f->names->strings, s->name);

		out = gs_strf(f->mem, "%.*s%u %.*s %u %u/%u\n", GS_FMT(out), s->depth, GS_FMT(name), s->n_holders, (unsigned)s->count,
			      (unsigned)s->bytes);
	}
	return out;
}

TEST(dominators_merge_by_name)
{
	gs_heap_paths p;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	CHECK(gs_heap_paths_merge(f.mem, &f.h, &f.d, f.names, &(gs_heap_merge){ .up = &f.d.above }, &p, &err));
	CHECK_STR(show(&f, &p), GS_S("1 var main.list 1 3/48\n"
				"2 main.node 0 3/48\n"
				"1 held by several 0 2/32\n"
				"2 []uint8 0 2/32\n"
				"1 goroutine main.worker 2 2/32\n"
				"2 frame main.handle 0 2/32\n"
				"3 main.job 0 2/32\n"));
	CHECK_INT(p.steps[0].bytes, 112);
	gs_arena_free(f.mem);
}

TEST(shortest_ways_to_what_is_selected)
{
	uint64_t selected[1] = { 1u << 3 | 1u << 2 };
	gs_heap_paths p;
	gs_packed up;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	CHECK(gs_heap_shortest(f.mem, &f.h, &f.d, &up, &err));
	CHECK(gs_heap_paths_merge(f.mem, &f.h, &f.d, f.names, &(gs_heap_merge){ .up = &up, .selected = selected }, &p, &err));
	CHECK_STR(show(&f, &p), GS_S("1 var main.list 1 1/16\n"
				"2 main.node 0 1/16\n"
				"1 goroutine main.worker 1 1/16\n"
				"2 frame main.handle 0 1/16\n"
				"3 main.job 0 1/16\n"
				"4 []uint8 0 1/16\n"));
	gs_arena_free(f.mem);
}

TEST(holders_and_where_it_gathers)
{
	gs_heap_holders l;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	CHECK(gs_heap_holders_list(f.mem, &f.h, &f.d, f.names, &(gs_heap_holders_ask){ .kinds = ~0u }, &l, &err));
	CHECK_INT(l.n, 4);
	CHECK_STR(gs_strtab_get(&f.names->strings, l.rows[0].name), GS_S("var main.list"));
	CHECK_INT(l.rows[0].count, 3);
	CHECK_INT(l.rows[0].bytes, 48);
	CHECK_INT(l.rows[0].gathers_in, 1); /* 2 has less than half */
	CHECK_INT(l.rows[0].n_below, 1);
	CHECK_STR(gs_strtab_get(&f.names->strings, l.rows[1].name), GS_S("frame main.handle"));
	CHECK_INT(l.rows[1].n_goroutines, 2);
	CHECK_INT(l.rows[1].count, 2);
	CHECK_INT(l.rows[1].bytes, 32);
	CHECK_INT(l.rows[2].goroutine, 0);
	CHECK_INT(l.rows[2].bytes, 16);
	CHECK_INT(l.rows[3].goroutine, 1);
	CHECK(gs_heap_holders_list(f.mem, &f.h, &f.d, f.names, &(gs_heap_holders_ask){ .kinds = GS_HOLDER_VARIABLE }, &l, &err));
	CHECK_INT(l.n, 1);
	gs_arena_free(f.mem);
}

TEST(holders_that_are_chosen_hold_more_together)
{
	gs_heap_holders l;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	CHECK(gs_heap_holders_list(f.mem, &f.h, &f.d, f.names, &(gs_heap_holders_ask){ .kinds = ~0u, .name = gs_re_compile(f.mem, GS_S("^main\\.list$"), &err) }, &l, &err));
	CHECK_INT(l.n, 1);
	CHECK(l.is_chosen);
	CHECK_INT(l.count, l.rows[0].count);
	CHECK_INT(l.bytes, 48);
	/* All that there is but what the two do not share. */
	CHECK(gs_heap_holders_list(f.mem, &f.h, &f.d, f.names, &(gs_heap_holders_ask){ .kinds = ~0u, .name = gs_re_compile(f.mem, GS_S("list|handle"), &err) }, &l, &err));
	CHECK_INT(l.n, 2);
	CHECK_INT(l.rows[0].bytes + l.rows[1].bytes, 80);
	CHECK_INT(l.count, 7);
	CHECK_INT(l.bytes, 112);
	/* One goroutine of two: what several hold stays. */
	CHECK(gs_heap_holders_list(f.mem, &f.h, &f.d, f.names, &(gs_heap_holders_ask){ .kinds = GS_HOLDER_VARIABLE, .name = gs_re_compile(f.mem, GS_S("worker"), &err) }, &l, &err));
	CHECK_INT(l.n, 0);
	CHECK_INT(l.count, 0);
	CHECK(gs_heap_holders_list(f.mem, &f.h, &f.d, f.names, &(gs_heap_holders_ask){ .kinds = ~0u, .type = gs_re_compile(f.mem, GS_S("main.(node|job)"), &err) }, &l, &err));
	CHECK_INT(l.n, 2);
	CHECK_STR(gs_strtab_get(&f.names->strings, l.rows[0].name), GS_S("type main.node"));
	CHECK_INT(l.rows[0].n_of_type, 3);
	CHECK_INT(l.rows[0].bytes, 48);
	CHECK_INT(l.rows[1].bytes, 48); /* two jobs, and what both hold */
	CHECK_INT(l.rows[1].n_of_type, 2);
	CHECK_INT(l.bytes, 112);
	gs_arena_free(f.mem);
}

TEST(profile_of_what_retains)
{
	gs_heap_paths p;
	gs_profile *prof;
	int64_t objects = 0, bytes = 0;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	CHECK(gs_heap_paths_merge(f.mem, &f.h, &f.d, f.names, &(gs_heap_merge){ .up = &f.d.above }, &p, &err));
	prof = gs_heap_profile(f.mem, &f.h, &p, f.names, &err);
	CHECK(prof);
	CHECK_INT(prof->n_samples, 3); /* nodes, arrays, jobs */
	for (uint32_t i = 0; i < prof->n_samples; i++) {
		objects += prof->values[0][i];
		bytes += prof->values[1][i];
	}
	CHECK_INT(objects, 7);
	CHECK_INT(bytes, 112);
	gs_arena_free(f.mem);
}

TEST(objects_of_a_type_and_around_one)
{
	gs_heap_object_rows list, all;
	gs_heap_around around;
	uint64_t *selected;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	selected = gs_heap_objects_of_type(f.mem, &f.h, f.names, gs_re_compile(f.mem, GS_S("node$"), &err), &err);
	CHECK_INT(selected[0], 7);
	CHECK(gs_heap_objects_list(f.mem, &f.h, &f.d, selected, 32, GS_HEAP_BY_RETAINED, 0, &list, &err));
	CHECK_INT(list.n_rows, 2);
	CHECK_INT(list.n, 2);
	CHECK_INT(list.rows[0].object, 0);
	CHECK_INT(list.rows[0].retained_bytes, 48);
	CHECK_INT(list.rows[1].addr, 16);
	CHECK_INT(list.size_bytes, 32);
	selected[0] = 0x7f;
	for (uint32_t max = 1; max < 8; max++) { /* the first of all */
		CHECK(gs_heap_objects_list(f.mem, &f.h, &f.d, selected, 0, GS_HEAP_BY_RETAINED, 0, &all, &err));
		CHECK(gs_heap_objects_list(f.mem, &f.h, &f.d, selected, 0, GS_HEAP_BY_RETAINED, max, &list, &err));
		CHECK_INT(list.n, 7);
		CHECK_INT(list.n_rows, max);
		CHECK_INT(list.size_bytes, 112);
		for (uint32_t i = 0; i < max; i++)
			CHECK_INT(list.rows[i].object, all.rows[i].object);
	}
	CHECK(gs_heap_objects_list(f.mem, &f.h, &f.d, selected, 0, GS_HEAP_BY_ADDRESS, 2, &list, &err));
	CHECK(list.n_rows == 2 && list.rows[1].object == 1);
	CHECK(gs_heap_object_around(f.mem, &f.h, &f.d, 5, &around, &err));
	CHECK_INT(around.n_from, 0);
	CHECK_INT(around.n_roots, 1);
	CHECK_INT(around.roots[0], 2);
	CHECK_INT(around.n_to, 2);
	CHECK_INT(around.to[0], 3);
	CHECK(gs_heap_object_around(f.mem, &f.h, &f.d, 6, &around, &err));
	CHECK_INT(around.n_from, 2);
	CHECK_INT(around.n_roots, 0);
	gs_arena_free(f.mem);
}

/* Three moments; at the second the goroutines are not there yet, so that nothing of theirs grows all the time. */
TEST(diff_of_three_heaps)
{
	unsigned n_holders = 0, n_edges = 0;
	gs_heap_diff *diff;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	diff = gs_heap_diff_create(f.mem, &err);
	CHECK(diff);
	CHECK(gs_heap_diff_add(diff, &f.h, &err));
	f.h.n_roots = 1;
	f.h.n_goroutines = 0;
	CHECK(gs_heap_diff_add(diff, &f.h, &err));
	f.h.n_roots = 3;
	f.h.n_goroutines = 2;
	CHECK(gs_heap_diff_add(diff, &f.h, &err));
	gs_heap_diff_finish(diff);
	CHECK_INT(diff->n_sides, 3);
	for (uint32_t i = 0; i < diff->n; i++) {
		const gs_heap_diff_row *r = &diff->rows[i];
		gs_str name = gs_strtab_get(&diff->strings, r->name);

		n_holders += r->kind == GS_HEAP_DIFF_HOLDER;
		if (gs_str_eq(name, GS_S("var main.list"))) {
			/* Alone it retains the array as well. */
			CHECK_INT(r->at[0].retained_bytes, 48);
			CHECK_INT(r->at[1].retained_bytes, 64);
			CHECK_INT(r->growth_bytes, -16);
		}
		if (gs_str_eq(name, GS_S("frame main.handle"))) {
			CHECK_INT(r->at[1].count, 0);
			CHECK_INT(r->at[2].retained_bytes, 32);
			CHECK_INT(r->growth_bytes, -32);
		}
		if (gs_str_eq(name, GS_S("[]uint8"))) {
			CHECK(r->kind == GS_HEAP_DIFF_TYPE);
			CHECK_INT(r->at[2].own_bytes, 32);
			CHECK_INT(r->at[2].count, 2);
		}
		if (gs_str_eq(name, GS_S("main.job -> []uint8"))) {
			/* Two objects, one of them from both jobs. */
			CHECK(r->kind == GS_HEAP_DIFF_EDGE);
			CHECK_INT(r->at[2].count, 2);
			CHECK_INT(r->at[2].own_bytes, 32);
			CHECK_INT(r->growth_bytes, 0);
		}
		n_edges += r->kind == GS_HEAP_DIFF_EDGE;
	}
	CHECK_INT(n_holders, 4);
	CHECK_INT(n_edges, 3); /* node -> node, node -> []uint8 */
	gs_arena_free(f.mem);
}

/*
 * One byte in 64 was sampled: of the list's nodes (16 bytes, so that one stands for 4.5) two, of the goroutines' jobs one. Nodes are allocated by main.grow through
 * strings.Repeat, jobs by main.work.
 */
static void add_samples(fixture *f)
{
	static const char *const functions[] = { "strings.Repeat", "main.grow", "runtime.main", "main.work" };
	static const char *const files[] = { "/go/src/strings/strings.go", "/shop/main.go", "/go/src/runtime/proc.go", "/shop/main.go" };
	gs_heap *h = &f->h;

	h->call_frames = gs_new(f->mem, gs_heap_frame, 4);
	for (uint32_t i = 0; i < 4; i++)
		h->call_frames[i] = (gs_heap_frame){ .function = gs_strtab_id(&h->strings, gs_str_of(functions[i])),
						     .file = gs_strtab_id(&h->strings, gs_str_of(files[i])), .line = 10 * i, .is_inlined = i == 0 };
	h->calls = gs_new(f->mem, gs_heap_call, 3);
	h->calls[0] = (gs_heap_call){ 0x10, 0, 2 };
	h->calls[1] = (gs_heap_call){ 0x20, 2, 1 };
	h->calls[2] = (gs_heap_call){ 0x30, 3, 1 };
	h->sites = gs_new(f->mem, gs_heap_site, 2);
	h->n_sites = 2;
	h->sites[0] = (gs_heap_site){ .first_call = 0, .n_calls = 2, .object_bytes = 16, .allocs = 9, .alloc_bytes = 144 };
	h->sites[1] = (gs_heap_site){ .first_call = 2, .n_calls = 1, .object_bytes = 16, .allocs = 2, .frees = 1, .alloc_bytes = 32, .free_bytes = 16 };
	h->samples = gs_new(f->mem, gs_heap_sample, 3);
	h->n_samples = 3;
	h->samples[0] = (gs_heap_sample){ 0, 0 };
	h->samples[1] = (gs_heap_sample){ 2, 0 };
	h->samples[2] = (gs_heap_sample){ 5, 1 };
	h->sample_rate = 64;
}

TEST(allocated_by_whom)
{
	gs_heap_allocated_list rows;
	gs_heap_allocators list;
	gs_heap_places places;
	const gs_heap_place *p;
	uint32_t first;
	gs_err err;
	fixture f;

	CHECK(start(&f));
	add_samples(&f);
	CHECK_INT(gs_heap_samples_of(&f.h, 2, &first), 1);
	CHECK_INT(first, 1);
	CHECK_INT(gs_heap_samples_of(&f.h, 3, &first), 0);
	CHECK(gs_heap_places_find(f.mem, &f.h, &places, &err) && gs_heap_allocated_by_holder(f.mem, &f.h, &f.d, f.names, &rows, &err) &&
	      gs_heap_allocators_list(f.mem, &f.h, &places, &rows, false, &list, &err));
	CHECK_INT(list.n, 2);
	CHECK_INT(list.n_samples, 3);
	/* 2 / (1 - exp(-16 / 64)) */
	CHECK_INT(gs_heap_whole(list.rows[0].count), 9);
	CHECK_INT(gs_heap_whole(list.rows[0].bytes), 145);
	p = &places.list[list.rows[0].place];
	CHECK_STR(gs_strtab_get(&f.h.strings, p->function), GS_S("main.grow"));
	CHECK_STR(gs_strtab_get(&f.h.strings, p->library), GS_S("strings.Repeat"));
	CHECK_INT(p->line, 10);
	CHECK_STR(gs_strtab_get(&f.names->strings, list.rows[0].keepers[0].id), GS_S("var main.list"));
	CHECK_STR(gs_strtab_get(&f.names->strings, list.rows[1].keepers[0].id), GS_S("goroutine main.worker"));
	CHECK(list.rows[1].keepers[1].bytes == 0);
	gs_arena_free(f.mem);
}

TEST(ways_to_what_was_allocated)
{
	gs_heap_paths p;
	uint64_t *selected;
	bool *sites;
	gs_err err;
	fixture f;
	const gs_re *re;

	CHECK(start(&f));
	add_samples(&f);
	re = gs_re_compile(f.mem, GS_S("^main\\.grow$"), &err);
	sites = gs_heap_sites_matching(f.mem, &f.h, re, &err);
	CHECK(sites && sites[0] && !sites[1]);
	selected = gs_heap_objects_of_sites(f.mem, &f.h, sites, &err);
	CHECK_INT(selected[0], 1 << 0 | 1 << 2);
	CHECK(gs_heap_paths_merge(f.mem, &f.h, &f.d, f.names, &(gs_heap_merge){ .up = &f.d.above, .selected = selected, .sites = sites }, &p, &err));
	CHECK_STR(show(&f, &p), GS_S("1 var main.list 1 9/145\n2 main.node 0 9/145\n"));
	gs_arena_free(f.mem);
}
