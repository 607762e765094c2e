#include "analysis/trace_tiles.h"

#include <stdlib.h>

#include "base/banned.h"

#define MAX_CELLS ((size_t)1 << 26)

void gs_tiles_release(gs_tiles *out)
{
	gs_vec_release(&out->cells);
	gs_vec_release(&out->tracks);
}

static gs_cell *new_cell(gs_tiles *out)
{
	gs_cell *c = gs_vec_push(&out->cells, MAX_CELLS);

	if (!c)
		out->is_full = true;
	return c;
}

/* Cells that are added from now on are of a new track, which stays when there are any. */
static uint32_t begin_track(const gs_tiles *out)
{
	return (uint32_t)out->cells.n;
}

static void end_track(gs_tiles *out, gs_track_kind kind, uint32_t lane_at, uint32_t depth, uint32_t first)
{
	gs_track *t;

	if (out->cells.n == first)
		return;
	t = gs_vec_push(&out->tracks, MAX_CELLS);
	if (t)
		*t = (gs_track){ kind, lane_at, depth, first, (uint32_t)out->cells.n - first };
	else
		out->is_full = true;
}

static uint8_t share_of(int64_t part, int64_t whole)
{
	int64_t share = part <= 0 || whole <= 0 ? 0 : (int64_t)((double)part * 255 / (double)whole + 0.5);

	/* What is there is seen. */
	return (uint8_t)(share > 255 ? 255 : share == 0 && part > 0 ? 1 : share);
}

static int64_t next_edge(const gs_window *w, int64_t at)
{
	int64_t edge = (at / w->cell_ns + 1) * w->cell_ns;

	return edge > w->to_ns ? w->to_ns : edge;
}

uint32_t gs_lane_walk_stack(const gs_lane_walk *walk)
{
	const gs_timeline *t = gs_lanes_timeline(walk->lanes);
	const gs_timeline_chunk *c;
	const gs_timeline_piece *p;
	uint32_t i = walk->span.transition, stack = GS_ROOT_NODE;

	if (walk->span.chunk == GS_NO_INDEX)
		return GS_ROOT_NODE;
	c = &t->chunks[walk->span.chunk];
	if (gs_chunk_phase(c, i) != GS_PHASE_RUNNING)
		return gs_chunk_stack(c, i);
	/* Where it ran is known from where it stopped; of a goroutine that ended, only where it began. */
	p = walk->lane.kind == GS_LANE_OF_GOROUTINE ? &t->pieces[walk->part] : gs_timeline_piece_at(t, walk->span.chunk, i);
	if (i + 1 < p->first + p->n)
		stack = gs_chunk_stack(c, i + 1);
	else if (p->next != GS_NO_INDEX)
		stack = gs_chunk_stack(&t->chunks[t->pieces[p->next].chunk], t->pieces[p->next].first);
	return stack != GS_ROOT_NODE ? stack : t->goroutines[p->goroutine].entry;
}

static void put_span(gs_tiles *out, const gs_lane_walk *walk, int64_t duration_ns)
{
	const gs_timeline *t = gs_lanes_timeline(walk->lanes);
	const gs_lane_span *s = &walk->span;
	const gs_timeline_chunk *k;
	uint16_t proc = UINT16_MAX;
	gs_cell *c;

	if (s->state == GS_LANE_NONE)
		return;
	c = new_cell(out);
	if (!c)
		return;
	k = &t->chunks[s->chunk];
	*c = (gs_cell){ .start_ns = s->start_ns,
			.end_ns = s->end_ns,
			.count = 1,
			.state = s->state,
			.reason = s->reason,
			.value = GS_NO_INDEX,
			.stack = gs_lane_walk_stack(walk) };
	c->shares[s->state] = 255;
	if (s->end_ns >= duration_ns)
		c->flags |= GS_CELL_OPEN_END;
	if (s->start_ns <= 0)
		c->flags |= GS_CELL_OPEN_START;
	if (walk->lane.kind != GS_LANE_OF_GOROUTINE)
		c->value = gs_timeline_goroutine_at(t, s->chunk, s->transition);
	else if (s->state == GS_LANE_RUNNABLE)
		c->value = gs_chunk_peer(k, s->transition);
	else if (s->state == GS_LANE_RUNNING || s->state == GS_LANE_SYSCALL)
		proc = gs_chunk_place(k, s->transition).proc;
	if (proc != UINT16_MAX)
		c->value = proc;
}

