#include "analysis/trace_curves.h"

#include <math.h>

#include "base/map.h"
#include "base/pool.h"

#include "base/banned.h"

enum {
	GRID_CELLS = 65536,
	GROUP_CELLS = 8192,
	LARGE_GROUP = 10000, /* transitions and goroutines: what has less is summed up when asked for */
	MAX_JOBS = 8,
};

/* Counts on cells that were summed up once. */
typedef struct grid {
	gs_window window;
	float *counts;
} grid;

typedef struct group {
	uint32_t name, n;
	uint32_t *goroutines;
	uint64_t weight;
	grid grid; /* of large ones only */
} group;

struct gs_curves {
	const gs_lanes *l;
	grid all;
	group *groups;
	gs_map group_index; /* by name */
	uint32_t n_groups;
};

uint32_t gs_window_cells(const gs_window *w)
{
	return (uint32_t)((w->to_ns - 1) / w->cell_ns - w->from_ns / w->cell_ns + 1);
}

/* Time in states by cell. What covers a cell whole is only counted where it begins and ends. */
typedef struct sum {
	const gs_window *w;
	uint32_t n;
	int64_t *part_ns; /* n * GS_N_COUNTS */
	int32_t *change;  /* (n + 1) * GS_N_COUNTS */
} sum;

static int series_of(unsigned state)
{
	switch ((gs_lane_state)state) {
	case GS_LANE_RUNNING:
		return GS_COUNT_RUNNING;
	case GS_LANE_SYSCALL:
		return GS_COUNT_SYSCALL;
	case GS_LANE_RUNNABLE:
		return GS_COUNT_RUNNABLE;
	case GS_LANE_NONE:
		return -1;
	default:
		return GS_COUNT_WAITING;
	}
}

static void add_span(sum *s, int64_t from, int64_t to, int series)
{
	int64_t cell = s->w->cell_ns, base = s->w->from_ns / cell;
	int64_t a, b;

	if (from < s->w->from_ns)
		from = s->w->from_ns;
	if (to > s->w->to_ns)
		to = s->w->to_ns;
	if (from >= to || series < 0)
		return;
	a = from / cell - base;
	b = to / cell - base;
	if (a == b) {
		s->part_ns[a * GS_N_COUNTS + series] += to - from;
		return;
	}
	s->part_ns[a * GS_N_COUNTS + series] += (a + base + 1) * cell - from;
	if (b < s->n)
		s->part_ns[b * GS_N_COUNTS + series] += to - (b + base) * cell;
	s->change[(a + 1) * GS_N_COUNTS + series]++;
	s->change[b * GS_N_COUNTS + series]--;
}

static void add_lane(sum *s, const gs_lanes *l, uint32_t g)
{
	const gs_timeline_goroutine *o = &gs_lanes_timeline(l)->goroutines[g];
	gs_lane lane = { GS_LANE_OF_GOROUTINE, g };
	int64_t at = s->w->from_ns;
	gs_lane_walk walk;

	if (o->end_ns <= s->w->from_ns || o->start_ns >= s->w->to_ns)
		return;
	walk = gs_lane_walk_from(l, lane, at);
	while (at < s->w->to_ns && walk.span.end_ns > at) {
		gs_lane_walk begin = walk;
		int64_t edge;
		size_t cell;

		if (walk.span.end_ns - walk.span.start_ns >= s->w->cell_ns) {
			add_span(s, walk.span.start_ns, walk.span.end_ns, series_of(walk.span.state));
			at = walk.span.end_ns;
			gs_lane_walk_to(&walk, at);
			continue;
		}
		edge = (at / s->w->cell_ns + 1) * s->w->cell_ns;
		edge = edge > s->w->to_ns ? s->w->to_ns : edge;
		cell = (size_t)(at / s->w->cell_ns - s->w->from_ns / s->w->cell_ns);
		gs_lane_walk_to(&walk, edge);
		if (walk.span.start_ns > at && walk.span.end_ns - walk.span.start_ns >= s->w->cell_ns)
			edge = walk.span.start_ns;
		for (unsigned k = GS_LANE_NONE + 1; k < GS_N_LANE_STATES; k++) {
			int64_t before = begin.cum_ns[k] + (begin.span.state == k ? at - begin.span.start_ns : 0);
			int64_t after = walk.cum_ns[k] + (walk.span.state == k ? edge - walk.span.start_ns : 0);

			s->part_ns[cell * GS_N_COUNTS + (unsigned)series_of(k)] += after - before;
		}
		at = edge;
	}
}

