#include "format/goruntime/runtime.h"

#include "base/banned.h"

enum {
	STATE_IN_USE = 1,
	STATE_MANUAL = 2, /* stacks */
	NOSCAN_LARGE = 1, /* class of a user arena's chunk that the program has freed: its memory faults, however long something points there */
	MAX_INLINE_BITS_ELEM = 512,
	INLINE_MARKS_BYTES = 128,
	MSPAN_MAX = 512,
	HEADER_MAX = 32768,
};

/* What the process's own addresses of arenas are counted from: user addresses have the same place for both on linux. */
static uint64_t arena_base(const gs_go_runtime *rt)
{
	return rt->machine == GS_ELF_X86_64 ? 0xffff800000000000u : 0;
}

/* The record of the arena of that number of the runtime. False: out of memory. */
static bool add_arena(gs_go_runtime *rt, uint64_t index)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t a = ((index << GS_GO_ARENA_SHIFT) + arena_base(rt)) >> GS_GO_ARENA_SHIFT, arena;

	if (index >= 2 * (uint64_t)GS_GO_ARENAS || a >= GS_GO_ARENAS || rt->arenas[a])
		return true;
	rt->arenas[a] = gs_try_new(rt->mem, gs_go_arena, 1);
	if (!rt->arenas[a])
		return false;
	if (o->arena_bitmap == GS_GO_NONE)
		return true;
	arena = gs_go_u64(&rt->image, gs_go_u64(&rt->image, rt->v.mheap + (uint64_t)o->mheap_arenas) + 8 * index);
	rt->arenas[a]->bitmap =
		gs_go_bytes(&rt->image, rt->mem, arena + (uint64_t)o->arena_bitmap, rt->minor >= 20 ? 1 << 20 : 2 << 20);
	return true;
}

static bool read_arenas(gs_go_runtime *rt, gs_err *err)
{
	uint64_t list = rt->v.mheap + (uint64_t)rt->o.mheap_all_arenas, p = gs_go_u64(&rt->image, list), n = gs_go_u64(&rt->image, list + 8);

	if (n == 0 || n > GS_GO_ARENAS)
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "the heap has %llu arenas: not a runtime.mheap",
			       (unsigned long long)n);
	for (uint64_t i = 0; i < n; i++)
		if (!add_arena(rt, gs_go_u64(&rt->image, p + 8 * i)))
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the heap's pages");
	return true;
}

typedef struct span_fields {
	uint64_t start, pages, elem, nelems, freeindex, alloc_bits, large_type, specials;
	uint8_t class, state, is_user_arena;
} span_fields;

/* One runtime.mspan out of its bytes. */
static span_fields span_of(const gs_go_offsets *o, const unsigned char *p)
{
	span_fields f = {
		.start = gs_go_load(p + o->mspan_start),
		.pages = gs_go_load(p + o->mspan_npages),
		.elem = gs_go_load(p + o->mspan_elemsize),
		.alloc_bits = gs_go_load(p + o->mspan_alloc_bits),
		.specials = gs_go_load(p + o->mspan_specials),
		.class = p[o->mspan_spanclass],
		.state = p[o->mspan_state],
	};

	if (o->mspan_nelems_size == 2) {
		f.nelems = gs_peek_u16(p + o->mspan_nelems, false);
		f.freeindex = gs_peek_u16(p + o->mspan_freeindex, false);
	} else {
		f.nelems = gs_go_load(p + o->mspan_nelems);
		f.freeindex = gs_go_load(p + o->mspan_freeindex);
	}
	if (o->mspan_large_type != GS_GO_NONE)
		f.large_type = gs_go_load(p + o->mspan_large_type);
	if (o->mspan_is_user_arena != GS_GO_NONE)
		f.is_user_arena = p[o->mspan_is_user_arena];
	return f;
}

static bool is_sane(gs_go_runtime *rt, const span_fields *f)
{
	uint64_t bytes;

	if (f->start == 0 || f->start % GS_GO_PAGE || f->pages == 0 || f->pages > (uint64_t)1 << 32 ||
	    f->start >= (uint64_t)1 << 48 || f->elem == 0 || f->elem % 8 || f->nelems == 0 || f->nelems > GS_GO_PAGE * 16)
		return false;
	bytes = f->pages * GS_GO_PAGE;
	/* The list of arenas lacks those of user arenas in later versions. */
	if (f->is_user_arena && !add_arena(rt, (f->start - arena_base(rt)) >> GS_GO_ARENA_SHIFT))
		return false;
	return f->elem <= bytes && f->nelems <= bytes / f->elem && f->freeindex <= f->nelems &&
	       rt->arenas[f->start >> GS_GO_ARENA_SHIFT] != NULL;
}

