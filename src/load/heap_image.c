#include "load/heap.h"

#include "base/banned.h"

enum { AT_ENTRY = 9, SEG_WRITE = 2, PT_LOAD = 1, AMD64_POINTERS = 15, ARM64_POINTERS = 31 };

/* The process's memory first; what a core leaves out because the file has it, from the file. */
static const unsigned char *from_file(const gs_heap_view *v, uint64_t addr, uint64_t *n)
{
	const gs_elf *e = v->exe;
	uint64_t hole = UINT64_MAX - addr;

	addr -= v->bias;
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *g = &e->segments[i];

		/* What the process may have written is not what the file says. */
		if (g->type != PT_LOAD || g->flags & SEG_WRITE)
			continue;
		if (addr >= g->addr && addr - g->addr < g->file_size) {
			gs_str s = gs_elf_at(e, addr);

			*n = s.n ? s.n : g->file_size - (addr - g->addr);
			return s.n ? (const unsigned char *)s.p : NULL;
		}
		if (g->addr > addr && g->addr - addr < hole)
			hole = g->addr - addr;
	}
	*n = hole;
	return NULL;
}

const unsigned char *gs_heap_view_at(const gs_heap_view *v, uint64_t addr, uint64_t *n)
{
	const unsigned char *p = gs_image_at(v->image, addr, n);
	uint64_t hole = *n;

	if (p)
		return p;
	p = from_file(v, addr, n);
	if (*n > hole)
		*n = hole;
	return p;
}

static const unsigned char *at(void *ctx, uint64_t addr, uint64_t *n)
{
	return gs_heap_view_at(ctx, addr, n);
}

bool gs_heap_view_init(gs_heap_view *view, const gs_image *image, gs_binary *exe)
{
	uint64_t entry;

	*view = (gs_heap_view){ .image = image, .exe = gs_binary_elf(exe) };
	if (view->exe->type != GS_ELF_DYN)
		return true;
	if (!gs_image_aux_value(image, AT_ENTRY, &entry))
		return false;
	view->bias = entry - view->exe->entry;
	return true;
}

/* Below the thread's local storage, or in a register of its own (runtime/tls_arm64.s). A thread of C has something else there. */
static uint64_t own_g(const gs_image *image, const gs_image_thread *t)
{
	unsigned char word[8];

	if (image->machine == GS_MACHINE_ARM64)
		return t->n_registers > 28 ? t->registers[28] : 0;
	return t->fs_base && gs_image_read(image, t->fs_base - 8, word, sizeof(word)) ? gs_go_load(word) : 0;
}

static gs_heap_thread thread_of(const gs_image *image, const gs_image_thread *t)
{
	gs_heap_thread out = { .id = (uint64_t)(uint32_t)t->tid, .registers = { .pc = t->pc, .sp = t->sp, .lr = t->lr }, .g = own_g(image, t) };
	uint32_t n = image->machine == GS_MACHINE_ARM64 ? ARM64_POINTERS : AMD64_POINTERS;

	if (n > t->n_registers)
		n = t->n_registers;
	memcpy(out.registers.all, t->registers, n * sizeof(*t->registers));
	out.registers.n = n;
	return out;
}

static bool is_same_program(const gs_image *image, gs_binary *exe, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_str id = gs_elf_build_id_hex(gs_binary_elf(exe), scratch);

	if (image->build_id.n == 0 || id.n == 0 || gs_str_eq(image->build_id, id))
		return true;
	return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "%.*s is not the program that ran: build id %.*s, the process has %.*s (name the right one with --binary PROGRAM)",
		       GS_FMT(gs_binary_path(exe)), GS_FMT(id), GS_FMT(image->build_id));
}

bool gs_heap_input_of(gs_heap_view *view, gs_arena *mem, const gs_image *image, gs_binary *exe, gs_heap_input *out,
		      gs_err *err)
{
	gs_heap_thread *threads = gs_try_new(mem, gs_heap_thread, image->n_threads);
	if (image->machine == GS_MACHINE_OTHER || image->is_big || image->word_bytes != 8)
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
			       "heaps of amd64 and arm64 programs are read, not of this machine's");
	if (!threads)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u threads", image->n_threads);
	if (!is_same_program(image, exe, err))
		return false;
	if (!gs_heap_view_init(view, image, exe))
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
			       "the image does not say where the position-independent program was loaded (no auxiliary vector)");
	for (uint32_t i = 0; i < image->n_threads; i++)
		threads[i] = thread_of(image, &image->threads[i]);
	*out = (gs_heap_input){ .image = { at, view },
				.exe = exe,
				.bias = view->bias,
				.threads = threads,
				.n_threads = image->n_threads,
				.pid = (uint64_t)(uint32_t)image->pid };
	return true;
}
