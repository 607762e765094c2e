#include "analysis/trace_events.h"

#include <stdlib.h>

#include "base/buf.h"

typedef GS_VEC(gs_trace_event) events;

typedef struct collector {
	const gs_timeline *t;
	const gs_trace_event_query *q;
	events others;
	bool failed;
} collector;

const char *gs_trace_event_kind_name(gs_trace_event_kind kind)
{
	static const char *const names[GS_N_TRACE_EVENT_KINDS] = {
		"goroutine",	"proc",	      "range-begin", "range-end", "task-begin", "task-end", "region-begin",
		"region-end",	"log",	      "sample",	     "heap",	  "heap-goal",	"gomaxprocs", "memory",
	};

	return names[kind];
}

static bool wanted(const collector *c, const gs_trace_event *e)
{
	const gs_trace_event_query *q = c->q;

	return (q->kinds & 1u << e->kind) && e->time_ns >= q->start_ns && e->time_ns < q->end_ns &&
	       (q->goroutine == GS_NO_INDEX || e->goroutine == q->goroutine || e->other == q->goroutine);
}

static void put(collector *c, gs_trace_event e)
{
	gs_trace_event *to;

	if (!wanted(c, &e))
		return;
	to = gs_vec_push(&c->others, UINT32_MAX);
	if (to)
		*to = e;
	c->failed = c->failed || !to;
}

#define EVENT(kind_, time_, index_, goroutine_, stack_)                                                             \
	((gs_trace_event){ .time_ns = (time_), .kind = (kind_), .chunk = GS_NO_INDEX, .index = (index_),            \
			   .goroutine = (goroutine_), .other = GS_NO_INDEX, .stack = (stack_) })

static void collect_metric(collector *c, const gs_timeline_metric *m, gs_trace_event_kind kind)
{
	for (uint32_t i = 0; i < m->n; i++)
		put(c, EVENT(kind, m->time_ns[i], i, GS_NO_INDEX, 0));
}

/* Everything but goroutine transitions. */
static void collect(collector *c)
{
	const gs_timeline *t = c->t;

	for (uint32_t i = 0; i < t->n_proc_changes; i++)
		put(c, EVENT(GS_TRACE_EVENT_PROC, t->proc_changes[i].time_ns, i, GS_NO_INDEX, 0));
	for (uint32_t i = 0; i < t->n_ranges; i++) {
		const gs_timeline_range *r = &t->ranges[i];

		if (r->saw_start)
			put(c, EVENT(GS_TRACE_EVENT_RANGE_BEGIN, r->start_ns, i, r->goroutine, r->stack));
		if (r->saw_end)
			put(c, EVENT(GS_TRACE_EVENT_RANGE_END, r->end_ns, i, r->goroutine, 0));
	}
	for (uint32_t i = 0; i < t->n_tasks; i++) {
		const gs_timeline_task *k = &t->tasks[i];

		if (k->saw_start)
			put(c, EVENT(GS_TRACE_EVENT_TASK_BEGIN, k->start_ns, i, k->start_goroutine, k->start_stack));
		if (k->saw_end)
			put(c, EVENT(GS_TRACE_EVENT_TASK_END, k->end_ns, i, k->end_goroutine, k->end_stack));
	}
	for (uint32_t i = 0; i < t->n_regions; i++) {
		const gs_timeline_region *r = &t->regions[i];

		if (r->saw_start)
			put(c, EVENT(GS_TRACE_EVENT_REGION_BEGIN, r->start_ns, i, r->goroutine, r->start_stack));
		if (r->saw_end)
			put(c, EVENT(GS_TRACE_EVENT_REGION_END, r->end_ns, i, r->goroutine, r->end_stack));
	}
	for (uint32_t i = 0; i < t->n_logs; i++)
		put(c, EVENT(GS_TRACE_EVENT_LOG, t->logs[i].time_ns, i, t->logs[i].goroutine, t->logs[i].stack));
	for (uint32_t i = 0; i < t->n_cpu_samples; i++)
		put(c, EVENT(GS_TRACE_EVENT_SAMPLE, t->cpu_samples[i].time_ns, i, t->cpu_samples[i].goroutine,
			     t->cpu_samples[i].stack));
	for (uint32_t i = 0; i < t->n_memory_events; i++)
		put(c, EVENT(GS_TRACE_EVENT_MEMORY, t->memory_events[i].time_ns, i, t->memory_events[i].goroutine, 0));
	collect_metric(c, &t->heap_bytes, GS_TRACE_EVENT_HEAP);
	collect_metric(c, &t->heap_goal_bytes, GS_TRACE_EVENT_HEAP_GOAL);
	collect_metric(c, &t->gomaxprocs, GS_TRACE_EVENT_GOMAXPROCS);
}

static int by_time(const void *a, const void *b)
{
	const gs_trace_event *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool collect_chunk(const collector *c, uint32_t chunk, events *to)
{
	const gs_timeline_chunk *k = &c->t->chunks[chunk];

	to->n = 0;
	for (uint32_t p = k->piece_first; p < k->piece_first + k->n_pieces; p++) {
		const gs_timeline_piece *piece = &c->t->pieces[p];

		for (uint32_t i = piece->first; i < piece->first + piece->n; i++) {
			gs_trace_event e = { .time_ns = k->base_ns + k->offset_ns[i],
					     .kind = GS_TRACE_EVENT_GOROUTINE,
					     .chunk = chunk,
					     .index = i,
					     .goroutine = piece->goroutine,
					     .other = gs_chunk_peer(k, i),
					     .stack = gs_chunk_stack(k, i) };
			gs_trace_event *slot;

			if (!wanted(c, &e))
				continue;
			slot = gs_vec_push(to, UINT32_MAX);
			if (!slot)
				return false;
			*slot = e;
		}
	}
	if (to->n)
		qsort(to->p, to->n, sizeof(*to->p), by_time);
	return true;
}

bool gs_trace_events_each(const gs_timeline *t, const gs_trace_event_query *q, bool (*fn)(void *ctx, const gs_trace_event *e),
			  void *ctx, gs_err *err)
{
	collector c = { .t = t, .q = q };
	events here = { 0 };
	size_t at = 0;
	bool go_on = true;

	collect(&c);
	if (c.others.n)
		qsort(c.others.p, c.others.n, sizeof(*c.others.p), by_time);
	for (uint32_t k = 0; k < t->n_chunks && go_on && !c.failed && (q->kinds & 1u << GS_TRACE_EVENT_GOROUTINE); k++) {
		if (t->chunks[k].end_ns < q->start_ns || t->chunks[k].base_ns >= q->end_ns)
			continue;
		c.failed = !collect_chunk(&c, k, &here);
		for (size_t i = 0; i < here.n && go_on; i++) {
			while (go_on && at < c.others.n && by_time(&c.others.p[at], &here.p[i]) < 0)
				go_on = fn(ctx, &c.others.p[at++]);
			go_on = go_on && fn(ctx, &here.p[i]);
		}
	}
	while (go_on && !c.failed && at < c.others.n)
		go_on = fn(ctx, &c.others.p[at++]);
	gs_vec_release(&here);
	gs_vec_release(&c.others);
	return !c.failed || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the events");
}
