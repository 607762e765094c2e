#include "analysis/trace_list.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/banned.h"

typedef struct maker {
	gs_arena *mem;
	const gs_lanes *l;
	const gs_lane_extras *x;
	const gs_timeline *t;
	const gs_lane_query *q;
	uint8_t *wanted; /* by goroutine: passes the filters */
	int64_t *hit_ns; /* by goroutine; NULL without a set */
	uint64_t *worked; /* a bit for each goroutine that worked for a task asked for; NULL: all */
	gs_lane_list *out;
} maker;

static gs_str text(const gs_lanes *l, uint32_t id)
{
	return gs_profile_str(gs_lanes_profile(l), id);
}

uint64_t gs_lane_id(const gs_lanes *l, gs_lane lane)
{
	const gs_timeline *t = gs_lanes_timeline(l);

	switch (lane.kind) {
	case GS_LANE_OF_GOROUTINE:
		return t->goroutines[lane.index].id;
	case GS_LANE_OF_PROC:
		return t->procs[lane.index].id;
	case GS_LANE_OF_THREAD:
		return t->threads[lane.index].id;
	case GS_LANE_OF_TASK:
		return t->tasks[lane.index].id;
	}
	return 0;
}

gs_str gs_lane_title(gs_arena *mem, const gs_lanes *l, gs_lane lane)
{
	const gs_timeline *t = gs_lanes_timeline(l);

	switch (lane.kind) {
	case GS_LANE_OF_GOROUTINE:
		return text(l, t->goroutines[lane.index].name);
	case GS_LANE_OF_PROC:
		return gs_strf(mem, "P %" PRIu64, t->procs[lane.index].id);
	case GS_LANE_OF_THREAD:
		return gs_strf(mem, "thread %" PRIu64, t->threads[lane.index].id);
	case GS_LANE_OF_TASK:
		return text(l, t->tasks[lane.index].name);
	}
	return (gs_str){ 0 };
}

static int64_t time_in(const maker *m, gs_lane lane, unsigned states)
{
	int64_t total[GS_N_LANE_STATES], sum = 0;
	uint64_t n;

	gs_lane_totals(m->l, lane, total, &n);
	for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
		if (states >> s & 1)
			sum += total[s];
	return sum;
}

static bool matches(const maker *m, gs_lane lane)
{
	if (!m->q->match)
		return true;
	return gs_re_match(m->q->match, gs_lane_title(m->mem, m->l, lane)) ||
	       gs_re_match(m->q->match, gs_strf(m->mem, "%" PRIu64, gs_lane_id(m->l, lane)));
}

static bool passes(const maker *m, uint32_t g)
{
	const gs_timeline_goroutine *o = &m->t->goroutines[g];
	gs_lane lane = { GS_LANE_OF_GOROUTINE, g };

	if (o->end_ns < m->q->from_ns || o->start_ns > m->q->to_ns || (m->q->no_system && o->is_system))
		return false;
	if (m->worked && !(m->worked[g / 64] >> (g % 64) & 1))
		return false;
	if (m->q->states) {
		int64_t in = time_in(m, lane, m->q->states);

		if (!in || in < m->q->min_ns)
			return false;
	} else if (o->end_ns - o->start_ns < m->q->min_ns) {
		return false;
	}
	return matches(m, lane);
}

static int64_t key_of(const maker *m, const gs_lane_row *r)
{
	int64_t total[GS_N_LANE_STATES];
	uint64_t n;

	switch (m->q->order) {
	case GS_LANES_BY_START:
	case GS_LANES_BY_NAME:
		return -r->start_ns;
	case GS_LANES_BY_ID:
		return -(int64_t)gs_lane_id(m->l, r->lane);
	case GS_LANES_BY_DURATION:
		return r->end_ns - r->start_ns;
	case GS_LANES_BY_TRANSITIONS:
		gs_lane_totals(m->l, r->lane, total, &n);
		return (int64_t)n;
	case GS_LANES_BY_HITS:
		return r->hit_ns;
	case GS_LANES_BY_TIME:
		return time_in(m, r->lane, m->q->states ? m->q->states : 1u << GS_LANE_RUNNING);
	}
	return 0;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const maker *m = ctx;
	const gs_lane_row *x = a, *y = b;
	int order = (x->key < y->key) - (x->key > y->key);

	if (m->q->order == GS_LANES_BY_NAME) {
		int names = gs_str_cmp(gs_lane_title(m->mem, m->l, x->lane), gs_lane_title(m->mem, m->l, y->lane));

		order = names ? names : order;
	}
	if (!order)
		order = (x->lane.index > y->lane.index) - (x->lane.index < y->lane.index);
	return m->q->is_rising ? -order : order;
}

