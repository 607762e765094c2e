/*
 * A generation that was read on its own, held against the state at the end of those before it. Nothing is changed before
 * everything is known to fit; what does not fit is left to reading the generation again.
 */
#include "format/gotrace/order_step.h"

typedef struct stitcher {
	gs_gotrace_order *o, *later;
	GS_VEC(gs_gotrace_correction) out;
	GS_VEC(uint32_t) robbed; /* threads of o whose proc was stolen in this generation */
	bool is_out_of_memory;
} stitcher;

static bool was_robbed(const stitcher *s, uint32_t m)
{
	for (size_t i = 0; i < s->robbed.n; i++)
		if (s->robbed.p[i] == m)
			return true;
	return false;
}

/* What a thread of o has held since before the generation: threads that o does not know hold nothing. */
static uint64_t carried_p(const stitcher *s, uint32_t m)
{
	return m && !was_robbed(s, m) ? s->o->ms.p[m].p : NONE;
}

static uint64_t carried_g(const stitcher *s, uint32_t m)
{
	return m ? s->o->ms.p[m].g : NONE;
}

/* The thread that still holds proc `id` from before when event `at` comes. */
static uint32_t holder_of(const stitcher *s, uint64_t id, uint64_t at)
{
	uint32_t holder = 0;

	for (uint32_t m = 1; m < s->o->ms.n; m++)
		if (s->o->ms.p[m].p == id && s->o->ms.p[m].is_known && !was_robbed(s, m) &&
		    (!holder || s->o->ms.p[m].id > s->o->ms.p[holder].id)) {
			uint32_t here = find_m(s->later, s->o->ms.p[m].id);

			if (!here || s->later->ms.p[here].p_known_at > at)
				holder = m;
		}
	return holder;
}

/* Whether another proc or goroutine of its thread could have made the order see the event in another way. */
static bool asks_for(uint8_t type, bool p, bool g)
{
	switch (type) {
	case GS_GOTRACE_PROC_STATUS:
	case GS_GOTRACE_PROC_STEAL:
	case GS_GOTRACE_GO_STATUS:
	case GS_GOTRACE_GO_STATUS_STACK:
	case GS_GOTRACE_GO_UNBLOCK:
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_MARK_ASSIST_ACTIVE:
		return false;
	case GS_GOTRACE_PROC_START:
	case GS_GOTRACE_PROC_STOP:
	case GS_GOTRACE_HEAP_ALLOC:
	case GS_GOTRACE_HEAP_GOAL:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
		return p;
	default:
		return p || g;
	}
}

/* Where the event happened, as far as its thread had not told yet. */
static bool fix_context(const stitcher *s, const note *n, gs_gotrace_event *e)
{
	const thread *t = &s->later->ms.p[n->thread];
	uint32_t m = find_m(s->o, t->id);
	uint64_t p = n->unknown & UNKNOWN_P ? carried_p(s, m) : n->e.p;
	uint64_t g = n->unknown & UNKNOWN_G ? carried_g(s, m) : n->e.g;
	bool is_go_status = e->type == GS_GOTRACE_GO_STATUS || e->type == GS_GOTRACE_GO_STATUS_STACK;

	if (is_go_status && n->e.m != t->id && !(n->flags & NOTE_ELSEWHERE))
		g = n->e.g; /* of the other thread, which had told */
	if (is_go_status && n->unknown & UNKNOWN_G && e->args[2] == G_SYSCALL && e->args[1] == t->id && g != e->args[0])
		return false;
	if (asks_for(e->type, p != n->e.p, g != n->e.g))
		return false;
	e->p = p;
	e->g = g;
	return true;
}

static bool fix_proc_status(stitcher *s, const note *n, gs_gotrace_event *e)
{
	const proc *before = p_of(s->o, find_p(s->o, e->args[0]));
	uint32_t holder;

	if (!before) {
		e->from_state = GS_PROC_NOT_EXIST;
		return true;
	}
	if (e->args[1] != P_ABANDONED || before->status != P_SYSCALL)
		return before->status == e->args[1];
	holder = holder_of(s, before->id, n->event);
	if (!holder)
		return false;
	e->m = s->o->ms.p[holder].id;
	e->p = before->id;
	e->g = carried_g(s, holder);
	e->args[1] = P_SYSCALL;
	e->from_state = e->to_state = GS_PROC_RUNNING;
	return true;
}

