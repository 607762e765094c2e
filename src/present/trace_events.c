#include "present/trace_events.h"

#include <inttypes.h>

#include "analysis/trace_frames.h"
#include "present/printable.h"

typedef struct writer {
	gs_arena *mem;
	const gs_trace_source *src;
	const gs_events_page *page;
	gs_buf *out;
	gs_json *json; /* NULL: text */
	gs_buf line;
	uint8_t *hit; /* by node, 1: a frame matches */
	uint64_t n;   /* matched */
} writer;

static void put_str(writer *w, uint32_t id)
{
	gs_buf_str(&w->line, gs_profile_str(w->src->profile, id));
}

static void put_goroutine(writer *w, uint32_t index)
{
	if (index == GS_NO_INDEX)
		gs_buf_c(&w->line, '-');
	else
		gs_buf_f(&w->line, "%" PRIu64, w->src->timeline->goroutines[index].id);
}

static void goroutine_text(writer *w, const gs_trace_event *e)
{
	const gs_timeline *t = w->src->timeline;
	const gs_timeline_chunk *c = &t->chunks[e->chunk];
	gs_phase phase = gs_chunk_phase(c, e->index);
	uint8_t reason = gs_chunk_reason(c, e->index);
	uint16_t proc = gs_chunk_place(c, e->index).proc;
	bool is_new = t->goroutines[e->goroutine].saw_start && t->goroutines[e->goroutine].start_ns == e->time_ns;

	gs_buf_z(&w->line, is_new ? "created, " : "");
	gs_buf_z(&w->line, phase == GS_PHASE_NONE ? "ended" : gs_phase_name(phase));
	if (reason) {
		gs_buf_z(&w->line, ": ");
		put_str(w, t->reasons[reason]);
	}
	if (proc != UINT16_MAX && phase == GS_PHASE_RUNNING)
		gs_buf_f(&w->line, " on P %" PRIu64, t->procs[proc].id);
	if (e->other != GS_NO_INDEX) {
		gs_buf_z(&w->line, " by goroutine ");
		put_goroutine(w, e->other);
	}
	gs_buf_z(&w->line, ", ");
	gs_buf_str(&w->line, gs_trace_goroutine_name(w->mem, w->src->profile, t, e->goroutine));
}

static void memory_text(writer *w, const gs_timeline_memory *m)
{
	static const char *const what[] = {
		"span there",	   "span allocated",  "span freed",	       "object there",	       "object allocated",
		"object freed",	   "goroutine stack there", "goroutine stack allocated", "goroutine stack freed",
	};

	gs_buf_f(&w->line, "%s at %#" PRIx64, what[m->kind], m->address);
	if (m->size_bytes)
		gs_buf_f(&w->line, ", %" PRIu64 " bytes", m->size_bytes);
	if (m->type) {
		gs_buf_z(&w->line, ", ");
		put_str(w, m->type);
		gs_buf_f(&w->line, " of %" PRIu64, m->type_bytes);
	}
}

/* What happened, without time, goroutine and stack. */
static void event_text(writer *w, const gs_trace_event *e)
{
	const gs_timeline *t = w->src->timeline;
	uint32_t i = e->index;

	w->line.n = 0;
	switch (e->kind) {
	case GS_TRACE_EVENT_GOROUTINE:
		goroutine_text(w, e);
		return;
	case GS_TRACE_EVENT_PROC:
		gs_buf_f(&w->line, "P %" PRIu64 " %s", t->procs[t->proc_changes[i].proc].id,
			 t->proc_changes[i].is_running ? "running" : "idle");
		return;
	case GS_TRACE_EVENT_RANGE_BEGIN:
	case GS_TRACE_EVENT_RANGE_END:
		put_str(w, t->ranges[i].name);
		if (e->kind == GS_TRACE_EVENT_RANGE_END && t->ranges[i].swept_bytes)
			gs_buf_f(&w->line, ", swept %" PRIu64 " bytes, reclaimed %" PRIu64, t->ranges[i].swept_bytes,
				 t->ranges[i].reclaimed_bytes);
		return;
	case GS_TRACE_EVENT_TASK_BEGIN:
	case GS_TRACE_EVENT_TASK_END:
		put_str(w, t->tasks[i].name);
		gs_buf_f(&w->line, ", task %" PRIu64, t->tasks[i].id);
		return;
	case GS_TRACE_EVENT_REGION_BEGIN:
	case GS_TRACE_EVENT_REGION_END:
		put_str(w, t->regions[i].name);
		if (t->regions[i].task != GS_NO_INDEX)
			gs_buf_f(&w->line, ", task %" PRIu64, t->tasks[t->regions[i].task].id);
		return;
	case GS_TRACE_EVENT_LOG:
		put_str(w, t->logs[i].key);
		gs_buf_z(&w->line, t->logs[i].key ? ": " : "");
		put_str(w, t->logs[i].value);
		if (t->logs[i].task != GS_NO_INDEX)
			gs_buf_f(&w->line, ", task %" PRIu64, t->tasks[t->logs[i].task].id);
		return;
	case GS_TRACE_EVENT_SAMPLE:
		gs_buf_z(&w->line, "CPU sample");
		return;
	case GS_TRACE_EVENT_HEAP:
		gs_buf_f(&w->line, "%" PRIu64 " bytes", t->heap_bytes.value[i]);
		return;
	case GS_TRACE_EVENT_HEAP_GOAL:
		gs_buf_f(&w->line, "%" PRIu64 " bytes", t->heap_goal_bytes.value[i]);
		return;
	case GS_TRACE_EVENT_MEMORY:
		memory_text(w, &t->memory_events[i]);
		return;
	case GS_TRACE_EVENT_GOMAXPROCS:
		gs_buf_f(&w->line, "%" PRIu64, t->gomaxprocs.value[i]);
		return;
	}
}