static gs_lane_row goroutine_row(const maker *m, uint32_t g, uint32_t level)
{
	const gs_timeline_goroutine *o = &m->t->goroutines[g];
	gs_lane_row r = { .lane = { GS_LANE_OF_GOROUTINE, g }, .level = level, .start_ns = o->start_ns, .end_ns = o->end_ns };

	r.hit_ns = m->hit_ns ? m->hit_ns[g] : 0;
	r.key = key_of(m, &r);
	return r;
}

static bool mark_workers(maker *m)
{
	const gs_timeline *t = m->t;
	uint8_t *is_task = gs_try_new(m->mem, uint8_t, t->n_tasks);

	m->worked = gs_try_new(m->mem, uint64_t, t->n_goroutines / 64 + 1);
	if (!is_task || !m->worked)
		return false;
	for (uint32_t i = 0; i < t->n_tasks; i++) {
		uint32_t g = t->tasks[i].start_goroutine;

		is_task[i] = gs_re_match(m->q->task, text(m->l, t->tasks[i].name));
		if (is_task[i] && g != GS_NO_INDEX)
			m->worked[g / 64] |= (uint64_t)1 << (g % 64);
	}
	for (uint32_t i = 0; i < t->n_regions; i++)
		if (t->regions[i].task != GS_NO_INDEX && is_task[t->regions[i].task])
			m->worked[t->regions[i].goroutine / 64] |= (uint64_t)1 << (t->regions[i].goroutine % 64);
	return true;
}

static bool mark_wanted(maker *m)
{
	uint32_t n = m->t->n_goroutines;

	m->wanted = gs_try_new(m->mem, uint8_t, n);
	if (!m->wanted || (m->q->task && !mark_workers(m)))
		return false;
	for (uint32_t g = 0; g < n; g++)
		m->wanted[g] = passes(m, g);
	if (!m->q->set)
		return true;
	m->hit_ns = gs_try_new(m->mem, int64_t, n);
	if (!m->hit_ns)
		return false;
	gs_lanes_hit_ns(m->l, m->x, m->q->set, m->q->from_ns, m->q->to_ns, m->wanted, m->hit_ns);
	for (uint32_t g = 0; g < n; g++) {
		m->wanted[g] = m->hit_ns[g] > 0;
		m->out->hit_ns += m->hit_ns[g];
	}
	return true;
}

static void sort_rows(maker *m, gs_lane_row *rows, uint32_t n)
{
	qsort_r(rows, n, sizeof(*rows), compare, m);
}

static int by_time(const void *a, const void *b)
{
	const gs_lane_group *x = a, *y = b;
	int64_t tx = 0, ty = 0;

	if (x->is_system != y->is_system)
		return x->is_system - y->is_system;
	/* Waiting is what most goroutines do all the time. */
	for (unsigned s = GS_LANE_RUNNING; s <= GS_LANE_SYSCALL; s++) {
		tx += x->total_ns[s];
		ty += y->total_ns[s];
	}
	return tx != ty ? (tx < ty) - (tx > ty) : (x->n < y->n) - (x->n > y->n);
}

/* The group of a name, found or made. */
static gs_lane_group *group_of(maker *m, gs_map *index, uint32_t name)
{
	bool is_new;
	uint32_t *at = gs_map_put(index, name, &is_new);

	if (!at)
		return NULL;
	if (is_new) {
		*at = m->out->n_groups++;
		m->out->groups[*at].name = name;
	}
	return &m->out->groups[*at];
}

