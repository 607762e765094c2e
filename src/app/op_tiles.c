#include <stdlib.h>

#include "app/trace_index.h"
#include "present/trace_json.h"

#include "base/banned.h"

enum { MAX_LANES = 4096, MAX_CELLS = 65536, DEFAULT_CELLS = 1000 };

static const gs_arg own_args[] = {
	{ "lanes", GS_ARG_LIST, .unit = "lanes",
	  .help = "lanes as the operation lanes calls them (g7, p0, m3, t2, n15 for a group), s7 for the stacks of g7, or gc, heap, count; separated by commas" },
	{ "cell", GS_ARG_DURATION, .help = "what is shorter is merged; default: a thousandth of the time" },
	{ 0 },
};
static const gs_arg_group own = { "Tiles", own_args };

typedef struct maker {
	const gs_op_call *call;
	const gs_trace_index *x;
	gs_tile_answer a;
	gs_tiles tiles;
	gs_tile_curve *curves;
	gs_stack_set set;
	int64_t *hit_ns; /* NULL: nothing is to be marked */
} maker;

static bool add_curve(maker *m, uint32_t lane_at, const char *series, uint32_t n_series, const float *values, gs_err *err)
{
	if (!values)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the curve needs more memory than allowed");
	m->curves[m->a.n_curves++] = (gs_tile_curve){ lane_at, series, n_series, gs_window_cells(&m->a.window), values };
	return true;
}

static const char count_series[] = "running syscall runnable waiting";

static bool add_group(maker *m, gs_str lane, uint32_t at, gs_err *err)
{
	uint64_t name;

	if (!gs_str_u64(gs_str_skip(lane, 1), 10, &name) || name > UINT32_MAX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "tiles: \"%.*s\" is no lane", GS_FMT(lane));
	return add_curve(m, at, count_series, GS_N_COUNTS,
			 gs_curve_group_counts(m->call->mem, m->x->curves, (uint32_t)name, &m->a.window), err);
}

static bool add_lane(maker *m, gs_str name, uint32_t at, gs_err *err)
{
	gs_arena *mem = m->call->mem;
	gs_lane lane;

	if (gs_str_eq(name, GS_S("gc"))) {
		size_t first = m->tiles.tracks.n;

		gs_tiles_gc(&m->tiles, m->x->lanes, m->x->extras, &m->a.window);
		for (; first < m->tiles.tracks.n; first++)
			m->tiles.tracks.p[first].lane = at;
		return true;
	}
	if (gs_str_eq(name, GS_S("heap")))
		return add_curve(m, at, "heap goal", GS_N_HEAP, gs_curve_heap(mem, m->x->curves, &m->a.window), err);
	if (gs_str_eq(name, GS_S("count")))
		return add_curve(m, at, count_series, GS_N_COUNTS, gs_curve_counts(mem, m->x->curves, NULL, 0, &m->a.window), err);
	if (name.n > 1 && name.p[0] == 'n')
		return add_group(m, name, at, err);
	/* s7: the stacks of g7 */
	if (name.n > 1 && name.p[0] == 's') {
		uint64_t g;

		if (!gs_str_u64(gs_str_skip(name, 1), 10, &g) || g >= m->x->timeline->n_goroutines)
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "tiles: the trace has no lane \"%.*s\"", GS_FMT(name));
		gs_tiles_frames(&m->tiles, m->x->lanes, (uint32_t)g, at, &m->a.window);
		return true;
	}
	if (!gs_lane_read(m->x->timeline, name, &lane))
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "tiles: the trace has no lane \"%.*s\"", GS_FMT(name));
	if (lane.kind == GS_LANE_OF_TASK) {
		gs_tiles_task(&m->tiles, m->x->lanes, lane.index, at, &m->a.window);
		return true;
	}
	gs_tiles_states(&m->tiles, m->x->lanes, lane, at, &m->a.window);
	gs_tiles_extras(&m->tiles, m->x->lanes, m->x->extras, lane, at, &m->a.window);
	if (m->hit_ns)
		m->hit_ns[at] = gs_tiles_hits(&m->tiles, m->x->lanes, m->x->extras, lane, at, &m->set, &m->a.window);
	return true;
}

