#include "load/perfscript_chunk.h"

#include "format/perfscript/perfscript.h"

#include "base/banned.h"

static uint32_t index_of(gs_text_list *l, gs_str text, bool *is_new)
{
	uint32_t *slot = gs_slice_map_put(&l->map, text, is_new);
	gs_str *fresh;

	if (!slot)
		return UINT32_MAX;
	if (!*is_new)
		return *slot;
	fresh = gs_vec_push(&l->texts, INT32_MAX);
	if (!fresh)
		return UINT32_MAX;
	*fresh = text;
	return *slot = (uint32_t)(l->texts.n - 1);
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

static bool add_stack(gs_perfscript_chunk *c, gs_str stack)
{
	gs_perfscript_stack *s = gs_vec_push(&c->stack_list, INT32_MAX);
	gs_str text, group = { 0 };
	bool is_new;

	if (!s)
		return false;
	s->first = (uint32_t)c->stack_frames.n;
	while (gs_perfscript_frame_text(&stack, &text)) {
		uint32_t *slot;

		group = group.n ? (gs_str){ group.p, (size_t)(text.p + text.n - group.p) } : text;
		if (stack.n && is_inlined(text))
			continue;
		slot = gs_vec_push(&c->stack_frames, INT32_MAX);
		if (!slot)
			return false;
		*slot = index_of(s->n++ ? &c->callers : &c->leaves, group, &is_new);
		if (*slot == UINT32_MAX)
			return false;
		group = (gs_str){ 0 };
	}
	return true;
}

static bool add_event(gs_perfscript_chunk *c, const gs_perfscript_event *e)
{
	gs_perf_sample *s = gs_vec_push(&c->samples, INT32_MAX);
	gs_str stack = stack_of(e);
	bool is_new, is_new_stack;

	if (!s)
		return false;
	*s = (gs_perf_sample){ .time_ns = e->time_ns,
			       .period = e->period,
			       .node = index_of(&c->stacks, stack, &is_new_stack),
			       .comm = index_of(&c->comms, e->comm, &is_new),
			       .event = index_of(&c->events, e->event, &is_new),
			       .pid = small(e->pid),
			       .tid = small(e->tid),
			       .cpu = small(e->cpu) };
	return s->node != UINT32_MAX && s->comm != UINT32_MAX && s->event != UINT32_MAX &&
	       (!is_new_stack || add_stack(c, stack));
}

void gs_perfscript_chunk_read(gs_perfscript_chunk *c)
{
	gs_perfscript it = gs_perfscript_of(c->text);
	gs_perfscript_event e;

	while (!c->is_full && gs_perfscript_next(&it, &e))
		c->is_full = !add_event(c, &e);
	c->n_skipped = it.n_skipped;
}

static void list_release(gs_text_list *l)
{
	gs_slice_map_release(&l->map);
	gs_vec_release(&l->texts);
}

void gs_perfscript_chunk_release(gs_perfscript_chunk *c)
{
	list_release(&c->stacks);
	list_release(&c->comms);
	list_release(&c->events);
	list_release(&c->leaves);
	list_release(&c->callers);
	gs_vec_release(&c->stack_list);
	gs_vec_release(&c->stack_frames);
	gs_vec_release(&c->samples);
}

bool gs_perfscript_split(gs_str text, size_t bytes, gs_perfscript_chunk **list, size_t *n)
{
	GS_VEC(gs_perfscript_chunk) chunks = { 0 };

	while (text.n || !chunks.n) {
		gs_perfscript_chunk *c = gs_vec_push(&chunks, 1 << 20);
		size_t cut = text.n <= bytes ? SIZE_MAX :
					       gs_str_find(gs_str_skip(text, bytes), GS_S("\n\n"));

		if (!c) {
			gs_vec_release(&chunks);
			return false;
		}
		c->text = gs_str_slice(text, 0, cut == SIZE_MAX ? text.n : bytes + cut + 2);
		text = gs_str_skip(text, c->text.n);
	}
	*list = chunks.p;
	*n = chunks.n;
	return true;
}
