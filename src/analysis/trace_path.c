#include "analysis/trace_path.h"

#include "base/buf.h"

enum { MAX_STEPS = 1 << 20, MAX_DEPTH = 200 };

typedef struct walk {
	const gs_timeline *t;
	GS_VEC(gs_path_step) steps;
	bool is_cut;
} walk;

static void put(walk *w, gs_path_step s)
{
	gs_path_step *to = s.start_ns < s.end_ns ? gs_vec_push(&w->steps, MAX_STEPS) : NULL;

	if (to)
		*to = s;
	else if (s.start_ns < s.end_ns)
		w->is_cut = true;
}

static void follow(walk *w, uint32_t goroutine, int64_t from, int64_t to, uint32_t depth);

/* Before a goroutine was there, its creator was on the way to it. */
static void follow_creator(walk *w, const gs_timeline_goroutine *g, int64_t from, int64_t to, uint32_t depth)
{
	if (g->creator != GS_NO_INDEX && depth < MAX_DEPTH)
		follow(w, g->creator, from, to, depth);
	else
		put(w, (gs_path_step){ .start_ns = from,
				       .end_ns = to,
				       .goroutine = g->creator,
				       .waker = GS_NO_INDEX,
				       .depth = depth });
}

static void follow(walk *w, uint32_t goroutine, int64_t from, int64_t to, uint32_t depth)
{
	const gs_timeline_goroutine *g = &w->t->goroutines[goroutine];
	gs_interval_walk it;
	gs_interval now, next = { 0 };
	bool has_next;

	if (w->is_cut)
		return;
	if (g->saw_start && g->start_ns > from) {
		int64_t born = g->start_ns < to ? g->start_ns : to;

		follow_creator(w, g, from, born, depth + 1);
		from = born;
	}
	it = gs_intervals_from(w->t, goroutine, from);
	has_next = from < to && gs_interval_next(&it, &next);
	while (has_next && next.start_ns < to) {
		gs_path_step s;

		now = next;
		has_next = gs_interval_next(&it, &next);
		s = (gs_path_step){ .start_ns = now.start_ns > from ? now.start_ns : from,
				    .end_ns = now.end_ns < to ? now.end_ns : to,
				    .goroutine = goroutine,
				    .phase = now.phase,
				    .reason = now.reason,
				    .stack = now.stack,
				    .is_older = now.is_cut,
				    .waker = GS_NO_INDEX,
				    .depth = depth };
		if (s.end_ns <= s.start_ns)
			continue;
		if (now.phase == GS_PHASE_RUNNING)
			s.stack = has_next && (next.phase != GS_PHASE_RUNNABLE || next.peer == GS_NO_INDEX) ? next.stack : 0;
		if (now.phase == GS_PHASE_WAITING && has_next && next.start_ns <= to && next.phase == GS_PHASE_RUNNABLE) {
			s.waker = next.peer;
			s.waker_stack = next.stack;
			/* A goroutine cannot wake itself: then it is the runtime on its stack (a timer, the poller). */
			s.is_followed = s.waker != GS_NO_INDEX && s.waker != goroutine && depth < MAX_DEPTH;
		}
		put(w, s);
		if (s.is_followed)
			follow(w, s.waker, s.start_ns, s.end_ns, depth + 1);
	}
}

gs_path *gs_path_find(gs_arena *mem, const gs_timeline *t, uint32_t goroutine, int64_t start_ns, int64_t end_ns, gs_err *err)
{
	gs_path *p = gs_new(mem, gs_path, 1);
	walk w = { .t = t };

	follow(&w, goroutine, start_ns, end_ns, 0);
	p->steps = gs_try_new(mem, gs_path_step, w.steps.n);
	p->n = (uint32_t)w.steps.n;
	p->start_ns = start_ns;
	p->end_ns = end_ns;
	p->is_cut = w.is_cut;
	if (p->steps && p->n)
		memcpy(p->steps, w.steps.p, p->n * sizeof(*p->steps));
	gs_vec_release(&w.steps);
	if (!p->steps) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a critical path");
		return NULL;
	}
	return p;
}
