#include "format/goruntime/runtime.h"

#include "base/buf.h"
#include "base/banned.h"

/* internal/abi.Type; the same from Go 1.19 on, under other names before 1.21. */
enum {
	TYPE_SIZE = 0,
	TYPE_PTR_BYTES = 8,
	TYPE_TFLAG = 20,
	TYPE_KIND = 23,
	TYPE_GCDATA = 32,
	TYPE_BYTES = 48,
	TFLAG_MASK_ON_DEMAND = 1 << 4, /* Go 1.24 and later: gcdata points to the mask's address, nil until made */
	KIND_GC_PROGRAM = 1 << 6,      /* before Go 1.24 */
	KIND_MASK = 31,
	KIND_ARRAY = 17,
	KIND_STRUCT = 25,
	TFLAG_UNROLLED = 1 << 4, /* Go 1.22 and 1.23: a made-up type whose mask is plain */

	MAX_MASKS = 1 << 22,
	MAX_PROGRAM_STEPS = 1 << 24,
	MAX_TYPE_DEPTH = 64,
};
#define MAX_BITS ((uint64_t)1 << 34)

uint64_t *gs_go_mask_bits(gs_go_runtime *rt, uint64_t addr, uint64_t n_bits)
{
	uint64_t n = (n_bits + 7) / 8, *words;

	if (n_bits > MAX_BITS || !gs_go_bytes(&rt->image, rt->mem, addr, n))
		return NULL;
	words = gs_try_new(rt->mem, uint64_t, (n_bits + 63) / 64 + 1);
	if (!words || !gs_go_read(&rt->image, addr, words, (size_t)n))
		return NULL;
	for (uint64_t i = 0; i < (n_bits + 63) / 64; i++)
		words[i] = le64toh(words[i]);
	return words;
}

static void put_bit(uint64_t *words, uint64_t at, uint64_t bit)
{
	words[at / 64] |= bit << (at & 63);
}

static uint64_t get_bit(const uint64_t *words, uint64_t at)
{
	return words[at / 64] >> (at & 63) & 1;
}

static uint64_t program_varint(const gs_go_runtime *rt, uint64_t *p)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint8_t b = gs_go_u8(&rt->image, (*p)++);

		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			break;
	}
	return v;
}

/* Runs of bits and repetitions of what went before (runtime/mbitmap.go, runGCProg). The first four bytes are its length. */
uint64_t *gs_go_mask_program(gs_go_runtime *rt, uint64_t program, uint64_t n_bits)
{
	uint64_t *words, at = 0, p = program + 4;

	if (n_bits > MAX_BITS)
		return NULL;
	words = gs_try_new(rt->mem, uint64_t, n_bits / 64 + 2);
	if (!words)
		return NULL;
	for (unsigned step = 0; at < n_bits; step++) {
		uint8_t op = gs_go_u8(&rt->image, p++);
		uint64_t n = op & 0x7f, c;

		if (op == 0 || step > MAX_PROGRAM_STEPS)
			break;
		if (!(op & 0x80)) {
			for (uint64_t i = 0; i < n && at < n_bits; i++, at++)
				put_bit(words, at, gs_go_u8(&rt->image, p + i / 8) >> (i & 7) & 1);
			p += (n + 7) / 8;
			continue;
		}
		if (n == 0)
			n = program_varint(rt, &p);
		c = program_varint(rt, &p);
		if (n == 0 || n > at || c > n_bits)
			return NULL;
		for (uint64_t left = c; left && at < n_bits; left--)
			for (uint64_t i = 0; i < n && at < n_bits; i++, at++)
				put_bit(words, at, get_bit(words, at - n));
	}
	return words;
}

