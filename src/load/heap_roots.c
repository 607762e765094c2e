#include "load/heap_build.h"

#include "base/banned.h"

enum {
	MAX_ROOTS = 1 << 28,
	MAX_SPECIALS = 1 << 24, /* of one span */
	MAX_SAMPLES = 1 << 24,
	MAX_BLOCKS = 1 << 20,
	MAX_PER_BLOCK = 4096,
};

bool heap_add_root(heap_build *b, gs_heap_root_kind kind, uint64_t at, uint64_t value)
{
	heap_root *r;

	if (!gs_go_span_at(&b->rt, value))
		return true;
	r = gs_vec_push(&b->roots, MAX_ROOTS);
	if (!r)
		return false;
	*r = (heap_root){ { .at = at, .kind = (uint8_t)kind, .goroutine = GS_HEAP_NONE, .frame = GS_HEAP_NONE }, value };
	return true;
}

static bool out_of_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the heap's roots");
}

/* ---- package-level variables ---- */

static bool block(heap_build *b, uint64_t from, uint64_t to, uint64_t mask, uint64_t n_bits, gs_err *err)
{
	uint64_t *words;
	const unsigned char *p;
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 34);

	if (from >= to || n_bits == 0)
		return true;
	words = gs_go_mask_bits(&b->rt, mask, n_bits);
	p = gs_go_bytes(&b->rt.image, scratch, from, to - from);
	if (!words || !p)
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
			       "variables at 0x%llx to 0x%llx are not in the image", (unsigned long long)from,
			       (unsigned long long)to);
	for (uint64_t i = 0; i < n_bits && 8 * i + 8 <= to - from; i++)
		if (words[i / 64] >> (i & 63) & 1 &&
		    !heap_add_root(b, GS_HEAP_ROOT_GLOBAL, from + 8 * i, gs_go_load(p + 8 * i)))
			return out_of_memory(err);
	return true;
}

bool heap_globals(heap_build *b, gs_err *err)
{
	for (uint32_t i = 0; i < b->rt.n_modules; i++) {
		const gs_go_moduledata *m = &b->rt.modules[i];

		if (!block(b, m->data, m->edata, m->data_mask, m->data_bits, err) ||
		    !block(b, m->bss, m->ebss, m->bss_mask, m->bss_bits, err))
			return false;
	}
	return true;
}

/* ---- finalizers, cleanups, weak handles ---- */

typedef struct finalized {
	heap_build *b;
	uint64_t addr;
	bool is_out_of_memory;
} finalized;

static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	finalized *f = ctx;

	if (!heap_add_root(f->b, GS_HEAP_ROOT_FINALIZER, f->addr + offset, value))
		f->is_out_of_memory = true;
}

static bool word(heap_build *b, gs_heap_root_kind kind, uint64_t at)
{
	return heap_add_root(b, kind, at, gs_go_u64(&b->rt.image, at));
}

/* Specials of a span come in the order of what they are of, then by kind. */
typedef struct special_key {
	uint64_t offset;
	uint8_t kind;
} special_key;

static special_key key_of(const heap_build *b, uint64_t addr)
{
	const gs_go_offsets *o = &b->rt.o;
	special_key k = { gs_go_u64(&b->rt.image, addr + (uint64_t)o->special_offset), gs_go_u8(&b->rt.image, addr + (uint64_t)o->special_kind) };

	if (o->special_offset_size == 2)
		k.offset &= 0xffff;
	return k;
}

/* Not in a list that is whole: it leads back, or to what is no special. */
static bool is_out_of_order(const heap_build *b, special_key last, special_key k)
{
	if (k.offset != last.offset)
		return k.offset < last.offset;
	return k.kind < last.kind || (k.kind == last.kind && k.kind == b->rt.o.kind_profile);
}

