#include "analysis/trace_goroutine.h"

#include <stdlib.h>

#include "base/banned.h"

/* Counts by peer, and then the most frequent of them. */
typedef struct tally {
	gs_map index;
	GS_VEC(gs_peer_sum) sums;
} tally;

static bool tally_add(tally *t, uint32_t goroutine)
{
	bool is_new;
	uint32_t *at = gs_map_put(&t->index, goroutine, &is_new);
	gs_peer_sum *s;

	if (!at)
		return false;
	if (!is_new) {
		t->sums.p[*at].count++;
		return true;
	}
	*at = (uint32_t)t->sums.n;
	s = gs_vec_push(&t->sums, UINT32_MAX);
	if (s)
		*s = (gs_peer_sum){ goroutine, 1 };
	return s != NULL;
}

static int by_count(const void *a, const void *b)
{
	const gs_peer_sum *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) :
				      (x->goroutine > y->goroutine) - (x->goroutine < y->goroutine);
}

static uint32_t tally_finish(tally *t, gs_peer_sum *out)
{
	uint32_t n = t->sums.n < GS_MAX_PEERS ? (uint32_t)t->sums.n : GS_MAX_PEERS;

	if (n) {
		qsort(t->sums.p, t->sums.n, sizeof(*t->sums.p), by_count);
		memcpy(out, t->sums.p, n * sizeof(*out));
	}
	gs_map_release(&t->index);
	gs_vec_release(&t->sums);
	return n;
}

static bool find_peers(const gs_timeline *t, gs_goroutine_detail *d)
{
	tally by = { 0 }, woke = { 0 };
	bool ok = true;

	for (uint32_t i = 0; ok && i < t->n_pieces; i++) {
		const gs_timeline_piece *p = &t->pieces[i];
		const gs_timeline_chunk *c = &t->chunks[p->chunk];

		if (p->goroutine == d->goroutine) {
			for (uint32_t k = p->first; ok && k < p->first + p->n; k++)
				/* With a reason it gave up its proc, and nobody woke it. */
				if (gs_chunk_phase(c, k) == GS_PHASE_RUNNABLE && !gs_chunk_reason(c, k))
					ok = tally_add(&by, gs_chunk_peer(c, k));
			continue;
		}
		for (uint32_t k = p->first; ok && k < p->first + p->n; k++)
			if (gs_chunk_phase(c, k) == GS_PHASE_RUNNABLE && gs_chunk_peer(c, k) == d->goroutine)
				ok = tally_add(&woke, p->goroutine);
	}
	d->n_woken_by = tally_finish(&by, d->woken_by);
	d->n_woke = tally_finish(&woke, d->woke);
	return ok;
}

static int by_time(const void *a, const void *b)
{
	const gs_wait_sum *x = a, *y = b;

	return (x->total_ns < y->total_ns) - (x->total_ns > y->total_ns);
}

static void add_wait(gs_wait_sum *sums, uint32_t *n, const gs_lane_span *s, int64_t took)
{
	uint32_t i = 0;

	while (i < *n && (sums[i].state != s->state || sums[i].reason != s->reason))
		i++;
	if (i == *n)
		sums[(*n)++] = (gs_wait_sum){ .state = s->state, .reason = s->reason };
	sums[i].count++;
	sums[i].total_ns += took;
	if (took >= sums[i].longest_ns) {
		sums[i].longest_ns = took;
		sums[i].longest_at_ns = s->start_ns;
	}
}

static void walk_spans(const gs_lanes *l, gs_goroutine_detail *d, int64_t from_ns, int64_t to_ns, uint32_t offset, uint32_t limit)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	gs_lane_walk w = gs_lane_walk_from(l, (gs_lane){ GS_LANE_OF_GOROUTINE, d->goroutine }, from_ns);

	do {
		const gs_lane_span *s = &w.span;
		int64_t a = s->start_ns > from_ns ? s->start_ns : from_ns, b = s->end_ns < to_ns ? s->end_ns : to_ns;
		const gs_timeline_chunk *c;
		gs_timeline_place place;

		if (s->start_ns >= to_ns)
			break;
		if (s->state == GS_LANE_NONE || a >= b)
			continue;
		add_wait(d->waits, &d->n_waits, s, b - a);
		if (d->n_spans_all++ < offset || d->n_spans == limit)
			continue;
		c = &t->chunks[s->chunk];
		place = gs_chunk_place(c, s->transition);
		d->spans[d->n_spans++] = (gs_goroutine_span){ .span = *s,
							      .stack = gs_lane_walk_stack(&w),
							      .peer = s->state == GS_LANE_RUNNABLE ? gs_chunk_peer(c, s->transition) : GS_NO_INDEX,
							      .proc = place.proc,
							      .thread = place.thread };
	} while (gs_lane_walk_next(&w));
	qsort(d->waits, d->n_waits, sizeof(*d->waits), by_time);
}

static bool sum_ranges(gs_arena *mem, const gs_timeline *t, gs_goroutine_detail *d)
{
	uint32_t cap = 64;

	d->ranges = gs_try_new(mem, gs_range_sum, cap);
	for (uint32_t i = 0; d->ranges && i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];
		uint32_t k = 0;

		if (r->scope != GS_RANGE_GOROUTINE || r->owner != d->goroutine)
			continue;
		while (k < d->n_ranges && d->ranges[k].name != r->name)
			k++;
		if (k == cap)
			continue; /* the runtime knows a handful of kinds */
		if (k == d->n_ranges)
			d->ranges[d->n_ranges++].name = r->name;
		d->ranges[k].count++;
		d->ranges[k].total_ns += r->end_ns - r->start_ns;
	}
	return d->ranges != NULL;
}

gs_goroutine_detail *gs_goroutine_detail_build(gs_arena *mem, const gs_lanes *l, uint32_t goroutine, int64_t from_ns, int64_t to_ns,
					       uint32_t offset, uint32_t limit, gs_err *err)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	gs_goroutine_detail *d = gs_new(mem, gs_goroutine_detail, 1);

	d->goroutine = goroutine;
	gs_lane_totals(l, (gs_lane){ GS_LANE_OF_GOROUTINE, goroutine }, d->total_ns, &d->n_transitions);
	for (uint32_t g = 0; g < t->n_goroutines; g++)
		d->n_children += t->goroutines[g].creator == goroutine;
	if (limit > d->n_transitions)
		limit = (uint32_t)d->n_transitions;
	d->waits = gs_try_new(mem, gs_wait_sum, (size_t)GS_N_LANE_STATES * 256);
	d->spans = gs_try_new(mem, gs_goroutine_span, limit);
	if (!d->waits || !d->spans || !find_peers(t, d) || !sum_ranges(mem, t, d)) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the goroutine's spans need more memory than allowed");
		return NULL;
	}
	walk_spans(l, d, from_ns, to_ns, offset, limit);
	return d;
}
