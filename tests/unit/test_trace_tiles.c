#include "analysis/trace_curves.h"
#include "tap.h"
#include "timeline_make.h"

#include <math.h>

typedef struct world {
	gs_arena *mem;
	gs_timeline *t;
	gs_profile *p;
	gs_lanes *l;
	gs_lane_extras *x;
} world;

static world make(const make_shape *s)
{
	world w = { .mem = gs_arena_create((uint64_t)1 << 30) };
	gs_err err = { 0 };

	w.t = make_timeline(w.mem, &w.p, s);
	w.l = gs_lanes_build(w.mem, w.t, w.p, &err);
	w.x = w.l ? gs_lane_extras_build(w.mem, w.l, &err) : NULL;
	CHECK(w.x != NULL);
	return w;
}

static const make_shape usual = { .goroutines = 7, .per_goroutine = 500, .chunks = 3, .procs = 3, .mean_ns = 1000, .seed = 1 };

/* Time in each state of [from, to), span by span. */
static void slowly(const gs_lanes *l, gs_lane lane, int64_t from, int64_t to, int64_t *sums)
{
	gs_lane_walk w = gs_lane_walk_from(l, lane, 0);

	memset(sums, 0, GS_N_LANE_STATES * sizeof(*sums));
	do {
		int64_t a = w.span.start_ns > from ? w.span.start_ns : from, b = w.span.end_ns < to ? w.span.end_ns : to;

		if (b > a)
			sums[w.span.state] += b - a;
	} while (gs_lane_walk_next(&w));
}

static void check_lane(const world *w, gs_lane lane)
{
	gs_lane_walk walk = gs_lane_walk_from(w->l, lane, 0);
	int64_t at = 0, total[GS_N_LANE_STATES], sums[GS_N_LANE_STATES];
	uint64_t n;

	/* Spans cover the trace without gaps or overlaps, and the sums at each say what came before. */
	CHECK_INT(walk.span.start_ns, 0);
	do {
		CHECK_INT(walk.span.start_ns, at);
		at = walk.span.end_ns;
	} while (gs_lane_walk_next(&walk));
	CHECK_INT(at, w->t->duration_ns);
	gs_lane_totals(w->l, lane, total, &n);
	slowly(w->l, lane, 0, w->t->duration_ns, sums);
	for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
		CHECK_INT(total[s], sums[s]);
	/* A jump lands where a walk would. */
	for (unsigned i = 0; i < 50; i++) {
		int64_t time = w->t->duration_ns * i / 50;
		gs_lane_walk jumped = gs_lane_walk_from(w->l, lane, time), far = gs_lane_walk_from(w->l, lane, time / 3);

		gs_lane_walk_to(&far, time);
		CHECK(jumped.span.start_ns <= time && time < jumped.span.end_ns);
		CHECK(far.span.start_ns == jumped.span.start_ns && far.n_seen == jumped.n_seen);
		slowly(w->l, lane, 0, jumped.span.start_ns, sums);
		for (unsigned s = 0; s < GS_N_LANE_STATES; s++) {
			CHECK_INT(jumped.cum_ns[s], sums[s]);
			CHECK_INT(far.cum_ns[s], sums[s]);
		}
	}
	/* The states of a part are what its spans say, also beyond the ends. */
	for (unsigned i = 0; i < 20; i++) {
		int64_t from = w->t->duration_ns * ((int64_t)i - 1) / 19, to = w->t->duration_ns * (i + i % 5) / 19;

		gs_lane_part_totals(w->l, lane, from, to, total);
		slowly(w->l, lane, from, to, sums);
		for (unsigned s = GS_LANE_NONE + 1; s < GS_N_LANE_STATES; s++)
			CHECK_INT(total[s], sums[s]);
	}
}

TEST(lanes_cover_the_trace)
{
	world w = make(&usual);

	for (uint32_t g = 0; g < w.t->n_goroutines; g++)
		check_lane(&w, (gs_lane){ GS_LANE_OF_GOROUTINE, g });
	for (uint32_t p = 0; p < w.t->n_procs; p++)
		check_lane(&w, (gs_lane){ GS_LANE_OF_PROC, p });
	gs_arena_free(w.mem);
}

