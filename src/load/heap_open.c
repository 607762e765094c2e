#include "load/heap_build.h"

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
	free(m);
}

static gs_binary *program_of(const gs_image *image, const char *exe_path, gs_str name, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	gs_binary *exe;

	if (!exe_path && image->exe_bytes.n)
		return gs_binary_of(image->exe_bytes, image->exe_path, err);
	if (!exe_path && image->exe_path.n == 0) {
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%.*s does not say which program it is of: name it with --binary PROGRAM", GS_FMT(name));
		return NULL;
	}
	exe = gs_binary_open(exe_path ? exe_path : gs_cstr(scratch, image->exe_path), err);
	if (!exe && !exe_path)
		gs_err_context(err, "the program that %.*s is of (name another place with --binary PROGRAM)", GS_FMT(name));
	return exe;
}

static gs_heap *load(memory *m, const char *exe_path, gs_str name, bool only_goroutines, gs_heap_beside beside, const gs_progress *progress, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 32);
	gs_heap_input in;
	gs_heap *h;

	m->exe = program_of(m->image, exe_path, name, err);
	if (!m->exe)
		return NULL;
	if (gs_heap_input_of(&m->view, scratch, m->image, m->exe, &in, err)) {
		in.keep_runtime = !only_goroutines;
		in.only_goroutines = only_goroutines;
		in.beside = beside;
		h = gs_heap_load(&in, progress, err);
		if (h)
			return h;
	}
	gs_err_context(err, "%.*s", GS_FMT(name));
	return NULL;
}

static memory *memory_of(gs_image *image)
{
	memory *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->image = image;
	return m;
}

bool gs_goroutines_of_image(gs_image *image, gs_str name, const char *exe_path, gs_str header, gs_document *doc, const gs_progress *progress, gs_err *err)
{
	memory *m = memory_of(image);
	gs_heap *h = load(m, exe_path, name, true, (gs_heap_beside){ 0 }, progress, err);
	bool ok = h && gs_heap_goroutine_dump(h, header, doc, err);

	gs_heap_free(h);
	close_memory(m);
	return ok;
}

gs_heap *gs_heap_of_image(gs_image *image, gs_str name, const char *exe_path, gs_heap_beside beside, const gs_progress *progress, gs_err *err)
{
	memory *m = memory_of(image);
	gs_heap *h = load(m, exe_path, name, false, beside, progress, err);

	if (!h) {
		close_memory(m);
		return NULL;
	}
	gs_arena_on_free(h->mem, close_memory, m);
	h->read = read_memory;
	h->read_ctx = m;
	h->look = heap_look;
	return h;
}

gs_heap *gs_heap_open(const char *core, const char *exe_path, gs_heap_beside beside, const gs_progress *progress, gs_err *err)
{
	gs_image *image;

	gs_progress_report(progress, -1, "reading the core");
	image = gs_core_open(core, err);
	return image ? gs_heap_of_image(image, gs_str_of(core), exe_path, beside, progress, err) : NULL;
}
