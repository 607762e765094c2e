#include "format/gotrace/order_step.h"

static bool range_begin(step *s, ranges *in, uint8_t type, uint64_t kind)
{
	for (uint8_t i = 0; i < in->n; i++)
		if (in->list[i].type == type && in->list[i].kind == kind) {
			gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s inside itself", event_name(s));
			return false;
		}
	if (in->n == MAX_RANGES) {
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s: more than %d ranges at once", event_name(s), MAX_RANGES);
		return false;
	}
	in->list[in->n++] = (range){ type, kind };
	return true;
}

static bool range_active(step *s, ranges *in, uint8_t type)
{
	if (s->gen->number == s->o->initial_generation)
		return range_begin(s, in, type, 0);
	for (uint8_t i = 0; i < in->n; i++)
		if (in->list[i].type == type)
			return true;
	gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s for a range that did not begin", event_name(s));
	return false;
}

static bool range_end(step *s, ranges *in, uint8_t type, uint64_t *kind)
{
	for (uint8_t i = 0; i < in->n; i++)
		if (in->list[i].type == type) {
			*kind = in->list[i].kind;
			in->list[i] = in->list[--in->n];
			return true;
		}
	gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s for a range that did not begin", event_name(s));
	return false;
}

/* The interned name of a string id. UINT32_MAX: err is filled. */
static uint32_t name_of(step *s, uint64_t id)
{
	gs_str text;
	uint32_t name;

	if (!gs_gotrace_string(s->gen, id, &text)) {
		gs_fail(s->err, GS_ERR_FORMAT, s->at, "%s names string %" PRIu64 ", which the generation does not have",
			event_name(s), id);
		return UINT32_MAX;
	}
	name = gs_strtab_id(s->o->names, text);
	if (name == UINT32_MAX)
		no_memory(s);
	return name;
}