static bool fix_steal(stitcher *s, const note *n, gs_gotrace_event *e)
{
	const proc *before = p_of(s->o, find_p(s->o, e->args[0]));
	uint32_t holder, *robbed;

	if (!before || before->status != P_SYSCALL)
		return true; /* nobody's */
	holder = holder_of(s, before->id, n->event);
	if (!holder || s->o->ms.p[holder].id != e->args[2] || e->args[2] == e->m)
		return false;
	e->from_state = GS_PROC_RUNNING;
	robbed = gs_vec_push(&s->robbed, MAX_IDS);
	if (!robbed) {
		s->is_out_of_memory = true;
		return false;
	}
	*robbed = holder;
	return true;
}

/* A goroutine that sat in a system call of another thread all along. */
static bool fix_elsewhere(const stitcher *s, const note *n, gs_gotrace_event *e)
{
	uint32_t m = find_m(s->o, e->args[1]);

	if (!m)
		return !n->was_known;
	e->g = e->args[0];
	return carried_g(s, m) == e->args[0];
}

static bool fix_stop_end(const stitcher *s, gs_gotrace_event *e)
{
	const goroutine *before = g_of(s->o, find_g(s->o, e->g));
	const node *stop = before && before->stops ? &s->o->nodes.p[before->stops - 1] : NULL;

	if (!stop || stop->below)
		return false;
	e->name = stop->name;
	return true;
}

static void fix_task_end(const stitcher *s, gs_gotrace_event *e)
{
	const uint32_t *slot = gs_map_get(&s->o->task_index, e->args[0]);
	const task *before = slot ? &s->o->tasks.p[*slot] : NULL;

	if (before && before->is_active) {
		e->task_parent = before->parent;
		e->name = before->name;
	}
}

/* The end of a region that did not begin in this generation: the innermost of the earlier ones. */
static bool fits_region_end(const stitcher *s, const gs_gotrace_event *e)
{
	goroutine *g = g_of(s->later, gs_id_runs_at(&s->later->g_index, e->g));
	const node *r;
	gs_str name;

	if (!g->carried_regions)
		return true;
	r = &s->o->nodes.p[g->carried_regions - 1];
	gs_gotrace_string(s->later->gen, e->args[1], &name);
	if (r->task != e->args[0] || !gs_str_eq(r->name, name))
		return false;
	g->carried_regions = r->below;
	return true;
}

static bool same_event(const gs_gotrace_event *a, const gs_gotrace_event *b)
{
	return a->m == b->m && a->p == b->p && a->g == b->g && a->args[1] == b->args[1] && a->from_state == b->from_state &&
	       a->to_state == b->to_state && a->task_parent == b->task_parent && gs_str_eq(a->name, b->name);
}

static bool fix(stitcher *s, const note *n)
{
	gs_gotrace_event e = n->e;
	gs_gotrace_correction *c;

	if ((n->flags & NOTE_CONTEXT && !fix_context(s, n, &e)) || (n->flags & NOTE_PROC_STATUS && !fix_proc_status(s, n, &e)) ||
	    (n->flags & NOTE_STEAL && !fix_steal(s, n, &e)) || (n->flags & NOTE_ELSEWHERE && !fix_elsewhere(s, n, &e)) ||
	    (n->flags & NOTE_STOP_END && !fix_stop_end(s, &e)) || (n->flags & NOTE_REGION_END && !fits_region_end(s, &e)))
		return false;
	if (n->flags & NOTE_TASK_END)
		fix_task_end(s, &e);
	if (same_event(&e, &n->e))
		return true;
	c = gs_vec_push(&s->out, MAX_IDS);
	if (!c) {
		s->is_out_of_memory = true;
		return false;
	}
	*c = (gs_gotrace_correction){ n->event, e };
	return true;
}

/* ---- what the generation took for granted ---- */

