#include <stdlib.h>

#include "load/heap_types.h"

#include "base/banned.h"

/* What the debug information says of local variables and arguments, at the places where frames stand. */

enum { MAX_LOCALS = 1 << 24, MAX_PLACES = 1 << 24 };

typedef struct locals {
	heap_types *t;
	GS_VEC(uint64_t) places; /* of the file, sorted */
	GS_VEC(gs_go_local) list; /* by place */
	gs_map first; /* place -> its first one in list */
} locals;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int by_place(const void *a, const void *b)
{
	const gs_go_local *x = a, *y = b;

	if (x->pc != y->pc)
		return x->pc < y->pc ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

static void on_local(void *ctx, const gs_go_local *l)
{
	locals *s = ctx;
	gs_go_local *mine = gs_vec_push(&s->list, MAX_LOCALS);

	if (mine)
		*mine = *l;
}

/* Each place once. */
static void list_places(locals *s)
{
	const heap_build *b = s->t->b;
	gs_map seen = { 0 };

	for (size_t i = 0; i < b->stack_frames.n; i++) {
		uint64_t pc = b->stack_frames.p[i].pc - b->rt.bias, *place;
		bool is_new;

		if (!gs_map_put(&seen, pc, &is_new) || !is_new)
			continue;
		place = gs_vec_push(&s->places, MAX_PLACES);
		if (place)
			*place = pc;
	}
	gs_map_release(&seen);
	if (s->places.n)
		qsort(s->places.p, s->places.n, sizeof(*s->places.p), by_value);
}

static const heap_stack_frame *frame_of(const heap_build *b, uint32_t frame)
{
	size_t lo = 0, hi = b->stack_frames.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->stack_frames.p[mid].frame < frame)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < b->stack_frames.n && b->stack_frames.p[lo].frame == frame ? &b->stack_frames.p[lo] : NULL;
}

typedef void taker(void *ctx, const gs_heap_root *root, gs_go_variable_kind kind, uint64_t type, const type_slot *slot);

/* Does `l` tell what the word at `at` is? */
static void try_local(heap_types *t, const gs_go_local *l, int64_t at, const gs_heap_root *root, void *ctx, taker *take)
{
	uint64_t offset = (uint64_t)at - (uint64_t)l->base, type = heap_type_descriptor(t, l->type);
	uint32_t index = heap_type_at(t, type);
	const type_slot *slot;
	type_slot copy;

	if (index == UINT32_MAX || at < l->from || at >= l->to || at < l->base)
		return;
	if (l->kind != GS_GO_VARIABLE_VALUE) {
		if (offset == 0)
			take(ctx, root, l->kind, type, NULL);
		return;
	}
	if (offset >= t->list.p[index].size)
		return;
	slot = heap_type_slot_at(t, index, offset);
	/* Interfaces have their pointer second, and are known by both. */
	if (!slot || slot->offset != offset)
		return;
	copy = *slot;
	take(ctx, root, GS_GO_VARIABLE_VALUE, type, &copy);
}

void heap_type_locals(heap_types *t, void *ctx, taker *take)
{
	const heap_build *b = t->b;
	locals s = { .t = t };

	if (!b->rt.dwarf || !b->stack_frames.n)
		return;
	list_places(&s);
	gs_go_dwarf_locals(b->rt.dwarf, s.places.p, s.places.n, &s, on_local);
	if (s.list.n)
		qsort(s.list.p, s.list.n, sizeof(*s.list.p), by_place);
	for (size_t i = s.list.n; i-- > 0;) {
		bool is_new;
		uint32_t *at = gs_map_put(&s.first, s.list.p[i].pc, &is_new);

		if (at)
			*at = (uint32_t)i;
	}
	for (uint32_t i = 0; i < b->h->n_roots; i++) {
		const gs_heap_root *r = &b->h->roots[i];
		const heap_stack_frame *f = r->kind == GS_HEAP_ROOT_STACK && !r->is_guess && r->frame != GS_HEAP_NONE ? frame_of(b, r->frame) : NULL;
		const uint32_t *first = f ? gs_map_get(&s.first, f->pc - b->rt.bias) : NULL;

		for (size_t k = first ? *first : s.list.n; k < s.list.n && s.list.p[k].pc == f->pc - b->rt.bias; k++)
			try_local(t, &s.list.p[k], (int64_t)(r->at - f->cfa), r, ctx, take);
	}
	gs_vec_release(&s.places);
	gs_vec_release(&s.list);
	gs_map_release(&s.first);
}
