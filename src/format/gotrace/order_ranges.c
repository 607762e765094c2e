#include "format/gotrace/order_step.h"

/* False: err is filled. */
static bool name_of(gs_gotrace_order *o, const gs_gotrace_event *e, uint64_t id, gs_str *name)
{
	return gs_gotrace_string(o->gen, id, name) ||
	       gs_fail(o->err, GS_ERR_FORMAT, o->at, "%s names string %" PRIu64 ", which the generation does not have",
		       event_name(e), id);
}

static gs_gotrace_advance task_begin(gs_gotrace_order *o, gs_gotrace_event *e)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&o->task_index, e->args[0], &is_new);
	gs_str name;
	task *t;

	if (!slot || (is_new && !gs_vec_push(&o->tasks, MAX_IDS)))
		return no_memory(o);
	if (is_new)
		*slot = (uint32_t)o->tasks.n - 1;
	t = &o->tasks.p[*slot];
	if (t->is_active)
		return BROKEN(o, "task %" PRIu64 " begins twice", e->args[0]);
	if (e->args[1] == 0)
		e->args[1] = NONE; /* 0 is "no parent" here, not the background task */
	if (!name_of(o, e, e->args[2], &name) || !in_user_code(o, e))
		return GS_GOTRACE_BROKEN;
	t->id = e->args[0];
	t->parent = e->args[1];
	t->name = name;
	t->is_active = true;
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance task_end(gs_gotrace_order *o, gs_gotrace_event *e)
{
	uint32_t *slot = gs_map_get(&o->task_index, e->args[0]);
	task *t = slot ? &o->tasks.p[*slot] : NULL;

	if (!in_user_code(o, e))
		return GS_GOTRACE_BROKEN;
	if (t && t->is_active) {
		e->task_parent = t->parent;
		e->name = t->name;
		t->is_active = false;
	} else if (!t && o->is_open) {
		bool is_new;

		slot = gs_map_put(&o->task_index, e->args[0], &is_new);
		if (!slot || !(t = gs_vec_push(&o->tasks, MAX_IDS)))
			return no_memory(o);
		*slot = (uint32_t)o->tasks.n - 1;
		*t = (task){ .id = e->args[0], .is_told = true };
		o->flags |= NOTE_TASK_END;
	}
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance region_event(gs_gotrace_order *o, const thread *t, gs_gotrace_event *e)
{
	goroutine *g;
	gs_str name;

	if (!in_user_code(o, e) || !name_of(o, e, e->args[1], &name))
		return GS_GOTRACE_BROKEN;
	g = g_of(o, t->g_at);
	if (!g || !g->is_alive)
		return BROKEN(o, "%s on goroutine %" PRIu64 ", which does not exist", event_name(e), e->g);
	if (e->type == GS_GOTRACE_USER_REGION_BEGIN) {
		if (!gs_gotrace_order_push(o, &g->regions, e->args[0], name))
			return no_memory(o);
	} else if (g->regions) {
		uint32_t at = g->regions;
		node *r = &o->nodes.p[at - 1];

		if ((r->task != e->args[0] || !gs_str_eq(r->name, name)) && !(o->lacks_names && (!r->name.n || !name.n)))
			return BROKEN(o, "a region ends on goroutine %" PRIu64 " that is not its innermost one", e->g);
		g->regions = r->below;
		r->below = 0;
		drop_nodes(o, &at);
	} else if (o->is_open && g->is_first_life && g->first_status) {
		o->flags |= NOTE_REGION_END;
	}
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance gc_event(gs_gotrace_order *o, gs_gotrace_event *e)
{
	uint64_t seq = e->args[0];
	uint8_t type = e->type;
	bool is_first = type == GS_GOTRACE_GC_ACTIVE ? o->is_initial :
			type == GS_GOTRACE_GC_BEGIN  ? o->gc == GC_UNDETERMINED && !o->is_open :
						       false;

	if (is_first) {
		if (type == GS_GOTRACE_GC_ACTIVE && o->gc != GC_UNDETERMINED)
			return BROKEN(o, "GCActive in the first generation is not its first GC event");
	} else if (o->is_open && o->gc == GC_UNDETERMINED) {
		if (!in_user_code(o, e))
			return GS_GOTRACE_BROKEN;
		o->first_gc = type;
		o->first_gc_seq = seq;
	} else {
		if (seq != o->gc_seq + 1)
			return GS_GOTRACE_NOT_YET;
		if (type == GS_GOTRACE_GC_BEGIN ? o->gc == GC_ON : o->gc != GC_ON)
			return BROKEN(o, "%s while the collector is %s", event_name(e), o->gc == GC_ON ? "running" : "not running");
		if (!in_user_code(o, e))
			return GS_GOTRACE_BROKEN;
	}
	o->gc_seq = seq;
	o->gc = type == GS_GOTRACE_GC_END ? GC_OFF : GC_ON;
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance inside_itself(gs_gotrace_order *o, const gs_gotrace_event *e)
{
	return BROKEN(o, "%s inside itself", event_name(e));
}

static gs_gotrace_advance did_not_begin(gs_gotrace_order *o, const gs_gotrace_event *e)
{
	return BROKEN(o, "%s for a range that did not begin", event_name(e));
}

/* A range without a name, as *in says. An open order keeps in *told and *begun whether it was open before the generation. */
static gs_gotrace_advance plain_range(gs_gotrace_order *o, const gs_gotrace_event *e, uint8_t begins, uint8_t active, bool *in,
				      bool *told, bool *begun)
{
	if (e->type == active) {
		if (o->is_initial && *in)
			return inside_itself(o, e);
		if (!o->is_initial && !*in) {
			if (!o->is_open || *told || *begun)
				return did_not_begin(o, e);
			*told = true;
		}
		*in = true;
	} else if (e->type == begins) {
		if (*in)
			return inside_itself(o, e);
		if (!*told)
			*begun = true;
		*in = true;
	} else {
		if (!*in)
			return did_not_begin(o, e);
		*in = false;
	}
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance sweep_event(gs_gotrace_order *o, const thread *t, gs_gotrace_event *e)
{
	bool is_active = e->type == GS_GOTRACE_GC_SWEEP_ACTIVE;
	proc *p = p_of(o, is_active ? find_p(o, e->args[0]) : t->p_at);

	if (!is_active && !context(o, e, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	if (!p)
		return BROKEN(o, "%s on a proc that does not exist", event_name(e));
	return plain_range(o, e, GS_GOTRACE_GC_SWEEP_BEGIN, GS_GOTRACE_GC_SWEEP_ACTIVE, &p->in_sweep, &p->first_sweep_told,
			   &p->first_sweep_begun);
}

static gs_gotrace_advance assist_event(gs_gotrace_order *o, const thread *t, gs_gotrace_event *e)
{
	bool is_active = e->type == GS_GOTRACE_GC_MARK_ASSIST_ACTIVE;
	goroutine *g;

	if (!is_active && !in_user_code(o, e))
		return GS_GOTRACE_BROKEN;
	g = g_of(o, is_active ? find_g(o, e->args[0]) : t->g_at);
	if (!g || !g->is_alive)
		return BROKEN(o, "%s on a goroutine that does not exist", event_name(e));
	return plain_range(o, e, GS_GOTRACE_GC_MARK_ASSIST_BEGIN, GS_GOTRACE_GC_MARK_ASSIST_ACTIVE, &g->in_assist,
			   &g->first_assist_told, &g->first_assist_begun);
}

static gs_gotrace_advance stop_begin(gs_gotrace_order *o, goroutine *g, gs_gotrace_event *e)
{
	gs_str kind;

	if (!name_of(o, e, e->args[0], &kind))
		return GS_GOTRACE_BROKEN;
	for (uint32_t at = g->stops; at; at = o->nodes.p[at - 1].below)
		if (gs_str_eq(o->nodes.p[at - 1].name, kind))
			return inside_itself(o, e);
	if (!g->told_stop)
		g->begun_stop = true;
	return gs_gotrace_order_push(o, &g->stops, 0, kind) ? GS_GOTRACE_YES : no_memory(o);
}

static gs_gotrace_advance stop_end(gs_gotrace_order *o, goroutine *g, gs_gotrace_event *e)
{
	uint32_t *at = &g->stops, oldest;

	if (!*at) {
		if (!o->is_open || !g->is_first_life || !g->first_status || g->told_stop || g->begun_stop)
			return did_not_begin(o, e);
		g->told_stop = true;
		o->flags |= NOTE_STOP_END;
		return GS_GOTRACE_YES;
	}
	while (o->nodes.p[*at - 1].below)
		at = &o->nodes.p[*at - 1].below;
	oldest = *at;
	e->name = o->nodes.p[oldest - 1].name;
	*at = 0;
	drop_nodes(o, &oldest);
	return GS_GOTRACE_YES;
}

gs_gotrace_advance gs_gotrace_order_range(gs_gotrace_order *o, thread *t, gs_gotrace_event *e)
{
	goroutine *g;

	switch (e->type) {
	case GS_GOTRACE_GC_ACTIVE:
	case GS_GOTRACE_GC_BEGIN:
	case GS_GOTRACE_GC_END:
		return gc_event(o, e);
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
		return sweep_event(o, t, e);
	case GS_GOTRACE_USER_TASK_BEGIN:
		return task_begin(o, e);
	case GS_GOTRACE_USER_TASK_END:
		return task_end(o, e);
	case GS_GOTRACE_USER_REGION_BEGIN:
	case GS_GOTRACE_USER_REGION_END:
		return region_event(o, t, e);
	case GS_GOTRACE_STW_BEGIN:
	case GS_GOTRACE_STW_END:
		if (!in_user_code(o, e))
			return GS_GOTRACE_BROKEN;
		g = g_of(o, t->g_at);
		if (!g || !g->is_alive)
			return BROKEN(o, "%s on a goroutine that does not exist", event_name(e));
		return e->type == GS_GOTRACE_STW_BEGIN ? stop_begin(o, g, e) : stop_end(o, g, e);
	default:
		return assist_event(o, t, e);
	}
}