static bool goroutine_fits(const stitcher *s, goroutine *g)
{
	const goroutine *before = g_of(s->o, find_g(s->o, g->id));

	if (!g->first_status)
		return !before;
	if (!before || before->status != g->first_status)
		return false;
	g->carried_regions = before->regions;
	return !(g->first_assist_told && !before->in_assist) && !(g->first_assist_begun && before->in_assist) &&
	       !(g->begun_stop && before->stops);
}

static bool proc_fits(const stitcher *s, const proc *p)
{
	const proc *before = p_of(s->o, find_p(s->o, p->id));

	/* Its status was held against the one before when its event was. */
	return !(p->first_sweep_told && !(before && before->in_sweep)) && !(p->first_sweep_begun && before && before->in_sweep);
}

static bool collector_fits(const stitcher *s)
{
	const gs_gotrace_order *o = s->o, *later = s->later;

	if (!later->first_gc)
		return true;
	if (later->first_gc == GS_GOTRACE_GC_BEGIN && o->gc == GC_UNDETERMINED)
		return true;
	return later->first_gc_seq == o->gc_seq + 1 && (later->first_gc == GS_GOTRACE_GC_BEGIN ? o->gc != GC_ON : o->gc == GC_ON);
}

static bool tasks_fit(const stitcher *s)
{
	for (size_t i = 0; i < s->later->tasks.n; i++) {
		const task *t = &s->later->tasks.p[i];
		const uint32_t *slot = t->is_told ? NULL : gs_map_get(&s->o->task_index, t->id);

		if (slot && s->o->tasks.p[*slot].is_active)
			return false;
	}
	return true;
}

static bool fits(stitcher *s)
{
	for (size_t i = 0; i < s->later->gs.n; i++)
		if (!goroutine_fits(s, &s->later->gs.p[i]))
			return false;
	for (size_t i = 0; i < s->later->ps.n; i++)
		if (!proc_fits(s, &s->later->ps.p[i]))
			return false;
	if (!collector_fits(s) || !tasks_fit(s))
		return false;
	for (size_t i = 0; i < s->later->notes.n; i++)
		if (!fix(s, &s->later->notes.p[i]))
			return false;
	return true;
}

/* ---- the state after it. False: no memory ---- */

/* Put a list of `later` on top of one of o. */
static bool take_nodes(stitcher *s, uint32_t from, uint32_t *to)
{
	gs_gotrace_order *o = s->o;
	uint32_t turned = 0;

	for (; from; from = s->later->nodes.p[from - 1].below)
		if (!gs_gotrace_order_push(o, &turned, s->later->nodes.p[from - 1].task, s->later->nodes.p[from - 1].name))
			return false;
	while (turned) {
		uint32_t next = o->nodes.p[turned - 1].below;

		o->nodes.p[turned - 1].below = *to;
		*to = turned;
		turned = next;
	}
	return true;
}

static bool take_goroutine(stitcher *s, const goroutine *g)
{
	gs_gotrace_order *o = s->o;
	uint32_t at = find_g(o, g->id), regions = 0, stops = 0;
	goroutine *to = g_of(o, at);
	bool was_in_assist = to && to->in_assist;

	if (to && g->is_first_life) {
		/* Earlier regions that ended are the innermost ones. */
		while (to->regions != g->carried_regions) {
			uint32_t inner = to->regions;

			to->regions = o->nodes.p[inner - 1].below;
			o->nodes.p[inner - 1].below = 0;
			drop_nodes(o, &inner);
		}
		if (g->told_stop)
			drop_nodes(o, &to->stops);
		regions = to->regions;
		stops = to->stops;
	} else if (to) {
		drop_nodes(o, &to->regions);
		drop_nodes(o, &to->stops);
	}
	if (!g->is_alive) {
		if (to) {
			to->is_alive = false;
			to->regions = to->stops = 0;
			o->n_dead++;
		}
		return true;
	}
	if (!to) {
		at = gs_gotrace_order_make_g(o, g->id, g->status);
		if (!at)
			return false;
	}
	if (!take_nodes(s, g->regions, &regions) || !take_nodes(s, g->stops, &stops))
		return false;
	to = g_of(o, at);
	to->seq = g->seq;
	to->epoch = o->epoch;
	to->status = g->status;
	to->regions = regions;
	to->stops = stops;
	to->in_assist = g->in_assist ||
			(g->is_first_life && !g->first_assist_told && !g->first_assist_begun && was_in_assist);
	return true;
}

