/* Procs, ranges, tasks, regions, logs, labels: what happens between the transitions, in order of time. */
#include "load/gotrace_build.h"

#include <stdlib.h>

#include "base/banned.h"

static bool proc_change(gs_trace_build *b, const gs_gotrace_event *e, int64_t now, uint64_t id, bool is_running)
{
	uint16_t proc = gs_trace_proc(b, id);
	gs_timeline_proc_change *c;
	gs_trace_p_state *p;

	if (proc == GS_NO_LANE)
		return true;
	p = &b->p_states.p[proc];
	if (p->is_known && p->is_running == is_running)
		return true;
	c = gs_vec_push(&b->proc_changes, GS_TRACE_MAX_ROWS);
	if (!c)
		return false;
	*c = (gs_timeline_proc_change){ now, proc, gs_trace_thread(b, e->m), is_running };
	p->is_known = true;
	p->is_running = is_running;
	return true;
}

/* Index + 1; 0: no memory. */
static uint32_t range_begin(gs_trace_build *b, const gs_gotrace_event *e, int64_t now, uint32_t name, gs_range_scope scope,
			    uint32_t owner, bool saw_start)
{
	gs_timeline_range *r = name == GS_NO_ID ? NULL : gs_vec_push(&b->ranges, GS_TRACE_MAX_ROWS);
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);

	if (!r)
		return 0;
	*r = (gs_timeline_range){ .start_ns = saw_start ? now : b->known_since_ns,
				  .name = name,
				  .scope = scope,
				  .owner = owner,
				  .goroutine = gs_trace_goroutine(b, e->g, now),
				  .end_goroutine = GS_NO_INDEX,
				  .stack = saw_start && spec->stack ? gs_trace_stack(b, e->args[spec->stack - 1]) : GS_ROOT_NODE,
				  .saw_start = saw_start };
	return (uint32_t)b->ranges.n;
}

static void range_end(gs_trace_build *b, const gs_gotrace_event *e, int64_t now, uint32_t *open)
{
	gs_timeline_range *r = &b->ranges.p[*open - 1];

	r->end_ns = now;
	r->saw_end = true;
	r->end_goroutine = gs_trace_goroutine(b, e->g, now);
	if (e->type == GS_GOTRACE_GC_SWEEP_END) {
		r->swept_bytes = e->args[0];
		r->reclaimed_bytes = e->args[1];
	}
	*open = 0;
}

static uint32_t stw_name(gs_trace_build *b, gs_str kind)
{
	GS_AUTO(buf) name = { .max = 4096 };

	gs_buf_z(&name, "stop-the-world (");
	gs_buf_str(&name, kind);
	gs_buf_c(&name, ')');
	return gs_profile_builder_str(b->b, gs_buf_view(&name));
}

static bool range(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	bool is_end = e->type == GS_GOTRACE_STW_END || e->type == GS_GOTRACE_GC_END || e->type == GS_GOTRACE_GC_SWEEP_END ||
		      e->type == GS_GOTRACE_GC_MARK_ASSIST_END;
	bool is_active = e->type == GS_GOTRACE_GC_ACTIVE || e->type == GS_GOTRACE_GC_SWEEP_ACTIVE ||
			 e->type == GS_GOTRACE_GC_MARK_ASSIST_ACTIVE;
	uint32_t owner = GS_NO_INDEX, name, *open;
	gs_range_scope scope = GS_RANGE_GOROUTINE;
	gs_str kind;

	gs_trace_goroutine(b, e->g, now); /* may move the states, which `open` points into */
	switch (e->type) {
	case GS_GOTRACE_STW_BEGIN:
	case GS_GOTRACE_STW_END:
		owner = gs_trace_goroutine(b, e->g, now);
		if (owner == GS_NO_INDEX)
			return true;
		open = &gs_trace_state(b, owner)->stw;
		kind = e->name;
		if (!is_end)
			gs_gotrace_string(b->g, e->args[0], &kind);
		name = stw_name(b, kind);
		break;
	case GS_GOTRACE_GC_ACTIVE:
	case GS_GOTRACE_GC_BEGIN:
	case GS_GOTRACE_GC_END:
		scope = GS_RANGE_GLOBAL;
		open = &b->gc;
		name = gs_profile_builder_str(b->b, GS_S("GC concurrent mark phase"));
		break;
	case GS_GOTRACE_GC_SWEEP_ACTIVE:
	case GS_GOTRACE_GC_SWEEP_BEGIN:
	case GS_GOTRACE_GC_SWEEP_END:
		scope = GS_RANGE_PROC;
		owner = gs_trace_proc(b, is_active ? e->args[0] : e->p);
		if (owner == GS_NO_LANE)
			return true;
		open = &b->p_states.p[owner].sweep;
		name = gs_profile_builder_str(b->b, GS_S("GC incremental sweep"));
		break;
	default:
		owner = gs_trace_goroutine(b, is_active ? e->args[0] : e->g, now);
		if (owner == GS_NO_INDEX)
			return true;
		open = &gs_trace_state(b, owner)->assist;
		name = gs_profile_builder_str(b->b, GS_S("GC mark assist"));
	}
	if (*open && is_active)
		return true;
	if (!*open || !is_end) {
		uint32_t begun = range_begin(b, e, now, name, scope, owner, !is_end && !is_active);

		if (!begun)
			return false;
		*open = begun;
	}
	if (is_end)
		range_end(b, e, now, open);
	return true;
}

