#include "analysis/trace_spans.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"

#include "base/banned.h"

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for tasks and regions");
}

static int by_length(const void *a, const void *b)
{
	const gs_span_item *x = a, *y = b;
	int64_t dx = x->end_ns - x->start_ns, dy = y->end_ns - y->start_ns;

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static int by_total(const void *a, const void *b)
{
	const gs_span_group *x = a, *y = b;

	if (x->latency->sum_ns != y->latency->sum_ns)
		return x->latency->sum_ns > y->latency->sum_ns ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

typedef struct collecting {
	gs_arena *mem;
	const gs_trace_selection *s;
	const gs_timeline *t;
	gs_trace_spans *out;
	bool *is_in; /* goroutines */
	GS_VEC(gs_span_item) items;
	GS_VEC(gs_span_group) groups;
	gs_map group_of; /* name -> index */
} collecting;

static bool start(collecting *c, gs_arena *mem, const gs_trace_selection *s, bool is_task, gs_err *err)
{
	*c = (collecting){ .mem = mem, .s = s, .t = s->timeline, .out = gs_try_new(mem, gs_trace_spans, 1) };
	c->is_in = gs_try_new(mem, bool, s->timeline->n_goroutines + 1);
	if (!c->out || !c->is_in)
		return no_memory(err);
	c->out->is_task = is_task;
	for (uint32_t k = 0; k < s->n; k++)
		c->is_in[s->goroutines[k]] = true;
	return true;
}

static bool is_shown(const collecting *c, uint32_t goroutine, int64_t start_ns, int64_t end_ns)
{
	bool is_all = c->s->n == c->t->n_goroutines;

	return start_ns < c->s->time.end_ns && end_ns >= c->s->time.start_ns &&
	       (goroutine == GS_NO_INDEX ? is_all : c->is_in[goroutine]);
}

static gs_span_group *group_of(collecting *c, uint32_t name)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&c->group_of, name, &is_new);
	gs_span_group *g;

	if (!slot)
		return NULL;
	if (!is_new)
		return &c->groups.p[*slot];
	g = gs_vec_push(&c->groups, INT32_MAX);
	if (!g)
		return NULL;
	*slot = (uint32_t)c->groups.n - 1;
	g->name = name;
	g->latency = gs_try_new(c->mem, gs_latency, 1);
	g->split = gs_time_split_new(c->mem, c->t, 0);
	return g->latency && g->split.block_ns ? g : NULL;
}

static gs_span_item *add(collecting *c, uint32_t name, gs_span_item item)
{
	gs_span_item *fresh = gs_vec_push(&c->items, INT32_MAX);
	gs_span_group *g = fresh ? group_of(c, name) : NULL;

	if (!g)
		return NULL;
	*fresh = item;
	if (item.is_cut)
		g->n_cut++;
	else
		gs_latency_add(g->latency, item.end_ns - item.start_ns);
	return fresh;
}

static void sum_split(gs_time_split *to, const gs_time_split *from, uint32_t n_reasons)
{
	to->total_ns += from->total_ns;
	to->exec_ns += from->exec_ns;
	to->sched_ns += from->sched_ns;
	to->syscall_ns += from->syscall_ns;
	to->syscall_blocked_ns += from->syscall_blocked_ns;
	to->unknown_ns += from->unknown_ns;
	for (uint32_t i = 0; i < n_reasons; i++)
		to->block_ns[i] += from->block_ns[i];
}

static gs_trace_spans *finish(collecting *c, bool ok, gs_err *err)
{
	gs_trace_spans *out = c->out;

	if (ok) {
		out->n = (uint32_t)c->items.n;
		out->n_groups = (uint32_t)c->groups.n;
		out->items = gs_try_new(c->mem, gs_span_item, out->n);
		out->groups = gs_try_new(c->mem, gs_span_group, out->n_groups);
		ok = out->items && out->groups;
	}
	if (ok && out->n) {
		memcpy(out->items, c->items.p, out->n * sizeof(*out->items));
		memcpy(out->groups, c->groups.p, out->n_groups * sizeof(*out->groups));
		qsort(out->items, out->n, sizeof(*out->items), by_length);
		qsort(out->groups, out->n_groups, sizeof(*out->groups), by_total);
	}
	gs_vec_release(&c->items);
	gs_vec_release(&c->groups);
	gs_map_release(&c->group_of);
	if (!ok)
		no_memory(err);
	return ok ? out : NULL;
}