static bool take_proc(stitcher *s, const proc *p)
{
	gs_gotrace_order *o = s->o;
	bool is_new;
	uint32_t *slot = gs_map_put(&o->p_index, p->id, &is_new);
	proc *to;

	if (!slot || (is_new && !gs_vec_push(&o->ps, MAX_IDS)))
		return false;
	if (is_new)
		*slot = (uint32_t)o->ps.n - 1;
	to = &o->ps.p[*slot];
	if (!p->is_untouched || is_new)
		to->status = p->status;
	to->id = p->id;
	to->seq = p->seq;
	to->epoch = o->epoch;
	if (p->in_sweep || p->first_sweep_told || p->first_sweep_begun)
		to->in_sweep = p->in_sweep;
	return true;
}

static bool take_thread(stitcher *s, const thread *t)
{
	gs_gotrace_order *o = s->o;
	uint32_t m;
	thread *to;

	if (!t->is_known)
		return true;
	m = gs_gotrace_order_make_m(o, t->id);
	if (m == UINT32_MAX)
		return false;
	to = &o->ms.p[m];
	to->is_known = true;
	if (t->epoch == s->later->epoch)
		to->epoch = o->epoch;
	if (!(t->unknown & UNKNOWN_P))
		to->p = t->p;
	if (!(t->unknown & UNKNOWN_G))
		to->g = t->g;
	return true;
}

static bool take_task(stitcher *s, const task *t)
{
	gs_gotrace_order *o = s->o;
	uint32_t *slot = gs_map_get(&o->task_index, t->id);
	bool is_new;

	if (!t->is_active) {
		if (slot)
			o->tasks.p[*slot].is_active = false;
		return true;
	}
	slot = gs_map_put(&o->task_index, t->id, &is_new);
	if (!slot || (is_new && !gs_vec_push(&o->tasks, MAX_IDS)))
		return false;
	if (is_new)
		*slot = (uint32_t)o->tasks.n - 1;
	o->tasks.p[*slot] = (task){ t->id, t->parent, t->name, true, false };
	return true;
}

static bool take_over(stitcher *s)
{
	gs_gotrace_order *o = s->o;
	const gs_gotrace_order *later = s->later;

	o->epoch++;
	for (size_t i = 0; i < s->robbed.n; i++)
		o->ms.p[s->robbed.p[i]].p = NONE;
	for (size_t i = 0; i < later->gs.n; i++)
		if (!take_goroutine(s, &later->gs.p[i]))
			return false;
	for (size_t i = 0; i < later->ps.n; i++)
		if (!take_proc(s, &later->ps.p[i]))
			return false;
	for (size_t i = 1; i < later->ms.n; i++)
		if (!take_thread(s, &later->ms.p[i]))
			return false;
	for (size_t i = 0; i < later->tasks.n; i++)
		if (!take_task(s, &later->tasks.p[i]))
			return false;
	if (later->gc != GC_UNDETERMINED) {
		o->gc = later->gc;
		o->gc_seq = later->gc_seq;
	}
	for (size_t i = 1; i < o->ms.n; i++) {
		thread *t = &o->ms.p[i];

		t->p_at = t->p == NONE ? 0 : find_p(o, t->p);
		t->g_at = t->g == NONE ? 0 : gs_id_runs_at(&o->g_index, t->g);
	}
	return true;
}

bool gs_gotrace_order_stitch(gs_gotrace_order *o, gs_gotrace_order *later, gs_gotrace_correction **corrections, size_t *n, gs_err *err)
{
	stitcher s = { .o = o, .later = later };
	bool ok = fits(&s);

	if (ok) {
		ok = take_over(&s) && gs_gotrace_order_tidy(o);
		s.is_out_of_memory = !ok;
	}
	if (s.is_out_of_memory)
		gs_fail(err, GS_ERR_LIMIT, later->gen->start_at, "out of memory while ordering the trace");
	*corrections = ok ? s.out.p : NULL;
	*n = ok ? s.out.n : 0;
	if (!ok)
		gs_vec_release(&s.out);
	gs_vec_release(&s.robbed);
	return ok;
}