/* Time in each state before `at`, which lies in the walk's span. */
static void sums_at(const gs_lane_walk *walk, int64_t at, int64_t *sums)
{
	memcpy(sums, walk->cum_ns, sizeof(walk->cum_ns));
	sums[walk->span.state] += at - walk->span.start_ns;
}

static void put_merged(gs_tiles *out, int64_t from, int64_t to, const int64_t *before, const int64_t *after, uint64_t count)
{
	int64_t most = 0;
	gs_cell *c;
	uint8_t state = GS_LANE_NONE;

	for (unsigned s = GS_LANE_NONE + 1; s < GS_N_LANE_STATES; s++)
		if (after[s] - before[s] > most) {
			most = after[s] - before[s];
			state = (uint8_t)s;
		}
	if (state == GS_LANE_NONE)
		return;
	c = new_cell(out);
	if (!c)
		return;
	*c = (gs_cell){ .start_ns = from,
			.end_ns = to,
			.count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count,
			.state = state,
			.flags = GS_CELL_MERGED,
			.value = GS_NO_INDEX };
	for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
		c->shares[s] = share_of(after[s] - before[s], to - from);
}

void gs_tiles_states(gs_tiles *out, const gs_lanes *l, gs_lane lane, uint32_t lane_at, const gs_window *w)
{
	uint32_t first = begin_track(out);
	int64_t duration_ns = gs_lanes_timeline(l)->duration_ns, at = w->from_ns;
	gs_lane_walk walk = gs_lane_walk_from(l, lane, at);

	while (at < w->to_ns && walk.span.end_ns > at && !out->is_full) {
		int64_t before[GS_N_LANE_STATES], after[GS_N_LANE_STATES], edge;
		gs_lane_walk begin = walk;
		uint64_t count;

		if (walk.span.end_ns - walk.span.start_ns >= w->cell_ns) {
			put_span(out, &walk, duration_ns);
			at = walk.span.end_ns;
			gs_lane_walk_to(&walk, at);
			continue;
		}
		/* A span of a cell's length that begins in this cell reaches over its edge. */
		edge = next_edge(w, at);
		gs_lane_walk_to(&walk, edge);
		if (walk.span.start_ns > at && walk.span.end_ns - walk.span.start_ns >= w->cell_ns)
			edge = walk.span.start_ns;
		count = walk.n_seen - begin.n_seen + (walk.span.start_ns < edge && walk.span.chunk != GS_NO_INDEX);
		if (count == 1 && begin.span.chunk != GS_NO_INDEX && begin.span.start_ns >= at && begin.span.end_ns <= edge) {
			put_span(out, &begin, duration_ns);
		} else if (count) {
			sums_at(&begin, at, before);
			sums_at(&walk, edge, after);
			put_merged(out, at, edge, before, after, count);
		}
		at = edge;
	}
	end_track(out, GS_TRACK_STATES, lane_at, 0, first);
}

/* Items of the timeline by their owner: items[first[owner]] to items[first[owner + 1]]. */
typedef struct by_owner {
	uint32_t *first, *items;
} by_owner;

struct gs_lane_extras {
	const gs_timeline *t;
	by_owner regions, logs, samples, goroutine_ranges, proc_ranges;
	uint32_t *gc, *stw;
	uint32_t n_gc, n_stw;
};

/* The owner of item i, or GS_NO_INDEX. */
typedef uint32_t owner_fn(const gs_timeline *t, uint32_t i);

