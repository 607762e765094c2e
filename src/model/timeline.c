#include "model/timeline.h"

const char *gs_phase_name(gs_phase phase)
{
	static const char *const names[GS_N_PHASES] = { "unknown", "none", "runnable", "running", "waiting", "syscall" };

	return names[phase];
}

uint32_t gs_timeline_goroutine_of(const gs_timeline *t, uint64_t id)
{
	uint32_t lo = 0, hi = t->n_goroutines;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->goroutines[t->goroutines_by_id[mid]].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n_goroutines && t->goroutines[t->goroutines_by_id[lo]].id == id ? t->goroutines_by_id[lo] : GS_NO_INDEX;
}

static int64_t time_of(const gs_timeline *t, const gs_timeline_piece *p, uint32_t i)
{
	const gs_timeline_chunk *c = &t->chunks[p->chunk];

	return c->base_ns + c->offset_ns[p->first + i];
}

static bool is_first(const gs_timeline *t, const gs_timeline_piece *p)
{
	return p == &t->pieces[t->goroutines[p->goroutine].first_piece];
}

static gs_phase phase_before(const gs_timeline *t, const gs_timeline_piece *p, uint32_t i)
{
	if (i)
		return gs_chunk_phase(&t->chunks[p->chunk], p->first + i - 1);
	if (is_first(t, p))
		return GS_PHASE_UNKNOWN;
	p = &t->pieces[p->before];
	return gs_chunk_phase(&t->chunks[p->chunk], p->first + p->n - 1);
}

/* The interval that begins with transition `i` of the piece. */
static gs_interval interval(const gs_timeline *t, const gs_timeline_piece *p, uint32_t i, gs_phase before)
{
	const gs_timeline_chunk *c = &t->chunks[p->chunk];
	const gs_timeline_goroutine *g = &t->goroutines[p->goroutine];
	uint32_t at = p->first + i;
	const gs_timeline_kind *kind = gs_chunk_kind(c, at);
	gs_timeline_place place = gs_chunk_place(c, at);
	gs_interval v = { .start_ns = c->base_ns + c->offset_ns[at],
			  .phase = (gs_phase)kind->phase,
			  .reason = kind->reason,
			  .stack = kind->stack,
			  .proc = place.proc,
			  .thread = place.thread,
			  .peer = gs_chunk_peer(c, at),
			  .chunk = p->chunk,
			  .transition = at };

	v.is_more = v.phase == GS_PHASE_SYSCALL && before == GS_PHASE_SYSCALL;
	v.is_cut = before == GS_PHASE_UNKNOWN && (!g->saw_start || i || !is_first(t, p));
	if (i + 1 < p->n) {
		v.end_ns = c->base_ns + c->offset_ns[at + 1];
	} else if (p->next != GS_NO_INDEX) {
		const gs_timeline_piece *next = &t->pieces[p->next];

		v.end_ns = time_of(t, next, 0);
		v.is_open = gs_chunk_phase(&t->chunks[next->chunk], next->first) == GS_PHASE_UNKNOWN;
	} else {
		v.end_ns = v.phase == GS_PHASE_NONE ? v.start_ns : t->duration_ns;
		v.is_open = v.phase != GS_PHASE_NONE;
	}
	return v;
}

gs_interval_walk gs_intervals_of(const gs_timeline *t, uint32_t goroutine)
{
	return (gs_interval_walk){ .timeline = t, .goroutine = goroutine, .piece = t->goroutines[goroutine].first_piece,
				   .is_before_first = true };
}

gs_interval_walk gs_intervals_from(const gs_timeline *t, uint32_t goroutine, int64_t time_ns)
{
	gs_interval_walk w = gs_intervals_of(t, goroutine);
	const gs_timeline_piece *p;
	uint32_t lo = 0, hi;

	if (w.piece == GS_NO_INDEX || time_of(t, &t->pieces[w.piece], 0) > time_ns)
		return w;
	/* The last piece that begins in time; long walks go from the nearer end. */
	p = &t->pieces[w.piece];
	if (time_ns > t->duration_ns / 2) {
		w.piece = p->before;
		while (time_of(t, &t->pieces[w.piece], 0) > time_ns)
			w.piece = t->pieces[w.piece].before;
	} else {
		while (p->next != GS_NO_INDEX && time_of(t, &t->pieces[p->next], 0) <= time_ns) {
			w.piece = p->next;
			p = &t->pieces[p->next];
		}
	}
	p = &t->pieces[w.piece];
	hi = p->n;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (time_of(t, p, mid) <= time_ns)
			lo = mid;
		else
			hi = mid;
	}
	w.at = lo;
	w.is_before_first = false;
	w.before = phase_before(t, p, lo);
	return w;
}