static int by_base(const void *a, const void *b)
{
	const gs_go_span *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static gs_go_scheme scheme_of(const gs_go_runtime *rt, const span_fields *f)
{
	if (f->is_user_arena && rt->o.mspan_large_type != GS_GO_NONE)
		return GS_GO_USER_ARENA;
	if (f->class & 1)
		return GS_GO_NOSCAN;
	if (rt->minor < 20)
		return GS_GO_ARENA_PAIRS;
	if (rt->o.mspan_large_type == GS_GO_NONE)
		return GS_GO_ARENA_BITS;
	if (f->elem <= MAX_INLINE_BITS_ELEM)
		return GS_GO_SPAN_BITS;
	return f->class >> 1 ? GS_GO_HEADER : GS_GO_LARGE;
}

/* Does this span end with the marks of the newer collector? The arena says, by page. */
static bool has_inline_marks(const gs_go_runtime *rt, uint64_t start)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t index, arena, page;

	if (o->arena_inline_marks == GS_GO_NONE)
		return false;
	index = (start - arena_base(rt)) >> GS_GO_ARENA_SHIFT;
	arena = gs_go_u64(&rt->image, gs_go_u64(&rt->image, rt->v.mheap + (uint64_t)o->mheap_arenas) + 8 * index);
	page = start >> GS_GO_PAGE_SHIFT & (GS_GO_ARENA_PAGES - 1);
	return gs_go_u8(&rt->image, arena + (uint64_t)o->arena_inline_marks + page / 8) >> (page & 7) & 1;
}

static bool set_bitmap(gs_go_runtime *rt, const span_fields *f, gs_go_span *s)
{
	uint64_t bytes = f->pages * GS_GO_PAGE, n = bytes / 64, end = bytes;

	if (s->scheme == GS_GO_SPAN_BITS && has_inline_marks(rt, f->start))
		end -= INLINE_MARKS_BYTES;
	s->n_bits = n * 8;
	s->bits = gs_go_bytes(&rt->image, rt->mem, f->start + end - n, n);
	return s->bits != NULL;
}

static bool add_span(gs_go_runtime *rt, const span_fields *f, uint64_t mspan, gs_go_span *s)
{
	*s = (gs_go_span){
		.base = f->start,
		.elem_bytes = f->elem,
		.mspan = mspan,
		.specials = f->specials,
		.n_slots = (uint32_t)f->nelems,
		.magic = f->nelems > 1 ? UINT32_MAX / (uint32_t)f->elem + 1 : 0,
		.mask = UINT32_MAX,
		.class = f->class,
		.scheme = (uint8_t)scheme_of(rt, f),
	};
	s->bytes = gs_go_bytes(&rt->image, rt->mem, s->base, f->nelems * f->elem);
	if (!s->bytes)
		return false;
	if ((s->scheme == GS_GO_SPAN_BITS || s->scheme == GS_GO_USER_ARENA) && !set_bitmap(rt, f, s))
		return false;
	if (s->scheme == GS_GO_LARGE && f->large_type)
		s->mask = gs_go_mask_of(rt, f->large_type);
	return true;
}

/* Slots in use: those before freeindex, and those that the last sweep kept. */
static void set_in_use(gs_go_runtime *rt, const gs_go_span *s)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t *bits = rt->in_use + s->bit / 64, n = s->n_slots, free_from;
	uint64_t alloc = gs_go_u64(&rt->image, s->mspan + (uint64_t)o->mspan_alloc_bits);

	free_from = o->mspan_nelems_size == 2 ? gs_go_u64(&rt->image, s->mspan + (uint64_t)o->mspan_freeindex) & 0xffff :
						gs_go_u64(&rt->image, s->mspan + (uint64_t)o->mspan_freeindex);
	gs_go_read(&rt->image, alloc, bits, (size_t)(n + 7) / 8);
	for (uint64_t w = 0; w < (n + 63) / 64; w++) {
		bits[w] = le64toh(bits[w]);
		if (free_from >= 64 * w + 64)
			bits[w] = UINT64_MAX;
		else if (free_from > 64 * w)
			bits[w] |= ((uint64_t)1 << (free_from - 64 * w)) - 1;
		if (n - 64 * w < 64)
			bits[w] &= ((uint64_t)1 << (n - 64 * w)) - 1;
	}
}

