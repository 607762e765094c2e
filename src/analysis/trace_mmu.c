#include "analysis/trace_mmu.h"

#include <math.h>

#include <stdlib.h>

#include "base/buf.h"

#include "base/banned.h"

/* Something of the collector begins (+1) or ends (-1) on a proc; proc ALL: the world stops; PROCS: there are `n` of them. */
enum { ALL = UINT16_MAX, PROCS = UINT16_MAX - 1 };

typedef struct change {
	int64_t time_ns;
	uint16_t proc;
	int32_t n;
} change;

typedef struct building {
	const gs_timeline *t;
	const gs_profile *p;
	GS_VEC(change) changes;
	bool failed;
} building;

static void add(building *b, int64_t time_ns, uint16_t proc, int32_t n)
{
	change *c = gs_vec_push(&b->changes, INT32_MAX);

	if (c)
		*c = (change){ time_ns, proc, n };
	else
		b->failed = true;
}

static void add_span(building *b, uint16_t proc, int64_t start_ns, int64_t end_ns)
{
	if (start_ns >= end_ns || proc == PROCS)
		return;
	add(b, start_ns, proc, 1);
	add(b, end_ns, proc, -1);
}

static bool is_named(const building *b, uint32_t name, gs_str want)
{
	return gs_str_eq(gs_profile_str(b->p, name), want);
}

/* What a goroutine held of procs in [start, end): running, and in system calls that kept theirs. */
static void add_executing(building *b, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	gs_interval_walk w = gs_intervals_from(b->t, goroutine, start_ns);
	gs_interval v;

	while (gs_interval_next(&w, &v) && v.start_ns < end_ns) {
		bool is_executing = v.phase == GS_PHASE_RUNNING || v.phase == GS_PHASE_SYSCALL;

		if (is_executing && v.proc != UINT16_MAX)
			add_span(b, v.proc, v.start_ns > start_ns ? v.start_ns : start_ns, v.end_ns < end_ns ? v.end_ns : end_ns);
	}
}

/*
 * A mark worker is labelled when it starts to run as one. What it does until its next label is the collector's as well: the end of
 * a cycle, for one.
 */
static bool add_workers(gs_arena *mem, building *b)
{
	int64_t *next = gs_try_new(mem, int64_t, b->t->n_goroutines + 1);

	for (uint32_t i = 0; next && i < b->t->n_goroutines; i++)
		next[i] = INT64_MAX;
	for (uint32_t i = b->t->n_labels; next && i-- > 0;) {
		const gs_timeline_label *l = &b->t->labels[i];
		gs_str label = gs_profile_str(b->p, l->label);

		if (l->goroutine == GS_NO_INDEX)
			continue;
		if (gs_str_starts(label, GS_S("GC ")) && !gs_str_eq(label, GS_S("GC (idle)")))
			add_executing(b, l->goroutine, l->time_ns, next[l->goroutine]);
		next[l->goroutine] = l->time_ns;
	}
	return next != NULL;
}

static void add_ranges(building *b, unsigned flags)
{
	for (uint32_t i = 0; i < b->t->n_ranges; i++) {
		const gs_timeline_range *r = &b->t->ranges[i];
		gs_str name = gs_profile_str(b->p, r->name);

		if (r->scope == GS_RANGE_PROC) {
			if (flags & GS_MMU_SWEEP && r->owner < PROCS)
				add_span(b, (uint16_t)r->owner, r->start_ns, r->end_ns);
		} else if (r->scope == GS_RANGE_GOROUTINE && is_named(b, r->name, GS_S("GC mark assist"))) {
			if (flags & GS_MMU_ASSIST)
				add_executing(b, r->owner, r->start_ns, r->end_ns);
		} else if (gs_str_starts(name, GS_S("stop-the-world")) && gs_str_has(name, GS_S("GC"))) {
			if (flags & GS_MMU_STW)
				add_span(b, ALL, r->start_ns, r->end_ns);
		}
	}
}

static int by_time(const void *a, const void *b)
{
	const change *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->n < y->n) - (x->n > y->n); /* what begins comes first: the lowest of a moment counts */
}

static void push_step(gs_util *steps, uint32_t *n, int64_t time_ns, double util)
{
	if (*n && steps[*n - 1].util == util)
		return;
	if (*n && steps[*n - 1].time_ns == time_ns)
		steps[*n - 1].util = util; /* what the moment ends with: steps of no length do not count */
	else
		steps[(*n)++] = (gs_util){ time_ns, util };
}

/* From changes to steps; `out` has room for as many as there are changes. The last one lasts to the end of the trace. */
static uint32_t make_steps(const building *b, uint32_t *gc_on, gs_util *out)
{
	uint32_t n_gc = 0, procs = 0, n = 0;
	int32_t stopped = 0;

	for (size_t i = 0; i < b->changes.n; i++) {
		const change *c = &b->changes.p[i];

		if (c->proc == ALL) {
			stopped += c->n;
		} else if (c->proc == PROCS) {
			procs = (uint32_t)c->n;
		} else {
			n_gc -= gc_on[c->proc] != 0;
			gc_on[c->proc] += (uint32_t)c->n;
			n_gc += gc_on[c->proc] != 0;
		}
		if (procs)
			push_step(out, &n, c->time_ns,
				  stopped > 0 ? 0 : 1 - (double)(n_gc < procs ? n_gc : procs) / (double)procs);
	}
	return n;
}