/* The mask of a type whose own the runtime has not made yet, from its fields and elements. */
static bool build(gs_go_runtime *rt, uint64_t type, uint64_t first, uint64_t *words, uint64_t n_bits, unsigned depth)
{
	unsigned char t[TYPE_BYTES];
	uint64_t size, ptr_words, *plain;

	if (depth > MAX_TYPE_DEPTH || !gs_go_read(&rt->image, type, t, sizeof(t)))
		return false;
	size = gs_go_load(t + TYPE_SIZE) / 8;
	ptr_words = gs_go_load(t + TYPE_PTR_BYTES) / 8;
	if (ptr_words == 0)
		return true;
	if (first > n_bits || ptr_words > n_bits - first)
		return false;
	if (!(t[TYPE_TFLAG] & TFLAG_MASK_ON_DEMAND)) {
		plain = gs_go_mask_bits(rt, gs_go_load(t + TYPE_GCDATA), ptr_words);
		for (uint64_t i = 0; plain && i < ptr_words; i++)
			put_bit(words, first + i, get_bit(plain, i));
		return plain != NULL;
	}
	switch (t[TYPE_KIND] & KIND_MASK) {
	case KIND_ARRAY: { /* elem, slice, len */
		uint64_t elem = gs_go_u64(&rt->image, type + TYPE_BYTES), n = gs_go_u64(&rt->image, type + TYPE_BYTES + 16);
		uint64_t elem_words = gs_go_u64(&rt->image, elem) / 8, elem_ptrs;

		if (n == 0 || elem_words == 0 || elem_words > size || n > size / elem_words ||
		    !build(rt, elem, first, words, n_bits, depth + 1))
			return false;
		elem_ptrs = gs_go_u64(&rt->image, elem + TYPE_PTR_BYTES) / 8;
		for (uint64_t k = 1; k < n; k++)
			for (uint64_t i = 0; i < elem_ptrs && first + k * elem_words + i < n_bits; i++)
				put_bit(words, first + k * elem_words + i, get_bit(words, first + i));
		return true;
	}
	case KIND_STRUCT: { /* package path, fields {name, type, offset} */
		uint64_t fields = gs_go_u64(&rt->image, type + TYPE_BYTES + 8), n = gs_go_u64(&rt->image, type + TYPE_BYTES + 16);

		if (n > size + 1024)
			return false;
		for (uint64_t i = 0; i < n; i++) {
			uint64_t at = gs_go_u64(&rt->image, fields + 24 * i + 16);

			if (at / 8 > size ||
			    !build(rt, gs_go_u64(&rt->image, fields + 24 * i + 8), first + at / 8, words, n_bits, depth + 1))
				return false;
		}
		return true;
	}
	default:
		return false;
	}
}

static uint64_t *words_of(gs_go_runtime *rt, const unsigned char *t, uint64_t type, uint64_t n_bits)
{
	uint64_t gcdata = gs_go_load(t + TYPE_GCDATA);

	if (rt->minor >= 24 && (t[TYPE_TFLAG] & TFLAG_MASK_ON_DEMAND)) {
		uint64_t made = gs_go_u64(&rt->image, gcdata), *words;

		if (made)
			return gs_go_mask_bits(rt, made, n_bits);
		words = n_bits <= MAX_BITS ? gs_try_new(rt->mem, uint64_t, n_bits / 64 + 2) : NULL;
		return words && build(rt, type, 0, words, n_bits, 0) ? words : NULL;
	}
	if (rt->minor < 24 && (t[TYPE_KIND] & KIND_GC_PROGRAM))
		return gs_go_mask_program(rt, gcdata, n_bits);
	return gs_go_mask_bits(rt, gcdata, n_bits);
}

/* Several small values in one word of mask: one step instead of many for the array behind a slice. */
static void widen(gs_go_mask *m, uint64_t *words)
{
	uint64_t n = m->size_words ? 64 / m->size_words : 0, one = words[0];

	if (n < 2)
		return;
	for (uint64_t i = 1; i < n; i++)
		words[0] |= one << i * m->size_words;
	m->ptr_words = (n - 1) * m->size_words + m->ptr_words;
	m->size_words *= n;
}

static bool read_mask(gs_go_runtime *rt, uint64_t type, gs_go_mask *out)
{
	unsigned char t[TYPE_BYTES];
	uint64_t size, ptr_bytes, *words, n;

	if (type == 0 || (type & 7) || !gs_go_read(&rt->image, type, t, sizeof(t)))
		return false;
	size = gs_go_load(t + TYPE_SIZE);
	ptr_bytes = gs_go_load(t + TYPE_PTR_BYTES);
	if (size == 0 || size > (uint64_t)1 << 47 || ptr_bytes > size || ptr_bytes % 8 || (ptr_bytes && size % 8))
		return false;
	*out = (gs_go_mask){ .type = type, .type_bytes = size, .size_words = (size + 7) / 8, .ptr_words = ptr_bytes / 8 };
	words = words_of(rt, t, type, out->ptr_words);
	if (!words) {
		/* Every word may be a pointer: keeps too much alive, but nothing too little. */
		static const uint64_t all[2] = { UINT64_MAX, UINT64_MAX };

		out->words = all;
		out->size_words = out->ptr_words = 64;
		out->is_guess = true;
		return true;
	}
	n = out->ptr_words;
	if (n & 63)
		words[n / 64] &= ((uint64_t)1 << (n & 63)) - 1;
	widen(out, words);
	out->words = words;
	return true;
}

