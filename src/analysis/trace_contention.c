#include "analysis/trace_contention.h"

#include <stdlib.h>

#include "analysis/trace_frames.h"
#include "base/buf.h"
#include "base/map.h"

enum {
	PING_PONG_WORK_NS = 50000, /* longer work between two wakes is a hand-over, not a ping-pong */
	PING_PONG_TURNS = 16,
	CONVOY_COUNT = 16,
};

/* A wait that a goroutine or the runtime ended. */
typedef struct wait {
	int64_t start_ns, end_ns, run_ns; /* woken at end, ran at run */
	uint32_t place, goroutine, waker, waker_stack;
} wait;

typedef struct build {
	const gs_timeline *t;
	const gs_profile *p;
	GS_VEC(wait) waits;	  /* by goroutine, then time */
	uint32_t *first_wait;	  /* by goroutine, n_goroutines + 1 */
	GS_VEC(gs_wait_place) places;
	GS_VEC(gs_ping_pong) pongs;
	gs_map place_of, pong_of, pair_seen;
	uint32_t *own; /* by node: own node + 1 */
	bool reason_counts[256];
	bool failed;
} build;

static uint64_t mix(uint64_t a, uint64_t b)
{
	return gs_hash_u64(a * 0x9e3779b97f4a7c15u + b);
}

static uint32_t own_node(build *b, uint32_t stack)
{
	if (!b->own[stack])
		b->own[stack] = gs_trace_own_node(b->p, stack) + 1;
	return b->own[stack] - 1;
}

static uint64_t code_key(const build *b, uint32_t node)
{
	const gs_frame *f = &b->p->frames[b->p->nodes[node].frame];

	return node ? mix(f->function, (uint64_t)f->line) : 0;
}

static uint32_t place(build *b, uint8_t reason, uint32_t stack)
{
	uint32_t node = own_node(b, stack);
	bool is_new, gc = gs_trace_is_collector(b->p, stack);
	uint32_t *at = gs_map_put(&b->place_of, mix(code_key(b, node), reason * 2u + gc), &is_new);

	if (at && is_new) {
		gs_wait_place *to = gs_vec_push(&b->places, INT32_MAX);

		if (!to) {
			b->failed = true;
			return 0;
		}
		*at = (uint32_t)b->places.n - 1;
		to->reason = reason;
		to->is_collector = gc;
		to->node = node;
	}
	b->failed = b->failed || !at;
	return at ? *at : 0;
}

static void collect(build *b, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	gs_interval_walk w = gs_intervals_from(b->t, goroutine, start_ns);
	gs_interval now, next;
	bool has = gs_interval_next(&w, &now);

	while (has && now.start_ns < end_ns && !b->failed) {
		bool has_next = gs_interval_next(&w, &next);

		if (now.phase == GS_PHASE_WAITING && b->reason_counts[now.reason] && now.start_ns >= start_ns && has_next &&
		    next.phase == GS_PHASE_RUNNABLE && now.end_ns <= end_ns) {
			wait *to = gs_vec_push(&b->waits, UINT32_MAX - 1);

			if (!to) {
				b->failed = true;
				return;
			}
			*to = (wait){ .start_ns = now.start_ns,
				      .end_ns = now.end_ns,
				      .run_ns = next.end_ns,
				      .place = place(b, now.reason, now.stack),
				      .goroutine = goroutine,
				      .waker = next.peer,
				      .waker_stack = next.stack };
		}
		now = next;
		has = has_next;
	}
}