/* The part of `steps` from `from_ns` to `until_ns` becomes a section, with its steps at `to`. Returns how many these are; 0: no section. */
static uint32_t cut_section(gs_mmu *m, gs_mmu_section *sections, const gs_util *steps, uint32_t n, int64_t from_ns, int64_t until_ns, gs_util *to)
{
	uint32_t k = 0;

	if (n && from_ns < steps[0].time_ns)
		from_ns = steps[0].time_ns;
	if (!n || from_ns >= until_ns)
		return 0;
	for (uint32_t i = 0; i < n && steps[i].time_ns < until_ns; i++) {
		if (steps[i].time_ns <= from_ns)
			k = 0;
		to[k++] = (gs_util){ steps[i].time_ns <= from_ns ? from_ns : steps[i].time_ns, steps[i].util };
	}
	to[k++] = (gs_util){ until_ns, 0 };
	sections[m->n++] = (gs_mmu_section){ to, k };
	if (until_ns - from_ns > m->longest_ns)
		m->longest_ns = until_ns - from_ns;
	return k;
}

static void cut_at_gaps(gs_mmu *m, const gs_timeline *t, gs_mmu_section *sections, const gs_util *steps, uint32_t n, gs_util *to)
{
	int64_t from_ns = 0, known_ns = 0;
	double sum = 0;

	m->sections = sections;
	for (uint32_t i = 0; i <= t->n_gaps; i++) {
		to += cut_section(m, sections, steps, n, from_ns, i < t->n_gaps ? t->gaps[i].start_ns : t->duration_ns, to);
		if (i < t->n_gaps) {
			from_ns = t->gaps[i].end_ns;
			m->unknown_ns += t->gaps[i].end_ns - t->gaps[i].start_ns;
		}
	}
	for (uint32_t i = 0; i < m->n; i++) {
		const gs_util *s = sections[i].steps;

		for (uint32_t k = 0; k + 1 < sections[i].n; k++)
			sum += s[k].util * (double)(s[k + 1].time_ns - s[k].time_ns);
		known_ns += s[sections[i].n - 1].time_ns - s[0].time_ns;
	}
	if (known_ns)
		m->mean = sum / (double)known_ns;
}

gs_mmu *gs_mmu_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, unsigned flags, gs_err *err)
{
	gs_mmu *out = gs_try_new(mem, gs_mmu, 1);
	uint32_t *gc_on = gs_try_new(mem, uint32_t, t->n_procs + 1);
	gs_mmu_section *sections = gs_try_new(mem, gs_mmu_section, t->n_gaps + 1);
	building b = { .t = t, .p = p };
	gs_util *steps = NULL, *cut = NULL;

	for (uint32_t i = 0; i < t->gomaxprocs.n; i++)
		if (t->gomaxprocs.value[i] && t->gomaxprocs.value[i] < UINT16_MAX)
			add(&b, t->gomaxprocs.time_ns[i], PROCS, (int32_t)t->gomaxprocs.value[i]);
	if (flags & GS_MMU_BACKGROUND)
		b.failed |= !add_workers(mem, &b);
	add_ranges(&b, flags);
	if (b.changes.n)
		qsort(b.changes.p, b.changes.n, sizeof(*b.changes.p), by_time);
	if (out && gc_on && sections && !b.failed) {
		steps = gs_try_new(mem, gs_util, b.changes.n + 1);
		cut = gs_try_new(mem, gs_util, b.changes.n + 2 * ((size_t)t->n_gaps + 1));
	}
	if (steps && cut)
		cut_at_gaps(out, t, sections, steps, make_steps(&b, gc_on, steps), cut);
	gs_vec_release(&b.changes);
	if (!steps || !cut) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the utilization");
		return NULL;
	}
	return out;
}

/* The integral of the utilization up to a moment that only goes on. */
typedef struct integral {
	const gs_mmu_section *m;
	uint32_t i;
	double before; /* up to steps[i] */
} integral;

static double advance(integral *x, int64_t time_ns)
{
	const gs_util *s = x->m->steps;

	while (x->i + 1 < x->m->n && s[x->i + 1].time_ns <= time_ns) {
		x->before += s[x->i].util * (double)(s[x->i + 1].time_ns - s[x->i].time_ns);
		x->i++;
	}
	return x->before + s[x->i].util * (double)(time_ns - s[x->i].time_ns);
}

/* Starts of windows one edge of which is at a step, in order of time: the mean is least at one of them. */
typedef struct edges {
	const gs_mmu_section *m;
	int64_t window_ns, last_ns;
	uint32_t left, right;
} edges;