static bool flat(maker *m)
{
	GS_AUTO(map) index = { 0 };
	gs_lane_list *out = m->out;

	if (m->q->by == GS_LANES_BY_FUNCTION) {
		out->groups = gs_try_new(m->mem, gs_lane_group, m->t->n_goroutines);
		if (!out->groups)
			return false;
	}
	for (uint32_t g = 0; g < m->t->n_goroutines; g++) {
		const gs_timeline_goroutine *o = &m->t->goroutines[g];
		int64_t total[GS_N_LANE_STATES];
		gs_lane_group *group;

		if (!m->wanted[g])
			continue;
		if (!m->q->has_group || o->name == m->q->group)
			out->rows[out->n_rows++] = goroutine_row(m, g, 0);
		if (!out->groups)
			continue;
		group = group_of(m, &index, o->name);
		if (!group)
			return false;
		gs_lane_part_totals(m->l, (gs_lane){ GS_LANE_OF_GOROUTINE, g }, m->q->from_ns, m->q->to_ns, total);
		group->n++;
		group->hit_ns += m->hit_ns ? m->hit_ns[g] : 0;
		group->is_system = o->is_system;
		for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
			group->total_ns[s] += total[s];
	}
	sort_rows(m, out->rows, out->n_rows);
	if (out->groups)
		qsort(out->groups, out->n_groups, sizeof(*out->groups), by_time);
	return true;
}

/* Rows in the order of the tree: a goroutine, then those that it created. Who is filtered out keeps its place in the levels. */
static bool tree(maker *m)
{
	const gs_timeline *t = m->t;
	uint32_t n = t->n_goroutines, *first = gs_try_new(m->mem, uint32_t, (size_t)n + 2), depth = 0;
	uint32_t *next = gs_try_new(m->mem, uint32_t, (size_t)n + 1);
	gs_lane_row *kids = gs_try_new(m->mem, gs_lane_row, n), *stack = gs_try_new(m->mem, gs_lane_row, (size_t)n + 1);

	if (!first || !next || !kids || !stack)
		return false;
	/* The parent of those without one is n. */
#define PARENT(g) (t->goroutines[g].creator < n && t->goroutines[g].creator != (g) ? t->goroutines[g].creator : n)
	for (uint32_t g = 0; g < n; g++)
		first[PARENT(g) + 1]++;
	for (uint32_t g = 0; g <= n; g++) {
		first[g + 1] += first[g];
		next[g] = first[g];
	}
	for (uint32_t g = 0; g < n; g++)
		kids[next[PARENT(g)]++] = goroutine_row(m, g, 0);
#undef PARENT
	/* Roots are pushed in reverse, so that the first comes off first. */
	sort_rows(m, &kids[first[n]], first[n + 1] - first[n]);
	for (uint32_t i = first[n + 1]; i-- > first[n];)
		stack[depth++] = kids[i];
	while (depth) {
		gs_lane_row r = stack[--depth];
		uint32_t g = r.lane.index;

		if (m->wanted[g])
			m->out->rows[m->out->n_rows++] = r;
		sort_rows(m, &kids[first[g]], first[g + 1] - first[g]);
		for (uint32_t i = first[g + 1]; i-- > first[g];) {
			stack[depth] = kids[i];
			stack[depth++].level = r.level + 1;
		}
	}
	return true;
}

