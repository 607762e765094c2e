#include "base/arena.h"
#include "model/trie.h"
#include "tap.h"

enum { LOCATIONS = 300, STACKS = 20000, DEPTH = 40 };

typedef struct stacks {
	gs_span spans[LOCATIONS + 1];
	uint32_t *locations, *ends;
	uint32_t n_frames;
} stacks;

/* Stacks that share their upper part; every third location has inlined frames. */
static void make(stacks *s, gs_arena *mem)
{
	uint64_t x = 7;
	uint32_t at = 0;

	s->n_frames = 1;
	for (uint32_t i = 1; i <= LOCATIONS; i++) {
		s->spans[i] = (gs_span){ s->n_frames, 1 + (i % 3 == 0) * (i % 4) };
		s->n_frames += s->spans[i].n;
	}
	s->locations = gs_new(mem, uint32_t, STACKS * DEPTH);
	s->ends = gs_new(mem, uint32_t, STACKS);
	for (uint32_t i = 0; i < STACKS; i++) {
		uint32_t depth = (uint32_t)(gs_hash_u64(x++) % DEPTH);

		for (uint32_t d = 0; d < depth; d++) {
			uint32_t choice = (uint32_t)gs_hash_u64(x++);

			/* leaf first: the last ones are the shared callers */
			s->locations[at + depth - 1 - d] = 1 + (d < 10 ? d * 7 + choice % 2 : choice) % LOCATIONS;
		}
		s->ends[i] = at += depth;
	}
}

/* The stack of a node, leaf first, as frames. */
static uint32_t frames_of(const gs_trie *t, uint32_t node, uint32_t *out)
{
	uint32_t n = 0;

	for (; node; node = t->nodes[node].parent)
		out[n++] = t->nodes[node].frame;
	return n;
}

TEST(stacks_come_back_and_are_found_again_however_they_are_pushed)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 30);
	stacks *s = gs_new(mem, stacks, 1);
	uint32_t *nodes = gs_new(mem, uint32_t, STACKS), wrong = 0, backwards = 0;
	gs_trie t, one;

	make(s, mem);
	CHECK(gs_trie_init(&t) && gs_trie_init(&one));
	CHECK(gs_trie_push_stacks(&t, s->spans, s->locations, s->ends, STACKS, nodes));
	for (uint32_t i = 0; i < STACKS; i++) {
		uint32_t start = i ? s->ends[i - 1] : 0, node = 0, want = 0, frames[DEPTH * 4];
		uint32_t n = frames_of(&t, nodes[i], frames), k = 0;

		for (uint32_t d = start; d < s->ends[i]; d++)
			for (uint32_t f = 0; f < s->spans[s->locations[d]].n; f++)
				wrong += k >= n || frames[k++] != s->spans[s->locations[d]].first + f;
		wrong += k != n;
		for (uint32_t d = s->ends[i]; d-- > start;) {
			node = gs_trie_push(&t, node, s->spans[s->locations[d]]);
			want = gs_trie_push(&one, want, s->spans[s->locations[d]]);
		}
		wrong += node != nodes[i];
	}
	for (uint32_t i = 1; i < t.n; i++)
		backwards += t.nodes[i].parent >= i;
	CHECK_INT(wrong, 0);
	CHECK_INT(backwards, 0);
	CHECK_INT(t.n, one.n);
	CHECK(t.n > 100000); /* grown many times */
	gs_trie_release(&t);
	gs_trie_release(&one);
}

TEST(limits_and_failing_allocations)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 30);
	stacks *s = gs_new(mem, stacks, 1);
	uint32_t *nodes = gs_new(mem, uint32_t, STACKS);
	bool ok = false;
	gs_trie t;

	make(s, mem);
	CHECK(gs_trie_init(&t));
	t.max = 5000;
	CHECK(!gs_trie_push_stacks(&t, s->spans, s->locations, s->ends, STACKS, nodes));
	CHECK(t.n <= 5000);
	gs_trie_release(&t);
	for (uint64_t k = 1; k < 200 && !ok; k++) {
		gs_alloc_fail_after(k);
		ok = gs_trie_init(&t) && gs_trie_push_stacks(&t, s->spans, s->locations, s->ends, STACKS, nodes);
		gs_alloc_fail_after(0);
		gs_trie_release(&t);
	}
	CHECK(ok);
}
