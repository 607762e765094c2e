#include "analysis/trace_select.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/re.h"

#include "base/banned.h"

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a part of the trace");
}

/* A span of one goroutine while they are collected. */
typedef struct owned_span {
	uint32_t goroutine;
	gs_time_span span;
} owned_span;

typedef struct selecting {
	gs_arena *mem;
	const gs_timeline *t;
	const gs_profile *p;
	const gs_trace_query *q;
	gs_trace_selection *out;
	uint8_t *is_in;	     /* by goroutine */
	uint8_t *name_match; /* by string id: 0 not asked yet, 1 no, 2 yes */
	GS_VEC(owned_span) spans;
} selecting;

static bool matches(selecting *s, const gs_re *re, uint32_t name)
{
	if (!s->name_match[name])
		s->name_match[name] = gs_re_match(re, gs_profile_str(s->p, name)) ? 2 : 1;
	return s->name_match[name] == 2;
}

static gs_re *compile(selecting *s, gs_str pattern, gs_err *err)
{
	memset(s->name_match, 0, s->p->strings.n);
	return gs_re_compile(s->mem, pattern, err);
}

static bool select_ids(selecting *s, gs_err *err)
{
	uint8_t *asked = gs_try_new(s->mem, uint8_t, s->t->n_goroutines + 1);

	if (!asked)
		return no_memory(err);
	for (uint32_t i = 0; i < s->q->n_goroutines; i++) {
		uint32_t g = gs_timeline_goroutine_of(s->t, s->q->goroutines[i]);

		if (g == GS_NO_INDEX)
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the trace has no goroutine %" PRIu64, s->q->goroutines[i]);
		asked[g] = 1;
	}
	for (uint32_t g = 0; g < s->t->n_goroutines; g++)
		s->is_in[g] &= asked[g];
	return true;
}

static bool select_group(selecting *s, gs_err *err)
{
	gs_re *re = compile(s, s->q->group, err);
	bool has_any = false;

	if (!re)
		return false;
	for (uint32_t g = 0; g < s->t->n_goroutines; g++) {
		bool fits = matches(s, re, s->t->goroutines[g].name);

		has_any |= fits;
		s->is_in[g] &= fits;
	}
	return has_any || gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no goroutine of the trace starts in a function that matches \"%.*s\"",
				  GS_FMT(s->q->group));
}

static bool add_span(selecting *s, uint32_t goroutine, int64_t start_ns, int64_t end_ns, gs_err *err)
{
	owned_span *o;

	start_ns = start_ns > s->out->time.start_ns ? start_ns : s->out->time.start_ns;
	end_ns = end_ns < s->out->time.end_ns ? end_ns : s->out->time.end_ns;
	if (goroutine == GS_NO_INDEX || !s->is_in[goroutine] || start_ns >= end_ns)
		return true;
	o = gs_vec_push(&s->spans, INT32_MAX);
	if (!o)
		return no_memory(err);
	*o = (owned_span){ goroutine, { start_ns, end_ns } };
	return true;
}

static bool add_regions(selecting *s, gs_err *err)
{
	gs_re *re = compile(s, s->q->region, err);
	bool has_any = false;

	if (!re)
		return false;
	for (uint32_t i = 0; i < s->t->n_regions; i++) {
		const gs_timeline_region *r = &s->t->regions[i];

		if (!matches(s, re, r->name))
			continue;
		has_any = true;
		if (!add_span(s, r->goroutine, r->start_ns, r->end_ns, err))
			return false;
	}
	return has_any ||
	       gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the trace has no region that matches \"%.*s\"", GS_FMT(s->q->region));
}

/* Goroutines take part in a task that begin or end it, log to it or have a region of it. */
static bool add_tasks(selecting *s, gs_err *err)
{
	const gs_timeline *t = s->t;
	gs_re *re = compile(s, s->q->task, err);
	uint8_t *is_asked = gs_try_new(s->mem, uint8_t, t->n_tasks + 1);
	bool has_any = false, ok = true;

	if (!re)
		return false;
	if (!is_asked)
		return no_memory(err);
	for (uint32_t i = 0; ok && i < t->n_tasks; i++) {
		const gs_timeline_task *k = &t->tasks[i];

		is_asked[i] = matches(s, re, k->name);
		has_any |= is_asked[i];
		if (is_asked[i])
			ok = add_span(s, k->start_goroutine, k->start_ns, k->end_ns, err) &&
			     add_span(s, k->end_goroutine, k->start_ns, k->end_ns, err);
	}
	for (uint32_t i = 0; ok && i < t->n_regions; i++)
		if (t->regions[i].task != GS_NO_INDEX && is_asked[t->regions[i].task])
			ok = add_span(s, t->regions[i].goroutine, t->tasks[t->regions[i].task].start_ns,
				      t->tasks[t->regions[i].task].end_ns, err);
	for (uint32_t i = 0; ok && i < t->n_logs; i++)
		if (t->logs[i].task != GS_NO_INDEX && is_asked[t->logs[i].task])
			ok = add_span(s, t->logs[i].goroutine, t->tasks[t->logs[i].task].start_ns, t->tasks[t->logs[i].task].end_ns,
				      err);
	if (ok && !has_any)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the trace has no task that matches \"%.*s\"", GS_FMT(s->q->task));
	return ok;
}