static void check_window(const world *w, gs_lane lane, const gs_window *win)
{
	GS_AUTO(tiles) out = { 0 };
	int64_t at = win->from_ns, most = (win->to_ns - win->from_ns) / win->cell_ns + 2;
	uint32_t merged = 0, spans = 0;

	gs_tiles_states(&out, w->l, lane, 0, win);
	CHECK(out.tracks.n <= 1);
	for (size_t i = 0; i < out.cells.n; i++) {
		const gs_cell *c = &out.cells.p[i];
		int64_t sums[GS_N_LANE_STATES], from = c->start_ns < win->from_ns ? win->from_ns : c->start_ns;

		CHECK(from >= at && c->end_ns > c->start_ns && c->start_ns < win->to_ns);
		at = c->end_ns;
		slowly(w->l, lane, c->start_ns, c->end_ns, sums);
		if (!(c->flags & GS_CELL_MERGED)) {
			CHECK_INT(sums[c->state], c->end_ns - c->start_ns);
			spans += c->end_ns - c->start_ns >= win->cell_ns;
			continue;
		}
		merged++;
		CHECK(c->end_ns - c->start_ns <= win->cell_ns);
		for (unsigned s = 0; s < GS_N_LANE_STATES; s++) {
			double share = (double)sums[s] / (double)(c->end_ns - c->start_ns);

			CHECK(fabs(share - c->shares[s] / 255.0) < 0.005);
		}
	}
	/* At most two for each cell of the window, by far. */
	CHECK(merged <= most && spans <= most && out.cells.n <= (size_t)most * 2);
}

TEST(cells_say_what_spans_say)
{
	world w = make(&usual);
	const int64_t cells[] = { 1, 64, 700, 4096, 30000, 1 << 20 };

	for (unsigned i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		int64_t tile = cells[i] * 256;

		for (int64_t from = 0; from < w.t->duration_ns; from += tile > w.t->duration_ns / 5 ? tile : w.t->duration_ns / 5 / tile * tile) {
			gs_window win = { from, from + tile < w.t->duration_ns ? from + tile : w.t->duration_ns, cells[i] };

			for (uint32_t g = 0; g < w.t->n_goroutines; g += 3)
				check_window(&w, (gs_lane){ GS_LANE_OF_GOROUTINE, g }, &win);
			check_window(&w, (gs_lane){ GS_LANE_OF_PROC, 1 }, &win);
		}
	}
	gs_arena_free(w.mem);
}

TEST(counts_of_goroutines)
{
	world w = make(&usual);
	gs_err err = { 0 };
	gs_curves *c = gs_curves_build(w.mem, w.l, &err);
	uint32_t all[7] = { 0, 1, 2, 3, 4, 5, 6 };
	const int64_t sizes[] = { 100, 5000, 200000 };

	for (unsigned i = 0; i < 3; i++) {
		gs_window win = { sizes[i] * 2, sizes[i] * 12, sizes[i] };
		float *of_all = gs_curve_counts(w.mem, c, NULL, 0, &win), *of_list = gs_curve_counts(w.mem, c, all, 7, &win);

		CHECK_INT(gs_window_cells(&win), 10);
		for (unsigned k = 0; k < 10; k++) {
			int64_t sums[GS_N_LANE_STATES], running = 0;

			for (uint32_t g = 0; g < 7; g++) {
				slowly(w.l, (gs_lane){ GS_LANE_OF_GOROUTINE, g }, win.from_ns + k * sizes[i], win.from_ns + (k + 1) * sizes[i],
				       sums);
				running += sums[GS_LANE_RUNNING];
			}
			CHECK(fabs((double)running / (double)sizes[i] - of_list[k * GS_N_COUNTS + GS_COUNT_RUNNING]) < 1e-4);
			/* The grid is coarser than the shortest cells only, where it is not used. */
			CHECK(fabsf(of_all[k * GS_N_COUNTS + GS_COUNT_RUNNING] - of_list[k * GS_N_COUNTS + GS_COUNT_RUNNING]) < 0.2f);
		}
	}
	gs_arena_free(w.mem);
}

TEST(hits_add_up_in_every_tiling)
{
	world w = make(&usual);
	uint64_t *marked = gs_new(w.mem, uint64_t, w.p->n_nodes / 64 + 1);
	gs_stack_set set = { .marked = marked, .states = 1u << GS_LANE_NETWORK | 1u << GS_LANE_RUNNING };
	int64_t whole = 0, parts = 0, by_hand = 0;

	marked[0] = 2; /* node 1 */
	for (uint32_t g = 0; g < w.t->n_goroutines; g++) {
		gs_lane lane = { GS_LANE_OF_GOROUTINE, g };
		gs_interval_walk walk = gs_intervals_of(w.t, g);
		gs_window all = { 0, w.t->duration_ns, 5000 };
		gs_interval v, next;
		GS_AUTO(tiles) out = { 0 };

		whole += gs_tiles_hits(&out, w.l, w.x, lane, 0, &set, &all);
		for (int64_t from = 0; from < w.t->duration_ns; from += 100000) {
			gs_window part = { from, from + 100000, 1000 };

			parts += gs_tiles_hits(&out, w.l, w.x, lane, 0, &set, &part);
		}
		for (bool more = gs_interval_next(&walk, &v); more; v = next) {
			more = gs_interval_next(&walk, &next);
			if (v.phase == GS_PHASE_RUNNING && more && next.stack == 1)
				by_hand += v.end_ns - v.start_ns;
			if (v.phase == GS_PHASE_WAITING && v.reason == 1 && v.stack == 1)
				by_hand += v.end_ns - v.start_ns;
		}
		CHECK(out.tracks.n > 0);
	}
	CHECK_INT(whole, by_hand);
	CHECK_INT(parts, by_hand);
	gs_arena_free(w.mem);
}