gs_trace_spans *gs_trace_regions(gs_arena *mem, const gs_trace_selection *s, const gs_re *name, const gs_re *task, gs_err *err)
{
	const gs_timeline *t = s->timeline;
	const gs_profile *p = s->profile;
	collecting c;
	bool ok = true;

	if (!start(&c, mem, s, false, err))
		return NULL;
	for (uint32_t i = 0; ok && i < t->n_regions; i++) {
		const gs_timeline_region *r = &t->regions[i];
		gs_span_item item = { .index = i, .start_ns = r->start_ns, .end_ns = r->end_ns, .is_cut = !r->saw_start || !r->saw_end };

		if (!is_shown(&c, r->goroutine, r->start_ns, r->end_ns) || (name && !gs_re_match(name, gs_profile_str(p, r->name))) ||
		    (task && (r->task == GS_NO_INDEX || !gs_re_match(task, gs_profile_str(p, t->tasks[r->task].name)))))
			continue;
		item.split = gs_time_split_new(mem, t, 0);
		ok = item.split.block_ns && add(&c, r->name, item);
		if (!ok)
			break;
		gs_time_split_add(&item.split, t, r->goroutine, r->start_ns, r->end_ns);
		c.items.p[c.items.n - 1].split = item.split;
		sum_split(&group_of(&c, r->name)->split, &item.split, t->n_reasons);
	}
	return finish(&c, ok, err);
}

/* Pairs (task, goroutine) that belong together, each once. */
static bool count_goroutine(gs_map *seen, gs_span_item *items, uint32_t task, uint32_t goroutine)
{
	bool is_new;
	uint32_t *slot;

	if (task == GS_NO_INDEX || goroutine == GS_NO_INDEX)
		return true;
	slot = gs_map_put(seen, (uint64_t)task << 32 | goroutine, &is_new);
	if (slot && is_new)
		items[task].n_goroutines++;
	return slot != NULL;
}

/* Counts by task, for all of the trace. */
static bool count_members(const gs_timeline *t, gs_span_item *items)
{
	GS_AUTO(map) seen = { 0 };
	bool ok = true;

	for (uint32_t i = 0; ok && i < t->n_tasks; i++) {
		if (t->tasks[i].parent != GS_NO_INDEX)
			items[t->tasks[i].parent].n_children++;
		ok = count_goroutine(&seen, items, i, t->tasks[i].start_goroutine) &&
		     count_goroutine(&seen, items, i, t->tasks[i].end_goroutine);
	}
	for (uint32_t i = 0; ok && i < t->n_regions; i++) {
		if (t->regions[i].task == GS_NO_INDEX)
			continue;
		items[t->regions[i].task].n_regions++;
		ok = count_goroutine(&seen, items, t->regions[i].task, t->regions[i].goroutine);
	}
	for (uint32_t i = 0; ok && i < t->n_logs; i++) {
		if (t->logs[i].task == GS_NO_INDEX)
			continue;
		items[t->logs[i].task].n_logs++;
		ok = count_goroutine(&seen, items, t->logs[i].task, t->logs[i].goroutine);
	}
	return ok;
}

/* Marking phases: in order of time, none overlap. */
typedef struct collections {
	gs_time_span *list;
	uint32_t n;
} collections;

static bool collections_of(gs_arena *mem, const gs_timeline *t, collections *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_ranges; i++)
		n += t->ranges[i].scope == GS_RANGE_GLOBAL;
	*out = (collections){ gs_try_new(mem, gs_time_span, n), 0 };
	for (uint32_t i = 0; out->list && i < t->n_ranges; i++)
		if (t->ranges[i].scope == GS_RANGE_GLOBAL)
			out->list[out->n++] = (gs_time_span){ t->ranges[i].start_ns, t->ranges[i].end_ns };
	return out->list != NULL;
}

static int64_t gc_within(const collections *c, int64_t start_ns, int64_t end_ns)
{
	uint32_t lo = 0, hi = c->n;
	int64_t sum = 0;

	while (lo < hi) { /* the first that ends behind the start */
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->list[mid].end_ns <= start_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < c->n && c->list[lo].start_ns < end_ns; lo++) {
		int64_t from = c->list[lo].start_ns > start_ns ? c->list[lo].start_ns : start_ns;
		int64_t to = c->list[lo].end_ns < end_ns ? c->list[lo].end_ns : end_ns;

		sum += to - from;
	}
	return sum;
}