/* The last wait of a goroutine that ended before `time_ns`. */
static const wait *last_wait(const build *b, uint32_t goroutine, int64_t time_ns)
{
	uint32_t low = b->first_wait[goroutine], high = b->first_wait[goroutine + 1], first = low;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (b->waits.p[mid].end_ns < time_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low > first ? &b->waits.p[low - 1] : NULL;
}

static void add_pong(build *b, const wait *a, const wait *o)
{
	uint64_t ka = mix(code_key(b, b->places.p[a->place].node), b->t->goroutines[a->goroutine].name);
	uint64_t ko = mix(code_key(b, b->places.p[o->place].node), b->t->goroutines[o->goroutine].name);
	uint32_t low = a->goroutine < o->goroutine ? a->goroutine : o->goroutine;
	uint32_t high = a->goroutine < o->goroutine ? o->goroutine : a->goroutine;
	/* A pair is one row, whoever of the two waits. */
	uint64_t key = ka < ko ? mix(ka, ko) : mix(ko, ka);
	bool is_new, is_new_pair;
	uint32_t *at = gs_map_put(&b->pong_of, key, &is_new);
	gs_ping_pong *row;

	if (at && is_new) {
		row = gs_vec_push(&b->pongs, INT32_MAX);
		if (row) {
			*at = (uint32_t)b->pongs.n - 1;
			row->node_a = b->places.p[a->place].node;
			row->node_b = b->places.p[o->place].node;
			row->name_a = b->t->goroutines[a->goroutine].name;
			row->name_b = b->t->goroutines[o->goroutine].name;
		}
	} else {
		row = at ? &b->pongs.p[*at] : NULL;
	}
	if (!row || !gs_map_put(&b->pair_seen, mix(key, (uint64_t)low << 32 | high), &is_new_pair)) {
		b->failed = true;
		return;
	}
	row->turns++;
	row->pairs += is_new_pair;
	row->busy_ns += a->end_ns - o->run_ns;
	row->switch_ns += o->run_ns - o->end_ns;
}

typedef struct waker_row {
	uint32_t place, node, name;
	int64_t ns;
} waker_row;

static void add_waits(build *b, gs_map *waker_of)
{
	GS_VEC(waker_row) wakers = { 0 };

	for (size_t i = 0; i < b->waits.n && !b->failed; i++) {
		const wait *w = &b->waits.p[i];
		gs_wait_place *at = &b->places.p[w->place];
		int64_t ns = w->end_ns - w->start_ns;
		const wait *o;
		uint32_t *slot, node, name;
		bool is_new;

		at->count++;
		at->total_ns += ns;
		at->max_ns = ns > at->max_ns ? ns : at->max_ns;
		if (w->waker == GS_NO_INDEX)
			continue;
		node = own_node(b, w->waker_stack);
		name = b->t->goroutines[w->waker].name;
		slot = gs_map_put(waker_of, mix(mix(w->place, code_key(b, node)), name), &is_new);
		if (slot && is_new) {
			waker_row *to = gs_vec_push(&wakers, INT32_MAX);

			*slot = (uint32_t)wakers.n - 1;
			if (to)
				*to = (waker_row){ .place = w->place, .node = node, .name = name };
			b->failed = b->failed || !to;
		}
		if (!slot || b->failed) {
			b->failed = true;
			break;
		}
		wakers.p[*slot].ns += ns;
		o = last_wait(b, w->waker, w->end_ns);
		if (!o)
			continue;
		if (o->place == w->place)
			at->handed_on++;
		/* It was woken by this one, and wakes it now, with little in between. */
		if (o->waker == w->goroutine && o->run_ns <= w->end_ns && w->end_ns - o->run_ns < PING_PONG_WORK_NS &&
		    o->end_ns <= w->start_ns)
			add_pong(b, w, o);
	}
	for (size_t i = 0; i < wakers.n; i++) {
		gs_wait_place *at = &b->places.p[wakers.p[i].place];

		if (wakers.p[i].ns >= at->waker_ns) {
			at->waker_ns = wakers.p[i].ns;
			at->waker_node = wakers.p[i].node;
			at->waker_name = wakers.p[i].name;
		}
	}
	gs_vec_release(&wakers);
}

typedef struct edge {
	uint32_t place;
	int64_t time2; /* time * 2 + (1: a wait begins) */
} edge;

static int by_place_and_time(const void *a, const void *b)
{
	const edge *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->time2 < y->time2 ? -1 : x->time2 > y->time2;
}

static void count_waiting(build *b, gs_arena *scratch, int64_t span_ns)
{
	size_t n = b->waits.n * 2;
	edge *edges = gs_try_new(scratch, edge, n);
	uint32_t waiting = 0;

	if (!edges) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < b->waits.n; i++) {
		edges[2 * i] = (edge){ b->waits.p[i].place, b->waits.p[i].start_ns * 2 + 1 };
		edges[2 * i + 1] = (edge){ b->waits.p[i].place, b->waits.p[i].end_ns * 2 };
	}
	qsort(edges, n, sizeof(*edges), by_place_and_time);
	for (size_t i = 0; i < n; i++) {
		gs_wait_place *at = &b->places.p[edges[i].place];

		if (i && edges[i].place != edges[i - 1].place)
			waiting = 0;
		waiting = edges[i].time2 & 1 ? waiting + 1 : waiting - 1;
		at->most_waiting = waiting > at->most_waiting ? waiting : at->most_waiting;
	}
	for (size_t i = 0; i < b->places.n; i++) {
		gs_wait_place *at = &b->places.p[i];

		at->mean_waiting = span_ns > 0 ? (double)at->total_ns / (double)span_ns : 0;
		at->is_convoy = !at->is_collector && at->count >= CONVOY_COUNT && at->most_waiting >= 3 && at->handed_on * 2 > at->count;
	}
}

