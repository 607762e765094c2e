#include "analysis/heap_suspects.h"
#include "analysis/leaks.h"
#include "heap_columns.h"
#include "tap.h"

#include "base/banned.h"

enum { MAX = 60 };

/* A heap of n objects of 16 bytes, object i at 16 * i; goroutines whose roots are given one by one. */
typedef struct small {
	gs_arena *mem;
	gs_heap h;
	gs_heap_span span;
	uint64_t live[1];
	uint32_t rank[1], edge_at[MAX + 1], edge_to[MAX], type_of[MAX];
	gs_heap_type types[1];
	gs_heap_root roots[MAX];
	gs_heap_goroutine goroutines[32];
	gs_heap_frame frames[32];
	gs_heap_wait waits[32];
} small;

/* pairs: from, to; in order of from. */
static void start(small *s, uint32_t n, const uint32_t (*pairs)[2], uint32_t n_pairs)
{
	*s = (small){ .mem = gs_arena_create(1 << 24), .span = { .elem_bytes = 16, .n_slots = n } };
	s->live[0] = ((uint64_t)1 << n) - 1;
	s->h = (gs_heap){ .mem = s->mem, .spans = &s->span, .n_spans = 1, .live = s->live, .rank = s->rank, .n_live_words = 1, .types = s->types,
			  .n_types = 1, .roots = s->roots,
			  .goroutines = s->goroutines, .frames = s->frames, .waits = s->waits, .all_goroutines = GS_HEAP_NONE };
	gs_heap_number(&s->h);
	gs_strtab_init(&s->h.strings, s->mem);
	for (uint32_t i = 0; i < n_pairs; i++) {
		s->edge_at[pairs[i][0] + 1]++;
		s->edge_to[i] = pairs[i][1];
	}
	for (uint32_t i = 0; i < n; i++)
		s->edge_at[i + 1] += s->edge_at[i];
	set_edges(s->mem, &s->h, s->edge_at, s->edge_to);
	s->h.type_ids = packed_of(s->mem, s->type_of, n);
}

static void root(small *s, uint32_t goroutine, uint32_t object)
{
	s->roots[s->h.n_roots++] = (gs_heap_root){ .object = object, .goroutine = goroutine, .frame = GS_HEAP_NONE,
						   .kind = goroutine == GS_HEAP_NONE ? GS_HEAP_ROOT_GLOBAL : GS_HEAP_ROOT_STACK };
}

/* It stands in a function of that name. */
static uint32_t goroutine(small *s, const char *function, const char *state)
{
	uint32_t i = s->h.n_goroutines++;

	s->frames[i] = (gs_heap_frame){ .function = gs_strtab_id(&s->h.strings, gs_str_of(function)), .line = 7 };
	s->h.n_frames = i + 1;
	s->goroutines[i] = (gs_heap_goroutine){ .id = i + 1, .object = GS_HEAP_NONE, .stack_bytes = 2048, .first_frame = i, .n_frames = 1,
						.status = *state ? GS_HEAP_G_WAITING : GS_HEAP_G_RUNNING, .first_wait = s->h.n_waits,
						.wait_reason = gs_strtab_id(&s->h.strings, gs_str_of(state)) };
	return i;
}

static gs_heap_wait *wait_for(small *s, uint32_t g, gs_heap_wait_kind kind, uint32_t object)
{
	gs_heap_wait *w = &s->waits[s->h.n_waits++];

	*w = (gs_heap_wait){ .addr = 16 * object, .object = object, .waiter_object = GS_HEAP_NONE, .goroutine = g, .kind = (uint8_t)kind,
			     .is_settled = true };
	s->goroutines[g].n_waits++;
	return w;
}

static gs_leak_proof prove(small *s)
{
	gs_leak_proof p;
	gs_err err;

	CHECK(gs_leak_prove(s->mem, &s->h, NULL, &p, &err));
	return p;
}