/* Nodes with a frame that matches, themselves or above. */
static uint8_t *match_stacks(gs_arena *mem, const gs_profile *p, const gs_re *re)
{
	uint8_t *hit = gs_try_new(mem, uint8_t, p->n_nodes);
	uint8_t *function = gs_try_new(mem, uint8_t, p->n_functions); /* 1 no, 2 yes */

	for (uint32_t n = 1; hit && function && n < p->n_nodes; n++) {
		uint32_t f = p->frames[p->nodes[n].frame].function;

		if (!function[f])
			function[f] = gs_re_match(re, gs_trace_node_name(p, n)) || gs_re_match(re, gs_trace_node_file(p, n)) ? 2 : 1;
		hit[n] = hit[p->nodes[n].parent] || function[f] == 2;
	}
	return function ? hit : NULL;
}

static void stack_text(writer *w, uint32_t stack)
{
	for (uint32_t n = stack; n; n = w->src->profile->nodes[n].parent) {
		gs_buf_z(w->out, "                          ");
		gs_trace_put_place(w->out, w->src, n);
		gs_buf_c(w->out, '\n');
	}
}

static void row_text(writer *w, const gs_trace_event *e)
{
	gs_buf_f(w->out, "%14.9f  ", (double)e->time_ns / 1e9);
	if (e->goroutine == GS_NO_INDEX)
		gs_buf_z(w->out, "        -");
	else
		gs_buf_f(w->out, "%9" PRIu64, w->src->timeline->goroutines[e->goroutine].id);
	gs_buf_f(w->out, "  %-12s  ", gs_trace_event_kind_name(e->kind));
	gs_printable(w->out, gs_buf_view(&w->line));
	if (e->stack && !w->page->with_stacks) {
		gs_buf_z(w->out, "  at ");
		gs_trace_put_place(w->out, w->src, gs_trace_own_node(w->src->profile, e->stack));
	}
	gs_buf_c(w->out, '\n');
	if (w->page->with_stacks)
		stack_text(w, e->stack);
}

static void row_json(writer *w, const gs_trace_event *e)
{
	gs_json *j = w->json;
	const gs_timeline *t = w->src->timeline;

	gs_json_object(j);
	gs_json_ki64(j, "time_ns", e->time_ns);
	gs_json_kstr(j, "kind", gs_str_of(gs_trace_event_kind_name(e->kind)));
	if (e->goroutine != GS_NO_INDEX)
		gs_json_ku64(j, "goroutine", t->goroutines[e->goroutine].id);
	if (e->other != GS_NO_INDEX)
		gs_json_ku64(j, "by", t->goroutines[e->other].id);
	gs_json_kstr(j, "text", gs_buf_view(&w->line));
	if (w->page->with_stacks) {
		gs_json_key(j, "stack");
		gs_json_array(j);
		for (uint32_t n = e->stack; n; n = w->src->profile->nodes[n].parent)
			gs_trace_place_json(j, w->src, n);
		gs_json_array_end(j);
	} else {
		gs_json_key(j, "at");
		gs_trace_place_json(j, w->src, gs_trace_own_node(w->src->profile, e->stack));
	}
	gs_json_object_end(j);
}

static bool take(void *ctx, const gs_trace_event *e)
{
	writer *w = ctx;
	uint64_t i;

	event_text(w, e);
	if (w->page->match && !gs_re_match(w->page->match, gs_buf_view(&w->line)) && !w->hit[e->stack])
		return true;
	i = w->n++;
	if (i < w->page->offset)
		return true;
	if (w->page->limit && i - w->page->offset >= w->page->limit)
		return true; /* counted only */
	if (w->json)
		row_json(w, e);
	else
		row_text(w, e);
	return !w->out->bad;
}

bool gs_events_write(gs_arena *mem, const gs_trace_source *src, const gs_trace_event_query *q, const gs_events_page *page, bool json,
		     gs_buf *out, gs_err *err)
{
	gs_json j = gs_json_to(out);
	writer w = { .mem = mem, .src = src, .page = page, .out = out, .json = json ? &j : NULL };
	uint64_t shown;
	bool ok;

	gs_buf_init(&w.line, 1 << 20);
	if (page->match && !(w.hit = match_stacks(mem, src->profile, page->match)))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the events");
	if (json) {
		gs_json_object(&j);
		gs_json_key(&j, "rows");
		gs_json_array(&j);
	} else {
		gs_buf_z(out, "      time (s)  goroutine  event\n");
	}
	ok = gs_trace_events_each(src->timeline, q, take, &w, err);
	shown = w.n > page->offset ? w.n - page->offset : 0;
	shown = page->limit && shown > page->limit ? page->limit : shown;
	if (json) {
		gs_json_array_end(&j);
		gs_json_ku64(&j, "count", w.n);
		gs_json_object_end(&j);
		gs_buf_c(out, '\n');
	} else {
		gs_buf_f(out, "%" PRIu64 " events", w.n);
		gs_buf_f(out, shown < w.n ? "; %" PRIu64 " of them shown (--limit 0 shows all)\n" : "\n", shown);
	}
	gs_buf_release(&w.line);
	return ok;
}
