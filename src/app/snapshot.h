/*
 * From what a user may name (a PID, a process or container name) to the memory of a running process, as an image or as an ELF core.
 */
#ifndef GS_APP_SNAPSHOT_H
#define GS_APP_SNAPSHOT_H

#include "capture/snapshot.h"

/* GS_ERR_USAGE: no process of this machine, or several. `title`: "shop (pid 12)", in `mem`. */
bool gs_snapshot_find(gs_arena *mem, gs_str target, int32_t *pid, gs_str *title, gs_err *err);

typedef struct gs_snapshot_file {
	gs_str title;
	gs_snapshot_report report;
	gs_snapshot_size size;
	uint32_t n_threads, n_segments;
	gs_str incomplete; /* see gs_image */
} gs_snapshot_file;

/* Strings are `mem`'s. */
bool gs_snapshot_to_core(gs_arena *mem, gs_str target, gs_snapshot_ask ask, const char *path, bool zstd,
			 const gs_progress *progress, gs_snapshot_file *out, gs_err *err);

#endif