static bool group(gs_arena *mem, const gs_timeline *t, uint32_t n, uint32_t n_owners, owner_fn *owner, by_owner *out)
{
	uint32_t sum = 0;

	out->first = gs_try_new(mem, uint32_t, (size_t)n_owners + 2);
	out->items = gs_try_new(mem, uint32_t, n);
	if (!out->first || !out->items)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (owner(t, i) < n_owners)
			out->first[owner(t, i) + 2]++;
	for (uint32_t o = 0; o < n_owners; o++) {
		sum += out->first[o + 2];
		out->first[o + 2] = sum;
	}
	/* first[o + 1] runs from the begin of o to its end, which is the begin of o + 1. */
	for (uint32_t i = 0; i < n; i++)
		if (owner(t, i) < n_owners)
			out->items[out->first[owner(t, i) + 1]++] = i;
	return true;
}

static uint32_t region_owner(const gs_timeline *t, uint32_t i)
{
	return t->regions[i].goroutine;
}

static uint32_t log_owner(const gs_timeline *t, uint32_t i)
{
	return t->logs[i].goroutine;
}

static uint32_t sample_owner(const gs_timeline *t, uint32_t i)
{
	return t->cpu_samples[i].goroutine;
}

static uint32_t goroutine_range_owner(const gs_timeline *t, uint32_t i)
{
	return t->ranges[i].scope == GS_RANGE_GOROUTINE ? t->ranges[i].owner : GS_NO_INDEX;
}

static uint32_t proc_range_owner(const gs_timeline *t, uint32_t i)
{
	return t->ranges[i].scope == GS_RANGE_PROC ? t->ranges[i].owner : GS_NO_INDEX;
}

static int by_depth(const void *a, const void *b, void *ctx)
{
	const gs_timeline *t = ctx;
	const uint32_t *x = a, *y = b;
	uint32_t dx = t->regions[*x].depth, dy = t->regions[*y].depth;

	return dx != dy ? (dx > dy) - (dx < dy) : (*x > *y) - (*x < *y);
}

static bool is_stw(const gs_lanes *l, const gs_timeline_range *r)
{
	return gs_str_starts(gs_profile_str(gs_lanes_profile(l), r->name), GS_S("stop-the-world"));
}

gs_lane_extras *gs_lane_extras_build(gs_arena *mem, const gs_lanes *l, gs_err *err)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	gs_lane_extras *x = gs_new(mem, gs_lane_extras, 1);

	x->t = t;
	x->gc = gs_try_new(mem, uint32_t, t->n_ranges);
	x->stw = gs_try_new(mem, uint32_t, t->n_ranges);
	if (!x->gc || !x->stw || !group(mem, t, t->n_regions, t->n_goroutines, region_owner, &x->regions) ||
	    !group(mem, t, t->n_logs, t->n_goroutines, log_owner, &x->logs) ||
	    !group(mem, t, t->n_cpu_samples, t->n_goroutines, sample_owner, &x->samples) ||
	    !group(mem, t, t->n_ranges, t->n_goroutines, goroutine_range_owner, &x->goroutine_ranges) ||
	    !group(mem, t, t->n_ranges, t->n_procs, proc_range_owner, &x->proc_ranges)) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the timeline's lanes need more memory than allowed");
		return NULL;
	}
	for (uint32_t g = 0; g < t->n_goroutines; g++)
		if (x->regions.first[g + 1] - x->regions.first[g] > 1)
			qsort_r(&x->regions.items[x->regions.first[g]], x->regions.first[g + 1] - x->regions.first[g],
				sizeof(uint32_t), by_depth, (void *)(uintptr_t)t);
	for (uint32_t i = 0; i < t->n_ranges; i++)
		if (t->ranges[i].scope == GS_RANGE_GLOBAL) {
			if (is_stw(l, &t->ranges[i]))
				x->stw[x->n_stw++] = i;
			else
				x->gc[x->n_gc++] = i;
		}
	return x;
}

uint32_t gs_lane_region_depth(const gs_lane_extras *x, uint32_t goroutine)
{
	uint32_t n;
	const uint32_t *items = gs_lane_regions(x, goroutine, &n);

	return n ? x->t->regions[items[n - 1]].depth + 1 : 0;
}