TEST(a_channel_that_only_its_sender_has)
{
	small s;
	gs_leak_proof p;
	uint32_t g;

	start(&s, 3, (const uint32_t[][2]){ { 0, 1 } }, 1);
	goroutine(&s, "main.main", "");
	root(&s, GS_HEAP_NONE, 2);
	g = goroutine(&s, "main.send", "chan send");
	root(&s, g, 0);
	wait_for(&s, g, GS_HEAP_WAIT_SEND, 1);
	p = prove(&s);
	CHECK_INT(p.state[0], GS_LEAK_RUNS);
	CHECK_INT(p.state[g], GS_LEAK_STUCK);
	CHECK_INT(p.n_stuck, 1);
	CHECK_INT(p.from[1], GS_HEAP_NONE);
	CHECK_INT(p.from[2], 3);
	s.h.totals.unread = 1; /* what was not read may lead there */
	CHECK_INT(prove(&s).n_stuck, 0);
	gs_arena_free(s.mem);
}

/* ---- locks that share their place in memory ---- */

static const gs_heap_reference *given;
static uint32_t n_given;

static void references(gs_heap_look *l, const uint64_t *only, void *ctx, void (*take)(void *ctx, const gs_heap_reference *r))
{
	(void)l;
	for (uint32_t i = 0; i < n_given; i++)
		if (only[given[i].to / 64] >> (given[i].to & 63) & 1)
			take(ctx, &given[i]);
}

static gs_heap_look *look_of(const gs_heap *h, gs_arena *mem)
{
	gs_heap_look *l = gs_new(mem, gs_heap_look, 1);

	(void)h;
	l->references = references;
	return l;
}

/* A semaphore at byte 4 of object 1, which a variable and object 0 of another have pointers into: is who waits for it stuck? */
static bool is_stuck_beside(const gs_heap_reference *list, uint32_t n, bool is_tiny)
{
	gs_leak_proof p;
	uint32_t g;
	bool is;
	small s;

	start(&s, 2, (const uint32_t[][2]){ { 0, 1 } }, 1);
	s.span.is_tiny = is_tiny;
	s.h.look = look_of;
	given = list;
	n_given = n;
	goroutine(&s, "main.main", "");
	root(&s, GS_HEAP_NONE, 0);
	root(&s, GS_HEAP_NONE, 1);
	g = goroutine(&s, "main.lock", "sync.Mutex.Lock");
	wait_for(&s, g, GS_HEAP_WAIT_SEMAPHORE, 1)->addr = 16 + 4;
	p = prove(&s);
	is = p.state[g] == GS_LEAK_STUCK;
	CHECK_INT(p.from[0], 2);
	CHECK_INT(p.from[1] == GS_HEAP_NONE, is);
	CHECK_INT(p.n_stuck, is);
	gs_arena_free(s.mem);
	return is;
}

TEST(a_pointer_beside_a_lock_is_no_way_to_it)
{
	const gs_heap_reference behind = { .from = GS_HEAP_NONE, .root = 1, .to = 1, .offset = 8, .reach_bytes = 8 };
	const gs_heap_reference in_front = { .from = 0, .root = GS_HEAP_NONE, .to = 1, .offset = 0, .reach_bytes = 4 };
	gs_heap_reference also = in_front, longer = in_front, other_variable = behind;

	also.offset = 4;
	longer.reach_bytes = 5;
	other_variable.offset = 0;
	other_variable.reach_bytes = 16;
	CHECK(is_stuck_beside((const gs_heap_reference[]){ behind, in_front }, 2, true));
	CHECK(!is_stuck_beside((const gs_heap_reference[]){ behind, in_front }, 2, false)); /* one value, and who knows what is in it */
	CHECK(!is_stuck_beside((const gs_heap_reference[]){ behind, longer }, 2, true));
	CHECK(!is_stuck_beside((const gs_heap_reference[]){ behind, in_front, also }, 3, true));
	CHECK(!is_stuck_beside((const gs_heap_reference[]){ behind, also, in_front }, 3, true));
	CHECK(!is_stuck_beside((const gs_heap_reference[]){ other_variable, in_front }, 2, true));
	CHECK(!is_stuck_beside(&behind, 1, true)); /* of the other pointer nobody said anything */
}