static int by_goroutine_and_start(const void *a, const void *b)
{
	const owned_span *x = a, *y = b;

	if (x->goroutine != y->goroutine)
		return x->goroutine < y->goroutine ? -1 : 1;
	if (x->span.start_ns != y->span.start_ns)
		return x->span.start_ns < y->span.start_ns ? -1 : 1;
	return (x->span.end_ns > y->span.end_ns) - (x->span.end_ns < y->span.end_ns);
}

/* Sorted, and what overlaps as one. */
static void unite(selecting *s)
{
	size_t n = 0;

	if (s->spans.n)
		qsort(s->spans.p, s->spans.n, sizeof(*s->spans.p), by_goroutine_and_start);
	for (size_t i = 0; i < s->spans.n; i++) {
		owned_span *o = &s->spans.p[i], *last = n ? &s->spans.p[n - 1] : NULL;

		if (last && last->goroutine == o->goroutine && last->span.end_ns >= o->span.start_ns)
			last->span.end_ns = last->span.end_ns > o->span.end_ns ? last->span.end_ns : o->span.end_ns;
		else
			s->spans.p[n++] = *o;
	}
	s->spans.n = n;
}

/* Keep of the spans what the others have too. Both are united. */
static bool intersect(selecting *s, const owned_span *other, size_t n_other, gs_err *err)
{
	GS_VEC(owned_span) both = { 0 };
	size_t i = 0, k = 0;

	while (i < s->spans.n && k < n_other) {
		const owned_span *a = &s->spans.p[i], *b = &other[k];

		if (a->goroutine == b->goroutine) {
			gs_time_span c = { a->span.start_ns > b->span.start_ns ? a->span.start_ns : b->span.start_ns,
					   a->span.end_ns < b->span.end_ns ? a->span.end_ns : b->span.end_ns };
			owned_span *o = c.start_ns < c.end_ns ? gs_vec_push(&both, INT32_MAX) : NULL;

			if (o) {
				*o = (owned_span){ a->goroutine, c };
			} else if (c.start_ns < c.end_ns) {
				gs_vec_release(&both);
				return no_memory(err);
			}
		}
		if (a->goroutine < b->goroutine || (a->goroutine == b->goroutine && a->span.end_ns <= b->span.end_ns))
			i++;
		else
			k++;
	}
	gs_vec_release(&s->spans);
	s->spans.p = both.p;
	s->spans.n = both.n;
	s->spans.cap = both.cap;
	return true;
}

static bool collect_spans(selecting *s, gs_err *err)
{
	owned_span *regions;
	size_t n;
	bool ok;

	if (s->q->region.n && !add_regions(s, err))
		return false;
	unite(s);
	if (!s->q->task.n)
		return true;
	if (!s->q->region.n) {
		if (!add_tasks(s, err))
			return false;
		unite(s);
		return true;
	}
	regions = s->spans.p;
	n = s->spans.n;
	s->spans.p = NULL;
	s->spans.n = s->spans.cap = 0;
	ok = add_tasks(s, err);
	unite(s);
	ok = ok && intersect(s, regions, n, err);
	free(regions);
	return ok;
}

static bool finish(selecting *s, gs_err *err)
{
	gs_trace_selection *out = s->out;
	bool has_spans = s->q->region.n || s->q->task.n;
	uint32_t *list = gs_try_new(s->mem, uint32_t, s->t->n_goroutines + 1);
	uint32_t *first = has_spans ? gs_try_new(s->mem, uint32_t, s->t->n_goroutines + 2) : NULL;
	gs_time_span *spans = has_spans ? gs_try_new(s->mem, gs_time_span, s->spans.n + 1) : NULL;

	if (!list || (has_spans && (!first || !spans)))
		return no_memory(err);
	if (has_spans) {
		for (size_t i = 0; i < s->spans.n; i++) {
			if (!i || s->spans.p[i - 1].goroutine != s->spans.p[i].goroutine) {
				first[out->n] = (uint32_t)i;
				list[out->n++] = s->spans.p[i].goroutine;
			}
			spans[i] = s->spans.p[i].span;
		}
		first[out->n] = (uint32_t)s->spans.n;
	} else {
		for (uint32_t g = 0; g < s->t->n_goroutines; g++)
			if (s->is_in[g] && s->t->goroutines[g].start_ns < out->time.end_ns &&
			    s->t->goroutines[g].end_ns >= out->time.start_ns)
				list[out->n++] = g;
	}
	out->goroutines = list;
	out->first_span = first;
	out->spans = spans;
	return true;
}

