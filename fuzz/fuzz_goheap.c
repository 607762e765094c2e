/*
 * Go's runtime structures in memory that lies: spans, masks, objects, goroutines, stacks, sampled allocations. The first byte says the Go version and
 * machine, the rest is the memory, seen at two places: low, and where heaps are.
 */
#include "format/goruntime/buckets.h"
#include "format/goruntime/stacks.h"
#include "fuzz.h"

enum { LOW = 0x10000, MAX_OBJECTS = 20000 };
#define HIGH 0xc000000000u

typedef struct memory {
	const uint8_t *p;
	size_t n;
} memory;

static const unsigned char *at(void *ctx, uint64_t addr, uint64_t *n)
{
	const memory *m = ctx;
	uint64_t off = addr >= HIGH ? addr - HIGH : addr - LOW;

	if (off >= m->n)
		return NULL;
	*n = m->n - off;
	return m->p + off;
}

static void visit(void *ctx, uint64_t offset, uint64_t value)
{
	*(uint64_t *)ctx += offset ^ value;
}

static void on_frame(void *ctx, const gs_go_frame *f)
{
	*(uint64_t *)ctx += f->pc;
}

static void on_word(void *ctx, uint64_t addr, uint64_t value, bool is_guess)
{
	*(uint64_t *)ctx += addr + value + is_guess;
}

static void objects(gs_go_runtime *rt, uint64_t *sum)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < rt->n_spans; i++)
		for (uint32_t k = 0; k < rt->spans[i].n_slots && n < MAX_OBJECTS; k++, n++)
			gs_go_visit_object(rt, &rt->spans[i], k * rt->spans[i].elem_bytes, visit, sum);
}

static void goroutines(gs_go_runtime *rt, uint64_t *sum)
{
	const gs_go_stack_visitor visitor = { sum, on_frame, on_word };
	const unsigned char *list;
	uint64_t n;
	gs_go_g g;

	if (!gs_go_goroutines(rt, &list, &n))
		return;
	for (uint64_t i = 0; i < n && i < 64; i++) {
		gs_arena *scratch = gs_arena_create(1 << 24);

		if (gs_go_g_read(rt, gs_go_load(list + 8 * i), &g))
			gs_go_stack_walk(rt, scratch, &g, NULL, &visitor);
		gs_arena_free(scratch);
	}
}

static void buckets(gs_go_runtime *rt, uint64_t *sum)
{
	gs_go_buckets b;

	if (gs_go_buckets_read(rt, &b))
		for (uint32_t i = 0; i < b.n; i++)
			*sum += b.list[i].allocs + b.list[i].n_stack;
	gs_go_buckets_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memory m = { data + 1, size - 1 };
	gs_arena *mem;
	const gs_go_offsets *o;
	gs_go_moduledata module = { .text = LOW, .etext = LOW + 4096, .types = LOW, .etypes = LOW + 4096, .bss = LOW, .ebss = LOW + 4096 };
	gs_go_runtime rt;
	uint64_t sum = 0;
	gs_err err;

	if (size < 64)
		return 0;
	mem = gs_arena_create(64 << 20);
	rt = (gs_go_runtime){ .mem = mem, .image = { at, &m }, .minor = 19 + (data[0] & 15u) % 9,
			      .machine = data[0] & 16 ? GS_ELF_AARCH64 : GS_ELF_X86_64, .modules = &module, .n_modules = 1 };
	o = gs_go_offsets_table(rt.minor, rt.machine);
	if (o) {
		rt.o = *o;
		/* The heap's own record is large; its few fields that count stand at the start here. */
		rt.v.mheap = LOW;
		rt.v.allgs = LOW + 56;
		rt.v.mbuckets = data[0] & 32 ? LOW + 80 : 0;
		rt.v.mprof_cycle = data[0] & 64 ? LOW + 88 : 0;
		rt.o.mheap_allspans = 0;
		rt.o.mheap_all_arenas = 24;
		rt.o.mheap_arenas = 48;
		rt.arenas = gs_try_new(mem, gs_go_arena *, GS_GO_ARENAS);
		if (rt.arenas && gs_go_spans_read(&rt, &err))
			objects(&rt, &sum);
		goroutines(&rt, &sum);
		buckets(&rt, &sum);
		gs_go_mask_program(&rt, LOW + 64, 4096);
		gs_go_runtime_close(&rt);
	}
	gs_arena_free(mem);
	return sum == 1;
}
