#include "load/heap.h"

#include "format/core/core.h"
#include "base/banned.h"

/* What gs_heap.read looks at, as long as the heap lives. */
typedef struct memory {
	gs_image *image;
	gs_binary *exe;
	gs_heap_view view;
} memory;

static bool read_memory(void *ctx, uint64_t addr, void *out, size_t n)
{
	const memory *m = ctx;
	unsigned char *to = out;

	while (n) {
		uint64_t here = 0;
		const unsigned char *p = gs_heap_view_at(&m->view, addr, &here);

		if (!p || !here)
			return false;
		if (here > n)
			here = n;
		memcpy(to, p, (size_t)here);
		to += here;
		addr += here;
		n -= (size_t)here;
	}
	return true;
}

static void close_memory(void *ctx)
{
	memory *m = ctx;

	gs_binary_close(m->exe);
	gs_image_close(m->image);
}

static gs_binary *program_of(const gs_image *image, const char *exe_path, gs_str name, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_binary *exe;

	if (!exe_path && image->exe_path.n == 0) {
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s does not say which program it is of: name it with --binary PROGRAM", GS_FMT(name));
		return NULL;
	}
	exe = gs_binary_open(exe_path ? exe_path : gs_cstr(scratch, image->exe_path), err);
	if (!exe && !exe_path)
		gs_err_context(err, "the program that %.*s is of (name another place with --binary PROGRAM)", GS_FMT(name));
	return exe;
}

gs_heap *gs_heap_of_image(gs_image *image, gs_str name, const char *exe_path, const gs_progress *progress, gs_err *err)
{
	memory m = { .image = image, .exe = program_of(image, exe_path, name, err) };
	gs_heap *h = m.exe ? gs_heap_load_image(image, m.exe, progress, err) : NULL;
	memory *kept;

	if (!h) {
		if (m.exe)
			gs_err_context(err, "%.*s", GS_FMT(name));
		close_memory(&m);
		return NULL;
	}
	kept = gs_new(h->mem, memory, 1);
	*kept = m;
	gs_heap_view_init(&kept->view, image, kept->exe);
	gs_arena_on_free(h->mem, close_memory, kept);
	h->read = read_memory;
	h->read_ctx = kept;
	return h;
}

gs_heap *gs_heap_open(const char *core, const char *exe_path, const gs_progress *progress, gs_err *err)
{
	gs_image *image;

	gs_progress_report(progress, -1, "reading the core");
	image = gs_core_open(core, err);
	return image ? gs_heap_of_image(image, gs_str_of(core), exe_path, progress, err) : NULL;
}
