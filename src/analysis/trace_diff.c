#include "analysis/trace_diff.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"

enum { MAX_ROWS = 1 << 20 };

typedef struct build {
	gs_arena *mem;
	gs_trace_diff *d;
	GS_VEC(gs_diff_group) groups;
	GS_VEC(gs_diff_latency) latencies;
	gs_map group_of, latency_of;
	bool failed;
} build;

static int64_t in_a_second(int64_t ns, int64_t duration_ns)
{
	return duration_ns > 0 ? (int64_t)((double)ns * 1e9 / (double)duration_ns) : 0;
}

static gs_diff_group *group(build *b, gs_str name)
{
	bool is_new;
	uint32_t *at = gs_map_put(&b->group_of, gs_str_hash(name), &is_new);

	if (at && is_new) {
		gs_diff_group *g = gs_vec_push(&b->groups, MAX_ROWS);

		*at = (uint32_t)b->groups.n - 1;
		if (g)
			g->name = name;
		b->failed = b->failed || !g;
		return g;
	}
	b->failed = b->failed || !at;
	return at ? &b->groups.p[*at] : NULL;
}

static void add_split(gs_diff_group *to, int side, const gs_time_split *s, const gs_timeline *t, uint32_t n, int64_t duration_ns)
{
	to->n[side] += n;
	to->running[side] += in_a_second(s->exec_ns, duration_ns);
	to->runnable[side] += in_a_second(s->sched_ns, duration_ns);
	to->waiting[side] += in_a_second(gs_time_split_blocked(s, t), duration_ns);
	to->syscall[side] += in_a_second(s->syscall_ns + s->syscall_blocked_ns, duration_ns);
}

static bool add_groups(build *b, const gs_trace_side *from, int side, const gs_trace_query *q, gs_err *err)
{
	gs_trace_selection *s = gs_trace_select(b->mem, from->timeline, from->profile, q, err);
	gs_trace_stats *stats = s ? gs_trace_stats_build(b->mem, s, false, err) : NULL;

	if (!stats)
		return false;
	b->d->duration_ns[side] = s->time.end_ns - s->time.start_ns;
	for (uint32_t i = 0; i < stats->n; i++) {
		const gs_stats_row *r = &stats->rows[i];
		gs_diff_group *g = group(b, gs_profile_str(from->profile, r->name));

		if (!g)
			break;
		add_split(g, side, &r->split, from->timeline, r->n, b->d->duration_ns[side]);
		add_split(&b->d->all, side, &r->split, from->timeline, r->n, b->d->duration_ns[side]);
	}
	return !b->failed || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a comparison");
}

static void add_latencies(build *b, const gs_trace_instances *in, int side)
{
	for (uint32_t i = 0; i < in->n && !b->failed; i++) {
		const gs_trace_instance *x = &in->list[i];
		bool is_new;
		uint32_t *at;
		gs_diff_latency *row;

		if (x->is_cut)
			continue;
		at = gs_map_put(&b->latency_of, gs_str_hash(x->name), &is_new);
		row = at && !is_new ? &b->latencies.p[*at] : at ? gs_vec_push(&b->latencies, MAX_ROWS) : NULL;
		if (row && is_new) {
			*at = (uint32_t)b->latencies.n - 1;
			row->name = x->name;
		}
		if (row && !row->latency[side])
			row->latency[side] = gs_try_new(b->mem, gs_latency, 1);
		if (!row || !row->latency[side])
			b->failed = true;
		else
			gs_latency_add(row->latency[side], x->end_ns - x->start_ns);
	}
}

/* Work of a kind that both traces have, the first of them when none was asked for. */
static bool compare_work(build *b, const gs_trace_side sides[2], const gs_trace_query *q, gs_instance_kind kind, gs_err *err)
{
	gs_instance_kind from = kind == GS_INSTANCE_AUTO ? GS_INSTANCE_TASK : kind;
	gs_instance_kind to = kind == GS_INSTANCE_AUTO ? GS_INSTANCE_GOROUTINE : kind;
	gs_err why = { 0 };

	for (gs_instance_kind k = from; k <= to; k++) {
		gs_instance_query iq = { .kind = k, .start_ns = q->start_ns, .end_ns = q->end_ns };
		gs_trace_instances *in[2];

		for (int side = 0; side < 2; side++)
			in[side] = gs_trace_instances_find(b->mem, sides[side].timeline, sides[side].profile, &iq, &why);
		if (!in[0] || !in[1])
			continue;
		b->d->kind = k;
		for (int side = 0; side < 2; side++)
			add_latencies(b, in[side], side);
		return !b->failed || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a comparison");
	}
	if (kind != GS_INSTANCE_AUTO)
		*err = why;
	return kind == GS_INSTANCE_AUTO;
}

static int64_t change(const gs_diff_group *g)
{
	return llabs(g->running[1] - g->running[0]) + llabs(g->runnable[1] - g->runnable[0]) +
	       llabs(g->syscall[1] - g->syscall[0]);
}

static int by_change(const void *a, const void *b)
{
	const gs_diff_group *x = a, *y = b;

	if (change(x) != change(y))
		return change(x) > change(y) ? -1 : 1;
	return gs_str_cmp(x->name, y->name);
}

static int64_t total(const gs_diff_latency *l)
{
	return (l->latency[0] ? l->latency[0]->sum_ns : 0) + (l->latency[1] ? l->latency[1]->sum_ns : 0);
}

static int by_total(const void *a, const void *b)
{
	const gs_diff_latency *x = a, *y = b;

	if (total(x) != total(y))
		return total(x) > total(y) ? -1 : 1;
	return gs_str_cmp(x->name, y->name);
}

gs_trace_diff *gs_trace_diff_build(gs_arena *mem, const gs_trace_side sides[2], const gs_trace_query *q, gs_instance_kind kind,
				   gs_err *err)
{
	gs_trace_diff *d = gs_new(mem, gs_trace_diff, 1);
	build b = { .mem = mem, .d = d };
	bool ok = add_groups(&b, &sides[0], 0, q, err) && add_groups(&b, &sides[1], 1, q, err) &&
		  compare_work(&b, sides, q, kind, err);

	d->groups = gs_try_new(mem, gs_diff_group, b.groups.n);
	d->latencies = gs_try_new(mem, gs_diff_latency, b.latencies.n);
	if (ok && (!d->groups || !d->latencies))
		ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a comparison");
	if (ok && b.groups.n) {
		memcpy(d->groups, b.groups.p, b.groups.n * sizeof(*d->groups));
		qsort(d->groups, b.groups.n, sizeof(*d->groups), by_change);
	}
	if (ok && b.latencies.n) {
		memcpy(d->latencies, b.latencies.p, b.latencies.n * sizeof(*d->latencies));
		qsort(d->latencies, b.latencies.n, sizeof(*d->latencies), by_total);
	}
	d->n_groups = (uint32_t)b.groups.n;
	d->n_latencies = (uint32_t)b.latencies.n;
	gs_vec_release(&b.groups);
	gs_vec_release(&b.latencies);
	gs_map_release(&b.group_of);
	gs_map_release(&b.latency_of);
	return ok ? d : NULL;
}
