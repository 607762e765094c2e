#include "analysis/trace_stats.h"

#include <stdlib.h>

#include "base/buf.h"

#include "base/banned.h"

enum { MAX_RANGE_NAMES = 256 };

gs_time_split gs_time_split_new(gs_arena *mem, const gs_timeline *t, uint32_t n_ranges)
{
	int64_t *p = gs_try_new(mem, int64_t, t->n_reasons + 1 + n_ranges);

	return (gs_time_split){ .block_ns = p, .range_ns = p ? p + t->n_reasons + 1 : NULL };
}

static void add(gs_time_split *to, const gs_interval *v, int64_t ns)
{
	to->total_ns += ns;
	switch (v->phase) {
	case GS_PHASE_RUNNING:
		to->exec_ns += ns;
		break;
	case GS_PHASE_RUNNABLE:
		to->sched_ns += ns;
		break;
	case GS_PHASE_WAITING:
		to->block_ns[v->reason] += ns;
		break;
	case GS_PHASE_SYSCALL:
		if (v->is_more || (v->is_cut && v->proc == UINT16_MAX))
			to->syscall_blocked_ns += ns;
		else
			to->syscall_ns += ns;
		break;
	case GS_PHASE_UNKNOWN:
		to->unknown_ns += ns;
		break;
	case GS_PHASE_NONE: /* between two lives of a goroutine */
		to->total_ns -= ns;
	}
}

void gs_time_split_add(gs_time_split *to, const gs_timeline *t, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	gs_interval_walk w = gs_intervals_from(t, goroutine, start_ns);
	gs_interval v;

	while (gs_interval_next(&w, &v) && v.start_ns < end_ns) {
		int64_t from = v.start_ns > start_ns ? v.start_ns : start_ns, until = v.end_ns < end_ns ? v.end_ns : end_ns;

		if (until > from)
			add(to, &v, until - from);
	}
}

int64_t gs_time_split_blocked(const gs_time_split *s, const gs_timeline *t)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < t->n_reasons; i++)
		sum += s->block_ns[i];
	return sum;
}

static void add_split(gs_time_split *to, const gs_time_split *from, uint32_t n_reasons, uint32_t n_ranges)
{
	to->total_ns += from->total_ns;
	to->exec_ns += from->exec_ns;
	to->sched_ns += from->sched_ns;
	to->syscall_ns += from->syscall_ns;
	to->syscall_blocked_ns += from->syscall_blocked_ns;
	to->unknown_ns += from->unknown_ns;
	for (uint32_t i = 0; i < n_reasons; i++)
		to->block_ns[i] += from->block_ns[i];
	for (uint32_t i = 0; i < n_ranges; i++)
		to->range_ns[i] += from->range_ns[i];
}

/* The goroutine that a range is counted for; a proc's only when it began and ended on the same one, as Go does. */
static uint32_t owner_of(const gs_timeline_range *r)
{
	if (r->scope == GS_RANGE_GOROUTINE)
		return r->owner;
	return r->scope == GS_RANGE_PROC && r->goroutine == r->end_goroutine ? r->goroutine : GS_NO_INDEX;
}

/* Names of the ranges that goroutines have, each once, in order of appearance. */
static uint32_t *range_names(gs_arena *mem, const gs_timeline *t, uint32_t *n)
{
	uint32_t *names = gs_try_new(mem, uint32_t, MAX_RANGE_NAMES);

	*n = 0;
	for (uint32_t i = 0; names && i < t->n_ranges; i++) {
		uint32_t k = 0;

		if (t->ranges[i].scope == GS_RANGE_GLOBAL)
			continue;
		while (k < *n && names[k] != t->ranges[i].name)
			k++;
		if (k == *n && k < MAX_RANGE_NAMES)
			names[(*n)++] = t->ranges[i].name;
	}
	return names;
}

static int by_exec(const void *a, const void *b)
{
	const gs_stats_row *x = a, *y = b;

	if (x->split.exec_ns != y->split.exec_ns)
		return x->split.exec_ns > y->split.exec_ns ? -1 : 1;
	if (x->split.total_ns != y->split.total_ns)
		return x->split.total_ns > y->split.total_ns ? -1 : 1;
	return (x->goroutine > y->goroutine) - (x->goroutine < y->goroutine);
}