uint32_t gs_lane_log_count(const gs_lane_extras *x, uint32_t goroutine)
{
	return x->logs.first[goroutine + 1] - x->logs.first[goroutine];
}

const uint32_t *gs_lane_regions(const gs_lane_extras *x, uint32_t goroutine, uint32_t *n)
{
	*n = x->regions.first[goroutine + 1] - x->regions.first[goroutine];
	return &x->regions.items[x->regions.first[goroutine]];
}

/* One item of a track that is a list: of what it is made does not matter for drawing. */
typedef struct item {
	int64_t start_ns, end_ns;
	uint32_t value, stack;
	bool saw_start, saw_end;
} item;
typedef item item_fn(const gs_timeline *t, uint32_t i);

static item region_item(const gs_timeline *t, uint32_t i)
{
	const gs_timeline_region *r = &t->regions[i];

	return (item){ r->start_ns, r->end_ns, r->name, r->start_stack, r->saw_start, r->saw_end };
}

static item range_item(const gs_timeline *t, uint32_t i)
{
	const gs_timeline_range *r = &t->ranges[i];

	return (item){ r->start_ns, r->end_ns, r->name, r->stack, r->saw_start, r->saw_end };
}

static item log_item(const gs_timeline *t, uint32_t i)
{
	return (item){ t->logs[i].time_ns, t->logs[i].time_ns, i, t->logs[i].stack, true, true };
}

static item sample_item(const gs_timeline *t, uint32_t i)
{
	return (item){ t->cpu_samples[i].time_ns, t->cpu_samples[i].time_ns, t->cpu_samples[i].stack, t->cpu_samples[i].stack, true, true };
}