typedef struct job {
	const gs_lanes *l;
	const uint32_t *goroutines; /* NULL: all */
	uint32_t n, n_jobs;
	sum sums[MAX_JOBS];
} job;

/* Every n_jobs-th: neighbours are alike, so that each job gets its share of the work. */
static void run_job(void *ctx, size_t i)
{
	job *j = ctx;

	for (uint32_t k = (uint32_t)i; k < j->n; k += j->n_jobs)
		add_lane(&j->sums[i], j->l, j->goroutines ? j->goroutines[k] : k);
}

static float *count(gs_arena *mem, const gs_lanes *l, const uint32_t *goroutines, uint32_t n, const gs_window *w)
{
	uint32_t cells = gs_window_cells(w);
	job j = { .l = l, .goroutines = goroutines, .n = n, .n_jobs = n < 64 ? 1 : gs_cpu_count() };
	float *out = gs_try_new(mem, float, (size_t)cells * GS_N_COUNTS);
	int64_t running[GS_N_COUNTS] = { 0 };

	if (j.n_jobs > MAX_JOBS)
		j.n_jobs = MAX_JOBS;
	for (uint32_t i = 0; i < j.n_jobs; i++) {
		j.sums[i] = (sum){ w, cells, gs_try_new(mem, int64_t, (size_t)cells * GS_N_COUNTS),
				   gs_try_new(mem, int32_t, ((size_t)cells + 1) * GS_N_COUNTS) };
		if (!j.sums[i].part_ns || !j.sums[i].change)
			return NULL;
	}
	if (!out)
		return NULL;
	gs_pool_run(j.n_jobs, j.n_jobs, run_job, &j);
	for (size_t c = 0; c < cells; c++) {
		int64_t from = (int64_t)c * w->cell_ns + w->from_ns / w->cell_ns * w->cell_ns, to = from + w->cell_ns;

		from = from < w->from_ns ? w->from_ns : from;
		to = to > w->to_ns ? w->to_ns : to;
		for (size_t k = 0; k < GS_N_COUNTS; k++) {
			int64_t part = 0;

			for (uint32_t i = 0; i < j.n_jobs; i++) {
				running[k] += j.sums[i].change[c * GS_N_COUNTS + k];
				part += j.sums[i].part_ns[c * GS_N_COUNTS + k];
			}
			out[c * GS_N_COUNTS + k] = (float)((double)running[k] + (double)part / (double)(to - from));
		}
	}
	return out;
}

static bool make_grid(gs_arena *mem, const gs_lanes *l, const uint32_t *goroutines, uint32_t n, uint32_t cells, grid *out)
{
	int64_t duration = gs_lanes_timeline(l)->duration_ns;

	out->window = (gs_window){ 0, duration > 0 ? duration : 1, duration / cells + 1 };
	out->counts = count(mem, l, goroutines, n, &out->window);
	return out->counts != NULL;
}

static void release_index(void *ctx)
{
	gs_map_release(ctx);
}

static bool find_groups(gs_arena *mem, gs_curves *c)
{
	const gs_timeline *t = gs_lanes_timeline(c->l);
	uint32_t *members = gs_try_new(mem, uint32_t, t->n_goroutines);

	c->groups = gs_try_new(mem, group, t->n_goroutines);
	if (!members || !c->groups)
		return false;
	for (uint32_t g = 0; g < t->n_goroutines; g++) {
		bool is_new;
		uint32_t *at = gs_map_put(&c->group_index, t->goroutines[g].name, &is_new);
		int64_t total[GS_N_LANE_STATES];
		uint64_t n;

		if (!at)
			return false;
		if (is_new) {
			*at = c->n_groups++;
			c->groups[*at].name = t->goroutines[g].name;
		}
		gs_lane_totals(c->l, (gs_lane){ GS_LANE_OF_GOROUTINE, g }, total, &n);
		c->groups[*at].n++;
		c->groups[*at].weight += n + 1;
	}
	for (uint32_t i = 0; i < c->n_groups; i++) {
		c->groups[i].goroutines = members;
		members += c->groups[i].n;
		c->groups[i].n = 0;
	}
	for (uint32_t g = 0; g < t->n_goroutines; g++) {
		group *k = &c->groups[*gs_map_get(&c->group_index, t->goroutines[g].name)];

		k->goroutines[k->n++] = g;
	}
	return true;
}

