#include <stdlib.h>

#include "analysis/heap_summary.h"
#include "heap_columns.h"
#include "tap.h"

#include "base/banned.h"

enum { MAX = 40 };

/* A heap of n objects of 16 bytes, object i at 16 * i. */
typedef struct small {
	gs_heap h;
	gs_heap_span span;
	uint64_t live[1];
	uint32_t rank[1], edge_at[MAX + 1], edge_to[MAX * MAX];
	gs_heap_root roots[MAX];
} small;

static void start(small *s, uint32_t n)
{
	*s = (small){ .span = { .elem_bytes = 16, .n_slots = n } };
	s->live[0] = ((uint64_t)1 << n) - 1;
	s->h = (gs_heap){ .spans = &s->span, .n_spans = 1, .live = s->live, .rank = s->rank, .n_live_words = 1,
			  .roots = s->roots, .all_goroutines = GS_HEAP_NONE };
	gs_heap_number(&s->h);
}

static void root(small *s, uint32_t object, uint32_t name)
{
	s->roots[s->h.n_roots++] = (gs_heap_root){ .object = object, .name = name, .goroutine = GS_HEAP_NONE };
}

/* Is `to` reached from the roots when `without` is gone? */
static bool reaches(const small *s, uint32_t to, uint32_t without)
{
	const gs_heap *h = &s->h;
	bool seen[MAX] = { false };
	uint32_t stack[MAX], n = 0;

	for (uint32_t i = 0; i < h->n_roots; i++) {
		uint32_t o = h->roots[i].object;

		if (o != without && !seen[o]) {
			seen[o] = true;
			stack[n++] = o;
		}
	}
	while (n) {
		uint32_t o = stack[--n];

		for (uint32_t k = s->edge_at[o]; k < s->edge_at[o + 1]; k++)
			if (s->edge_to[k] != without && !seen[s->edge_to[k]]) {
				seen[s->edge_to[k]] = true;
				stack[n++] = s->edge_to[k];
			}
	}
	return seen[to];
}

TEST(dominators_of_a_diamond)
{
	/* 0 -> 1, 2; 1 -> 3; 2 -> 3; 3 -> 4; another variable holds 2 as well */
	gs_arena *mem = gs_arena_create(1 << 20);
	gs_dominators d;
	gs_err err;
	small s;

	start(&s, 5);
	memcpy(s.edge_at, (uint32_t[]){ 0, 2, 3, 4, 5, 5 }, 6 * sizeof(uint32_t));
	memcpy(s.edge_to, (uint32_t[]){ 1, 2, 3, 3, 4 }, 5 * sizeof(uint32_t));
	root(&s, 0, 7);
	root(&s, 2, 8);
	set_edges(mem, &s.h, s.edge_at, s.edge_to);
	CHECK(gs_dominators_build(mem, &s.h, &d, &err));
	CHECK_INT(d.n_holders, 2);
	CHECK_INT(gs_dominators_above(&d, 0), 5);
	CHECK_INT(gs_dominators_above(&d, 1), 0);
	CHECK_INT(gs_dominators_above(&d, 2), gs_dominators_root(&d));
	CHECK_INT(gs_dominators_above(&d, 3), gs_dominators_root(&d));
	CHECK_INT(gs_dominators_above(&d, 4), 3);
	CHECK_INT(gs_dominators_retained(&d, 0), 32);
	CHECK_INT(gs_dominators_retained(&d, 3), 32);
	CHECK_INT(gs_dominators_retained(&d, 5), 32);
	CHECK_INT(gs_dominators_retained(&d, 6), 0);
	CHECK_INT(gs_dominators_retained(&d, gs_dominators_root(&d)), 80);
	gs_arena_free(mem);
}

/* How much of the tree and of what nodes retain is not as leaving out one object after the other says. */
static unsigned wrong_dominators(gs_arena *mem, const small *s)
{
	uint32_t n = s->h.n_objects;
	unsigned bad = 0;
	gs_dominators d;
	gs_err err;

	if (!gs_dominators_build(mem, &s->h, &d, &err))
		return 1;
	/* `a` dominates `b`: without it b is out of reach. And so is it in the tree. */
	for (uint32_t a = 0; a < n; a++) {
		uint64_t retained = 0;

		for (uint32_t b = 0; b < n; b++) {
			bool in_tree = false;

			if (!reaches(s, b, GS_HEAP_NONE) || !reaches(s, a, GS_HEAP_NONE))
				continue;
			for (uint32_t up = b; up != GS_HEAP_NONE; up = gs_dominators_above(&d, up))
				in_tree |= up == a;
			bad += in_tree != (a == b || !reaches(s, b, a));
			retained += in_tree ? 16 : 0;
		}
		if (reaches(s, a, GS_HEAP_NONE))
			bad += retained != gs_dominators_retained(&d, a);
	}
	return bad;
}

