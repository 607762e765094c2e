#include "load/perfscript_chunk.h"

#include <stdatomic.h>

#include "format/perfscript/perfscript.h"

#include "base/banned.h"

/* A name's number. Most likely it is the last one's again. */
static uint32_t number_of(gs_perfscript_reader *r, gs_str text, bool is_event, gs_perfscript_piece *out)
{
	gs_str *last = is_event ? &r->last_event : &r->last_comm, *fresh;
	uint32_t *last_number = is_event ? &r->last_event_index : &r->last_comm_index, *slot, number;
	gs_slice_map *map = is_event ? &r->events : &r->comms;
	bool is_new;

	if (last->p && gs_str_eq(*last, text))
		return *last_number;
	number = map->n;
	slot = gs_slice_map_put_copy(map, r->mem, &text, &is_new);
	if (!slot)
		return UINT32_MAX;
	if (is_new) {
		fresh = is_event ? gs_vec_push(&out->events, INT32_MAX) : gs_vec_push(&out->comms, INT32_MAX);
		if (!fresh)
			return UINT32_MAX;
		*fresh = text;
		*slot = number;
	}
	*last = text;
	return *last_number = *slot;
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

bool gs_perfscript_parse_stack(const gs_digest_key *key, gs_perfscript_stack *s, gs_perfscript_piece *p)
{
	s->first = p->group_digests.n;
	s->is_parsed = true;
	for (gs_str rest = s->text; rest.n; s->n++) {
		gs_str *text = gs_vec_push(&p->group_texts, INT32_MAX);
		gs_digest *digest = gs_vec_push(&p->group_digests, INT32_MAX);

		if (!text || !digest)
			return false;
		*text = take_group(&rest);
		*digest = gs_digest_of(key, *text);
	}
	return true;
}

enum { KNOWN_BITS = GS_PERFSCRIPT_KNOWN_WORDS * 64 };

void gs_perfscript_known_set(gs_perfscript_known *k, gs_digest stack)
{
	uint64_t bit = (stack.lo ^ stack.hi >> 32) % KNOWN_BITS;

	atomic_fetch_or_explicit(&k->bits[bit / 64], (uint64_t)1 << bit % 64, memory_order_relaxed);
}

static bool is_known(const gs_perfscript_known *k, gs_digest stack)
{
	uint64_t bit = (stack.lo ^ stack.hi >> 32) % KNOWN_BITS;

	return atomic_load_explicit(&k->bits[bit / 64], memory_order_relaxed) >> bit % 64 & 1;
}

static uint32_t stack_number(gs_perfscript_reader *r, gs_str text, gs_perfscript_piece *out)
{
	gs_digest digest = gs_digest_of(r->key, text);
	uint32_t number = r->stacks.n, *slot;
	gs_perfscript_stack *s;
	bool is_new;

	slot = gs_digest_map_put(&r->stacks, digest, &is_new);
	if (!slot)
		return UINT32_MAX;
	if (!is_new)
		return *slot;
	s = gs_vec_push(&out->stacks, INT32_MAX);
	if (!s)
		return UINT32_MAX;
	*s = (gs_perfscript_stack){ .digest = digest, .text = text };
	*slot = number;
	return is_known(r->known, digest) || gs_perfscript_parse_stack(r->key, s, out) ? number : UINT32_MAX;
}

static bool add_event(gs_perfscript_reader *r, const gs_perfscript_event *e, gs_perfscript_piece *out)
{
	gs_perf_sample *s = gs_vec_push(&out->samples, INT32_MAX);

	if (!s)
		return false;
	*s = (gs_perf_sample){ .time_ns = e->time_ns,
			       .period = e->period,
			       .node = stack_number(r, stack_of(e), out),
			       .comm = number_of(r, e->comm, false, out),
			       .event = number_of(r, e->event, true, out),
			       .pid = small(e->pid),
			       .tid = small(e->tid),
			       .cpu = small(e->cpu) };
	return s->node != UINT32_MAX && s->comm != UINT32_MAX && s->event != UINT32_MAX;
}

void gs_perfscript_reader_run(gs_perfscript_reader *r, gs_str text, gs_perfscript_piece *out)
{
	gs_perfscript it = gs_perfscript_of(text);
	gs_perfscript_event e;

	out->samples.n = out->stacks.n = out->group_digests.n = out->group_texts.n = out->comms.n = out->events.n = 0;
	while (!out->is_full && gs_perfscript_next(&it, &e))
		out->is_full = !add_event(r, &e, out);
	out->n_skipped = it.n_skipped;
}

void gs_perfscript_reader_init(gs_perfscript_reader *r, const gs_digest_key *key, const gs_perfscript_known *known)
{
	*r = (gs_perfscript_reader){ .key = key, .known = known, .mem = gs_arena_create(UINT64_MAX) };
}

void gs_perfscript_reader_release(gs_perfscript_reader *r)
{
	gs_slice_map_release(&r->comms);
	gs_slice_map_release(&r->events);
	gs_digest_map_release(&r->stacks);
	gs_arena_free(r->mem);
}

void gs_perfscript_piece_release(gs_perfscript_piece *p)
{
	gs_vec_release(&p->samples);
	gs_vec_release(&p->stacks);
	gs_vec_release(&p->group_digests);
	gs_vec_release(&p->group_texts);
	gs_vec_release(&p->comms);
	gs_vec_release(&p->events);
}

/* Behind the first blank line that begins in part i by size; SIZE_MAX when none does. */
static size_t find_cut(gs_str text, size_t bytes, size_t i)
{
	size_t from = i * bytes, at = gs_str_find(gs_str_slice(text, from, from + bytes + 1), GS_S("\n\n"));

	return at == SIZE_MAX ? SIZE_MAX : from + at + 2;
}

gs_str gs_perfscript_part(gs_str text, size_t bytes, size_t i)
{
	size_t start = i ? find_cut(text, bytes, i) : 0, end = SIZE_MAX;

	if (start == SIZE_MAX)
		return (gs_str){ 0 };
	for (size_t k = i + 1; end == SIZE_MAX && k * bytes < text.n; k++)
		end = find_cut(text, bytes, k);
	return gs_str_slice(text, start, end);
}