gs_curves *gs_curves_build(gs_arena *mem, const gs_lanes *l, gs_err *err)
{
	gs_curves *c = gs_new(mem, gs_curves, 1);
	bool ok;

	c->l = l;
	gs_arena_on_free(mem, release_index, &c->group_index);
	ok = make_grid(mem, l, NULL, gs_lanes_timeline(l)->n_goroutines, GRID_CELLS, &c->all) && find_groups(mem, c);
	for (uint32_t i = 0; ok && i < c->n_groups; i++)
		if (c->groups[i].weight >= LARGE_GROUP)
			ok = make_grid(mem, l, c->groups[i].goroutines, c->groups[i].n, GROUP_CELLS, &c->groups[i].grid);
	if (!ok)
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the timeline's curves need more memory than allowed");
	return ok ? c : NULL;
}

/* Cells that are at least as long as the grid's are means of its cells. */
static float *count_on_grid(gs_arena *mem, const grid *from_grid, const gs_window *w)
{
	uint32_t cells = gs_window_cells(w), last = gs_window_cells(&from_grid->window) - 1;
	float *out = gs_try_new(mem, float, (size_t)cells * GS_N_COUNTS);

	for (uint32_t i = 0; out && i < cells; i++) {
		int64_t from = (w->from_ns / w->cell_ns + i) * w->cell_ns, to = from + w->cell_ns;
		int64_t a = from / from_grid->window.cell_ns, b = (to - 1) / from_grid->window.cell_ns;

		a = a > last ? last : a;
		b = b > last ? last : b;
		for (int64_t g = a; g <= b; g++)
			for (unsigned k = 0; k < GS_N_COUNTS; k++)
				out[i * GS_N_COUNTS + k] += from_grid->counts[g * GS_N_COUNTS + k] / (float)(b - a + 1);
	}
	return out;
}

float *gs_curve_counts(gs_arena *mem, const gs_curves *c, const uint32_t *goroutines, uint32_t n, const gs_window *w)
{
	if (goroutines)
		return count(mem, c->l, goroutines, n, w);
	if (w->cell_ns >= c->all.window.cell_ns)
		return count_on_grid(mem, &c->all, w);
	return count(mem, c->l, NULL, gs_lanes_timeline(c->l)->n_goroutines, w);
}

float *gs_curve_group_counts(gs_arena *mem, const gs_curves *c, uint32_t name, const gs_window *w)
{
	const uint32_t *at = gs_map_get(&c->group_index, name);
	const group *g = at ? &c->groups[*at] : NULL;

	if (!g)
		return gs_try_new(mem, float, (size_t)gs_window_cells(w) * GS_N_COUNTS);
	if (g->grid.counts && w->cell_ns >= g->grid.window.cell_ns)
		return count_on_grid(mem, &g->grid, w);
	return count(mem, c->l, g->goroutines, g->n, w);
}

/* The first reading at or after `time_ns`. */
static uint32_t seek_reading(const gs_timeline_metric *m, int64_t time_ns)
{
	uint32_t low = 0, high = m->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (m->time_ns[middle] < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void put_metric(float *out, const gs_timeline_metric *m, uint32_t cells, const gs_window *w)
{
	uint32_t at = seek_reading(m, w->from_ns);
	float last = at ? (float)m->value[at - 1] : NAN;

	for (uint32_t i = 0; i < cells; i++) {
		int64_t to = (w->from_ns / w->cell_ns + i + 1) * w->cell_ns;
		float most = NAN;

		for (; at < m->n && m->time_ns[at] < to; at++) {
			last = (float)m->value[at];
			most = isnan(most) || last > most ? last : most;
		}
		out[i * GS_N_HEAP] = isnan(most) ? last : most;
	}
}

float *gs_curve_heap(gs_arena *mem, const gs_curves *c, const gs_window *w)
{
	const gs_timeline *t = gs_lanes_timeline(c->l);
	uint32_t cells = gs_window_cells(w);
	float *out = gs_try_new(mem, float, (size_t)cells * GS_N_HEAP);

	if (!out)
		return NULL;
	put_metric(out + GS_HEAP_BYTES, &t->heap_bytes, cells, w);
	put_metric(out + GS_HEAP_GOAL_BYTES, &t->heap_goal_bytes, cells, w);
	return out;
}
