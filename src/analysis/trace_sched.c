#include "analysis/trace_sched.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "model/timeline_runs.h"

typedef struct build {
	const gs_timeline *t;
	gs_sched *out;
	gs_arena *scratch;
	GS_VEC(gs_sched_group *) groups;
	gs_map group_of;
	GS_VEC(int64_t) edges; /* time * 2 + (1: a wait begins, 0: one ends) */
	bool failed;
} build;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the scheduler's report");
}

static gs_sched_group *group(build *b, uint32_t name)
{
	bool is_new;
	uint32_t *at = gs_map_put(&b->group_of, name, &is_new);
	gs_sched_group **to;

	if (at && is_new) {
		to = gs_vec_push(&b->groups, INT32_MAX);
		if (!to || !(*to = gs_try_new(b->scratch, gs_sched_group, 1)))
			return NULL;
		(*to)->name = name;
		*at = (uint32_t)b->groups.n - 1;
	}
	return at ? b->groups.p[*at] : NULL;
}

/* The worst list is a heap with the shortest on top while it is filled. */
static int64_t length(const gs_sched_wait *w)
{
	return w->end_ns - w->start_ns;
}

static void sift_down(gs_sched_wait *heap, uint32_t n, uint32_t at)
{
	for (;;) {
		uint32_t least = at, left = 2 * at + 1;
		gs_sched_wait swap;

		for (uint32_t c = left; c < left + 2 && c < n; c++)
			if (length(&heap[c]) < length(&heap[least]))
				least = c;
		if (least == at)
			return;
		swap = heap[at];
		heap[at] = heap[least];
		heap[least] = swap;
		at = least;
	}
}

static void keep_if_worst(gs_sched *s, const gs_sched_wait *w)
{
	if (s->n_worst < GS_SCHED_WORST) {
		s->worst[s->n_worst++] = *w;
		for (uint32_t i = s->n_worst == GS_SCHED_WORST ? GS_SCHED_WORST / 2 : 0; i-- > 0;)
			sift_down(s->worst, s->n_worst, i);
	} else if (length(w) > length(&s->worst[0])) {
		s->worst[0] = *w;
		sift_down(s->worst, s->n_worst, 0);
	}
}

static void add_goroutine(build *b, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	gs_interval_walk w = gs_intervals_from(b->t, goroutine, start_ns);
	gs_sched_group *g = NULL;
	gs_interval i;

	while (!b->failed && gs_interval_next(&w, &i) && i.start_ns < end_ns) {
		int64_t *edge;
		gs_sched_wait wait = { .start_ns = i.start_ns,
				       .end_ns = i.end_ns,
				       .goroutine = goroutine,
				       .stack = i.stack,
				       .waker = i.peer };

		if (i.phase != GS_PHASE_RUNNABLE || i.start_ns < start_ns || i.is_open)
			continue;
		g = g ? g : group(b, b->t->goroutines[goroutine].name);
		if (!g) {
			b->failed = true;
			return;
		}
		gs_latency_add(&g->latency, i.end_ns - i.start_ns);
		keep_if_worst(b->out, &wait);
		for (int k = 0; k < 2; k++) {
			edge = gs_vec_push(&b->edges, UINT32_MAX);
			if (edge)
				*edge = k ? i.end_ns * 2 : i.start_ns * 2 + 1;
			b->failed = b->failed || !edge;
		}
	}
}

