#include "analysis/trace_lanes.h"

#include "base/pool.h"
#include "model/timeline_runs.h"

#include "base/banned.h"

enum {
	GOROUTINE_STEP = 64,
	RUN_STEP = 16,
	HEAD = UINT32_MAX, /* the span before the first transition */
};

/* The state of a walk at the beginning of a span. The sums lie in a column of their own. */
typedef struct mark {
	int64_t start_ns;
	uint32_t part, at;
} mark;

typedef struct lane_index {
	mark *marks;
	int64_t *cum_ns; /* GS_N_LANE_STATES or N_RUN_STATES for each mark */
	uint32_t n, step;
	uint64_t n_transitions;
	int64_t total_ns[GS_N_LANE_STATES];
} lane_index;

/* What a proc or thread can do; its sums are kept for these only. */
static const uint8_t run_states[] = { GS_LANE_RUNNING, GS_LANE_SYSCALL, GS_LANE_GC, GS_LANE_SYSTEM };
enum { N_RUN_STATES = sizeof(run_states) };

struct gs_lanes {
	gs_arena *mem;
	const gs_timeline *t;
	const gs_profile *p;
	gs_timeline_runs *runs; /* of all chunks */
	uint8_t state_of[GS_N_PHASES][256];
	/* By chunk, a bit for each transition: the last of its piece; of a goroutine of the runtime, of a mark worker. Finding the
	 * goroutine of a run is a search, and procs have many. */
	uint64_t **ends_piece, **is_system, **is_worker;
	lane_index *lanes[3];  /* by kind */
};

const char *gs_lane_state_name(gs_lane_state state)
{
	static const char *const names[] = { "none", "running", "runnable", "syscall", "network", "sync",
					     "channel", "sleep", "gc", "waiting", "system" };

	_Static_assert(sizeof(names) / sizeof(*names) == GS_N_LANE_STATES, "a name for each state");
	return names[state];
}

const gs_timeline *gs_lanes_timeline(const gs_lanes *l)
{
	return l->t;
}

const gs_profile *gs_lanes_profile(const gs_lanes *l)
{
	return l->p;
}

gs_lane_state gs_lane_state_of(const gs_lanes *l, gs_phase phase, uint8_t reason)
{
	return l->state_of[phase][reason];
}