static bool next_edge(edges *e, int64_t *start_ns)
{
	const gs_util *s = e->m->steps;
	int64_t a, b;

	while (e->right < e->m->n && s[e->right].time_ns - e->window_ns < s[0].time_ns)
		e->right++;
	a = e->left < e->m->n ? s[e->left].time_ns : INT64_MAX;
	b = e->right < e->m->n ? s[e->right].time_ns - e->window_ns : INT64_MAX;
	if (a <= b)
		e->left++;
	if (b <= a)
		e->right++;
	*start_ns = a < b ? a : b;
	return *start_ns <= e->last_ns;
}

static int64_t fit(const gs_mmu *m, int64_t window_ns)
{
	return window_ns < m->longest_ns ? window_ns : m->longest_ns;
}

static edges edges_of(const gs_mmu_section *m, int64_t window_ns)
{
	return (edges){ .m = m, .window_ns = window_ns, .last_ns = m->steps[m->n - 1].time_ns - window_ns };
}

gs_mmu_window gs_mmu_worst(const gs_mmu *m, int64_t window_ns)
{
	gs_mmu_window worst = { .util = 1 };

	gs_mmu_worst_windows(m, window_ns, &worst, 1);
	return worst;
}

/* Keep the worst ones that do not overlap: a new one goes in when it is lower than all that it touches. */
static uint32_t keep(gs_mmu_window *list, uint32_t n, uint32_t max, gs_mmu_window w)
{
	uint32_t kept = 0, at;

	if (n == max && w.util >= list[n - 1].util)
		return n;
	for (uint32_t i = 0; i < n; i++)
		if (list[i].start_ns < w.start_ns + w.window_ns && w.start_ns < list[i].start_ns + list[i].window_ns &&
		    list[i].util <= w.util)
			return n;
	for (uint32_t i = 0; i < n; i++)
		if (list[i].start_ns >= w.start_ns + w.window_ns || w.start_ns >= list[i].start_ns + list[i].window_ns)
			list[kept++] = list[i];
	if (kept == max)
		kept--;
	for (at = kept; at > 0 && list[at - 1].util > w.util; at--)
		list[at] = list[at - 1];
	list[at] = w;
	return kept + 1;
}

uint32_t gs_mmu_worst_windows(const gs_mmu *m, int64_t window_ns, gs_mmu_window *out, uint32_t max)
{
	uint32_t n = 0;

	window_ns = fit(m, window_ns);
	if (window_ns <= 0 || !max)
		return 0;
	for (uint32_t i = 0; i < m->n; i++) {
		integral left = { .m = &m->sections[i] }, right = left;
		edges e = edges_of(&m->sections[i], window_ns);
		int64_t start;

		while (next_edge(&e, &start)) {
			gs_mmu_window w = { .start_ns = start, .window_ns = window_ns };

			w.util = (advance(&right, start + window_ns) - advance(&left, start)) / (double)window_ns;
			n = keep(out, n, max, w);
		}
	}
	return n;
}

enum { BINS = 4096 };

/*
 * How much time lies in each bin of utilization. While a window slides from one edge to the next its mean changes evenly: what it
 * passes through gets the same time each, which two entries of `rate` say whatever their number.
 */
typedef struct histogram {
	double mass[BINS + 1], rate[BINS + 2];
} histogram;

static double bin_of(double util)
{
	return util <= 0 ? 0 : util >= 1 ? BINS : util * BINS;
}

static void spread(histogram *h, double a, double b, double mass)
{
	double low = bin_of(a < b ? a : b), high = bin_of(a < b ? b : a), density;
	unsigned first = (unsigned)low, last = (unsigned)high;

	if (first == last) {
		h->mass[first] += mass;
		return;
	}
	density = mass / (high - low);
	h->mass[first] += density * (first + 1 - low);
	h->mass[last] += density * (high - last);
	h->rate[first + 1] += density;
	h->rate[last] -= density;
}

static double quantile(const histogram *h, double mass)
{
	double sum = 0, rate = 0;

	for (unsigned i = 0; i <= BINS; i++) {
		double here;

		rate += h->rate[i];
		here = h->mass[i] + rate;
		if (here > 0 && sum + here >= mass)
			return fmin(1, (i + (mass - sum) / here) / BINS);
		sum += here;
	}
	return 1;
}

void gs_mmu_distribution(const gs_mmu *m, int64_t window_ns, const double *quantiles, unsigned n, double *out)
{
	histogram h = { 0 };
	double before = 0, total = 0;

	for (unsigned i = 0; i < n; i++)
		out[i] = 1;
	window_ns = fit(m, window_ns);
	if (window_ns <= 0)
		return;
	for (uint32_t i = 0; i < m->n; i++) {
		integral left = { .m = &m->sections[i] }, right = left;
		edges e = edges_of(&m->sections[i], window_ns);
		int64_t start, start_before = 0;
		bool has_before = false;

		while (next_edge(&e, &start)) {
			double util = (advance(&right, start + window_ns) - advance(&left, start)) / (double)window_ns;

			if (has_before) {
				spread(&h, before, util, (double)(start - start_before));
				total += (double)(start - start_before);
			}
			before = util;
			start_before = start;
			has_before = true;
		}
	}
	if (total <= 0)
		spread(&h, before, before, total = 1); /* one window only */
	for (unsigned i = 0; i < n; i++)
		out[i] = quantile(&h, quantiles[i] * total);
}
