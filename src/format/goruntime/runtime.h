/*
 * Go's runtime as it lies in the memory of a stopped program: modules, spans, type masks, goroutines' stacks. linux, amd64 and arm64, Go 1.19 and
 * later; docs/formats/goheap.md has the layouts. Authority: runtime/mheap.go, mbitmap.go, mgcmark.go, stkframe.go, traceback.go of each version.
 *
 * Addresses are the process's own; `bias` is what the loader added to those of the executable file. Memory comes through gs_go_mem, so that
 * a core, a snapshot or a test's array serve alike. All counts are the program's word: they are checked against the
 * memory that is there before anything is allocated for them.
 */
#ifndef GS_FORMAT_GORUNTIME_RUNTIME_H
#define GS_FORMAT_GORUNTIME_RUNTIME_H

#include "base/map.h"
#include "format/goruntime/dwarf.h"
#include "format/pclntab/pclntab.h"

/* ---- memory ---- */

typedef struct gs_go_mem {
	/* Bytes at `addr`, valid as long as the image is; *n of them follow in one piece. NULL: not there, nor are
	 * the *n from there on. */
	const unsigned char *(*at)(void *ctx, uint64_t addr, uint64_t *n);
	void *ctx;
} gs_go_mem;

/* False when not all is there; what is missing is zero then. */
bool gs_go_read(const gs_go_mem *m, uint64_t addr, void *out, size_t n);
/* `n` bytes in one piece: the image's own, or a copy in `mem` when they lie in several. NULL: not there, or no room. */
const unsigned char *gs_go_bytes(const gs_go_mem *m, gs_arena *mem, uint64_t addr, uint64_t n);
/* 0 when not there. */
uint64_t gs_go_u64(const gs_go_mem *m, uint64_t addr);
uint32_t gs_go_u32(const gs_go_mem *m, uint64_t addr);
uint8_t gs_go_u8(const gs_go_mem *m, uint64_t addr);
/* A C string, a Go string header; copies in `mem`, cut at `max`. */
gs_str gs_go_string(const gs_go_mem *m, gs_arena *mem, uint64_t header, size_t max);