/* GS_NO_INDEX: the background, or no memory. */
static uint32_t task_of(gs_trace_build *b, uint64_t id)
{
	uint32_t *place = id == 0 || id == GS_GOTRACE_NONE ? NULL : gs_id_runs_put(&b->task_index, id);
	gs_timeline_task *t;

	if (!place)
		return GS_NO_INDEX;
	if (!*place) {
		t = gs_vec_push(&b->tasks, GS_TRACE_MAX_ROWS);
		if (!t)
			return GS_NO_INDEX;
		*t = (gs_timeline_task){ .id = id, .parent = GS_NO_INDEX, .start_goroutine = GS_NO_INDEX,
					 .end_goroutine = GS_NO_INDEX, .start_ns = b->known_since_ns };
		*place = (uint32_t)b->tasks.n;
	}
	/* A gap did not end it. */
	if (!b->tasks.p[*place - 1].saw_end)
		b->tasks.p[*place - 1].end_ns = 0;
	return *place - 1;
}

static bool task_begin(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	uint32_t parent = task_of(b, e->args[1]), task = task_of(b, e->args[0]);
	gs_timeline_task *t;

	if (task == GS_NO_INDEX)
		return e->args[0] == 0;
	t = &b->tasks.p[task];
	t->parent = parent;
	t->name = gs_trace_string(b, e->args[2]);
	t->start_ns = now;
	t->saw_start = true;
	t->start_goroutine = gs_trace_goroutine(b, e->g, now);
	t->start_stack = gs_trace_stack(b, e->args[3]);
	return true;
}

static bool task_end(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	uint32_t parent = task_of(b, e->task_parent), task = task_of(b, e->args[0]);
	gs_timeline_task *t;

	if (task == GS_NO_INDEX)
		return e->args[0] == 0;
	t = &b->tasks.p[task];
	if (t->parent == GS_NO_INDEX)
		t->parent = parent;
	if (!t->name)
		t->name = gs_profile_builder_str(b->b, e->name);
	t->end_ns = now;
	t->saw_end = true;
	t->end_goroutine = gs_trace_goroutine(b, e->g, now);
	t->end_stack = gs_trace_stack(b, e->args[1]);
	return true;
}

static bool region(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	bool is_end = e->type == GS_GOTRACE_USER_REGION_END;
	uint32_t g = gs_trace_goroutine(b, e->g, now), stack = gs_trace_stack(b, e->args[2]);
	gs_trace_g_state *state;
	gs_timeline_region *r;

	if (g == GS_NO_INDEX)
		return true;
	state = gs_trace_state(b, g);
	if (!is_end || !state->region) {
		uint32_t parent = is_end ? GS_NO_INDEX : state->region - 1;
		int64_t since = b->goroutines.p[g].start_ns > b->known_since_ns ? b->goroutines.p[g].start_ns : b->known_since_ns;

		r = gs_vec_push(&b->regions, GS_TRACE_MAX_ROWS);
		if (!r)
			return false;
		*r = (gs_timeline_region){ .start_ns = is_end ? since : now,
					   .saw_start = !is_end,
					   .name = gs_trace_string(b, e->args[1]),
					   .goroutine = g,
					   .task = task_of(b, e->args[0]),
					   .parent = parent,
					   .depth = parent == GS_NO_INDEX ? 0 : b->regions.p[parent].depth + 1,
					   .start_stack = is_end ? GS_ROOT_NODE : stack };
		if (!is_end) {
			state->region = (uint32_t)b->regions.n;
			return true;
		}
	} else {
		r = &b->regions.p[state->region - 1];
		state->region = r->parent + 1;
	}
	r->end_ns = now;
	r->end_stack = stack;
	r->saw_end = true;
	return true;
}

