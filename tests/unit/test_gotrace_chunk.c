/* Transitions as chunks: what goes in comes out by goroutine, whatever the size of the dictionaries. */
#include "load/gotrace_chunk.h"

#include <stdlib.h>

#include "tap.h"

enum { N_GOROUTINES = 500 };

typedef struct shape {
	uint32_t n, stacks, procs;
} shape;

static gs_trace_transition make(const shape *s, uint32_t i)
{
	uint32_t r = (uint32_t)(((uint64_t)i * 2654435761u) >> 7);

	return (gs_trace_transition){ .time_ns = 1000 + (int64_t)i * 3, .event = i, .goroutine = r % N_GOROUTINES, .stack = r % s->stacks,
				      .peer = i % 3 ? GS_NO_INDEX : r % 77, .proc = (uint16_t)(r % s->procs), .thread = (uint16_t)(r % 5),
				      .phase = (uint8_t)(2 + i % 4), .flags = i % 3 ? 0 : GS_KIND_HAS_PEER };
}

/* What a row of a chunk was made of. */
typedef struct seen {
	uint32_t chunk; /* + 1 */
	gs_trace_transition of;
	gs_trace_row row;
} seen;
enum { N_SEEN = 997 };

static bool is_same(const gs_trace_transition *a, const gs_trace_transition *b)
{
	return a->stack == b->stack && a->proc == b->proc && a->thread == b->thread && a->phase == b->phase && a->flags == b->flags;
}

/* What was there before goes by the short way, where that is open. */
static bool add(gs_trace_chunks *c, const gs_trace_transition *t, gs_trace_piece_at *at, seen *all, uint32_t *n_quick)
{
	seen *s = &all[(t->stack * 31u + t->proc * 7u + t->thread * 3u + t->phase) % N_SEEN];
	bool ok;

	if (s->chunk == c->number + 1 && is_same(&s->of, t) && gs_trace_chunks_is_quick(c, t->time_ns)) {
		++*n_quick;
		return gs_trace_chunks_add_quick(c, t->time_ns, t->event, t->goroutine, s->row.kind, s->row.place, t->flags & GS_KIND_HAS_PEER, t->peer, at);
	}
	ok = gs_trace_chunks_add(c, t, at);
	*s = (seen){ c->number + 1, *t, c->rows.p[c->rows.n - 1] };
	return ok;
}

static gs_trace_chunks *fill(const shape *s)
{
	gs_trace_chunks *c = calloc(1, sizeof(*c));
	gs_trace_piece_at *at = calloc(N_GOROUTINES, sizeof(*at));
	seen *all = calloc(N_SEEN, sizeof(*all));
	bool ok = c && at && all;
	uint32_t n_quick = 0;

	for (uint32_t i = 0; ok && i < s->n; i++) {
		gs_trace_transition t = make(s, i);

		ok = add(c, &t, &at[t.goroutine], all, &n_quick);
	}
	CHECK(ok && gs_trace_chunks_flush(c));
	CHECK((n_quick > 0) == (s->stacks < N_SEEN));
	free(at);
	free(all);
	return c;
}

static bool is_there(const gs_timeline_chunk *v, const gs_trace_chunk *k, uint32_t i, const gs_trace_transition *t)
{
	gs_timeline_place place = gs_chunk_place(v, i);

	return k->base_ns + k->offset_ns[i] == t->time_ns && gs_chunk_stack(v, i) == t->stack && gs_chunk_phase(v, i) == t->phase &&
	       gs_chunk_reason(v, i) == t->reason && gs_chunk_peer(v, i) == t->peer && place.proc == t->proc && place.thread == t->thread;
}

