#include "load/heap.h"

#include "format/core/core.h"
#include "base/banned.h"

gs_heap *gs_heap_open(const char *core, const char *exe_path, const gs_progress *progress, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);
	GS_AUTO(image) *image = NULL;
	GS_AUTO(binary) *exe = NULL;
	gs_heap *h;

	gs_progress_report(progress, -1, "reading the core");
	image = gs_core_open(core, err);
	if (!image)
		return NULL;
	if (!exe_path && image->exe_path.n == 0) {
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "%s does not say which program it is of: name the executable too", core);
		return NULL;
	}
	exe = gs_binary_open(exe_path ? exe_path : gs_cstr(scratch, image->exe_path), err);
	if (!exe) {
		if (!exe_path)
			gs_err_context(err, "the program that %s is of: name the executable too", core);
		return NULL;
	}
	h = gs_heap_load_image(image, exe, progress, err);
	if (!h)
		gs_err_context(err, "%s", core);
	return h;
}