/* The words of the runtime, of all versions. */
gs_lane_state gs_lane_state_of_wait(gs_str reason)
{
	static const struct {
		const char *part;
		gs_lane_state state;
	} words[] = {
		{ "GC ", GS_LANE_GC },	   { "until GC", GS_LANE_GC },   { "network", GS_LANE_NETWORK }, { "chan", GS_LANE_CHANNEL },
		{ "select", GS_LANE_CHANNEL }, { "sync", GS_LANE_SYNC },     { "sleep", GS_LANE_SLEEP },
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (gs_str_has(reason, gs_str_of(words[i].part)))
			return words[i].state;
	return GS_LANE_WAITING;
}

static void fill_states(gs_lanes *l)
{
	for (unsigned r = 0; r < 256; r++) {
		gs_str reason = r < l->t->n_reasons ? gs_profile_str(l->p, l->t->reasons[r]) : (gs_str){ 0 };

		l->state_of[GS_PHASE_RUNNABLE][r] = GS_LANE_RUNNABLE;
		l->state_of[GS_PHASE_RUNNING][r] = GS_LANE_RUNNING;
		l->state_of[GS_PHASE_SYSCALL][r] = GS_LANE_SYSCALL;
		l->state_of[GS_PHASE_WAITING][r] = (uint8_t)gs_lane_state_of_wait(reason);
	}
}

static int64_t time_of(const gs_timeline *t, uint32_t chunk, uint32_t i)
{
	return t->chunks[chunk].base_ns + t->chunks[chunk].offset_ns[i];
}

/* When the transition that begins piece `piece` happens; the end of the trace when there is none. */
static int64_t piece_start(const gs_timeline *t, uint32_t piece)
{
	return piece == GS_NO_INDEX ? t->duration_ns : time_of(t, t->pieces[piece].chunk, t->pieces[piece].first);
}

static bool has_bit(uint64_t *const *bits, uint32_t chunk, uint32_t i)
{
	return bits[chunk][i / 64] >> (i % 64) & 1;
}

static void set_bit(uint64_t **bits, uint32_t chunk, uint32_t i)
{
	bits[chunk][i / 64] |= (uint64_t)1 << (i % 64);
}

/* Times of a damaged trace may step back: no span does. */
static int64_t not_before(int64_t end, int64_t start)
{
	return end < start ? start : end;
}

static void goroutine_span(const gs_lane_walk *w, gs_lane_span *s)
{
	const gs_timeline *t = w->lanes->t;
	const gs_timeline_goroutine *g = &t->goroutines[w->lane.index];
	const gs_timeline_piece *p;
	const gs_timeline_chunk *c;
	const gs_timeline_kind *kind;

	if (w->part == HEAD) {
		*s = (gs_lane_span){ .end_ns = piece_start(t, g->first_piece), .chunk = GS_NO_INDEX };
		return;
	}
	p = &t->pieces[w->part];
	c = &t->chunks[p->chunk];
	s->start_ns = c->base_ns + c->offset_ns[w->at];
	s->end_ns = w->at + 1 < p->first + p->n ? c->base_ns + c->offset_ns[w->at + 1] : piece_start(t, p->next);
	s->end_ns = not_before(s->end_ns, s->start_ns);
	kind = gs_chunk_kind(c, w->at);
	s->state = w->lanes->state_of[kind->phase][kind->reason];
	s->reason = kind->reason;
	s->chunk = p->chunk;
	s->transition = w->at;
}

static bool goroutine_next(gs_lane_walk *w)
{
	const gs_timeline *t = w->lanes->t;
	const gs_timeline_goroutine *g = &t->goroutines[w->lane.index];

	if (w->part == HEAD) {
		if (g->first_piece == GS_NO_INDEX)
			return false;
		w->part = g->first_piece;
		w->at = t->pieces[w->part].first;
		return true;
	}
	if (w->at + 1 < t->pieces[w->part].first + t->pieces[w->part].n) {
		w->at++;
		return true;
	}
	if (t->pieces[w->part].next == GS_NO_INDEX)
		return false;
	w->part = t->pieces[w->part].next;
	w->at = t->pieces[w->part].first;
	return true;
}

typedef struct run_list {
	const uint32_t *runs;
	uint32_t first, end;
} run_list;

static run_list runs_of(const gs_lanes *l, gs_lane lane, uint32_t chunk)
{
	const gs_chunk_runs *c = &l->runs->by_chunk[chunk];
	bool is_proc = lane.kind == GS_LANE_OF_PROC;
	const uint32_t *first = is_proc ? c->proc_first : c->thread_first;

	return (run_list){ is_proc ? c->proc_runs : c->thread_runs, first[lane.index], first[lane.index + 1] };
}

/* The next run at or behind (chunk, at). False when there is none. */
static bool find_run(const gs_lanes *l, gs_lane lane, uint32_t *chunk, uint32_t *at)
{
	for (; *chunk < l->t->n_chunks; ++*chunk, *at = 0) {
		run_list r = runs_of(l, lane, *chunk);

		if (*at < r.first)
			*at = r.first;
		if (*at < r.end)
			return true;
	}
	return false;
}

static int64_t next_run_start(const gs_lane_walk *w)
{
	const gs_timeline *t = w->lanes->t;
	uint32_t chunk = w->part == HEAD ? 0 : w->part, at = w->part == HEAD ? 0 : w->at + 1;

	if (!find_run(w->lanes, w->lane, &chunk, &at))
		return t->duration_ns;
	return time_of(t, chunk, runs_of(w->lanes, w->lane, chunk).runs[at]);
}

static int64_t transition_end(const gs_lanes *l, uint32_t chunk, uint32_t i)
{
	return has_bit(l->ends_piece, chunk, i) ? piece_start(l->t, gs_timeline_piece_at(l->t, chunk, i)->next) : time_of(l->t, chunk, i + 1);
}

/* The run that the walk is at, and what is left behind it until the next one. */
static void run_spans(const gs_lane_walk *w, gs_lane_span *run, gs_lane_span *idle)
{
	const gs_lanes *l = w->lanes;
	int64_t next = next_run_start(w), start, end;
	uint32_t i = runs_of(l, w->lane, w->part).runs[w->at];

	start = time_of(l->t, w->part, i);
	/* A proc is taken from a goroutine in a system call: then the next run begins first. */
	end = transition_end(l, w->part, i);
	next = not_before(next, start);
	end = not_before(end < next ? end : next, start);
	*run = (gs_lane_span){
		.start_ns = start,
		.end_ns = end,
		.chunk = w->part,
		.transition = i,
		.state = gs_chunk_phase(&l->t->chunks[w->part], i) == GS_PHASE_SYSCALL ? GS_LANE_SYSCALL
			 : has_bit(l->is_worker, w->part, i)		 ? GS_LANE_GC
			 : has_bit(l->is_system, w->part, i)		 ? GS_LANE_SYSTEM
									 : GS_LANE_RUNNING,
	};
	*idle = (gs_lane_span){ .start_ns = end, .end_ns = next, .chunk = GS_NO_INDEX };
}

static void run_span(const gs_lane_walk *w, gs_lane_span *s)
{
	gs_lane_span run, idle;

	if (w->part == HEAD) {
		*s = (gs_lane_span){ .end_ns = next_run_start(w), .chunk = GS_NO_INDEX };
		return;
	}
	run_spans(w, &run, &idle);
	*s = w->is_idle ? idle : run;
}

static bool run_next(gs_lane_walk *w)
{
	uint32_t chunk = w->part == HEAD ? 0 : w->part, at = w->part == HEAD ? 0 : w->at + 1;

	/* Behind each run what is left until the next one. */
	if (w->part != HEAD && !w->is_idle) {
		w->is_idle = true;
		return true;
	}
	if (!find_run(w->lanes, w->lane, &chunk, &at))
		return false;
	w->is_idle = false;
	w->part = chunk;
	w->at = at;
	return true;
}

static void read_span(gs_lane_walk *w)
{
	if (w->lane.kind == GS_LANE_OF_GOROUTINE)
		goroutine_span(w, &w->span);
	else
		run_span(w, &w->span);
}

bool gs_lane_walk_next(gs_lane_walk *w)
{
	gs_lane_walk next = *w;

	if (!(w->lane.kind == GS_LANE_OF_GOROUTINE ? goroutine_next(&next) : run_next(&next)))
		return false;
	w->part = next.part;
	w->at = next.at;
	w->is_idle = next.is_idle;
	w->cum_ns[w->span.state] += w->span.end_ns - w->span.start_ns;
	w->n_seen += w->span.chunk != GS_NO_INDEX;
	read_span(w);
	return true;
}

static gs_lane_walk walk_begin(const gs_lanes *l, gs_lane lane)
{
	gs_lane_walk w = { .lanes = l, .lane = lane, .part = HEAD };

	read_span(&w);
	return w;
}

static const lane_index *index_of(const gs_lanes *l, gs_lane lane)
{
	return &l->lanes[lane.kind][lane.index];
}

/* Mark k is at transition (k + 1) * step. */
static void jump(gs_lane_walk *w, const lane_index *x, uint32_t k)
{
	const mark *m = &x->marks[k];

	w->part = m->part;
	w->at = m->at;
	w->is_idle = false;
	w->n_seen = (uint64_t)(k + 1) * x->step;
	memset(w->cum_ns, 0, sizeof(w->cum_ns));
	if (w->lane.kind == GS_LANE_OF_GOROUTINE) {
		memcpy(w->cum_ns, &x->cum_ns[(size_t)k * GS_N_LANE_STATES], sizeof(w->cum_ns));
	} else {
		int64_t rest = m->start_ns;

		for (unsigned i = 0; i < N_RUN_STATES; i++) {
			w->cum_ns[run_states[i]] = x->cum_ns[(size_t)k * N_RUN_STATES + i];
			rest -= w->cum_ns[run_states[i]];
		}
		w->cum_ns[GS_LANE_NONE] = rest;
	}
	read_span(w);
}

/* Within one piece, where the columns lie side by side. */
static void run_ahead(gs_lane_walk *w, int64_t time_ns)
{
	const gs_timeline_piece *p = &w->lanes->t->pieces[w->part];
	const gs_timeline_chunk *c = &w->lanes->t->chunks[p->chunk];
	uint32_t last = p->first + p->n - 1, i = w->at;
	int64_t wanted = time_ns - c->base_ns;

	while (i < last && c->offset_ns[i + 1] <= wanted) {
		int64_t took = (int64_t)c->offset_ns[i + 1] - c->offset_ns[i];
		const gs_timeline_kind *kind = gs_chunk_kind(c, i);

		w->cum_ns[w->lanes->state_of[kind->phase][kind->reason]] += took > 0 ? took : 0;
		i++;
	}
	w->n_seen += i - w->at;
	w->at = i;
	read_span(w);
}

void gs_lane_walk_to(gs_lane_walk *w, int64_t time_ns)
{
	const lane_index *x = index_of(w->lanes, w->lane);
	uint32_t low = (uint32_t)(w->n_seen / x->step), high = low;

	if (time_ns < w->span.end_ns)
		return;
	/* Mark `low` is the next one. Gallop: cells of one question are near each other. */
	if (low < x->n && x->marks[low].start_ns <= time_ns) {
		uint32_t reach = 1;

		high = low + 1;
		while (high < x->n && x->marks[high].start_ns <= time_ns) {
			low = high;
			reach *= 2;
			high = x->n - high > reach ? high + reach : x->n;
		}
		while (high - low > 1) {
			uint32_t middle = low + (high - low) / 2;

			if (x->marks[middle].start_ns <= time_ns)
				low = middle;
			else
				high = middle;
		}
		jump(w, x, low);
	}
	while (w->span.end_ns <= time_ns) {
		if (w->lane.kind == GS_LANE_OF_GOROUTINE && w->part != HEAD)
			run_ahead(w, time_ns);
		if (w->span.end_ns <= time_ns && !gs_lane_walk_next(w))
			return;
	}
}

static void add_until(const gs_lane_walk *w, int64_t time_ns, int sign, int64_t *total_ns)
{
	for (unsigned s = 0; s < GS_N_LANE_STATES; s++)
		total_ns[s] += sign * w->cum_ns[s];
	total_ns[w->span.state] += sign * (time_ns - w->span.start_ns);
}

void gs_lane_part_totals(const gs_lanes *l, gs_lane lane, int64_t from_ns, int64_t to_ns, int64_t *total_ns)
{
	gs_lane_walk w;
	uint64_t n;

	if (from_ns <= 0 && to_ns >= l->t->duration_ns) {
		gs_lane_totals(l, lane, total_ns, &n);
		return;
	}
	memset(total_ns, 0, GS_N_LANE_STATES * sizeof(*total_ns));
	if (to_ns > l->t->duration_ns)
		to_ns = l->t->duration_ns;
	if (from_ns < 0)
		from_ns = 0;
	if (from_ns >= to_ns)
		return;
	w = gs_lane_walk_from(l, lane, from_ns);
	add_until(&w, from_ns, -1, total_ns);
	gs_lane_walk_to(&w, to_ns);
	add_until(&w, to_ns, 1, total_ns);
	total_ns[GS_LANE_NONE] = 0; /* not born yet, dead: no state */
}

gs_lane_walk gs_lane_walk_from(const gs_lanes *l, gs_lane lane, int64_t time_ns)
{
	gs_lane_walk w = walk_begin(l, lane);

	gs_lane_walk_to(&w, time_ns);
	return w;
}

uint32_t gs_lane_span_goroutine(const gs_lanes *l, gs_lane lane, const gs_lane_span *s)
{
	if (lane.kind == GS_LANE_OF_GOROUTINE)
		return lane.index;
	return s->chunk == GS_NO_INDEX ? GS_NO_INDEX : gs_timeline_goroutine_at(l->t, s->chunk, s->transition);
}

void gs_lane_totals(const gs_lanes *l, gs_lane lane, int64_t *total_ns, uint64_t *n)
{
	const lane_index *x = index_of(l, lane);

	memcpy(total_ns, x->total_ns, sizeof(x->total_ns));
	*n = x->n_transitions;
}

/* What has been added up of a lane whose marks are being made; the walk does the same one span at a time. */
typedef struct indexing {
	lane_index *x;
	uint64_t n_seen;
	uint32_t n, n_states;
	int64_t cum_ns[GS_N_LANE_STATES];
} indexing;

/* In front of the span of a transition: a mark where one is due. */
static inline void mark_if_due(indexing *g, int64_t start_ns, uint32_t part, uint32_t at)
{
	if (g->n_seen == (uint64_t)(g->n + 1) * g->x->step && g->n < g->x->n) {
		int64_t *cum = &g->x->cum_ns[(size_t)g->n * g->n_states];

		g->x->marks[g->n++] = (mark){ start_ns, part, at };
		for (unsigned i = 0; i < g->n_states; i++)
			cum[i] = g->cum_ns[g->n_states == GS_N_LANE_STATES ? i : run_states[i]];
	}
	g->n_seen++;
}

static void index_goroutine(const gs_lanes *l, uint32_t goroutine, indexing *g)
{
	const gs_timeline *t = l->t;
	uint32_t part = t->goroutines[goroutine].first_piece;

	g->cum_ns[GS_LANE_NONE] += piece_start(t, part);
	for (; part != GS_NO_INDEX; part = t->pieces[part].next) {
		const gs_timeline_piece *p = &t->pieces[part];
		const gs_timeline_chunk *c = &t->chunks[p->chunk];
		uint32_t end = p->first + p->n;
		int64_t start_ns = c->base_ns + c->offset_ns[p->first];

		if (p->next != GS_NO_INDEX) /* a piece each generation: far away */
			__builtin_prefetch(&t->chunks[t->pieces[p->next].chunk].offset_ns[t->pieces[p->next].first]);
		for (uint32_t i = p->first; i < end; i++) {
			int64_t next_ns = i + 1 < end ? c->base_ns + c->offset_ns[i + 1] : piece_start(t, p->next);
			const gs_timeline_kind *kind = gs_chunk_kind(c, i);

			mark_if_due(g, start_ns, part, i);
			g->cum_ns[l->state_of[kind->phase][kind->reason]] += not_before(next_ns, start_ns) - start_ns;
			start_ns = next_ns;
		}
	}
}

static void index_runs(const gs_lanes *l, gs_lane lane, indexing *g)
{
	enum { AHEAD = 16 }; /* the runs of a proc lie anywhere in their chunk */
	gs_lane_walk w = { .lanes = l, .lane = lane, .part = HEAD };
	uint32_t chunk = 0, at = 0;

	g->cum_ns[GS_LANE_NONE] += next_run_start(&w);
	for (; find_run(l, lane, &chunk, &at); at++) {
		run_list r = runs_of(l, lane, chunk);
		const gs_timeline_chunk *c = &l->t->chunks[chunk];
		gs_lane_span run, idle;

		if (at + AHEAD < r.end) {
			uint32_t i = r.runs[at + AHEAD];

			__builtin_prefetch(&c->offset_ns[i]);
			__builtin_prefetch(&c->kind[i]);
			__builtin_prefetch(&l->ends_piece[chunk][i / 64]);
		}
		w.part = chunk;
		w.at = at;
		run_spans(&w, &run, &idle);
		mark_if_due(g, run.start_ns, chunk, at);
		g->cum_ns[run.state] += run.end_ns - run.start_ns;
		g->cum_ns[GS_LANE_NONE] += idle.end_ns - idle.start_ns;
	}
}

/* Fills the marks of a lane, for which there is room. */
static void index_lane(const gs_lanes *l, gs_lane lane, lane_index *x)
{
	indexing g = { .x = x, .n_states = lane.kind == GS_LANE_OF_GOROUTINE ? GS_N_LANE_STATES : N_RUN_STATES };

	if (lane.kind == GS_LANE_OF_GOROUTINE)
		index_goroutine(l, lane.index, &g);
	else
		index_runs(l, lane, &g);
	memcpy(x->total_ns, g.cum_ns, sizeof(x->total_ns));
	x->n = g.n;
}

static uint64_t count_transitions(const gs_lanes *l, gs_lane lane)
{
	const gs_timeline *t = l->t;
	uint64_t n = 0;

	if (lane.kind == GS_LANE_OF_GOROUTINE) {
		for (uint32_t p = t->goroutines[lane.index].first_piece; p != GS_NO_INDEX; p = t->pieces[p].next)
			n += t->pieces[p].n;
		return n;
	}
	for (uint32_t c = 0; c < t->n_chunks; c++) {
		run_list r = runs_of(l, lane, c);

		n += r.end - r.first;
	}
	return n;
}

typedef struct job {
	const gs_lanes *l;
	gs_lane_kind kind;
	uint32_t n, batch;
} job;

static void index_batch(void *ctx, size_t i)
{
	const job *j = ctx;
	uint32_t from = (uint32_t)i * j->batch, to = j->n - from > j->batch ? from + j->batch : j->n;

	for (uint32_t k = from; k < to; k++)
		index_lane(j->l, (gs_lane){ j->kind, k }, &j->l->lanes[j->kind][k]);
}

static bool index_kind(gs_lanes *l, gs_lane_kind kind, uint32_t n)
{
	unsigned n_states = kind == GS_LANE_OF_GOROUTINE ? GS_N_LANE_STATES : N_RUN_STATES;
	job j = { l, kind, n, kind == GS_LANE_OF_GOROUTINE ? 256 : 1 };

	l->lanes[kind] = gs_try_new(l->mem, lane_index, n);
	if (!l->lanes[kind])
		return false;
	for (uint32_t i = 0; i < n; i++) {
		lane_index *x = &l->lanes[kind][i];

		x->step = kind == GS_LANE_OF_GOROUTINE ? GOROUTINE_STEP : RUN_STEP;
		x->n_transitions = count_transitions(l, (gs_lane){ kind, i });
		x->n = (uint32_t)(x->n_transitions / x->step);
		if (!x->n)
			continue;
		x->marks = gs_try_new(l->mem, mark, x->n);
		x->cum_ns = gs_try_new(l->mem, int64_t, (size_t)x->n * n_states);
		if (!x->marks || !x->cum_ns)
			return false;
	}
	gs_pool_run(0, (n + j.batch - 1) / j.batch, index_batch, &j);
	return true;
}

static uint64_t **new_bits(gs_lanes *l)
{
	uint64_t **bits = gs_try_new(l->mem, uint64_t *, l->t->n_chunks);

	for (uint32_t c = 0; bits && c < l->t->n_chunks; c++) {
		bits[c] = gs_try_new(l->mem, uint64_t, l->t->chunks[c].n / 64 + 1);
		if (!bits[c])
			return NULL;
	}
	return bits;
}

static bool fill_bits(gs_lanes *l)
{
	const gs_timeline *t = l->t;

	l->ends_piece = new_bits(l);
	l->is_system = new_bits(l);
	l->is_worker = new_bits(l);
	if (!l->ends_piece || !l->is_system || !l->is_worker)
		return false;
	for (uint32_t i = 0; i < t->n_pieces; i++) {
		const gs_timeline_piece *p = &t->pieces[i];
		const gs_timeline_goroutine *g = &t->goroutines[p->goroutine];
		bool is_worker = gs_str_starts(gs_profile_str(l->p, g->name), GS_S("runtime.gcBgMarkWorker"));

		set_bit(l->ends_piece, p->chunk, p->first + p->n - 1);
		for (uint32_t k = p->first; g->is_system && k < p->first + p->n; k++)
			set_bit(is_worker ? l->is_worker : l->is_system, p->chunk, k);
	}
	return true;
}

gs_lanes *gs_lanes_build(gs_arena *mem, const gs_timeline *t, const gs_profile *p, gs_err *err)
{
	gs_lanes *l = gs_new(mem, gs_lanes, 1);

	*l = (gs_lanes){ .mem = mem, .t = t, .p = p, .runs = gs_timeline_runs_create(mem, t) };
	fill_states(l);
	if (!l->runs || !gs_timeline_runs_make(l->runs) || !fill_bits(l) || !index_kind(l, GS_LANE_OF_GOROUTINE, t->n_goroutines) ||
	    !index_kind(l, GS_LANE_OF_PROC, t->n_procs) || !index_kind(l, GS_LANE_OF_THREAD, t->n_threads)) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the timeline's lanes need more memory than allowed");
		return NULL;
	}
	return l;
}