static inline uint64_t gs_go_load(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* ---- the runtime ---- */

enum {
	GS_GO_PAGE = 8192,
	GS_GO_ARENA_SHIFT = 26, /* 64 MiB */
	GS_GO_PAGE_SHIFT = 13,
	GS_GO_ARENA_PAGES = 1 << (GS_GO_ARENA_SHIFT - GS_GO_PAGE_SHIFT),
	GS_GO_ARENAS = 1 << (48 - GS_GO_ARENA_SHIFT),
};

typedef struct gs_go_moduledata {
	uint64_t addr;
	uint64_t text, etext, data, edata, bss, ebss, noptrdata, enoptrdata, noptrbss, enoptrbss;
	uint64_t types, etypes, rodata, gofunc;
	uint64_t data_mask, bss_mask; /* addresses of one bit a word */
	uint64_t data_bits, bss_bits; /* how many bits */
} gs_go_moduledata;

/* Which words of a value are pointers: bit i of words[i / 64]. Tiled over what holds many. */
typedef struct gs_go_mask {
	uint64_t type;	     /* address of its descriptor */
	uint64_t type_bytes; /* of one value */
	uint64_t size_words; /* of what the mask tells: one value, or several small ones */
	uint64_t ptr_words;  /* of these; behind them none is a pointer */
	const uint64_t *words;
	bool is_guess; /* could not be read: each word may be one */
} gs_go_mask;

typedef enum gs_go_scheme {
	GS_GO_NOSCAN,
	GS_GO_SPAN_BITS,   /* Go 1.22 and later, up to 512 bytes: bits at the span's end */
	GS_GO_HEADER,	   /* Go 1.22 and later, up to 32 KiB: the first word is the type */
	GS_GO_LARGE,	   /* Go 1.22 and later: the span says the type */
	GS_GO_ARENA_BITS,  /* Go 1.20 and 1.21 */
	GS_GO_ARENA_PAIRS, /* Go 1.19 */
	GS_GO_USER_ARENA,  /* bits at the chunk's end, whatever the size */
} gs_go_scheme;

typedef struct gs_go_span {
	uint64_t base, elem_bytes;
	const unsigned char *bytes; /* n_slots * elem_bytes */
	const unsigned char *bits;  /* GS_GO_SPAN_BITS, GS_GO_USER_ARENA */
	uint64_t n_bits;
	uint64_t bit; /* of the first slot in rt->in_use */
	uint64_t mspan, specials;
	uint32_t n_slots, magic; /* magic: slot = offset * magic >> 32, 0 for a single slot */
	uint32_t mask;		 /* GS_GO_LARGE: index in rt->masks, UINT32_MAX none */
	uint8_t class, scheme;
} gs_go_span;

typedef struct gs_go_arena {
	uint32_t pages[GS_GO_ARENA_PAGES]; /* span index + 1 */
	const unsigned char *bitmap;	   /* before Go 1.22 */
} gs_go_arena;

typedef struct gs_go_runtime {
	gs_arena *mem;
	gs_go_mem image;
	const gs_elf *exe;
	uint64_t bias;
	unsigned minor, machine;
	gs_go_offsets o;
	gs_go_variables v; /* process addresses, 0 unknown */
	gs_go_dwarf *dwarf; /* NULL: stripped, or nothing more to ask */
	gs_pclntab pcln; /* the file's addresses */
	gs_go_moduledata *modules;
	uint32_t n_modules;

	gs_go_span *spans; /* by address */
	uint32_t n_spans;
	uint32_t n_bad_spans;
	uint64_t *in_use; /* one bit a slot: allocated, not yet swept */
	uint64_t n_bit_words;
	uint64_t spans_bytes, stacks_bytes;
	gs_go_arena **arenas; /* GS_GO_ARENAS */

	gs_go_mask *masks;
	uint32_t n_masks, cap_masks;
	gs_map mask_of; /* type address -> index in masks, UINT32_MAX: no type */
	bool is_frozen; /* no new masks: several threads look */
} gs_go_runtime;

/*
 * Find the runtime of the program `exe` in an image of its process and check that it is what we think: refuses (GS_ERR_UNSUPPORTED, GS_ERR_FORMAT)
 * rather than guesses. `exe` and the image must outlive *out; everything else lives in `mem`. `with_locations`: as gs_go_dwarf_open says.
 */
bool gs_go_runtime_open(gs_arena *mem, const gs_go_mem *image, gs_elf *exe, uint64_t bias, bool with_locations, gs_go_runtime *out, gs_err *err);
/* The debug information takes as much memory as it has unpacked: let it go when all is asked. */
void gs_go_runtime_close_dwarf(gs_go_runtime *rt);
void gs_go_runtime_close(gs_go_runtime *rt);
/* The address among the program's variables for which is() says yes, 0 none: for those that a stripped program does not name. */
uint64_t gs_go_find_variable(const gs_go_runtime *rt, bool (*is)(const gs_go_runtime *rt, uint64_t addr));
/* Spans with their slots. Called by open. */
bool gs_go_spans_read(gs_go_runtime *rt, gs_err *err);

/* Index of the mask of the type at `type`, UINT32_MAX when there is no type there. For several threads only when is_frozen: then only
 * types that were asked for before are known. */
uint32_t gs_go_mask_of(gs_go_runtime *rt, uint64_t type);
/* Bits of a mask somewhere in memory as words. NULL: not there. */
uint64_t *gs_go_mask_bits(gs_go_runtime *rt, uint64_t addr, uint64_t n_bits);
/* The same of a "GC program" (before Go 1.24). */
uint64_t *gs_go_mask_program(gs_go_runtime *rt, uint64_t program, uint64_t n_bits);

static inline const gs_go_span *gs_go_span_at(const gs_go_runtime *rt, uint64_t addr)
{
	uint64_t a = addr >> GS_GO_ARENA_SHIFT;
	uint32_t i;

	if (a >= GS_GO_ARENAS || !rt->arenas[a])
		return NULL;
	i = rt->arenas[a]->pages[addr >> GS_GO_PAGE_SHIFT & (GS_GO_ARENA_PAGES - 1)];
	return i ? &rt->spans[i - 1] : NULL;
}

/* The slot of `s` that covers `addr`, UINT32_MAX behind the last one. */
static inline uint32_t gs_go_slot_at(const gs_go_span *s, uint64_t addr)
{
	uint64_t slot = s->magic ? (addr - s->base) * s->magic >> 32 : 0;

	return slot < s->n_slots ? (uint32_t)slot : UINT32_MAX;
}

/* ---- what is in an object ---- */

typedef void gs_go_visit(void *ctx, uint64_t offset, uint64_t value);

__attribute__((always_inline)) static inline void gs_go_visit_bits(const unsigned char *words, uint64_t first, uint64_t bits,
								   gs_go_visit *visit, void *ctx)
{
	for (; bits; bits &= bits - 1) {
		uint64_t i = first + (uint64_t)__builtin_ctzll(bits), v = gs_go_load(words + 8 * i);

		if (v)
			visit(ctx, 8 * i, v);
	}
}

/* Values of one type one behind the other: `n` words from `words` on, the first is word `first` of the object. */
__attribute__((always_inline)) static inline void gs_go_visit_tiled(const unsigned char *words, uint64_t first, uint64_t n,
								    const gs_go_mask *m, gs_go_visit *visit, void *ctx)
{
	for (uint64_t at = 0; at < n; at += m->size_words) {
		uint64_t end = n - at < m->ptr_words ? n - at : m->ptr_words;

		for (uint64_t w = 0; w < end; w += 64) {
			uint64_t bits = m->words[w / 64];

			if (end - w < 64)
				bits &= ((uint64_t)1 << (end - w)) - 1;
			gs_go_visit_bits(words, first + at + w, bits, visit, ctx);
		}
	}
}

/* `n` bits from bit `at` of a little-endian bitmap; n 1 to 64. The bitmap reaches a word beyond. */
static inline uint64_t gs_go_bits(const unsigned char *bitmap, uint64_t at, uint64_t n)
{
	uint64_t v = gs_go_load(bitmap + at / 64 * 8) >> (at & 63);

	if ((at & 63) + n > 64)
		v |= gs_go_load(bitmap + at / 64 * 8 + 8) << (64 - (at & 63));
	return n == 64 ? v : v & (((uint64_t)1 << n) - 1);
}

/* Pointers of objects before Go 1.22, and in user arenas. */
void gs_go_visit_bitmap(const gs_go_runtime *rt, const gs_go_span *s, uint64_t offset, gs_go_visit *visit, void *ctx);

/* Call visit(ctx, offset in the object, value) for each pointer word that is not nil. `offset`: of the object in its span. */
__attribute__((always_inline)) static inline void gs_go_visit_object(gs_go_runtime *rt, const gs_go_span *s, uint64_t offset,
								     gs_go_visit *visit, void *ctx)
{
	const unsigned char *p = s->bytes + offset;
	uint32_t m;

	switch (s->scheme) {
	case GS_GO_NOSCAN:
		return;
	case GS_GO_SPAN_BITS:
		gs_go_visit_bits(p, 0, gs_go_bits(s->bits, offset / 8, s->elem_bytes / 8), visit, ctx);
		return;
	case GS_GO_HEADER:
		m = gs_go_mask_of(rt, gs_go_load(p));
		if (m != UINT32_MAX)
			gs_go_visit_tiled(p, 1, s->elem_bytes / 8 - 1, &rt->masks[m], visit, ctx);
		return;
	case GS_GO_LARGE:
		if (s->mask != UINT32_MAX)
			gs_go_visit_tiled(p, 0, s->elem_bytes / 8, &rt->masks[s->mask], visit, ctx);
		return;
	default:
		gs_go_visit_bitmap(rt, s, offset, visit, ctx);
	}
}

#endif