static uint32_t add_mask(gs_go_runtime *rt, uint64_t type)
{
	gs_go_mask m;

	if (!read_mask(rt, type, &m) || rt->n_masks >= MAX_MASKS)
		return UINT32_MAX;
	if (rt->n_masks == rt->cap_masks) {
		uint32_t cap = rt->cap_masks ? rt->cap_masks * 2 : 256;
		gs_go_mask *more = realloc(rt->masks, cap * sizeof(*more));

		if (!more)
			return UINT32_MAX;
		rt->masks = more;
		rt->cap_masks = cap;
	}
	rt->masks[rt->n_masks] = m;
	return rt->n_masks++;
}

uint32_t gs_go_mask_of(gs_go_runtime *rt, uint64_t type)
{
	uint32_t *at = gs_map_get(&rt->mask_of, type);
	bool is_new;

	if (at)
		return *at;
	at = rt->is_frozen ? NULL : gs_map_put(&rt->mask_of, type, &is_new);
	if (!at)
		return UINT32_MAX;
	*at = add_mask(rt, type);
	return *at;
}

/* ---- bitmaps of arenas, and of user arenas ---- */

static void visit_pairs(const gs_go_runtime *rt, const gs_go_span *s, uint64_t offset, gs_go_visit *visit, void *ctx)
{
	for (uint64_t i = 0; i < s->elem_bytes / 8; i++) {
		uint64_t addr = s->base + offset + 8 * i, v;
		const gs_go_arena *a = rt->arenas[addr >> GS_GO_ARENA_SHIFT];
		unsigned bits;

		if (!a || !a->bitmap)
			return;
		/* A byte tells four words: low half pointer, high half whether anything follows. */
		bits = a->bitmap[(addr & (((uint64_t)1 << GS_GO_ARENA_SHIFT) - 1)) / 32] >> (addr / 8 & 3);
		if (!(bits & 16))
			return;
		if (!(bits & 1))
			continue;
		v = gs_go_load(s->bytes + offset + 8 * i);
		if (v)
			visit(ctx, 8 * i, v);
	}
}

static void visit_arena_bits(const gs_go_runtime *rt, const gs_go_span *s, uint64_t offset, gs_go_visit *visit, void *ctx)
{
	for (uint64_t i = 0, n = s->elem_bytes / 8; i < n;) {
		uint64_t addr = s->base + offset + 8 * i;
		const gs_go_arena *a = rt->arenas[addr >> GS_GO_ARENA_SHIFT];
		uint64_t word = addr / 8 & (((uint64_t)1 << (GS_GO_ARENA_SHIFT - 3)) - 1), have = 64 - (word & 63);

		if (!a || !a->bitmap)
			return;
		if (have > n - i)
			have = n - i;
		gs_go_visit_bits(s->bytes + offset, i, gs_go_bits(a->bitmap, word, have), visit, ctx);
		i += have;
	}
}

void gs_go_visit_bitmap(const gs_go_runtime *rt, const gs_go_span *s, uint64_t offset, gs_go_visit *visit, void *ctx)
{
	switch (s->scheme) {
	case GS_GO_ARENA_PAIRS:
		visit_pairs(rt, s, offset, visit, ctx);
		return;
	case GS_GO_ARENA_BITS:
		visit_arena_bits(rt, s, offset, visit, ctx);
		return;
	default: /* a user arena: one slot, its bits at the end */
		for (uint64_t i = 0, n = s->elem_bytes / 8; i < n && i < s->n_bits; i += 64) {
			uint64_t have = n - i < 64 ? n - i : 64;

			gs_go_visit_bits(s->bytes + offset, i, gs_go_bits(s->bits, i, have), visit, ctx);
		}
	}
}