/* "g1,g2" and "g3" as one list. */
static bool read_lanes(maker *m, gs_err *err)
{
	gs_arena *mem = m->call->mem;
	gs_str *out = gs_new(mem, gs_str, MAX_LANES);
	unsigned n;
	const gs_str *list = gs_call_list(m->call, "lanes", &n);

	for (unsigned i = 0; i < n; i++) {
		gs_str rest = list[i], word;

		for (bool more = true; more;) {
			more = gs_str_cut(rest, ',', &word, &rest);
			if (!word.n)
				continue;
			if (m->a.n_lanes == MAX_LANES)
				return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "tiles: more than %d lanes in one question", MAX_LANES);
			out[m->a.n_lanes++] = word;
		}
	}
	if (!m->a.n_lanes)
		out[m->a.n_lanes++] = GS_S("count");
	m->a.lanes = out;
	return true;
}

static bool read_window(maker *m, gs_err *err)
{
	gs_window *w = &m->a.window;

	if (!gs_call_window(m->call, m->x, &w->from_ns, &w->to_ns, err))
		return false;
	w->cell_ns = gs_call_is_set(m->call, "cell") ? gs_call_int(m->call, "cell") : (w->to_ns - w->from_ns) / DEFAULT_CELLS;
	if (w->cell_ns < 1)
		w->cell_ns = 1;
	if ((w->to_ns - w->from_ns) / w->cell_ns > MAX_CELLS)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "tiles: more than %d cells: ask for a shorter time or longer cells", MAX_CELLS);
	return true;
}

static bool answer(maker *m, gs_err *err)
{
	bool marks;

	if (!read_window(m, err) || !read_lanes(m, err) || !gs_call_stack_set(m->call, m->x, &m->set, &marks, err))
		return false;
	m->curves = gs_new(m->call->mem, gs_tile_curve, m->a.n_lanes);
	m->hit_ns = marks ? gs_new(m->call->mem, int64_t, m->a.n_lanes) : NULL;
	for (uint32_t i = 0; i < m->a.n_lanes; i++)
		if (!add_lane(m, m->a.lanes[i], i, err))
			return false;
	if (m->tiles.is_full)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the tiles need more memory than allowed");
	m->a.tiles = &m->tiles;
	m->a.curves = m->curves;
	m->a.hit_ns = m->hit_ns;
	if (strcmp(m->call->format, "frames") == 0)
		gs_tiles_write_frames(m->call->mem, m->x->lanes, &m->a, m->call->out);
	else
		gs_tiles_write_json(m->call->mem, m->x->lanes, &m->a, m->call->out);
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	maker m = { .call = call, .x = gs_call_lanes(call, err) };
	bool ok = m.x && answer(&m, err);

	gs_tiles_release(&m.tiles);
	return ok;
}

const gs_op gs_op_tiles = {
	.name = "tiles",
	.summary = "a window of an execution trace as it is drawn: spans, and shares of what is too short for one",
	.help = "Spans that are at least a cell long come out as they are, shorter ones are merged into cells with the share of each state.\n"
		"So the answer's size depends on the resolution, not on the trace. The timeline of the page is made of these.\n"
		"\n"
		"  gospect tiles --lanes p0,p1 --time 1s..1.1s trace.out\n"
		"  gospect tiles --lanes heap,count --cell 10ms trace.out\n",
	.input = GS_INPUT_DOCUMENTS,
	.needs_kinds = 1u << GS_DOCUMENT_TRACE,
	.groups = (const gs_arg_group *const[]){ &own, &gs_args_trace_window, &gs_args_trace_stacks, NULL },
	.formats = "json frames",
	.run = run,
};
