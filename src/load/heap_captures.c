#include <stdlib.h>

#include "load/heap_typing.h"

#include "base/banned.h"

enum {
	MAX_CODES = 1 << 22,
	MAX_CAPTURES = 1 << 24,
};

static int by_code(const void *a, const void *b)
{
	const heap_capture *x = a, *y = b;

	if (x->code != y->code)
		return x->code < y->code ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void on_capture(void *ctx, const gs_go_capture *c)
{
	typing *y = ctx;
	heap_capture *mine = gs_vec_push(&y->t.b->captures, MAX_CAPTURES);

	if (mine)
		*mine = (heap_capture){ .code = c->code + y->rt->bias,
					.offset = c->offset,
					.type = c->type ? heap_type_descriptor(&y->t, c->type) : 0,
					.name = heap_string(y->t.b, c->name),
					.kind = c->kind,
					.is_behind = c->is_behind };
}

/* "main.(*T).m" of the function at the file's address `code` when that is "main.(*T).m-fm", else empty. */
static gs_str method_of(const typing *y, uint64_t code)
{
	uint32_t at = gs_pclntab_find(&y->rt->pcln, code);
	gs_pclntab_func f;

	if (at == GS_PCLNTAB_NONE || !gs_pclntab_func_get(&y->rt->pcln, at, &f) || !gs_str_ends(f.name, GS_S("-fm")))
		return (gs_str){ 0 };
	return gs_str_slice(f.name, 0, f.name.n - 3);
}

/* Method values (x.m) captured the receiver. */
static void receivers(typing *y, const uint64_t *codes, size_t n_codes)
{
	const gs_pclntab *t = &y->rt->pcln;
	GS_AUTO(map) methods = { 0 }; /* hash of the name -> index of the function + 1 */
	gs_pclntab_func f;
	bool is_new;

	for (size_t i = 0; i < n_codes; i++) {
		gs_str method = method_of(y, codes[i]);

		if (method.n)
			gs_map_put(&methods, gs_str_hash(method), &is_new);
	}
	for (uint32_t i = 0; i < t->n_funcs && methods.n; i++) {
		uint32_t *at = gs_pclntab_func_get(t, i, &f) ? gs_map_get(&methods, gs_str_hash(f.name)) : NULL;

		if (at)
			*at = i + 1;
	}
	for (size_t i = 0; i < n_codes; i++) {
		gs_str method = method_of(y, codes[i]);
		const uint32_t *at = method.n ? gs_map_get(&methods, gs_str_hash(method)) : NULL;
		bool is_there = at && *at && gs_pclntab_func_get(t, *at - 1, &f) && gs_str_eq(f.name, method);

		if (at)
			gs_go_dwarf_receiver(y->rt->dwarf, codes[i], is_there ? f.entry : 0, y, on_capture);
	}
}

/* By code and offset; where each ends, and where a code's begin. */
static void order_captures(typing *y)
{
	heap_build *b = y->t.b;

	if (b->captures.n)
		qsort(b->captures.p, b->captures.n, sizeof(*b->captures.p), by_code);
	for (size_t i = b->captures.n; i-- > 0;) {
		heap_capture *c = &b->captures.p[i];
		bool is_new = true;
		uint32_t *at = gs_map_put(&y->captured, c->code, &is_new);

		c->until = is_new ? UINT64_MAX : c[1].offset > c->offset ? c[1].offset : c[1].until;
		if (at)
			*at = (uint32_t)i;
	}
}

void typing_closures(typing *y)
{
	GS_VEC(uint64_t) codes = { 0 };
	GS_VEC(typing_place) known = { 0 };
	GS_AUTO(map) seen = { 0 };

	if (!y->rt->dwarf)
		return;
	for (gs_heap_walk w = gs_heap_walk_start(y->h); gs_heap_walk_next(&w);) {
		const gs_go_span *s = &y->rt->spans[w.span];
		uint32_t model = gs_heap_type_of(y->h, w.object);
		uint64_t code, *mine;
		typing_place *at;
		bool is_new;

		if (s->scheme == GS_GO_NOSCAN)
			continue;
		code = model != GS_HEAP_NONE ? y->origins.p[model].code : gs_go_load(s->bytes + (w.addr - s->base));
		if (!code || (model == GS_HEAP_NONE && !typing_is_code(y, code)))
			continue;
		at = model != GS_HEAP_NONE ? gs_vec_push(&known, TYPING_MAX_OBJECTS) : NULL;
		if (at)
			*at = (typing_place){ w.span, (uint32_t)((w.addr - s->base) / s->elem_bytes) };
		if (!gs_map_put(&seen, code, &is_new) || !is_new)
			continue;
		mine = gs_vec_push(&codes, MAX_CODES);
		if (mine)
			*mine = code - y->rt->bias;
	}
	if (codes.n) {
		gs_go_dwarf_captures(y->rt->dwarf, codes.p, codes.n, y, on_capture);
		receivers(y, codes.p, codes.n);
	}
	order_captures(y);
	for (size_t i = 0; i < known.n && y->t.b->captures.n; i++) {
		const gs_go_span *s = &y->rt->spans[known.p[i].span];

		if (gs_map_get(&y->captured, gs_go_load(s->bytes + known.p[i].slot * s->elem_bytes)))
			typing_enqueue(y, known.p[i].span, known.p[i].slot);
	}
	gs_vec_release(&codes);
	gs_vec_release(&known);
}