TEST(dominators_of_random_graphs)
{
	uint64_t seed = 1;
	unsigned bad = 0;

	for (unsigned round = 0; round < 2000; round++) {
		gs_arena *mem = gs_arena_create(1 << 22);
		small s;
		uint32_t n, e = 0;

		seed = gs_hash_u64(seed + round);
		n = 1 + (uint32_t)(seed % (MAX - 1));
		start(&s, n);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t degree;

			seed = gs_hash_u64(seed + i + 1);
			degree = (uint32_t)(seed >> 8) % (i % 7 ? 4 : 20); /* long rows are walked in another way */
			for (uint32_t k = 0; k < degree; k++)
				s.edge_to[e++] = (uint32_t)(gs_hash_u64(seed + k) % n);
			s.edge_at[i + 1] = e;
		}
		root(&s, 0, 1);
		root(&s, (uint32_t)(gs_hash_u64(seed) % n), 1 + round % 2);
		set_edges(mem, &s.h, s.edge_at, s.edge_to);
		bad += wrong_dominators(mem, &s);
		gs_arena_free(mem);
	}
	CHECK_INT(bad, 0);
}

/* Lists and trees in any order of addresses, with a few more edges. */
TEST(dominators_of_random_forests)
{
	uint64_t seed = 7;
	unsigned bad = 0;

	for (unsigned round = 0; round < 2000; round++) {
		gs_arena *mem = gs_arena_create(1 << 22);
		bool leads[MAX][MAX] = { { false } };
		uint32_t n = 2 + round % (MAX - 2), order[MAX], e = 0;
		small s;

		start(&s, n);
		for (uint32_t i = 0; i < n; i++) { /* upwards, downwards, mixed a little or wholly */
			order[i] = round & 1 ? i : n - 1 - i;
			seed = gs_hash_u64(seed + i + 1);
			if (i && seed % 16 < (round >> 1) % 16) {
				uint32_t k = (uint32_t)(seed >> 8) % i, other = order[k];

				order[k] = order[i];
				order[i] = other;
			}
		}
		for (uint32_t i = 1; i < n; i++) {
			seed = gs_hash_u64(seed + i + 1);
			leads[order[seed & 7 ? i - 1 : (seed >> 8) % i]][order[i]] = true;
			if (!((seed >> 4) % 16))
				leads[(seed >> 16) % n][(seed >> 24) % n] = true;
		}
		for (uint32_t i = 0; i < n; i++) {
			for (uint32_t k = 0; k < n; k++)
				if (leads[i][k])
					s.edge_to[e++] = k;
			s.edge_at[i + 1] = e;
		}
		root(&s, order[0], 1);
		set_edges(mem, &s.h, s.edge_at, s.edge_to);
		bad += wrong_dominators(mem, &s);
		gs_arena_free(mem);
	}
	CHECK_INT(bad, 0);
}

/* The list of all goroutines does not share in what one of them holds. */
TEST(dominators_hide_the_list_of_goroutines)
{
	gs_arena *mem = gs_arena_create(1 << 20);
	gs_heap_goroutine g = { .object = 1 };
	gs_dominators d;
	gs_err err;
	small s;

	start(&s, 3);
	memcpy(s.edge_at, (uint32_t[]){ 0, 1, 2, 2 }, 4 * sizeof(uint32_t));
	memcpy(s.edge_to, (uint32_t[]){ 1, 2 }, 2 * sizeof(uint32_t));
	root(&s, 0, 1);
	s.h.goroutines = &g;
	s.h.n_goroutines = 1;
	s.h.all_goroutines = 0;
	set_edges(mem, &s.h, s.edge_at, s.edge_to);
	CHECK(gs_dominators_build(mem, &s.h, &d, &err));
	CHECK_INT(d.n_holders, 2);
	CHECK_INT(gs_dominators_above(&d, 1), 4);
	CHECK_INT(gs_dominators_retained(&d, 3), 16);
	CHECK_INT(gs_dominators_retained(&d, 4), 32);
	gs_arena_free(mem);
}

/* A list of three of one type, whichever end lies first: the first retains all, and the type no more than that. */
TEST(summary_counts_each_byte_once)
{
	static const uint32_t edges[2][3] = { { 1, 2, 3 }, { 0, 1, 2 } }, rows[2][5] = { { 0, 1, 2, 3, 3 }, { 0, 0, 1, 2, 3 } };
	gs_heap_type types[2] = { { .name = 1 }, { .name = 2 } };
	uint32_t type_of[2][4] = { { 0, 0, 0, 1 }, { 1, 0, 0, 0 } };

	for (unsigned is_back = 0; is_back < 2; is_back++) {
		gs_arena *mem = gs_arena_create(1 << 20);
		gs_heap_summary sum;
		gs_dominators d;
		gs_err err;
		small s;

		start(&s, 4); /* 0 -> 1 -> 2 -> 3, or back */
		memcpy(s.edge_at, rows[is_back], sizeof(rows[0]));
		memcpy(s.edge_to, edges[is_back], sizeof(edges[0]));
		root(&s, is_back ? 3 : 0, 1);
		s.h.types = types;
		s.h.n_types = 2;
		s.h.type_ids = packed_of(mem, type_of[is_back], 4);
		set_edges(mem, &s.h, s.edge_at, s.edge_to);
		CHECK(gs_dominators_build(mem, &s.h, &d, &err));
		CHECK(gs_heap_summarize(mem, &s.h, &d, &sum, &err));
		CHECK_INT(sum.n_rows, 2);
		CHECK_INT(sum.rows[0].type, 0);
		CHECK_INT(sum.rows[0].count, 3);
		CHECK_INT(sum.rows[0].shallow_bytes, 48);
		CHECK_INT(sum.rows[0].retained_bytes, 64);
		CHECK_INT(sum.rows[1].retained_bytes, 16);
		gs_arena_free(mem);
	}
}