typedef struct stats_build {
	gs_arena *mem;
	gs_trace_stats *out;
	gs_map groups; /* name -> row */
	GS_VEC(gs_stats_row) rows;
	uint32_t *row_of; /* by goroutine; GS_NO_INDEX */
} stats_build;

static bool add_goroutine(stats_build *b, uint32_t k, bool each)
{
	const gs_trace_selection *s = b->out->selection;
	const gs_timeline *t = s->timeline;
	uint32_t index = s->goroutines[k], name = t->goroutines[index].name;
	gs_selected_walk w = gs_selected_of(s, k);
	gs_selected v;
	bool is_new = true;
	uint32_t *slot = each ? NULL : gs_map_put(&b->groups, name, &is_new);
	gs_stats_row *row;

	if (!each && !slot)
		return false;
	if (is_new) {
		row = gs_vec_push(&b->rows, INT32_MAX);
		if (!row)
			return false;
		*row = (gs_stats_row){ .name = name, .goroutine = each ? index : GS_NO_INDEX,
				       .split = gs_time_split_new(b->mem, t, b->out->n_ranges) };
		if (!row->split.block_ns)
			return false;
		if (slot)
			*slot = (uint32_t)b->rows.n - 1;
	}
	b->row_of[index] = slot ? *slot : (uint32_t)b->rows.n - 1;
	row = &b->rows.p[b->row_of[index]];
	row->n++;
	while (gs_selected_next(&w, &v))
		add(&row->split, &v.interval, v.end_ns - v.start_ns);
	return true;
}

static void add_ranges(stats_build *b, const uint32_t *place)
{
	const gs_trace_selection *s = b->out->selection;
	const gs_timeline *t = s->timeline;

	for (uint32_t i = 0; i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];
		uint32_t g = owner_of(r), k = 0;

		if (g == GS_NO_INDEX || place[g] == GS_NO_INDEX)
			continue;
		while (k < b->out->n_ranges && b->out->range_names[k] != r->name)
			k++;
		if (k < b->out->n_ranges)
			b->rows.p[b->row_of[g]].split.range_ns[k] += gs_selected_overlap(s, place[g], r->start_ns, r->end_ns);
	}
}

static bool build(stats_build *b, bool each)
{
	gs_trace_stats *out = b->out;
	const gs_timeline *t = out->selection->timeline;
	uint32_t *place = gs_try_new(b->mem, uint32_t, t->n_goroutines + 1);

	b->row_of = gs_try_new(b->mem, uint32_t, t->n_goroutines + 1);
	out->range_names = range_names(b->mem, t, &out->n_ranges);
	out->all = gs_time_split_new(b->mem, t, out->n_ranges);
	if (!place || !b->row_of || !out->range_names || !out->all.block_ns)
		return false;
	memset(place, 0xff, t->n_goroutines * sizeof(*place));
	for (uint32_t k = 0; k < out->selection->n; k++) {
		place[out->selection->goroutines[k]] = k;
		if (!add_goroutine(b, k, each))
			return false;
	}
	add_ranges(b, place);
	out->n = (uint32_t)b->rows.n;
	out->rows = gs_try_new(b->mem, gs_stats_row, out->n);
	if (!out->rows)
		return false;
	if (!out->n)
		return true;
	qsort(b->rows.p, b->rows.n, sizeof(*b->rows.p), by_exec);
	memcpy(out->rows, b->rows.p, out->n * sizeof(*out->rows));
	for (uint32_t i = 0; i < out->n; i++)
		add_split(&out->all, &out->rows[i].split, t->n_reasons, out->n_ranges);
	return true;
}

gs_trace_stats *gs_trace_stats_build(gs_arena *mem, const gs_trace_selection *s, bool each, gs_err *err)
{
	gs_trace_stats *out = gs_try_new(mem, gs_trace_stats, 1);
	stats_build b = { .mem = mem, .out = out };
	bool ok = false;

	if (out) {
		out->selection = s;
		ok = build(&b, each);
	}
	gs_map_release(&b.groups);
	gs_vec_release(&b.rows);
	if (!ok) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the goroutines' times");
		return NULL;
	}
	return out;
}