/* The first of items [from, to) that begins (or, by_end, ends) at or after `time_ns`; both columns rise. */
static uint32_t seek_item(const gs_timeline *t, item_fn *get, const uint32_t *items, uint32_t from, uint32_t to, int64_t time_ns, bool by_end)
{
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		item m = get(t, items[middle]);

		if ((by_end ? m.end_ns : m.start_ns) < time_ns)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static void put_items(gs_tiles *out, const gs_timeline *t, item_fn *get, const uint32_t *items, uint32_t n)
{
	item longest = get(t, items[0]);
	int64_t start = longest.start_ns, end = longest.end_ns, covered = 0;
	gs_cell *c = new_cell(out);

	for (uint32_t i = 0; i < n; i++) {
		item m = get(t, items[i]);

		covered += m.end_ns - m.start_ns;
		if (m.end_ns > end)
			end = m.end_ns;
		if (m.end_ns - m.start_ns > longest.end_ns - longest.start_ns)
			longest = m;
	}
	if (!c)
		return;
	*c = (gs_cell){ .start_ns = start, .end_ns = end, .count = n, .value = longest.value, .stack = longest.stack };
	c->flags = (uint8_t)((n > 1 ? GS_CELL_MERGED : 0) | (longest.saw_start ? 0 : GS_CELL_OPEN_START) |
			     (longest.saw_end ? 0 : GS_CELL_OPEN_END));
	c->shares[0] = n > 1 ? share_of(covered, end - start) : 255;
}

/* Items do not overlap and are in order of time. */
static void list_track(gs_tiles *out, const gs_timeline *t, item_fn *get, const uint32_t *items, uint32_t n, const gs_window *w)
{
	uint32_t i = seek_item(t, get, items, 0, n, w->from_ns, true);

	while (i < n && !out->is_full) {
		item m = get(t, items[i]);
		uint32_t end = i + 1;

		if (m.start_ns >= w->to_ns)
			return;
		if (m.end_ns - m.start_ns < w->cell_ns) {
			int64_t edge = next_edge(w, m.start_ns < w->from_ns ? w->from_ns : m.start_ns);

			end = seek_item(t, get, items, end, n, edge, false);
			m = get(t, items[end - 1]);
			if (end - 1 > i && m.end_ns - m.start_ns >= w->cell_ns)
				end--;
		}
		put_items(out, t, get, &items[i], end - i);
		i = end;
	}
}

static void owned_track(gs_tiles *out, const gs_timeline *t, gs_track_kind kind, const by_owner *b, uint32_t owner, item_fn *get,
			uint32_t lane_at, const gs_window *w)
{
	uint32_t first = begin_track(out);

	list_track(out, t, get, &b->items[b->first[owner]], b->first[owner + 1] - b->first[owner], w);
	end_track(out, kind, lane_at, 0, first);
}

void gs_tiles_extras(gs_tiles *out, const gs_lanes *l, const gs_lane_extras *x, gs_lane lane, uint32_t lane_at, const gs_window *w)
{
	const gs_timeline *t = gs_lanes_timeline(l);
	const uint32_t *regions;
	uint32_t n;

	if (lane.kind == GS_LANE_OF_PROC)
		owned_track(out, t, GS_TRACK_RANGES, &x->proc_ranges, lane.index, range_item, lane_at, w);
	if (lane.kind != GS_LANE_OF_GOROUTINE)
		return;
	regions = gs_lane_regions(x, lane.index, &n);
	for (uint32_t i = 0, end; i < n; i = end) {
		uint32_t depth = t->regions[regions[i]].depth, first = begin_track(out);

		end = i + 1;
		while (end < n && t->regions[regions[end]].depth == depth)
			end++;
		list_track(out, t, region_item, &regions[i], end - i, w);
		end_track(out, GS_TRACK_REGIONS, lane_at, depth, first);
	}
	owned_track(out, t, GS_TRACK_RANGES, &x->goroutine_ranges, lane.index, range_item, lane_at, w);
	owned_track(out, t, GS_TRACK_LOGS, &x->logs, lane.index, log_item, lane_at, w);
	owned_track(out, t, GS_TRACK_SAMPLES, &x->samples, lane.index, sample_item, lane_at, w);
}

void gs_tiles_gc(gs_tiles *out, const gs_lanes *l, const gs_lane_extras *x, const gs_window *w)
{
	uint32_t first = begin_track(out);

	list_track(out, gs_lanes_timeline(l), range_item, x->gc, x->n_gc, w);
	end_track(out, GS_TRACK_RANGES, GS_NO_INDEX, 0, first);
	first = begin_track(out);
	list_track(out, gs_lanes_timeline(l), range_item, x->stw, x->n_stw, w);
	end_track(out, GS_TRACK_RANGES, GS_NO_INDEX, 1, first);
}

void gs_tiles_task(gs_tiles *out, const gs_lanes *l, uint32_t task, uint32_t lane_at, const gs_window *w)
{
	const gs_timeline_task *k = &gs_lanes_timeline(l)->tasks[task];
	uint32_t first = begin_track(out);
	gs_cell *c;

	if (k->end_ns < w->from_ns || k->start_ns >= w->to_ns)
		return;
	c = new_cell(out);
	if (!c)
		return;
	*c = (gs_cell){ .start_ns = k->start_ns, .end_ns = k->end_ns, .count = 1, .value = task, .stack = k->start_stack };
	c->flags = (uint8_t)((k->saw_start ? 0 : GS_CELL_OPEN_START) | (k->saw_end ? 0 : GS_CELL_OPEN_END));
	c->shares[0] = 255;
	end_track(out, GS_TRACK_TASKS, lane_at, 0, first);
}

static bool is_marked(const uint64_t *bits, uint32_t node)
{
	return !bits || bits[node / 64] >> (node % 64) & 1;
}

/* Hits shorter than a cell, collected until its edge. */
typedef struct hit_cell {
	int64_t from_ns, edge_ns, in_state[GS_N_LANE_STATES];
	uint32_t count;
} hit_cell;

static void flush_hits(gs_tiles *out, hit_cell *h)
{
	static const int64_t none[GS_N_LANE_STATES];

	if (h->count)
		put_merged(out, h->from_ns, h->edge_ns, none, h->in_state, h->count);
	*h = (hit_cell){ 0 };
}

static void hit(gs_tiles *out, hit_cell *h, const gs_window *w, int64_t from, int64_t to, uint8_t state)
{
	if (h->count && from >= h->edge_ns)
		flush_hits(out, h);
	if (to - from >= w->cell_ns) {
		gs_cell *c;

		flush_hits(out, h);
		c = new_cell(out);
		if (!c)
			return;
		*c = (gs_cell){ .start_ns = from, .end_ns = to, .count = 1, .state = state, .value = GS_NO_INDEX };
		c->shares[state] = 255;
		return;
	}
	if (!h->count) {
		h->from_ns = from / w->cell_ns * w->cell_ns;
		h->edge_ns = h->from_ns + w->cell_ns;
	}
	h->count++;
	h->in_state[state] += to - from;
}

static int64_t sample_hits(gs_tiles *out, const gs_timeline *t, const by_owner *b, uint32_t owner, const gs_stack_set *set,
			   const gs_window *w)
{
	const uint32_t *items = &b->items[b->first[owner]];
	uint32_t n = b->first[owner + 1] - b->first[owner];
	hit_cell h = { 0 };
	int64_t sum = 0;

	for (uint32_t i = seek_item(t, sample_item, items, 0, n, w->from_ns, false); i < n; i++) {
		const gs_timeline_cpu_sample *s = &t->cpu_samples[items[i]];

		if (s->time_ns >= w->to_ns)
			break;
		if (!is_marked(set->marked, s->stack) || (set->filter && !gs_hit_filter_sample(set->filter, s)))
			continue;
		sum += s->weight_ns;
		hit(out, &h, w, s->time_ns > s->weight_ns ? s->time_ns - s->weight_ns : 0, s->time_ns, GS_LANE_RUNNING);
	}
	flush_hits(out, &h);
	return sum;
}

static bool span_fits(const gs_hit_filter *f, const gs_lane_walk *walk)
{
	const gs_timeline_chunk *c = &gs_lanes_timeline(walk->lanes)->chunks[walk->span.chunk];
	uint32_t at = walk->span.transition;
	gs_timeline_place place = gs_chunk_place(c, at);
	gs_interval i = { .start_ns = walk->span.start_ns, .end_ns = walk->span.end_ns, .phase = gs_chunk_phase(c, at),
			  .reason = gs_chunk_reason(c, at), .proc = place.proc, .thread = place.thread };

	return gs_hit_filter_span(f, gs_lane_span_goroutine(walk->lanes, walk->lane, &walk->span), &i, gs_lane_walk_stack(walk));
}

static int64_t state_hits(gs_tiles *out, const gs_lanes *l, gs_lane lane, const gs_stack_set *set, const gs_window *w)
{
	gs_lane_walk walk = gs_lane_walk_from(l, lane, w->from_ns);
	hit_cell h = { 0 };
	int64_t sum = 0;

	do {
		const gs_lane_span *s = &walk.span;
		int64_t from = s->start_ns > w->from_ns ? s->start_ns : w->from_ns, to = s->end_ns < w->to_ns ? s->end_ns : w->to_ns;

		if (s->start_ns >= w->to_ns)
			break;
		if (from >= to || s->chunk == GS_NO_INDEX || !(set->states >> s->state & 1) ||
		    !is_marked(set->marked, gs_lane_walk_stack(&walk)) || (set->filter && !span_fits(set->filter, &walk)))
			continue;
		sum += to - from;
		hit(out, &h, w, from, to, s->state);
	} while (gs_lane_walk_next(&walk));
	flush_hits(out, &h);
	return sum;
}

int64_t gs_tiles_hits(gs_tiles *out, const gs_lanes *l, const gs_lane_extras *x, gs_lane lane, uint32_t lane_at, const gs_stack_set *set,
		      const gs_window *w)
{
	uint32_t first = begin_track(out);
	int64_t sum = 0;

	if (!set->samples)
		sum = state_hits(out, l, lane, set, w);
	else if (lane.kind == GS_LANE_OF_GOROUTINE)
		sum = sample_hits(out, gs_lanes_timeline(l), &x->samples, lane.index, set, w);
	end_track(out, GS_TRACK_HITS, lane_at, 0, first);
	return sum;
}
