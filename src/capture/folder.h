/*
 * A capture: a folder of standard files with capture.json beside them (docs/formats/capture.md). Files appear whole or not at
 * all, are readable by their owner only, and nothing that is already there is overwritten.
 */
#ifndef GS_CAPTURE_FOLDER_H
#define GS_CAPTURE_FOLDER_H

#include "base/arena.h"
#include "base/err.h"
#include "capture/processes.h"

typedef struct gs_folder {
	char path[4096];
	int fd;
	bool is_made; /* by us: it was not there before */
} gs_folder;

/*
 * Make a folder. With `path`: that one, which must not exist or be empty (GS_ERR_USAGE; `replace` allows a folder that holds an
 * earlier capture). Without: "gospect-<hint>-<date>-<time>" in the current folder, numbered on when the name is taken.
 */
bool gs_folder_create(const char *path, gs_str hint, bool replace, gs_folder *out, gs_err *err);
void gs_folder_close(gs_folder *f);
/* Remove the files that captures consist of, and no other. */
void gs_folder_empty(gs_folder *f);

/* A new file to write to under a temporary name; -1 on failure. Then exactly one of commit (closes, gives it its name) and discard. */
int gs_folder_begin(gs_folder *f, const char *name, gs_err *err);
bool gs_folder_commit(gs_folder *f, const char *name, int fd, gs_err *err);
void gs_folder_discard(gs_folder *f, const char *name, int fd);
/* A file that grows under its own name and can be read as far as it is (perf.data); the descriptor is the caller's. -1 on failure. */
int gs_folder_stream(gs_folder *f, const char *name, gs_err *err);
bool gs_folder_write(gs_folder *f, const char *name, gs_str bytes, gs_err *err);

typedef enum gs_part_state { GS_PART_PENDING, GS_PART_DONE, GS_PART_FAILED } gs_part_state;

/* One thing that was asked for: a file, or the reason why there is none. */
typedef struct gs_part {
	gs_str file; /* "cpu.pprof" */
	gs_str kind; /* "cpu", "heap", ... */
	gs_str how;  /* "perf events", or the URL */
	gs_part_state state;
	uint64_t size_bytes;
	int64_t duration_ns; /* what it covers; 0: a moment */
	gs_str note;	     /* what is odd about it, empty: nothing */
	gs_str error;	     /* GS_PART_FAILED: why */
} gs_part;

typedef struct gs_capture_clock {
	int64_t wall_ns, monotonic_ns, boottime_ns; /* read together */
} gs_capture_clock;

void gs_capture_clock_now(gs_capture_clock *out);

/* Everything that capture.json tells. */
typedef struct gs_capture_info {
	gs_str version;	    /* of gospect */
	gs_str source_kind; /* "pid", "url", "command" */
	gs_str source;	    /* as asked, without credentials */
	gs_process *process; /* NULL: not known (a URL of another machine) */
	uint32_t n_processes; /* more than one: `process` is the first */
	gs_capture_clock clock; /* at the start */
	int64_t asked_duration_ns, duration_ns;
	uint32_t frequency_hz;
	gs_str only;  /* as asked; empty: everything */
	gs_str state; /* "recording", "done", "failed" */
	gs_str ended; /* "duration", "stopped", "target ended", "disk full" ... */
	gs_part *parts;
	uint32_t n_parts;
	gs_str notes[16];
	uint32_t n_notes;
	bool is_disk_full; /* it ended early for that; not written */
} gs_capture_info;

/* Write (again) capture.json. */
bool gs_capture_info_write(gs_folder *f, const gs_capture_info *info, gs_err *err);

#endif
