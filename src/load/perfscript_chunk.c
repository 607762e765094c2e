#include "load/perfscript_chunk.h"

#include "format/perfscript/perfscript.h"

#include "base/banned.h"

static uint32_t index_of(gs_perfscript_reader *r, gs_text_list *l, gs_str text)
{
	bool is_new;
	uint32_t *slot;
	gs_str *fresh;

	if (l->last < l->texts.n && gs_str_eq(l->texts.p[l->last], text))
		return l->last;
	slot = gs_slice_map_put_copy(&l->map, r->mem, &text, &is_new);
	if (!slot)
		return UINT32_MAX;
	if (!is_new)
		return l->last = *slot;
	fresh = gs_vec_push(&l->texts, INT32_MAX);
	if (!fresh)
		return UINT32_MAX;
	*fresh = text;
	return l->last = *slot = (uint32_t)(l->texts.n - 1);
}

static int32_t small(int64_t id)
{
	return id < 0 || id > INT32_MAX ? -1 : (int32_t)id;
}

static gs_str stack_of(const gs_perfscript_event *e)
{
	gs_perfscript_frame f;

	if (e->stack.n || !e->details.n)
		return e->stack;
	/* Without call graphs the one frame stands on the header line; details of a tracepoint are no frame. */
	return gs_perfscript_frame_parse(e->details, &f) && f.ip && f.dso.n ? e->details :
									      (gs_str){ 0 };
}

static bool is_inlined(gs_str text)
{
	if (text.n && text.p[text.n - 1] != ')')
		text = gs_str_slice(text, 0, gs_str_find_char(text, '\n'));
	return gs_str_ends(text, GS_S("(inlined)"));
}

/* Text of the next physical frame and of what is inlined into it. */
static gs_str take_group(gs_str *stack)
{
	gs_str text, group = { 0 };
	bool is_open = true; /* an inlined frame waits for the one it is in */

	while (is_open && gs_perfscript_frame_text(stack, &text)) {
		group = group.n ? (gs_str){ group.p, (size_t)(text.p + text.n - group.p) } : text;
		is_open = is_inlined(text);
	}
	return group;
}

static uint32_t stack_index(gs_perfscript_reader *r, gs_str text)
{
	gs_digest digest = gs_digest_of(r->key, text);
	bool is_new;
	uint32_t *slot = gs_digest_map_put(&r->stacks, digest, &is_new);
	gs_perfscript_stack *s;

	if (!slot)
		return UINT32_MAX;
	if (!is_new)
		return *slot;
	s = gs_vec_push(&r->stack_list, INT32_MAX);
	if (!s)
		return UINT32_MAX;
	*s = (gs_perfscript_stack){ digest, r->groups.n, 0 };
	for (; text.n; s->n++) {
		gs_perfscript_group *g = gs_vec_push(&r->groups, INT32_MAX);

		if (!g)
			return UINT32_MAX;
		g->text = take_group(&text);
		g->digest = gs_digest_of(r->key, g->text);
	}
	return *slot = (uint32_t)(r->stack_list.n - 1);
}

static bool add_event(gs_perfscript_reader *r, const gs_perfscript_event *e)
{
	gs_perf_sample *s = gs_vec_push(&r->samples, INT32_MAX);

	if (!s)
		return false;
	*s = (gs_perf_sample){ .time_ns = e->time_ns,
			       .period = e->period,
			       .node = stack_index(r, stack_of(e)),
			       .comm = index_of(r, &r->comms, e->comm),
			       .event = index_of(r, &r->events, e->event),
			       .pid = small(e->pid),
			       .tid = small(e->tid),
			       .cpu = small(e->cpu) };
	return s->node != UINT32_MAX && s->comm != UINT32_MAX && s->event != UINT32_MAX;
}

void gs_perfscript_reader_run(gs_perfscript_reader *r, gs_str text)
{
	gs_perfscript it = gs_perfscript_of(text);
	gs_perfscript_event e;

	r->samples.n = r->groups.n = 0;
	while (!r->is_full && gs_perfscript_next(&it, &e))
		r->is_full = !add_event(r, &e);
	r->n_skipped = it.n_skipped;
}

void gs_perfscript_reader_init(gs_perfscript_reader *r, const gs_digest_key *key)
{
	*r = (gs_perfscript_reader){ .key = key, .mem = gs_arena_create(UINT64_MAX) };
}

static void list_release(gs_text_list *l)
{
	gs_slice_map_release(&l->map);
	gs_vec_release(&l->texts);
}

void gs_perfscript_reader_release(gs_perfscript_reader *r)
{
	list_release(&r->comms);
	list_release(&r->events);
	gs_digest_map_release(&r->stacks);
	gs_vec_release(&r->stack_list);
	gs_vec_release(&r->groups);
	gs_vec_release(&r->samples);
	gs_arena_free(r->mem);
}

bool gs_perfscript_split(gs_str text, size_t bytes, gs_str **list, size_t *n)
{
	GS_VEC(gs_str) parts = { 0 };

	while (text.n || !parts.n) {
		gs_str *part = gs_vec_push(&parts, 1 << 20);
		size_t cut = text.n <= bytes ? SIZE_MAX :
					       gs_str_find(gs_str_skip(text, bytes), GS_S("\n\n"));

		if (!part) {
			gs_vec_release(&parts);
			return false;
		}
		*part = gs_str_slice(text, 0, cut == SIZE_MAX ? text.n : bytes + cut + 2);
		text = gs_str_skip(text, part->n);
	}
	*list = parts.p;
	*n = parts.n;
	return true;
}