/* Goroutine and task of each region that is part of one, packed to be sorted. */
static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool tasks(maker *m)
{
	const gs_timeline *t = m->t;
	GS_AUTO(map) index = { 0 };
	gs_lane_list *out = m->out;
	size_t n_pairs = 0, most = (size_t)t->n_regions + t->n_tasks;
	uint64_t *pairs = gs_try_new(m->mem, uint64_t, most);
	gs_lane_row *list = gs_try_new(m->mem, gs_lane_row, t->n_tasks);
	uint32_t n = 0;

	out->groups = gs_try_new(m->mem, gs_lane_group, t->n_tasks);
	out->rows = gs_try_new(m->mem, gs_lane_row, most + t->n_tasks);
	if (!pairs || !list || !out->groups || !out->rows)
		return false;
	for (uint32_t i = 0; i < t->n_tasks; i++) {
		const gs_timeline_task *k = &t->tasks[i];
		gs_lane_row r = { .lane = { GS_LANE_OF_TASK, i }, .start_ns = k->start_ns, .end_ns = k->end_ns };
		gs_lane_group *group;

		if (k->end_ns < m->q->from_ns || k->start_ns > m->q->to_ns || k->end_ns - k->start_ns < m->q->min_ns || !matches(m, r.lane) ||
		    (m->q->task && !gs_re_match(m->q->task, text(m->l, k->name))))
			continue;
		group = group_of(m, &index, k->name);
		if (!group)
			return false;
		group->n++;
		if (m->q->has_group && k->name != m->q->group)
			continue;
		r.key = m->q->order == GS_LANES_BY_START || m->q->order == GS_LANES_BY_NAME ? -k->start_ns :
			m->q->order == GS_LANES_BY_ID					    ? -(int64_t)k->id :
											      k->end_ns - k->start_ns;
		list[n++] = r;
		if (k->start_goroutine != GS_NO_INDEX)
			pairs[n_pairs++] = (uint64_t)i << 32 | k->start_goroutine;
	}
	for (uint32_t i = 0; i < t->n_regions; i++)
		if (t->regions[i].task != GS_NO_INDEX)
			pairs[n_pairs++] = (uint64_t)t->regions[i].task << 32 | t->regions[i].goroutine;
	qsort(pairs, n_pairs, sizeof(*pairs), by_number);
	sort_rows(m, list, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t wanted = (uint64_t)list[i].lane.index << 32;
		size_t low = 0, high = n_pairs;

		out->rows[out->n_rows++] = list[i];
		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (pairs[middle] < wanted)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < n_pairs && pairs[low] >> 32 == wanted >> 32; low++)
			if (!low || pairs[low] != pairs[low - 1])
				out->rows[out->n_rows++] = goroutine_row(m, (uint32_t)pairs[low], 1);
	}
	qsort(out->groups, out->n_groups, sizeof(*out->groups), by_time);
	return true;
}

static void only(maker *m)
{
	gs_lane lane = m->q->lane;
	gs_lane_row r = { .lane = lane, .end_ns = m->t->duration_ns };

	if (lane.kind == GS_LANE_OF_GOROUTINE)
		r = goroutine_row(m, lane.index, 0);
	if (lane.kind == GS_LANE_OF_TASK) {
		r.start_ns = m->t->tasks[lane.index].start_ns;
		r.end_ns = m->t->tasks[lane.index].end_ns;
	}
	m->out->rows[m->out->n_rows++] = r;
}

static void others(maker *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		gs_lane_row r = { .lane = { m->q->kind, i }, .end_ns = m->t->duration_ns };
		int64_t total[GS_N_LANE_STATES];
		uint64_t runs;

		gs_lane_totals(m->l, r.lane, total, &runs);
		if (!matches(m, r.lane) || (m->q->states && !time_in(m, r.lane, m->q->states)))
			continue;
		r.key = m->q->order == GS_LANES_BY_START ? -(int64_t)gs_lane_id(m->l, r.lane) : key_of(m, &r);
		m->out->rows[m->out->n_rows++] = r;
	}
	sort_rows(m, m->out->rows, m->out->n_rows);
}

gs_lane_list *gs_lane_list_build(gs_arena *mem, const gs_lanes *l, const gs_lane_extras *x, const gs_lane_query *q, gs_err *err)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	maker m = { .mem = mem, .l = l, .x = x, .t = t, .q = q, .out = gs_new(mem, gs_lane_list, 1) };
	uint32_t most = t->n_goroutines + t->n_procs + t->n_threads + 1;
	bool ok = true;

	m.out->rows = gs_try_new(mem, gs_lane_row, most);
	ok = m.out->rows && mark_wanted(&m);
	if (ok && q->has_lane)
		only(&m);
	else if (ok && q->kind == GS_LANE_OF_PROC)
		others(&m, t->n_procs);
	else if (ok && q->kind == GS_LANE_OF_THREAD)
		others(&m, t->n_threads);
	else if (ok && (q->by == GS_LANES_BY_TASK || q->kind == GS_LANE_OF_TASK))
		ok = tasks(&m);
	else if (ok && q->by == GS_LANES_BY_CREATOR)
		ok = tree(&m);
	else if (ok)
		ok = flat(&m);
	if (!ok)
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the list of lanes needs more memory than allowed");
	return ok ? m.out : NULL;
}