static gs_gotrace_advance task_begin(step *s)
{
	uint64_t id = s->e->args[0];
	bool is_new;
	uint32_t *slot = gs_map_put(&s->o->task_index, id, &is_new), name;
	task *t;

	if (!slot || (is_new && !gs_vec_push(&s->o->tasks, MAX_IDS)))
		return no_memory(s);
	if (is_new)
		*slot = (uint32_t)s->o->tasks.n - 1;
	t = &s->o->tasks.p[*slot];
	if (t->is_active)
		return BROKEN(s, "task %" PRIu64 " begins twice", id);
	if (s->e->args[1] == 0)
		s->e->args[1] = NONE; /* 0 is "no parent" here, not the background task */
	name = name_of(s, s->e->args[2]);
	if (name == UINT32_MAX || !in_user_code(s))
		return GS_GOTRACE_BROKEN;
	*t = (task){ s->e->args[1], name, true };
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance task_end(step *s)
{
	uint32_t *slot = gs_map_get(&s->o->task_index, s->e->args[0]);
	gs_gotrace_event *out;

	if (!in_user_code(s))
		return GS_GOTRACE_BROKEN;
	out = emit(s);
	if (slot && s->o->tasks.p[*slot].is_active) {
		task *t = &s->o->tasks.p[*slot];

		out->task_parent = t->parent;
		out->name = gs_strtab_get(s->o->names, t->name);
		t->is_active = false;
	}
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance region_event(step *s)
{
	goroutine *g;
	uint32_t name;

	if (!in_user_code(s))
		return GS_GOTRACE_BROKEN;
	name = name_of(s, s->e->args[1]);
	if (name == UINT32_MAX)
		return GS_GOTRACE_BROKEN;
	g = find_g(s->o, s->g);
	if (!g)
		return BROKEN(s, "%s on goroutine %" PRIu64 ", which does not exist", event_name(s), s->g);
	if (s->e->type == GS_GOTRACE_USER_REGION_BEGIN) {
		region *r = gs_vec_push(&s->o->regions, MAX_IDS);

		if (!r)
			return no_memory(s);
		*r = (region){ s->e->args[0], name, g->innermost };
		g->innermost = (uint32_t)s->o->regions.n;
	} else if (g->innermost) {
		const region *r = &s->o->regions.p[g->innermost - 1];

		if (r->task != s->e->args[0] || r->name != name)
			return BROKEN(s, "a region ends on goroutine %" PRIu64 " that is not its innermost one", s->g);
		g->innermost = r->below;
	}
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance gc_event(step *s)
{
	gs_gotrace_order *o = s->o;
	uint64_t seq = s->e->args[0];
	uint8_t type = s->e->type;
	bool is_first = type == GS_GOTRACE_GC_ACTIVE ? s->gen->number == o->initial_generation :
			type == GS_GOTRACE_GC_BEGIN  ? o->gc == GC_UNDETERMINED :
						       false;

	if (is_first) {
		if (type == GS_GOTRACE_GC_ACTIVE && o->gc != GC_UNDETERMINED)
			return BROKEN(s, "GCActive in the first generation is not its first GC event");
	} else {
		if (seq != o->gc_seq + 1)
			return GS_GOTRACE_NOT_YET;
		if (type == GS_GOTRACE_GC_BEGIN ? o->gc == GC_ON : o->gc != GC_ON)
			return BROKEN(s, "%s while the collector is %s", event_name(s), o->gc == GC_ON ? "running" : "not running");
		if (!in_user_code(s))
			return GS_GOTRACE_BROKEN;
	}
	o->gc_seq = seq;
	o->gc = type == GS_GOTRACE_GC_END ? GC_OFF : GC_ON;
	emit(s);
	return GS_GOTRACE_YES;
}

static gs_gotrace_advance sweep_event(step *s)
{
	bool is_active = s->e->type == GS_GOTRACE_GC_SWEEP_ACTIVE;
	proc *p = find_p(s->o, is_active ? s->e->args[0] : s->p);
	uint64_t kind;
	bool ok;

	if (!is_active && !context(s, MUST, MAY))
		return GS_GOTRACE_BROKEN;
	if (!p)
		return BROKEN(s, "%s on a proc that does not exist", event_name(s));
	if (is_active)
		ok = range_active(s, &p->in, GS_GOTRACE_GC_SWEEP_BEGIN);
	else if (s->e->type == GS_GOTRACE_GC_SWEEP_BEGIN)
		ok = range_begin(s, &p->in, GS_GOTRACE_GC_SWEEP_BEGIN, 0);
	else
		ok = range_end(s, &p->in, GS_GOTRACE_GC_SWEEP_BEGIN, &kind);
	if (!ok)
		return GS_GOTRACE_BROKEN;
	emit(s);
	return GS_GOTRACE_YES;
}

/* Stop-the-world and mark assists, which belong to a goroutine. */
static gs_gotrace_advance go_range_event(step *s)
{
	uint8_t type = s->e->type;
	bool is_active = type == GS_GOTRACE_GC_MARK_ASSIST_ACTIVE;
	uint8_t begins = type == GS_GOTRACE_STW_BEGIN || type == GS_GOTRACE_STW_END ? GS_GOTRACE_STW_BEGIN :
										      GS_GOTRACE_GC_MARK_ASSIST_BEGIN;
	goroutine *g;
	uint64_t kind = 0;
	bool ok;

	if (!is_active && !in_user_code(s))
		return GS_GOTRACE_BROKEN;
	if (type == GS_GOTRACE_STW_BEGIN && (kind = name_of(s, s->e->args[0])) == UINT32_MAX)
		return GS_GOTRACE_BROKEN;
	g = find_g(s->o, is_active ? s->e->args[0] : s->g);
	if (!g)
		return BROKEN(s, "%s on a goroutine that does not exist", event_name(s));
	if (is_active)
		ok = range_active(s, &g->in, begins);
	else if (type == begins)
		ok = range_begin(s, &g->in, begins, kind);
	else
		ok = range_end(s, &g->in, begins, &kind);
	if (!ok)
		return GS_GOTRACE_BROKEN;
	if (type == GS_GOTRACE_STW_END)
		s->e->name = gs_strtab_get(s->o->names, (uint32_t)kind);
	emit(s);
	return GS_GOTRACE_YES;
}

gs_gotrace_advance gs_gotrace_order_range(step *s)
{
	switch (s->e->type) {
	case GS_GOTRACE_GC_ACTIVE:
	case GS_GOTRACE_GC_BEGIN:
	case GS_GOTRACE_GC_END:
		return gc_event(s);
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
		return sweep_event(s);
	case GS_GOTRACE_USER_TASK_BEGIN:
		return task_begin(s);
	case GS_GOTRACE_USER_TASK_END:
		return task_end(s);
	case GS_GOTRACE_USER_REGION_BEGIN:
	case GS_GOTRACE_USER_REGION_END:
		return region_event(s);
	default:
		return go_range_event(s);
	}
}