static int by_i64(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int groups_by_total(const void *a, const void *b)
{
	const gs_sched_group *x = a, *y = b;

	if (x->latency.sum_ns != y->latency.sum_ns)
		return x->latency.sum_ns > y->latency.sum_ns ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static int longest_first(const void *a, const void *b)
{
	const gs_sched_wait *x = a, *y = b;

	if (length(x) != length(y))
		return length(x) > length(y) ? -1 : 1;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static void find_most_waiting(build *b)
{
	uint32_t waiting = 0;

	qsort(b->edges.p, b->edges.n, sizeof(*b->edges.p), by_i64);
	for (size_t i = 0; i < b->edges.n; i++) {
		waiting = b->edges.p[i] & 1 ? waiting + 1 : waiting - 1;
		if (waiting > b->out->most_waiting) {
			b->out->most_waiting = waiting;
			b->out->most_waiting_at_ns = b->edges.p[i] >> 1;
		}
	}
}

static void add_runner(gs_sched_wait *w, uint32_t name, int64_t ns)
{
	unsigned i = 0, least = 0;

	while (i < w->n_runners && w->runners[i].name != name)
		i++;
	if (i == GS_SCHED_RUNNERS) {
		for (unsigned k = 1; k < GS_SCHED_RUNNERS; k++)
			least = w->runners[k].ns < w->runners[least].ns ? k : least;
		if (w->runners[least].ns >= ns)
			return;
		i = least;
		w->runners[i].ns = 0;
	} else if (i == w->n_runners) {
		w->n_runners++;
		w->runners[i].ns = 0;
	}
	w->runners[i].name = name;
	w->runners[i].ns += ns;
}

/* What of a run lies in the wait. False: the run begins behind it. */
static bool add_run(const gs_timeline *t, gs_sched_wait *w, uint32_t chunk, uint32_t run)
{
	gs_interval i = gs_timeline_interval_at(t, chunk, run);
	int64_t from = i.start_ns > w->start_ns ? i.start_ns : w->start_ns, to = i.end_ns < w->end_ns ? i.end_ns : w->end_ns;

	if (to > from && i.phase == GS_PHASE_RUNNING)
		add_runner(w, t->goroutines[gs_timeline_goroutine_at(t, chunk, run)].name, to - from);
	return i.start_ns < w->end_ns;
}

static bool find_runners(gs_timeline_runs *runs, gs_sched_wait *w)
{
	const gs_timeline *t = runs->timeline;
	gs_run before;

	for (uint32_t p = 0; p < t->n_procs; p++)
		if (gs_run_on_proc(runs, p, w->start_ns, &before))
			add_run(t, w, before.chunk, before.transition);
	for (uint32_t k = t->n_chunks ? gs_timeline_chunk_at(t, w->start_ns) : 0; k < t->n_chunks; k++) {
		const gs_timeline_chunk *c = &t->chunks[k];
		const gs_chunk_runs *r = c->base_ns < w->end_ns ? gs_timeline_runs_of(runs, k) : NULL;

		if (c->base_ns >= w->end_ns)
			break;
		if (!r)
			return false;
		for (uint32_t p = 0; p < t->n_procs; p++) {
			uint32_t end = r->proc_first[p + 1];
			uint32_t i = gs_runs_until(c, r->proc_runs, r->proc_first[p], end, w->start_ns);

			while (i < end && add_run(t, w, k, r->proc_runs[i]))
				i++;
		}
	}
	for (unsigned i = 1; i < w->n_runners; i++)
		for (unsigned k = i; k > 0 && w->runners[k].ns > w->runners[k - 1].ns; k--) {
			__typeof__(w->runners[0]) swap = w->runners[k];

			w->runners[k] = w->runners[k - 1];
			w->runners[k - 1] = swap;
		}
	return true;
}

gs_sched *gs_sched_build(gs_arena *mem, const gs_timeline *t, int64_t start_ns, int64_t end_ns, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(UINT64_MAX);
	gs_sched *s = gs_new(mem, gs_sched, 1);
	gs_timeline_runs *runs = gs_timeline_runs_create(scratch, t);
	build b = { .t = t, .out = s, .scratch = scratch };
	int64_t span = (end_ns < t->duration_ns ? end_ns : t->duration_ns) - start_ns;

	for (uint32_t g = 0; g < t->n_goroutines && !b.failed; g++)
		add_goroutine(&b, g, start_ns, end_ns);
	s->groups = gs_try_new(mem, gs_sched_group, b.groups.n);
	b.failed = b.failed || !s->groups || !runs;
	if (!b.failed) {
		s->n_groups = (uint32_t)b.groups.n;
		for (uint32_t i = 0; i < s->n_groups; i++) {
			s->groups[i] = *b.groups.p[i];
			gs_latency_merge(&s->all, &s->groups[i].latency);
		}
		qsort(s->groups, s->n_groups, sizeof(*s->groups), groups_by_total);
		qsort(s->worst, s->n_worst, sizeof(*s->worst), longest_first);
		for (uint32_t i = 0; i < s->n_worst; i++)
			b.failed |= !find_runners(runs, &s->worst[i]);
		find_most_waiting(&b);
		s->mean_waiting = span > 0 ? (double)s->all.sum_ns / (double)span : 0;
	}
	gs_vec_release(&b.groups);
	gs_vec_release(&b.edges);
	gs_map_release(&b.group_of);
	if (b.failed)
		no_memory(err);
	return b.failed ? NULL : s;
}

/* ---- stops of the world ---- */

/* The goroutine that left its processor last after the stop was asked for. */
static void find_last(gs_timeline_runs *runs, gs_stop *s)
{
	const gs_timeline *t = runs->timeline;
	gs_run run;

	s->last_goroutine = GS_NO_INDEX;
	for (uint32_t p = 0; p < t->n_procs; p++) {
		uint32_t goroutine;
		gs_interval i;

		if (!gs_run_on_proc(runs, p, s->start_ns, &run))
			continue;
		i = gs_timeline_interval_at(t, run.chunk, run.transition);
		goroutine = gs_timeline_goroutine_at(t, run.chunk, run.transition);
		/* Who asked runs on; a system call does not keep its processor. */
		if (i.phase != GS_PHASE_RUNNING || i.end_ns <= s->start_ns || i.end_ns > s->end_ns || goroutine == s->goroutine)
			continue;
		if (i.end_ns - s->start_ns > s->stopping_ns) {
			gs_interval_walk w = gs_intervals_from(t, goroutine, i.end_ns);
			gs_interval next;

			s->stopping_ns = i.end_ns - s->start_ns;
			s->last_goroutine = goroutine;
			s->last_stack = gs_interval_next(&w, &next) ? next.stack : 0;
		}
	}
}

static int stops_longest_first(const void *a, const void *b)
{
	const gs_stop *x = a, *y = b;
	int64_t dx = x->end_ns - x->start_ns, dy = y->end_ns - y->start_ns;

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return x->start_ns < y->start_ns ? -1 : x->start_ns > y->start_ns;
}

static int kinds_by_total(const void *a, const void *b)
{
	const gs_stop_kind *x = a, *y = b;

	if (x->latency.sum_ns != y->latency.sum_ns)
		return x->latency.sum_ns > y->latency.sum_ns ? -1 : 1;
	return x->kind < y->kind ? -1 : x->kind > y->kind;
}

gs_stops *gs_stops_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, int64_t start_ns, int64_t end_ns, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(mem));
	gs_timeline_runs *runs = gs_timeline_runs_create(scratch, t);
	gs_stops *s = gs_new(mem, gs_stops, 1);
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_ranges; i++)
		n += gs_str_starts(gs_profile_str(p, t->ranges[i].name), GS_S("stop-the-world"));
	s->list = gs_try_new(mem, gs_stop, n);
	s->kinds = gs_try_new(mem, gs_stop_kind, n < 64 ? n : 64);
	if (!runs || !s->list || !s->kinds) {
		no_memory(err);
		return NULL;
	}
	for (uint32_t i = 0; i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];
		gs_stop *to = &s->list[s->n];
		uint32_t k = 0;

		if (!gs_str_starts(gs_profile_str(p, r->name), GS_S("stop-the-world")) || r->start_ns < start_ns ||
		    r->start_ns >= end_ns)
			continue;
		*to = (gs_stop){ .start_ns = r->start_ns, .end_ns = r->end_ns, .kind = r->name, .goroutine = r->goroutine };
		find_last(runs, to);
		s->total_ns += to->end_ns - to->start_ns;
		s->n++;
		while (k < s->n_kinds && s->kinds[k].kind != r->name)
			k++;
		/* Go has fewer kinds than that; a hostile trace's further ones share the last row. */
		if (k == s->n_kinds && k < 64)
			s->kinds[s->n_kinds++].kind = r->name;
		k = k < s->n_kinds ? k : s->n_kinds - 1;
		gs_latency_add(&s->kinds[k].latency, to->end_ns - to->start_ns);
		gs_latency_add(&s->kinds[k].stopping, to->stopping_ns);
	}
	qsort(s->list, s->n, sizeof(*s->list), stops_longest_first);
	qsort(s->kinds, s->n_kinds, sizeof(*s->kinds), kinds_by_total);
	return s;
}
