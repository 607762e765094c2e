#include "analysis/trace_tiles.h"

#include "base/banned.h"

#define MAX_BOXES ((size_t)1 << 24)

/* One row of boxes, and the one that may still grow. */
typedef struct row {
	GS_VEC(gs_cell) boxes;
	bool is_open;
} row;

/* Function names of a stack from the outermost; how many there are. */
static unsigned names_of(const gs_profile *p, uint32_t node, uint32_t *names)
{
	unsigned depth = 0, n;

	for (uint32_t at = node; at != GS_ROOT_NODE; at = p->nodes[at].parent)
		depth++;
	n = depth < GS_MAX_FRAME_DEPTH ? depth : GS_MAX_FRAME_DEPTH;
	for (uint32_t at = node; at != GS_ROOT_NODE; at = p->nodes[at].parent)
		if (--depth < n)
			names[depth] = p->functions[p->frames[p->nodes[at].frame].function].name;
	return n;
}

static bool add_span(row *rows, const gs_profile *p, const gs_cell *span)
{
	uint32_t names[GS_MAX_FRAME_DEPTH];
	unsigned n = names_of(p, span->stack, names);
	bool is_same = true;

	for (unsigned d = 0; d < GS_MAX_FRAME_DEPTH; d++) {
		gs_cell *last = rows[d].is_open ? &rows[d].boxes.p[rows[d].boxes.n - 1] : NULL, *box;

		is_same = is_same && d < n && last && last->value == names[d] && last->end_ns == span->start_ns;
		if (is_same) {
			last->end_ns = span->end_ns;
			last->count++;
			continue;
		}
		rows[d].is_open = d < n;
		if (d >= n)
			continue;
		box = gs_vec_push(&rows[d].boxes, MAX_BOXES);
		if (!box)
			return false;
		*box = (gs_cell){ .start_ns = span->start_ns, .end_ns = span->end_ns, .count = 1, .state = span->state, .value = names[d],
				  .stack = span->stack };
		box->shares[0] = 255;
	}
	return true;
}

static void add_track(gs_tiles *out, const row *r, unsigned depth, uint32_t lane_at)
{
	gs_track *t;
	uint32_t first = (uint32_t)out->cells.n;

	for (size_t i = 0; i < r->boxes.n; i++) {
		gs_cell *c = gs_vec_push(&out->cells, MAX_BOXES);

		if (!c) {
			out->is_full = true;
			return;
		}
		*c = r->boxes.p[i];
	}
	if (!r->boxes.n)
		return;
	t = gs_vec_push(&out->tracks, MAX_BOXES);
	if (t)
		*t = (gs_track){ GS_TRACK_FRAMES, lane_at, depth, first, (uint32_t)r->boxes.n };
	else
		out->is_full = true;
}

void gs_tiles_frames(gs_tiles *out, const gs_lanes *l, uint32_t goroutine, uint32_t lane_at, const gs_window *w)
{
	GS_AUTO(tiles) spans = { 0 };
	row rows[GS_MAX_FRAME_DEPTH] = { 0 };

	gs_tiles_states(&spans, l, (gs_lane){ GS_LANE_OF_GOROUTINE, goroutine }, 0, w);
	for (size_t i = 0; i < spans.cells.n && !out->is_full; i++)
		if (!(spans.cells.p[i].flags & GS_CELL_MERGED) && !add_span(rows, gs_lanes_profile(l), &spans.cells.p[i]))
			out->is_full = true;
	for (unsigned d = 0; d < GS_MAX_FRAME_DEPTH; d++) {
		add_track(out, &rows[d], d, lane_at);
		gs_vec_release(&rows[d].boxes);
	}
	out->is_full |= spans.is_full;
}
