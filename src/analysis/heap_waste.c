#include <stdlib.h>

#include "analysis/heap_waste.h"
#include "base/buf.h"

#include "base/banned.h"

enum {
	MAX_HASHED = 1 << 20, /* bytes of an object */
	CHUNK = 1 << 16,
	MAX_TRIES = 8, /* contents with the same hash that are told apart */
	KIND_UINT8 = 8,
	KIND_STRING = 24,
};

typedef struct search {
	const gs_heap *h;
	uint8_t *a, *b; /* a CHUNK each */
	gs_map by_hash; /* -> index in found */
	GS_VEC(gs_heap_twin) found;
} search;

static bool no_memory(gs_err *err, const gs_heap *h)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory to compare %u objects", h->n_objects);
}

static bool holds_bytes(const gs_heap *h, const gs_heap_walk *w)
{
	const gs_heap_type *t = &h->types[gs_heap_type_of(h, w->object)];
	const gs_heap_span *s = &h->spans[w->span];

	if (!s->is_noscan)
		return false;
	/* Without pointers it is no string but its bytes. */
	return t->kind == KIND_STRING || (t->is_array && t->kind == KIND_UINT8) || (s->is_tiny && t->source == GS_HEAP_TYPE_SHAPE);
}

static size_t chunk_of(uint64_t size, uint64_t at)
{
	return size - at < CHUNK ? (size_t)(size - at) : CHUNK;
}

static bool read_chunk(const search *s, uint64_t addr, uint8_t *out, size_t n)
{
	return s->h->read(s->h->read_ctx, addr, out, n);
}

/* Of its first bytes, and its size. */
static bool hash_of(search *s, const gs_heap_walk *w, uint64_t *hash)
{
	uint64_t end = w->size_bytes < MAX_HASHED ? w->size_bytes : MAX_HASHED;

	*hash = gs_hash_u64(w->size_bytes);
	for (uint64_t at = 0; at < end; at += CHUNK) {
		size_t n = chunk_of(end, at);

		if (!read_chunk(s, w->addr + at, s->a, n))
			return false;
		*hash = gs_hash_bytes(s->a, n, *hash);
	}
	return true;
}

static bool is_same(search *s, const gs_heap_twin *t, const gs_heap_walk *w)
{
	if (t->size_bytes != w->size_bytes)
		return false;
	for (uint64_t at = 0; at < w->size_bytes; at += CHUNK) {
		size_t n = chunk_of(w->size_bytes, at);

		if (!read_chunk(s, t->addr + at, s->a, n) || !read_chunk(s, w->addr + at, s->b, n) || memcmp(s->a, s->b, n) != 0)
			return false;
	}
	return true;
}

static bool is_zero(search *s, const gs_heap_twin *t)
{
	for (uint64_t at = 0; at < t->size_bytes; at += CHUNK) {
		size_t n = chunk_of(t->size_bytes, at);

		if (!read_chunk(s, t->addr + at, s->a, n))
			return false;
		for (size_t i = 0; i < n; i++)
			if (s->a[i])
				return false;
	}
	return true;
}

static bool add(search *s, const gs_heap_walk *w, uint64_t hash)
{
	for (unsigned i = 0; i < MAX_TRIES; i++) {
		bool is_new;
		uint32_t *index = gs_map_put(&s->by_hash, hash + i, &is_new);
		gs_heap_twin *t;

		if (!index)
			return false;
		if (!is_new) {
			t = &s->found.p[*index];
			if (!is_same(s, t, w))
				continue;
			t->count++;
			return true;
		}
		*index = (uint32_t)s->found.n;
		t = gs_vec_push(&s->found, UINT32_MAX);
		if (!t)
			return false;
		*t = (gs_heap_twin){ .object = w->object, .count = 1, .addr = w->addr, .size_bytes = w->size_bytes };
		return true;
	}
	return true;
}

static int by_waste(const void *a, const void *b)
{
	const gs_heap_twin *x = a, *y = b;

	if (x->wasted_bytes != y->wasted_bytes)
		return x->wasted_bytes > y->wasted_bytes ? -1 : 1;
	return x->object < y->object ? -1 : x->object > y->object;
}

static bool collect(gs_arena *mem, search *s, gs_heap_twins *out)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->found.n; i++)
		n += s->found.p[i].count > 1;
	out->rows = gs_try_new(mem, gs_heap_twin, n);
	if (!out->rows)
		return false;
	for (size_t i = 0; i < s->found.n; i++) {
		gs_heap_twin *t = &s->found.p[i];

		if (t->count < 2)
			continue;
		t->wasted_bytes = (t->count - 1) * t->size_bytes;
		t->is_zero = is_zero(s, t);
		out->count += t->count - 1;
		out->wasted_bytes += t->wasted_bytes;
		out->rows[out->n++] = *t;
	}
	if (out->n)
		qsort(out->rows, out->n, sizeof(*out->rows), by_waste);
	return true;
}

static bool search_all(gs_arena *mem, search *s, gs_heap_twins *out)
{
	if (!s->a || !s->b)
		return false;
	for (gs_heap_walk w = gs_heap_walk_start(s->h); gs_heap_walk_next(&w);) {
		uint64_t hash;

		if (!holds_bytes(s->h, &w))
			continue;
		out->n_compared++;
		out->compared_bytes += w.size_bytes;
		if (!hash_of(s, &w, &hash))
			out->n_unread++;
		else if (!add(s, &w, hash))
			return false;
	}
	return collect(mem, s, out);
}

bool gs_heap_twins_find(gs_arena *mem, const gs_heap *h, gs_heap_twins *out, gs_err *err)
{
	search s = { .h = h };
	bool ok;

	*out = (gs_heap_twins){ 0 };
	if (!h->read)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "the memory of this heap is gone, its contents cannot be compared");
	s.a = gs_try_new(mem, uint8_t, CHUNK);
	s.b = gs_try_new(mem, uint8_t, CHUNK);
	ok = search_all(mem, &s, out);
	gs_map_release(&s.by_hash);
	gs_vec_release(&s.found);
	return ok || no_memory(err, h);
}
