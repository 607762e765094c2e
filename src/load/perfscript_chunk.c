#include "load/perfscript_chunk.h"

#include "format/perfscript/perfscript.h"

#include "base/banned.h"

enum { RECENT_BITS = 16 };

static uint32_t index_of(gs_perfscript_reader *r, gs_text_list *l, gs_str text)
{
	bool is_new;
	uint32_t *slot = gs_slice_map_put_copy(&l->map, r->mem, &text, &is_new);
	gs_str *fresh;

	if (!slot)
		return UINT32_MAX;
	if (!is_new)
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

static uint32_t frame_of(gs_perfscript_reader *r, gs_str text, bool is_leaf, bool is_open)
{
	bool is_new;
	uint32_t *slot =
		gs_slice_map_put_copy(is_leaf ? &r->leaves : &r->callers, r->mem, &text, &is_new);
	gs_perfscript_text *fresh;

	if (!slot)
		return UINT32_MAX;
	if (!is_new)
		return *slot;
	fresh = gs_vec_push(&r->frames, INT32_MAX);
	if (!fresh)
		return UINT32_MAX;
	*fresh = (gs_perfscript_text){ text, is_leaf, is_open };
	return *slot = (uint32_t)(r->frames.n - 1);
}

/* perf pads addresses to 16 columns behind a tab or blanks: the end of the address and the begin of the name. */
static uint32_t *recent_of(const gs_perfscript_reader *r, gs_str stack, bool is_leaf)
{
	uint64_t words[4];

	if (stack.n < sizeof(words))
		return NULL;
	memcpy(words, stack.p, sizeof(words));
	words[0] = (words[0] + is_leaf) * 0x9e3779b97f4a7c15u + words[1];
	words[2] = words[2] * 0x8ebc6af09c88c6e3u + words[3];
	words[0] = (words[0] ^ words[0] >> 29 ^ words[2]) * 0xbf58476d1ce4e5b9u;
	return &r->recent[words[0] >> (64 - RECENT_BITS)];
}

/* Takes frame `id` off the stack if the stack begins with it. */
static bool take_known(const gs_perfscript_reader *r, uint32_t id, bool is_leaf, gs_str *stack)
{
	const gs_perfscript_text *f = &r->frames.p[id];
	const char *end = stack->p + stack->n, *p = stack->p + f->text.n;

	if (!id || f->is_leaf != is_leaf || f->is_open || f->text.n > stack->n ||
	    memcmp(f->text.p, stack->p, f->text.n) != 0)
		return false;
	if (p < end && (*p++ != '\n' || gs_perfscript_is_source_line(p, end)))
		return false;
	*stack = (gs_str){ p, (size_t)(end - p) };
	return true;
}

static uint32_t take_frame(gs_perfscript_reader *r, bool is_leaf, gs_str *stack)
{
	gs_str text, group = { 0 };
	uint32_t *recent = recent_of(r, *stack, is_leaf), id;
	bool is_open = true; /* an inlined frame waits for the one it is in */

	if (recent && take_known(r, *recent, is_leaf, stack))
		return *recent;
	while (is_open && gs_perfscript_frame_text(stack, &text)) {
		group = group.n ? (gs_str){ group.p, (size_t)(text.p + text.n - group.p) } : text;
		is_open = is_inlined(text);
	}
	id = frame_of(r, group, is_leaf, is_open);
	if (recent && id != UINT32_MAX)
		*recent = id;
	return id;
}

static uint32_t stack_index(gs_perfscript_reader *r, gs_str text)
{
	uint64_t hash = gs_str_hash(text);
	bool is_new;
	uint32_t *slot = gs_slice_map_put_hashed(&r->stacks, text, hash, &is_new);
	gs_perfscript_stack *s;

	if (!slot)
		return UINT32_MAX;
	if (!is_new)
		return *slot;
	s = gs_vec_push(&r->stack_list, INT32_MAX);
	if (!s)
		return UINT32_MAX;
	*slot = (uint32_t)(r->stack_list.n - 1);
	*s = (gs_perfscript_stack){ text, hash, (uint32_t)r->stack_frames.n, 0 };
	while (text.n) {
		uint32_t *frame = gs_vec_push(&r->stack_frames, INT32_MAX);

		if (!frame)
			return UINT32_MAX;
		*frame = take_frame(r, !s->n++, &text);
		if (*frame == UINT32_MAX)
			return UINT32_MAX;
	}
	return (uint32_t)(r->stack_list.n - 1);
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

	r->samples.n = 0;
	while (!r->is_full && gs_perfscript_next(&it, &e))
		r->is_full = !add_event(r, &e);
	r->n_skipped = it.n_skipped;
}

bool gs_perfscript_reader_init(gs_perfscript_reader *r)
{
	*r = (gs_perfscript_reader){ .mem = gs_arena_create(UINT64_MAX) };
	r->recent = gs_try_new(r->mem, uint32_t, (size_t)1 << RECENT_BITS);
	return r->recent && gs_vec_push(&r->frames, INT32_MAX);
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
	gs_slice_map_release(&r->leaves);
	gs_slice_map_release(&r->callers);
	gs_vec_release(&r->frames);
	gs_slice_map_release(&r->stacks);
	gs_vec_release(&r->stack_list);
	gs_vec_release(&r->stack_frames);
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