TEST(a_chain_of_goroutines_comes_to_life)
{
	/* A variable holds channel 0; who waits for it holds channel 1; who waits for that holds channel 2 */
	small s;
	gs_leak_proof p;

	start(&s, 3, NULL, 0);
	goroutine(&s, "main.main", "sleep");
	root(&s, GS_HEAP_NONE, 0);
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t g = goroutine(&s, "main.pass", "chan receive");

		root(&s, g, i);
		if (i < 2)
			root(&s, g, i + 1);
		wait_for(&s, g, GS_HEAP_WAIT_RECEIVE, i);
	}
	p = prove(&s);
	CHECK_INT(p.n_stuck, 0);
	CHECK_INT(p.n_waiting, 3);
	CHECK_INT(p.woken_by[3], 2);
	gs_arena_free(s.mem);
}

TEST(doubt_is_no_proof)
{
	small s;
	gs_leak_proof p;
	uint32_t g;

	start(&s, 4, NULL, 0);
	goroutine(&s, "main.main", "");
	g = goroutine(&s, "main.a", "chan receive"); /* about to be woken, or a timer's */
	root(&s, g, 0);
	wait_for(&s, g, GS_HEAP_WAIT_RECEIVE, 0)->is_settled = false;
	g = goroutine(&s, "main.b", "sync.Mutex.Lock"); /* a variable's lock */
	wait_for(&s, g, GS_HEAP_WAIT_SEMAPHORE, 0)->object = GS_HEAP_NONE;
	goroutine(&s, "main.c", "chan receive"); /* what it waits for could not be read */
	goroutine(&s, "main.d", "IO wait");
	g = goroutine(&s, "main.e", "select"); /* one of the two is held by somebody */
	wait_for(&s, g, GS_HEAP_WAIT_RECEIVE, 1);
	wait_for(&s, g, GS_HEAP_WAIT_RECEIVE, 2);
	root(&s, 0, 2);
	p = prove(&s);
	CHECK_INT(p.n_stuck, 0);
	gs_arena_free(s.mem);
}

TEST(records_of_waits_are_no_way)
{
	/* The table of semaphores (a variable) leads to the waiter's record 0, that to the lock 1 and to the goroutine's record 2. */
	small s;
	gs_leak_proof p;
	uint32_t g;

	start(&s, 3, (const uint32_t[][2]){ { 0, 1 }, { 0, 2 }, { 2, 0 } }, 3);
	goroutine(&s, "main.main", "");
	root(&s, GS_HEAP_NONE, 0);
	g = goroutine(&s, "main.lock", "sync.Mutex.Lock");
	s.goroutines[g].object = 2;
	wait_for(&s, g, GS_HEAP_WAIT_SEMAPHORE, 1)->waiter_object = 0;
	p = prove(&s);
	CHECK_INT(p.state[g], GS_LEAK_STUCK);
	gs_arena_free(s.mem);
}

TEST(two_that_wait_for_each_other)
{
	small s;
	gs_leak_proof p;
	gs_leaks l;
	gs_leak_options o = { .min_count = 50, .min_wait_ns = INT64_MAX };
	gs_err err;

	start(&s, 3, NULL, 0);
	goroutine(&s, "main.main", "");
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t g = goroutine(&s, i ? "main.right" : "main.left", "sync.Mutex.Lock");

		root(&s, g, 0);
		root(&s, g, 1);
		wait_for(&s, g, GS_HEAP_WAIT_SEMAPHORE, i);
	}
	root(&s, 1, 2); /* only one holds this */
	p = prove(&s);
	CHECK_INT(p.n_stuck, 2);
	CHECK(gs_leaks_build(s.mem, &s.h, &p, NULL, &o, &l, &err));
	CHECK_INT(l.n_proven, 2);
	CHECK_INT(l.groups[0].heap_bytes, 16);
	CHECK_INT(l.groups[1].heap_bytes, 0);
	CHECK_INT(l.heap_bytes, 48);
	CHECK_INT(l.groups[0].cycle, 1);
	CHECK_INT(l.groups[1].cycle, 1);
	CHECK_STR(l.groups[0].where.function, GS_S("main.left"));
	CHECK_INT(l.groups[0].n_users, 1);
	CHECK_INT(l.groups[0].users[0].kind, GS_LEAK_BY_GOROUTINE);
	CHECK_INT(l.groups[0].users[0].index, 2);
	gs_arena_free(s.mem);
}