gs_trace_spans *gs_trace_tasks(gs_arena *mem, const gs_trace_selection *s, const gs_re *name, gs_err *err)
{
	const gs_timeline *t = s->timeline;
	gs_span_item *counts = gs_try_new(mem, gs_span_item, t->n_tasks + 1);
	collections gc;
	collecting c;
	bool ok;

	if (!counts || !collections_of(mem, t, &gc)) {
		no_memory(err);
		return NULL;
	}
	if (!start(&c, mem, s, true, err))
		return NULL;
	ok = count_members(t, counts);
	for (uint32_t i = 0; ok && i < t->n_tasks; i++) {
		const gs_timeline_task *k = &t->tasks[i];
		gs_span_item item = counts[i];

		if (!is_shown(&c, k->start_goroutine, k->start_ns, k->end_ns) ||
		    (name && !gs_re_match(name, gs_profile_str(s->profile, k->name))))
			continue;
		item.index = i;
		item.start_ns = k->start_ns;
		item.end_ns = k->end_ns;
		item.is_cut = !k->saw_start || !k->saw_end;
		item.gc_ns = gc_within(&gc, k->start_ns, k->end_ns);
		ok = add(&c, k->name, item) != NULL;
	}
	return finish(&c, ok, err);
}

typedef GS_VEC(gs_task_event) event_list;

static bool push_event(event_list *list, int64_t time_ns, gs_task_event_kind kind, uint32_t index, uint32_t goroutine)
{
	gs_task_event *e = gs_vec_push(list, INT32_MAX);

	if (e)
		*e = (gs_task_event){ time_ns, kind, index, goroutine };
	return e != NULL;
}

static int by_time(const void *a, const void *b)
{
	const gs_task_event *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

static bool collect_events(event_list *list, const gs_timeline *t, const bool *is_in)
{
	bool ok = true;

	for (uint32_t i = 0; ok && i < t->n_tasks; i++) {
		const gs_timeline_task *k = &t->tasks[i];

		if (is_in[i])
			ok = (!k->saw_start || push_event(list, k->start_ns, GS_TASK_BEGIN, i, k->start_goroutine)) &&
			     (!k->saw_end || push_event(list, k->end_ns, GS_TASK_END, i, k->end_goroutine));
	}
	for (uint32_t i = 0; ok && i < t->n_regions; i++) {
		const gs_timeline_region *r = &t->regions[i];

		if (r->task != GS_NO_INDEX && is_in[r->task])
			ok = (!r->saw_start || push_event(list, r->start_ns, GS_TASK_REGION_BEGIN, i, r->goroutine)) &&
			     (!r->saw_end || push_event(list, r->end_ns, GS_TASK_REGION_END, i, r->goroutine));
	}
	for (uint32_t i = 0; ok && i < t->n_logs; i++)
		if (t->logs[i].task != GS_NO_INDEX && is_in[t->logs[i].task])
			ok = push_event(list, t->logs[i].time_ns, GS_TASK_LOG, i, t->logs[i].goroutine);
	return ok;
}

gs_task_event *gs_trace_task_events(gs_arena *mem, const gs_timeline *t, uint64_t id, uint32_t *n, gs_err *err)
{
	bool *is_in = gs_try_new(mem, bool, t->n_tasks + 1), is_found = false, has_more;
	event_list list = { 0 };
	gs_task_event *out = NULL;

	for (uint32_t i = 0; is_in && i < t->n_tasks; i++)
		is_found |= is_in[i] = t->tasks[i].id == id;
	if (is_in && !is_found) {
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the trace has no task %" PRIu64, id);
		return NULL;
	}
	/* Children begin behind their parents but for those that began before the trace: until nothing is added any more. */
	do {
		has_more = false;
		for (uint32_t i = 0; is_in && i < t->n_tasks; i++)
			if (!is_in[i] && t->tasks[i].parent != GS_NO_INDEX && is_in[t->tasks[i].parent])
				has_more = is_in[i] = true;
	} while (has_more);
	if (is_in && collect_events(&list, t, is_in))
		out = gs_try_new(mem, gs_task_event, list.n + 1);
	if (out && list.n) {
		qsort(list.p, list.n, sizeof(*list.p), by_time);
		memcpy(out, list.p, list.n * sizeof(*out));
	}
	*n = (uint32_t)list.n;
	gs_vec_release(&list);
	if (!out)
		no_memory(err);
	return out;
}