static bool add_log(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	gs_timeline_log *l = gs_vec_push(&b->logs, GS_TRACE_MAX_ROWS);

	if (l)
		*l = (gs_timeline_log){ .time_ns = now,
					.goroutine = gs_trace_goroutine(b, e->g, now),
					.task = task_of(b, e->args[0]),
					.key = gs_trace_string(b, e->args[1]),
					.value = gs_trace_string(b, e->args[2]),
					.stack = gs_trace_stack(b, e->args[3]) };
	return l != NULL;
}

static bool add_label(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	gs_timeline_label *l = gs_vec_push(&b->labels, GS_TRACE_MAX_ROWS);

	if (l)
		*l = (gs_timeline_label){ now, gs_trace_goroutine(b, e->g, now), gs_trace_string(b, e->args[0]) };
	return l != NULL;
}

static bool side(gs_trace_build *b, const gs_gotrace_event *e, int64_t now)
{
	switch (e->type) {
	case GS_GOTRACE_PROC_START:
		return proc_change(b, e, now, e->args[0], true);
	case GS_GOTRACE_PROC_STOP:
		return proc_change(b, e, now, e->p, false);
	case GS_GOTRACE_PROC_STEAL:
		return proc_change(b, e, now, e->args[0], false);
	case GS_GOTRACE_PROC_STATUS:
		return proc_change(b, e, b->rows->index ? now : b->known_since_ns, e->args[0], e->to_state == GS_PROC_RUNNING);
	case GS_GOTRACE_USER_TASK_BEGIN:
		return task_begin(b, e, now);
	case GS_GOTRACE_USER_TASK_END:
		return task_end(b, e, now);
	case GS_GOTRACE_USER_REGION_BEGIN:
	case GS_GOTRACE_USER_REGION_END:
		return region(b, e, now);
	case GS_GOTRACE_USER_LOG:
		return add_log(b, e, now);
	case GS_GOTRACE_GO_LABEL:
		return add_label(b, e, now);
	default:
		return e->type < GS_GOTRACE_STW_BEGIN || e->type > GS_GOTRACE_GC_MARK_ASSIST_END || range(b, e, now);
	}
}

static bool values(gs_trace_build *b, const gs_trace_values *from, gs_trace_metric_columns *to, const gs_gotrace_stitch *s)
{
	for (size_t i = 0; i < from->n; i++) {
		int64_t *time = gs_vec_push(&to->time_ns, GS_TRACE_MAX_ROWS);
		uint64_t *value = gs_vec_push(&to->value, GS_TRACE_MAX_ROWS);

		if (!time || !value)
			return false;
		*time = gs_gotrace_stitched_time(s, from->p[i].event, from->p[i].time_ns) - b->start_ns;
		*value = from->p[i].value;
	}
	return true;
}

bool gs_trace_build_side(gs_trace_build *b, const gs_gotrace_stitch *s)
{
	gs_trace_side_walk w = gs_trace_side_begin(&b->rows->side);
	size_t c = 0;

	while (gs_trace_side_next(&w)) {
		const gs_gotrace_event *e = &w.e;
		int64_t now = gs_gotrace_stitched_time(s, w.event, e->time_ns) - b->start_ns;

		while (c < s->n_corrections && s->corrections[c].event < w.event)
			c++;
		if (c < s->n_corrections && s->corrections[c].event == w.event)
			e = &s->corrections[c].now;
		if (!side(b, e, now))
			return false;
	}
	return values(b, &b->rows->heap, &b->heap, s) && values(b, &b->rows->goal, &b->goal, s) &&
	       values(b, &b->rows->procs_max, &b->procs_max, s);
}