TEST(many_at_a_line_are_suspects_with_a_way)
{
	/* var -> 0 -> channel 1 */
	small s;
	gs_leak_proof p;
	gs_leaks l;
	gs_map before[1] = { 0 };
	gs_leak_options o = { .min_count = 3, .min_wait_ns = INT64_MAX };
	gs_err err;

	start(&s, 2, (const uint32_t[][2]){ { 0, 1 } }, 1);
	goroutine(&s, "main.main", "");
	root(&s, GS_HEAP_NONE, 0);
	for (uint32_t i = 0; i < 5; i++)
		wait_for(&s, goroutine(&s, "main.worker", "chan receive"), GS_HEAP_WAIT_RECEIVE, 1);
	p = prove(&s);
	CHECK(gs_leaks_build(s.mem, &s.h, &p, NULL, &o, &l, &err));
	CHECK_INT(l.n_proven, 0);
	CHECK_INT(l.n_suspects, 1);
	CHECK_INT(l.groups[0].n, 5);
	CHECK_INT(l.groups[0].n_way, 2);
	CHECK_INT(l.groups[0].way[0], 1);
	CHECK_INT(l.groups[0].way[1], 0);
	CHECK_INT(l.groups[0].way_from, 2);
	o.min_count = 6;
	CHECK(gs_leaks_build(s.mem, &s.h, &p, NULL, &o, &l, &err));
	CHECK_INT(l.n_suspects, 0);
	o.before = before; /* nobody there before */
	o.n_before = 1;
	CHECK(gs_leaks_build(s.mem, &s.h, &p, NULL, &o, &l, &err));
	CHECK_INT(l.n_suspects, 1);
	CHECK(l.groups[0].is_growing);
	CHECK_INT(l.groups[0].n_before, 0);
	CHECK(gs_leak_count(&s.h, &before[0], &err));
	CHECK(gs_leaks_build(s.mem, &s.h, &p, NULL, &o, &l, &err));
	CHECK_INT(l.n_suspects, 0);
	gs_map_release(&before[0]);
	gs_arena_free(s.mem);
}

/* Of a place where 30 wait in the end, at 7 moments: whether it is a suspect, and its slope. */
static bool grows(const uint32_t *earlier, double *slope, gs_trend_verdict *verdict)
{
	static const double at_s[7] = { 3, 5, 7, 9, 11, 13, 15 };
	small s;
	gs_leak_proof p;
	gs_leaks l;
	gs_map before[6] = { 0 };
	gs_leak_options o = { .min_count = 1000, .min_wait_ns = INT64_MAX, .before = before, .n_before = 6, .at_s = at_s, .confidence = 0.95 };
	gs_err err;
	bool is_suspect;

	start(&s, 1, NULL, 0);
	goroutine(&s, "main.main", "");
	root(&s, GS_HEAP_NONE, 0);
	for (uint32_t i = 0; i < 30; i++)
		wait_for(&s, goroutine(&s, "main.worker", "chan receive"), GS_HEAP_WAIT_RECEIVE, 0);
	p = prove(&s);
	for (unsigned m = 0; m < 6; m++) {
		uint32_t all = s.h.n_goroutines;

		s.h.n_goroutines = 1 + earlier[m];
		CHECK(gs_leak_count(&s.h, &before[m], &err));
		s.h.n_goroutines = all;
	}
	CHECK(gs_leaks_build(s.mem, &s.h, &p, NULL, &o, &l, &err));
	is_suspect = l.n_suspects == 1 && l.groups[0].is_growing;
	*slope = l.groups[0].trend->fit.slope;
	*verdict = l.groups[0].trend->verdict;
	CHECK(l.is_timed);
	CHECK_INT(l.n_moments, 7);
	CHECK_INT(l.groups[0].n_before, earlier[0]);
	for (unsigned m = 0; m < 6; m++)
		gs_map_release(&before[m]);
	gs_arena_free(s.mem);
	return is_suspect;
}