/* A special's function is a root; so is all that an object with a finalizer points to, but not the object itself. */
static bool special(heap_build *b, const gs_go_span *s, uint64_t addr, special_key key)
{
	const gs_go_offsets *o = &b->rt.o;
	int32_t kind = key.kind;
	uint64_t offset = key.offset;
	finalized f;

	if (o->kind_profile != GS_GO_NONE && kind == o->kind_profile && o->special_profile_bucket != GS_GO_NONE) {
		heap_sample *sample = gs_vec_push(&b->samples, MAX_SAMPLES);

		if (sample)
			*sample = (heap_sample){ s->base + offset, gs_go_u64(&b->rt.image, addr + (uint64_t)o->special_profile_bucket) };
		return sample || b->samples.n == MAX_SAMPLES;
	}
	if (kind == o->kind_finalizer) {
		uint32_t slot = gs_go_slot_at(s, s->base + offset);

		if (slot == UINT32_MAX)
			return true;
		f = (finalized){ b, s->base + slot * s->elem_bytes, false };
		gs_go_visit_object(&b->rt, s, slot * s->elem_bytes, visit, &f);
		return !f.is_out_of_memory && word(b, GS_HEAP_ROOT_FINALIZER, addr + (uint64_t)o->special_finalizer_fn);
	}
	if (o->kind_weak_handle != GS_GO_NONE && kind == o->kind_weak_handle)
		return word(b, GS_HEAP_ROOT_WEAK, addr + (uint64_t)o->special_weak_handle);
	if (o->kind_cleanup != GS_GO_NONE && kind == o->kind_cleanup) {
		uint64_t n = o->cleanup_fn_size == GS_GO_NONE ? 1 : (uint64_t)o->cleanup_fn_size / 8;

		for (uint64_t i = 0; i < n; i++)
			if (!word(b, GS_HEAP_ROOT_CLEANUP, addr + (uint64_t)o->special_cleanup_fn + 8 * i))
				return false;
	}
	return true;
}

/* Finalizers whose objects are dead already and wait for their turn. */
static bool queued_finalizers(heap_build *b)
{
	const gs_go_offsets *o = &b->rt.o;
	uint64_t at = b->rt.v.allfin ? gs_go_u64(&b->rt.image, b->rt.v.allfin) : 0;

	for (unsigned n = 0; at && n < MAX_BLOCKS; n++) {
		uint32_t cnt = gs_go_u32(&b->rt.image, at + (uint64_t)o->finblock_cnt);

		for (uint32_t i = 0; i < cnt && cnt < MAX_PER_BLOCK; i++) {
			uint64_t f = at + (uint64_t)o->finblock_fin + i * (uint64_t)o->finalizer_size;

			if (!word(b, GS_HEAP_ROOT_QUEUE, f + (uint64_t)o->finalizer_fn) ||
			    !word(b, GS_HEAP_ROOT_QUEUE, f + (uint64_t)o->finalizer_arg) ||
			    !word(b, GS_HEAP_ROOT_QUEUE, f + (uint64_t)o->finalizer_fint) ||
			    !word(b, GS_HEAP_ROOT_QUEUE, f + (uint64_t)o->finalizer_ot))
				return false;
		}
		at = gs_go_u64(&b->rt.image, at + (uint64_t)o->finblock_all_link);
	}
	return true;
}

static bool queued_cleanups(heap_build *b)
{
	const gs_go_offsets *o = &b->rt.o;
	uint64_t at, size = o->cleanup_fn_size == GS_GO_NONE ? 8 : (uint64_t)o->cleanup_fn_size;

	if (!b->rt.v.gc_cleanups || o->cleanup_queue_all == GS_GO_NONE)
		return true;
	at = gs_go_u64(&b->rt.image, b->rt.v.gc_cleanups + (uint64_t)o->cleanup_queue_all);
	for (unsigned n = 0; at && n < MAX_BLOCKS; n++) {
		uint32_t cnt = gs_go_u32(&b->rt.image, at + (uint64_t)o->cleanup_block_n);

		for (uint64_t i = 0; i < cnt * size / 8 && cnt < MAX_PER_BLOCK; i++)
			if (!word(b, GS_HEAP_ROOT_QUEUE, at + (uint64_t)o->cleanup_block_fns + 8 * i))
				return false;
		at = gs_go_u64(&b->rt.image, at + (uint64_t)o->cleanup_block_all_link);
	}
	return true;
}

bool heap_specials(heap_build *b, gs_err *err)
{
	for (uint32_t i = 0; i < b->rt.n_spans; i++) {
		const gs_go_span *s = &b->rt.spans[i];
		uint64_t at = s->specials;
		special_key last = { 0 };

		for (unsigned n = 0; at && n < MAX_SPECIALS; n++) {
			special_key key = key_of(b, at);

			if (is_out_of_order(b, last, key)) {
				b->h->totals.unread++;
				break;
			}
			if (!special(b, s, at, key))
				return out_of_memory(err);
			last = key;
			at = gs_go_u64(&b->rt.image, at + (uint64_t)b->rt.o.special_next);
		}
	}
	return (queued_finalizers(b) && queued_cleanups(b)) || out_of_memory(err);
}