typedef struct moved {
	int64_t start_ns;
	uint32_t index;
} moved;

static int by_start(const void *a, const void *b)
{
	const moved *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static bool is_sorted(const char *list, size_t n, size_t size, size_t start_at)
{
	int64_t last = INT64_MIN, start;

	for (size_t i = 0; i < n; i++, last = start) {
		memcpy(&start, list + i * size + start_at, sizeof(start));
		if (start < last)
			return false;
	}
	return true;
}

/* Order `n` things of `size` bytes by their start, an int64_t at offset `start_at`; new_index[old]. False: no memory. */
static bool sort_by_start(void *list, size_t n, size_t size, size_t start_at, uint32_t *new_index)
{
	moved *order;
	char *p = list, *copy;
	bool ok;

	for (size_t i = 0; i < n; i++)
		new_index[i] = (uint32_t)i;
	if (is_sorted(list, n, size, start_at))
		return true;
	order = gs_alloc_should_fail() ? NULL : malloc((n + 1) * sizeof(*order));
	copy = malloc(n * size + 1);
	ok = order && copy;
	for (size_t i = 0; ok && i < n; i++) {
		memcpy(&order[i].start_ns, p + i * size + start_at, sizeof(int64_t));
		order[i].index = (uint32_t)i;
	}
	if (ok && n) {
		memcpy(copy, p, n * size);
		qsort(order, n, sizeof(*order), by_start);
	}
	for (size_t i = 0; ok && i < n; i++) {
		memcpy(p + i * size, copy + order[i].index * size, size);
		new_index[order[i].index] = (uint32_t)i;
	}
	free(order);
	free(copy);
	return ok;
}

static uint32_t remap(const uint32_t *new_index, uint32_t old)
{
	return old == GS_NO_INDEX ? GS_NO_INDEX : new_index[old];
}

static bool sort_all(gs_trace_build *b, uint32_t *new_index)
{
	if (!sort_by_start(b->ranges.p, b->ranges.n, sizeof(*b->ranges.p), offsetof(gs_timeline_range, start_ns), new_index) ||
	    !sort_by_start(b->tasks.p, b->tasks.n, sizeof(*b->tasks.p), offsetof(gs_timeline_task, start_ns), new_index))
		return false;
	for (size_t i = 0; i < b->tasks.n; i++)
		b->tasks.p[i].parent = remap(new_index, b->tasks.p[i].parent);
	for (size_t i = 0; i < b->regions.n; i++)
		b->regions.p[i].task = remap(new_index, b->regions.p[i].task);
	for (size_t i = 0; i < b->logs.n; i++)
		b->logs.p[i].task = remap(new_index, b->logs.p[i].task);
	if (!sort_by_start(b->regions.p, b->regions.n, sizeof(*b->regions.p), offsetof(gs_timeline_region, start_ns), new_index))
		return false;
	for (size_t i = 0; i < b->regions.n; i++)
		b->regions.p[i].parent = remap(new_index, b->regions.p[i].parent);
	return true;
}

bool gs_trace_side_finish(gs_trace_build *b)
{
	size_t most = b->ranges.n > b->tasks.n ? b->ranges.n : b->tasks.n;
	int64_t end = b->t->duration_ns;
	uint32_t *new_index;
	bool ok;

	for (size_t i = 0; i < b->ranges.n; i++)
		if (!b->ranges.p[i].saw_end && !b->ranges.p[i].end_ns)
			b->ranges.p[i].end_ns = end;
	for (size_t i = 0; i < b->tasks.n; i++)
		if (!b->tasks.p[i].saw_end && !b->tasks.p[i].end_ns)
			b->tasks.p[i].end_ns = end;
	for (size_t i = 0; i < b->regions.n; i++)
		if (!b->regions.p[i].saw_end && !b->regions.p[i].end_ns)
			b->regions.p[i].end_ns = b->goroutines.p[b->regions.p[i].goroutine].end_ns;
	most = b->regions.n > most ? b->regions.n : most;
	new_index = gs_alloc_should_fail() ? NULL : malloc((most + 1) * sizeof(*new_index));
	ok = new_index && sort_all(b, new_index);
	free(new_index);
	return ok;
}
