#include "app/snapshot.h"

#include "app/record.h"
#include "base/banned.h"

bool gs_snapshot_find(gs_arena *mem, gs_str target, int32_t *pid, gs_str *title, gs_err *err)
{
	gs_record_options o = { .target = target, .no_endpoint = true };
	gs_record_target t;

	if (!target.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "snapshot of what? A PID, or the name of a process or container");
	if (gs_http_target_like(target))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "a snapshot is of a process of this machine: give its PID or name instead of %.*s",
			       GS_FMT(target));
	if (!gs_record_find_target(mem, &o, &t, err))
		return false;
	if (t.n_processes != 1)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%u Go processes run in %.*s: give the PID of one (gospect ps lists them)", t.n_processes,
			       GS_FMT(target));
	*pid = t.processes[0].pid;
	*title = t.title;
	return true;
}

bool gs_snapshot_to_core(gs_arena *mem, gs_str target, gs_snapshot_ask ask, const char *path, bool zstd,
			 const gs_progress *progress, gs_snapshot_file *out, gs_err *err)
{
	GS_AUTO(image) *image = NULL;
	int32_t pid;

	*out = (gs_snapshot_file){ 0 };
	if (!gs_snapshot_find(mem, target, &pid, &out->title, err))
		return false;
	image = gs_snapshot_take(mem, pid, ask, progress, &out->report, err);
	if (!image)
		return false;
	out->n_threads = image->n_threads;
	out->n_segments = image->n_segments;
	out->incomplete = gs_str_dup(mem, image->incomplete);
	return gs_snapshot_write(image, path, zstd, progress, &out->size, err);
}
