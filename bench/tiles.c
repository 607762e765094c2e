/*
 * How long a tile takes: a timeline made of nothing with N million transitions, its lanes built, then screens of tiles at every
 * zoom. Prints one line of numbers for bench/run.   tiles [MILLIONS]
 */
#include <stdio.h>
#include <time.h>

#include "../tests/unit/timeline_make.h"
#include "analysis/trace_curves.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

enum { WIDTH = 2000, ROWS = 40 };

/* The slowest screen of all zooms: `rows` lanes, WIDTH pixels, at ten places each. */
static double slowest(const gs_lanes *l, const gs_lane_extras *x, gs_lane_kind kind, uint32_t n, size_t *cells)
{
	int64_t duration = gs_lanes_timeline(l)->duration_ns;
	double worst = 0;

	for (int64_t cell = duration / WIDTH; cell > 0; cell /= 4)
		for (int64_t place = 0; place < 10; place++) {
			GS_AUTO(tiles) out = { 0 };
			int64_t from = (duration - cell * WIDTH) / 10 * place / cell * cell;
			gs_window w = { from, from + cell * WIDTH, cell };
			double start = now(), took;

			for (uint32_t i = 0; i < ROWS && i < n; i++) {
				gs_tiles_states(&out, l, (gs_lane){ kind, i }, i, &w);
				gs_tiles_extras(&out, l, x, (gs_lane){ kind, i }, i, &w);
			}
			took = now() - start;
			worst = took > worst ? took : worst;
			*cells = out.cells.n > *cells ? out.cells.n : *cells;
		}
	return worst;
}

static double slowest_curve(const gs_curves *c, int64_t duration)
{
	double worst = 0;

	for (int64_t cell = duration / WIDTH; cell > 0; cell /= 4)
		for (int64_t place = 0; place < 10; place++) {
			gs_arena *mem = gs_arena_create((uint64_t)1 << 30);
			int64_t from = (duration - cell * WIDTH) / 10 * place / cell * cell;
			gs_window w = { from, from + cell * WIDTH, cell };
			double start = now(), took;

			if (!gs_curve_counts(mem, c, NULL, 0, &w) || !gs_curve_heap(mem, c, &w))
				return -1;
			took = now() - start;
			worst = took > worst ? took : worst;
			gs_arena_free(mem);
		}
	return worst;
}

int main(int argc, char **argv)
{
	uint32_t millions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10;
	/* Few goroutines that never rest, and many that hardly do anything. */
	const make_shape shapes[] = { { 40, millions * 1000000 / 40 / 8, 8, 8, 1000, 1 }, { 20000, millions * 1000000 / 20000 / 8, 8, 8, 40000, 2 } };

	for (unsigned i = 0; i < 2; i++) {
		gs_arena *mem = gs_arena_create((uint64_t)8 << 30), *index = gs_arena_create((uint64_t)8 << 30);
		gs_profile *p;
		gs_timeline *t = make_timeline(mem, &p, &shapes[i]);
		double start = now(), built;
		double goroutines, procs, curves;
		size_t cells = 0;
		gs_lanes *l = gs_lanes_build(index, t, p, NULL);
		gs_lane_extras *x = l ? gs_lane_extras_build(index, l, NULL) : NULL;
		gs_curves *c = x ? gs_curves_build(index, l, NULL) : NULL;

		if (!c)
			return 1;
		built = now() - start;
		goroutines = slowest(l, x, GS_LANE_OF_GOROUTINE, t->n_goroutines, &cells);
		procs = slowest(l, x, GS_LANE_OF_PROC, t->n_procs, &cells);
		curves = slowest_curve(c, t->duration_ns);
		printf("%u goroutines, %llu transitions: built in %.0f ms, %.1f bytes a transition; slowest screen of %d goroutines %.1f ms, "
		       "of procs %.1f ms, of curves %.1f ms; at most %zu cells\n",
		       t->n_goroutines, (unsigned long long)t->n_transitions, built,
		       (double)gs_arena_used_bytes(index) / (double)t->n_transitions, ROWS, goroutines, procs, curves, cells);
		gs_arena_free(index);
		gs_arena_free(mem);
	}
	return 0;
}