TEST(from_five_moments_on_growth_is_what_chance_would_hardly_do)
{
	gs_trend_verdict verdict;
	double slope;

	CHECK(grows((const uint32_t[]){ 0, 5, 10, 15, 20, 25 }, &slope, &verdict));
	CHECK(slope > 2.49 && slope < 2.51);
	CHECK_INT(verdict, GS_TREND_GROWING);
	CHECK(!grows((const uint32_t[]){ 22, 29, 25, 23, 30, 24 }, &slope, &verdict)); /* more than at first, all the same */
	CHECK_INT(verdict, GS_TREND_UNCLEAR);
	CHECK(!grows((const uint32_t[]){ 30, 30, 30, 30, 30, 30 }, &slope, &verdict));
	CHECK_INT(verdict, GS_TREND_STEADY);
}

TEST(memory_gathers_below_the_last_single_thing)
{
	/* held by: var a (1000) -> map (1 object) -> pages (90 objects, 900); var b (50) */
	gs_arena *mem = gs_arena_create(1 << 22);
	gs_heap_names names = { 0 };
	gs_heap_step steps[6] = {
		{ .count = 94, .bytes = 1050 },
		{ .parent = 0, .depth = 1, .n_holders = 1, .count = 93, .bytes = 1000 },
		{ .parent = 1, .depth = 2, .own_count = 1, .own_bytes = 60, .count = 93, .bytes = 1000 },
		{ .parent = 2, .depth = 3, .own_count = 2, .own_bytes = 40, .count = 92, .bytes = 940 },
		{ .parent = 3, .depth = 4, .own_count = 90, .own_bytes = 900, .count = 90, .bytes = 900 },
		{ .parent = 0, .depth = 1, .n_holders = 1, .own_count = 0, .count = 1, .bytes = 50 },
	};
	gs_heap_paths held = { .steps = steps, .n = 6 };
	gs_dominators d = { .n_objects = 4, .retained = packed_of(mem, (uint32_t[]){ 1000, 440, 500, 10 }, 4) };
	gs_heap_suspects found;
	gs_heap_before before;
	gs_err err;

	gs_strtab_init(&names.strings, mem);
	for (uint32_t i = 1; i < 6; i++) {
		steps[i].name = gs_strtab_id(&names.strings, gs_strf(mem, "n%u", i));
		steps[i].largest = GS_HEAP_NONE;
	}
	steps[2].largest = 0;
	steps[3].largest = 1;
	steps[4].largest = 3;
	CHECK(gs_heap_suspects_find(mem, &held, &d, &names, 100, NULL, &found, &err));
	CHECK_INT(found.n, 1);
	CHECK_INT(found.rows[0].step, 2);
	CHECK_INT(found.rows[0].elements, 4);
	CHECK_INT(found.rows[0].bytes, 1000);
	CHECK_INT(found.rows[0].count, 90);
	steps[3].largest = 2; /* one of the two has more than half: the pages are its */
	CHECK(gs_heap_suspects_find(mem, &held, &d, &names, 100, NULL, &found, &err));
	CHECK_INT(found.n, 1);
	CHECK_INT(found.rows[0].step, 3);
	CHECK_INT(found.rows[0].bytes, 940);
	steps[3].largest = 1;
	CHECK(gs_heap_before_make(mem, &held, &names, &before, &err));
	steps[2].bytes = 3000;
	CHECK(gs_heap_suspects_find(mem, &held, &d, &names, 100, &before, &found, &err));
	CHECK_INT(found.rows[0].retained, 3000);
	CHECK_INT(found.rows[0].retained_before, 1000);
	gs_map_release(&before.index);
	gs_arena_free(mem);
}