static void set_pages(gs_go_runtime *rt, uint32_t index)
{
	const gs_go_span *s = &rt->spans[index];
	uint64_t end = s->base + s->elem_bytes * s->n_slots;

	for (uint64_t at = s->base; at < end; at += GS_GO_PAGE) {
		gs_go_arena *a = rt->arenas[at >> GS_GO_ARENA_SHIFT];

		if (a)
			a->pages[at >> GS_GO_PAGE_SHIFT & (GS_GO_ARENA_PAGES - 1)] = index + 1;
	}
}

static bool finish(gs_go_runtime *rt, gs_err *err)
{
	uint64_t end = 0, bit = 0;
	uint32_t kept = 0;

	qsort(rt->spans, rt->n_spans, sizeof(*rt->spans), by_base);
	for (uint32_t i = 0; i < rt->n_spans; i++) {
		gs_go_span *s = &rt->spans[i];

		if (s->base < end) { /* freed and taken again while we looked */
			rt->n_bad_spans++;
			continue;
		}
		end = s->base + s->elem_bytes * s->n_slots;
		s->bit = bit;
		bit += ((uint64_t)s->n_slots + 63) & ~(uint64_t)63;
		rt->spans[kept++] = *s;
	}
	rt->n_spans = kept;
	rt->n_bit_words = bit / 64;
	rt->in_use = gs_try_new(rt->mem, uint64_t, rt->n_bit_words + 1);
	if (!rt->in_use)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %llu slots", (unsigned long long)bit);
	for (uint32_t i = 0; i < kept; i++) {
		set_in_use(rt, &rt->spans[i]);
		set_pages(rt, i);
	}
	return true;
}

bool gs_go_spans_read(gs_go_runtime *rt, gs_err *err)
{
	const gs_go_offsets *o = &rt->o;
	uint64_t list = rt->v.mheap + (uint64_t)o->mheap_allspans, p = gs_go_u64(&rt->image, list),
		 n = gs_go_u64(&rt->image, list + 8), n_used = 0;
	const unsigned char *all;

	if (!read_arenas(rt, err))
		return false;
	if (n == 0 || n > UINT32_MAX / 2 || (o->mspan_size <= 0 || o->mspan_size > MSPAN_MAX))
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "the heap has %llu spans: not a runtime.mheap", (unsigned long long)n);
	all = gs_go_bytes(&rt->image, rt->mem, p, 8 * n);
	rt->spans = all ? gs_try_new(rt->mem, gs_go_span, n) : NULL;
	if (!rt->spans)
		return gs_fail(err, all ? GS_ERR_LIMIT : GS_ERR_FORMAT, GS_ERR_NOWHERE,
			       all ? "out of memory for the heap's spans" : "the list of the heap's spans is not in the image");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t mspan = gs_go_load(all + 8 * i);
		unsigned char raw[MSPAN_MAX];
		span_fields f;

		if (!gs_go_read(&rt->image, mspan, raw, (size_t)o->mspan_size)) {
			rt->n_bad_spans++;
			continue;
		}
		f = span_of(o, raw);
		if (f.state == STATE_MANUAL && f.pages < (uint64_t)1 << 32)
			rt->stacks_bytes += f.pages * GS_GO_PAGE;
		if (f.state != STATE_IN_USE || (f.is_user_arena && f.class == NOSCAN_LARGE))
			continue;
		n_used++;
		if (!is_sane(rt, &f) || !add_span(rt, &f, mspan, &rt->spans[rt->n_spans])) {
			rt->n_bad_spans++;
			continue;
		}
		rt->spans_bytes += f.pages * GS_GO_PAGE;
		rt->n_spans++;
	}
	/* A few may be in the middle of a change; more than that means that we read something else. */
	if (rt->n_bad_spans > 8 + n_used / 100)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
			       "%u of %llu spans do not read as those of Go 1.%u: its layout is not what we know, or memory is missing from the image",
			       rt->n_bad_spans, (unsigned long long)n_used, rt->minor);
	return finish(rt, err);
}