static void check_round(const shape *s, bool is_wide, bool is_rare)
{
	gs_trace_chunks *c = fill(s);
	uint32_t *next = calloc(N_GOROUTINES, sizeof(*next)), n = 0;
	bool ok = next != NULL, has_wide = false, has_rare = false;

	CHECK(c->has_late && c->late_event == GS_TRACE_MAX_EARLY && c->late_ns == 1000 + (int64_t)GS_TRACE_MAX_EARLY * 3);
	/* Times tell which transition it was. */
	for (size_t i = 0; ok && i < c->done.n; i++) {
		const gs_trace_chunk *k = &c->done.p[i];
		gs_timeline_chunk v = gs_trace_chunk_view(k);

		has_wide |= k->place16 != NULL;
		has_rare |= k->n_rare > 0;
		ok = k->n_early == (i == 0 ? GS_TRACE_MAX_EARLY : 0);
		for (uint32_t e = 0; ok && e < k->n_early; e++)
			ok = k->early[e].event == e && k->base_ns + k->offset_ns[k->early[e].at] == 1000 + (int64_t)e * 3;
		for (uint32_t p = 0; p < k->n_pieces; p++)
			for (uint32_t at = k->pieces[p].first; ok && at < k->pieces[p].first + k->pieces[p].n; at++) {
				uint32_t number = (uint32_t)((k->base_ns + k->offset_ns[at] - 1000) / 3);
				gs_trace_transition t = make(s, number);

				ok = t.goroutine == k->pieces[p].goroutine && is_there(&v, k, at, &t) && number >= next[t.goroutine];
				next[t.goroutine] = number + 1;
				n++;
			}
	}
	CHECK(ok);
	CHECK_INT(n, s->n);
	CHECK(c->done.n > 1);
	CHECK(has_wide == is_wide);
	CHECK(has_rare == is_rare);
	gs_trace_chunks_release(c);
	free(c);
	free(next);
}

TEST(rows_become_chunks)
{
	check_round(&(shape){ 600000, 20, 4 }, false, false);
	check_round(&(shape){ 600000, 50, 201 }, true, true); /* more places and kinds than a byte has numbers */
	check_round(&(shape){ 300000, 100000, 4 }, false, true); /* more kinds than a chunk takes */
}

static void check_insert(uint32_t n_stacks, uint16_t n_procs)
{
	const shape s = { 1000, n_stacks, n_procs };
	gs_trace_chunks *c = fill(&s);
	gs_trace_transition known = { .time_ns = 1001 + 3 * 500, .event = 500, .goroutine = 7, .stack = 99, .peer = GS_NO_INDEX,
				      .proc = GS_NO_LANE, .thread = 3, .phase = GS_PHASE_SYSCALL };
	gs_trace_transition fresh = known;
	const gs_trace_chunk *k;
	gs_timeline_chunk v;
	uint32_t n = 0, n_found = 0;
	bool ok = true;

	fresh.time_ns = 990; /* before all others */
	fresh.event = 0;
	fresh.goroutine = N_GOROUTINES + 1;
	CHECK(gs_trace_chunks_insert(c, 0, &known) && gs_trace_chunks_insert(c, 0, &fresh));
	k = &c->done.p[0];
	v = gs_trace_chunk_view(k);
	CHECK_INT(k->n, s.n + 2);
	CHECK_INT(k->base_ns, 990);
	for (uint32_t p = 0; p < k->n_pieces; p++) {
		int64_t last = 0;

		ok &= k->pieces[p].first == n && k->pieces[p].n > 0;
		for (uint32_t at = n; at < n + k->pieces[p].n; at++) {
			int64_t time = k->base_ns + k->offset_ns[at];
			gs_trace_transition t = make(&s, (uint32_t)((time - 1000) / 3));

			if (time == known.time_ns)
				t = known;
			if (time == fresh.time_ns)
				t = fresh;
			n_found += time == known.time_ns || time == fresh.time_ns;
			ok &= t.goroutine == k->pieces[p].goroutine && is_there(&v, k, at, &t) && time > last;
			last = time;
		}
		n += k->pieces[p].n;
	}
	CHECK_INT(k->n_early, s.n + 2);
	for (uint32_t e = 0; e < k->n_early; e++) {
		int64_t time = k->base_ns + k->offset_ns[k->early[e].at];

		ok &= k->early[e].event == (time == known.time_ns ? 500 : time == fresh.time_ns ? 0 : (time - 1000) / 3);
	}
	CHECK(ok);
	CHECK_INT(n, s.n + 2);
	CHECK_INT(n_found, 2);
	gs_trace_chunks_release(c);
	free(c);
}

TEST(a_transition_more)
{
	check_insert(20, 4);
	check_insert(400, 4); /* whose kind is rare */
	check_insert(20, 51); /* of a place that a byte has no number for */
}