bool gs_interval_next(gs_interval_walk *w, gs_interval *out)
{
	const gs_timeline *t = w->timeline;
	const gs_timeline_goroutine *g = &t->goroutines[w->goroutine];
	const gs_timeline_piece *p;

	if (w->is_before_first) {
		int64_t first = w->piece == GS_NO_INDEX ? g->end_ns : time_of(t, &t->pieces[w->piece], 0);

		w->is_before_first = false;
		w->before = GS_PHASE_UNKNOWN;
		if (first > g->start_ns) {
			*out = (gs_interval){ .start_ns = g->start_ns,
					      .end_ns = first,
					      .proc = UINT16_MAX,
					      .thread = UINT16_MAX,
					      .peer = GS_NO_INDEX,
					      .chunk = GS_NO_INDEX,
					      .is_open = w->piece == GS_NO_INDEX && !g->saw_end,
					      .is_cut = !g->saw_start };
			return true;
		}
	}
	if (w->piece == GS_NO_INDEX)
		return false;
	p = &t->pieces[w->piece];
	*out = interval(t, p, w->at, w->before);
	w->before = out->phase;
	if (++w->at == p->n) {
		w->piece = p->next;
		w->at = 0;
	}
	/* The end is no interval. */
	return out->phase != GS_PHASE_NONE || w->piece != GS_NO_INDEX;
}

const gs_timeline_piece *gs_timeline_piece_at(const gs_timeline *t, uint32_t chunk, uint32_t i)
{
	const gs_timeline_chunk *c = &t->chunks[chunk];
	uint32_t lo = c->piece_first, hi = c->piece_first + c->n_pieces;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->pieces[mid].first <= i)
			lo = mid;
		else
			hi = mid;
	}
	return &t->pieces[lo];
}

uint32_t gs_timeline_goroutine_at(const gs_timeline *t, uint32_t chunk, uint32_t i)
{
	return gs_timeline_piece_at(t, chunk, i)->goroutine;
}

gs_interval gs_timeline_interval_at(const gs_timeline *t, uint32_t chunk, uint32_t i)
{
	const gs_timeline_piece *p = gs_timeline_piece_at(t, chunk, i);

	return interval(t, p, i - p->first, phase_before(t, p, i - p->first));
}

uint32_t gs_timeline_chunk_at(const gs_timeline *t, int64_t time_ns)
{
	uint32_t lo = 0, hi = t->n_chunks;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->chunks[mid].base_ns <= time_ns)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

bool gs_timeline_from_monotonic(const gs_timeline *t, uint64_t monotonic_ns, int64_t *time_ns)
{
	int64_t best = INT64_MAX;

	for (uint32_t i = 0; i < t->n_clocks; i++) {
		int64_t off = (int64_t)(monotonic_ns - t->clocks[i].monotonic_ns);

		if (distance(off, 0) >= best)
			continue;
		best = distance(off, 0);
		*time_ns = t->clocks[i].time_ns + off;
	}
	if (!t->n_clocks && t->start_monotonic_ns != GS_NO_TIME)
		*time_ns = (int64_t)(monotonic_ns - (uint64_t)t->start_monotonic_ns);
	return t->n_clocks != 0 || t->start_monotonic_ns != GS_NO_TIME;
}

bool gs_timeline_from_wall(const gs_timeline *t, int64_t wall_ns, int64_t *time_ns)
{
	int64_t best = INT64_MAX;

	for (uint32_t i = 0; i < t->n_clocks; i++) {
		int64_t off = (int64_t)((uint64_t)wall_ns - (uint64_t)t->clocks[i].wall_ns);

		if (distance(off, 0) >= best)
			continue;
		best = distance(off, 0);
		*time_ns = t->clocks[i].time_ns + off;
	}
	return t->n_clocks != 0;
}