gs_trace_selection *gs_trace_select(gs_arena *mem, const gs_timeline *t, const gs_profile *p, const gs_trace_query *q, gs_err *err)
{
	gs_trace_selection *out = gs_try_new(mem, gs_trace_selection, 1);
	selecting s = { mem, t, p, q, out, NULL, NULL, { 0 } };
	bool ok;

	s.is_in = gs_try_new(mem, uint8_t, t->n_goroutines + 1);
	s.name_match = gs_try_new(mem, uint8_t, p->strings.n + 1);
	if (!out || !s.is_in || !s.name_match) {
		no_memory(err);
		return NULL;
	}
	*out = (gs_trace_selection){ .timeline = t, .profile = p, .time = { q->start_ns, q->end_ns ? q->end_ns : t->duration_ns },
				     .without_open = q->without_open,
				     .has_all = !q->n_goroutines && !q->group.n && !q->region.n && !q->task.n };
	if (out->time.end_ns > t->duration_ns)
		out->time.end_ns = t->duration_ns;
	memset(s.is_in, 1, t->n_goroutines);
	ok = (!q->n_goroutines || select_ids(&s, err)) && (!q->group.n || select_group(&s, err)) && collect_spans(&s, err) &&
	     finish(&s, err);
	gs_vec_release(&s.spans);
	return ok ? out : NULL;
}

gs_selected_walk gs_selected_of(const gs_trace_selection *s, uint32_t k)
{
	gs_selected_walk w = { .selection = s, .end_span = 1 };
	int64_t start = s->time.start_ns;

	if (s->first_span) {
		w.span = s->first_span[k];
		w.end_span = s->first_span[k + 1];
		start = s->spans[w.span].start_ns;
	}
	w.intervals = gs_intervals_from(s->timeline, s->goroutines[k], start);
	w.has_ahead = gs_interval_next(&w.intervals, &w.ahead);
	return w;
}

static gs_time_span span_at(const gs_selected_walk *w)
{
	return w->selection->first_span ? w->selection->spans[w->span] : w->selection->time;
}

bool gs_selected_next(gs_selected_walk *w, gs_selected *out)
{
	bool is_first = false;

	while (!w->is_done) {
		gs_time_span span = span_at(w);
		int64_t start, end;

		/* The next interval when this one does not reach beyond the span. */
		if (!w->has_interval) {
			if (!w->has_ahead)
				break;
			w->at = w->ahead;
			w->has_ahead = gs_interval_next(&w->intervals, &w->ahead);
			w->has_interval = is_first = true;
		}
		start = w->at.start_ns > span.start_ns ? w->at.start_ns : span.start_ns;
		end = w->at.end_ns < span.end_ns ? w->at.end_ns : span.end_ns;
		*out = (gs_selected){ .interval = w->at,
				      .start_ns = start,
				      .end_ns = end,
				      .is_first = is_first,
				      .has_end = !w->at.is_open && w->at.end_ns <= span.end_ns && w->at.end_ns > span.start_ns,
				      .end_stack = w->at.is_open ? GS_ROOT_NODE : w->ahead.stack };
		if (w->at.end_ns <= span.end_ns)
			w->has_interval = false;
		else if (++w->span >= w->end_span)
			w->is_done = true;
		if (start < end && (!w->selection->without_open || !out->interval.is_open))
			return true;
	}
	return false;
}

int64_t gs_selected_overlap(const gs_trace_selection *s, uint32_t k, int64_t start_ns, int64_t end_ns)
{
	uint32_t i = s->first_span ? s->first_span[k] : 0, end = s->first_span ? s->first_span[k + 1] : 1;
	int64_t sum = 0;

	for (; i < end; i++) {
		gs_time_span v = s->first_span ? s->spans[i] : s->time;
		int64_t from = v.start_ns > start_ns ? v.start_ns : start_ns, to = v.end_ns < end_ns ? v.end_ns : end_ns;

		sum += to > from ? to - from : 0;
	}
	return sum;
}