static int places_by_total(const void *a, const void *b)
{
	const gs_wait_place *x = a, *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns > y->total_ns ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static int pongs_by_turns(const void *a, const void *b)
{
	const gs_ping_pong *x = a, *y = b;

	if (x->turns != y->turns)
		return x->turns > y->turns ? -1 : 1;
	return x->node_a < y->node_a ? -1 : x->node_a > y->node_a;
}

static bool finish(build *b, gs_arena *mem, gs_contention *c)
{
	c->places = gs_try_new(mem, gs_wait_place, b->places.n);
	c->ping_pongs = gs_try_new(mem, gs_ping_pong, b->pongs.n);
	if (!c->places || !c->ping_pongs)
		return false;
	for (size_t i = 0; i < b->places.n; i++) {
		c->total_ns += b->places.p[i].total_ns;
		if (b->places.p[i].count)
			c->places[c->n_places++] = b->places.p[i];
	}
	for (size_t i = 0; i < b->pongs.n; i++)
		if (b->pongs.p[i].turns >= PING_PONG_TURNS)
			c->ping_pongs[c->n_ping_pongs++] = b->pongs.p[i];
	qsort(c->places, c->n_places, sizeof(*c->places), places_by_total);
	qsort(c->ping_pongs, c->n_ping_pongs, sizeof(*c->ping_pongs), pongs_by_turns);
	return true;
}

gs_contention *gs_contention_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, int64_t start_ns, int64_t end_ns,
				   gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	gs_contention *c = gs_new(mem, gs_contention, 1);
	build b = { .t = t, .p = p };
	GS_AUTO(map) wakers = { 0 };
	int64_t end = end_ns < t->duration_ns ? end_ns : t->duration_ns;

	b.own = gs_try_new(scratch, uint32_t, p->n_nodes);
	b.first_wait = gs_try_new(scratch, uint32_t, (size_t)t->n_goroutines + 1);
	b.failed = !b.own || !b.first_wait;
	for (uint32_t i = 0; i < t->n_reasons && i < 256; i++) {
		gs_str name = gs_profile_str(p, t->reasons[i]);

		b.reason_counts[i] = gs_str_has(name, GS_S("sync")) || gs_str_has(name, GS_S("chan")) || gs_str_has(name, GS_S("select"));
	}
	for (uint32_t g = 0; g < t->n_goroutines && !b.failed; g++) {
		b.first_wait[g] = (uint32_t)b.waits.n;
		collect(&b, g, start_ns, end);
		b.first_wait[g + 1] = (uint32_t)b.waits.n;
	}
	if (!b.failed)
		add_waits(&b, &wakers);
	if (!b.failed)
		count_waiting(&b, scratch, end - start_ns);
	b.failed = b.failed || !finish(&b, mem, c);
	gs_vec_release(&b.waits);
	gs_vec_release(&b.places);
	gs_vec_release(&b.pongs);
	gs_map_release(&b.place_of);
	gs_map_release(&b.pong_of);
	gs_map_release(&b.pair_seen);
	if (b.failed)
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the contention report");
	return b.failed ? NULL : c;
}