TEST(regions_marks_and_ranges)
{
	world w = { .mem = gs_arena_create((uint64_t)1 << 30) };
	gs_timeline_region regions[] = {
		{ .start_ns = 0, .end_ns = 900000, .goroutine = 1, .name = 3, .saw_start = true },
		{ .start_ns = 1000, .end_ns = 1500, .goroutine = 1, .depth = 1, .name = 4, .saw_start = true, .saw_end = true },
		{ .start_ns = 1600, .end_ns = 1700, .goroutine = 1, .depth = 1, .name = 5, .saw_start = true, .saw_end = true },
		{ .start_ns = 400000, .end_ns = 600000, .goroutine = 1, .depth = 1, .name = 6, .saw_start = true, .saw_end = true },
	};
	gs_timeline_log logs[] = { { .time_ns = 10, .goroutine = 1 }, { .time_ns = 20, .goroutine = 1 }, { .time_ns = 500000, .goroutine = 1 } };
	gs_window win = { 0, 1000000, 10000 };
	gs_err err = { 0 };
	GS_AUTO(tiles) out = { 0 };
	uint32_t n;

	w.t = make_timeline(w.mem, &w.p, &usual);
	w.t->regions = regions;
	w.t->n_regions = 4;
	w.t->logs = logs;
	w.t->n_logs = 3;
	w.l = gs_lanes_build(w.mem, w.t, w.p, &err);
	w.x = gs_lane_extras_build(w.mem, w.l, &err);
	CHECK_INT(gs_lane_region_depth(w.x, 1), 2);
	CHECK_INT(gs_lane_region_depth(w.x, 0), 0);
	gs_lane_regions(w.x, 1, &n);
	CHECK_INT(n, 4);
	gs_tiles_extras(&out, w.l, w.x, (gs_lane){ GS_LANE_OF_GOROUTINE, 1 }, 9, &win);
	CHECK_INT(out.tracks.n, 3);
	CHECK_INT(out.tracks.p[0].n, 1);
	CHECK(out.cells.p[0].value == 3 && out.cells.p[0].flags == GS_CELL_OPEN_END);
	/* Two short regions in one cell are one, named by the longer; the long one behind it stands alone. */
	CHECK_INT(out.tracks.p[1].n, 2);
	CHECK(out.tracks.p[1].depth == 1 && out.tracks.p[1].lane == 9);
	CHECK(out.cells.p[1].count == 2 && out.cells.p[1].value == 4 && out.cells.p[1].flags == GS_CELL_MERGED);
	CHECK(out.cells.p[2].count == 1 && out.cells.p[2].value == 6 && out.cells.p[2].end_ns == 600000);
	CHECK(out.tracks.p[2].kind == GS_TRACK_LOGS && out.tracks.p[2].n == 2);
	CHECK_INT(out.cells.p[3].count, 2);
	gs_arena_free(w.mem);
}

TEST(stacks_of_neighbours_share_boxes)
{
	world w = make(&usual);
	gs_window win = { 0, 100000, 1 };
	GS_AUTO(tiles) out = { 0 }, spans = { 0 };
	size_t box = 0;

	gs_tiles_frames(&out, w.l, 2, 5, &win);
	gs_tiles_states(&spans, w.l, (gs_lane){ GS_LANE_OF_GOROUTINE, 2 }, 0, &win);
	CHECK_INT(out.tracks.n, 1); /* stacks of one frame */
	CHECK(out.tracks.p[0].kind == GS_TRACK_FRAMES && out.tracks.p[0].lane == 5);
	for (size_t i = 0; i < spans.cells.n; i++) {
		const gs_cell *s = &spans.cells.p[i];

		if (s->stack == GS_ROOT_NODE || s->flags & GS_CELL_MERGED)
			continue;
		while (box < out.cells.n && out.cells.p[box].end_ns <= s->start_ns)
			box++;
		CHECK(box < out.cells.n && out.cells.p[box].start_ns <= s->start_ns && out.cells.p[box].end_ns >= s->end_ns);
		CHECK_INT(out.cells.p[box].value, w.p->functions[w.p->frames[w.p->nodes[s->stack].frame].function].name);
	}
	for (size_t i = 1; i < out.cells.n; i++) /* else they were one */
		CHECK(out.cells.p[i].start_ns > out.cells.p[i - 1].end_ns || out.cells.p[i].value != out.cells.p[i - 1].value);
	gs_arena_free(w.mem);
}
