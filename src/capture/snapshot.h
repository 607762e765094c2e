/*
 * A memory image of a running process. Three ways. *precopy* copies while the target runs, round after round what was written to since, and stops
 * it only for what the last round left (capture/page_watch.h). *fork* stops it only while the kernel makes a copy-on-write child, which is read while the
 * target runs, and then ended. *copy* stops it while its memory is copied. Each way the image is memory of our own afterwards. The target
 * gets no signal, no zombie and no interrupted call; see capture/snapshot_guard.h for what keeps it so.
 */
#ifndef GS_CAPTURE_SNAPSHOT_H
#define GS_CAPTURE_SNAPSHOT_H

#include "base/err.h"
#include "base/image.h"
#include "base/progress.h"

typedef enum gs_snapshot_way { GS_SNAPSHOT_AUTO, GS_SNAPSHOT_COPY, GS_SNAPSHOT_FORK, GS_SNAPSHOT_PRECOPY } gs_snapshot_way;

/* As options and JSON call it. */
const char *gs_snapshot_way_name(gs_snapshot_way way);

typedef struct gs_snapshot_ask {
	gs_snapshot_way way;
	int64_t max_pause_ns; /* refuse beforehand what is predicted to take longer; 0: no limit */
	const char *root;     /* the folder with proc and sys to look in before anything is touched; NULL: this machine's. For tests */
} gs_snapshot_ask;

/* What a snapshot of a process would be: looked up, nothing touched. */
typedef struct gs_snapshot_plan {
	gs_snapshot_way way; /* never AUTO */
	gs_snapshot_way way_else; /* should PRECOPY not be possible after all */
	gs_str why;	     /* of the way, for people */
	bool suspends_seccomp;
	uint64_t anon_bytes, huge_bytes; /* resident or swapped; huge: in pages of 2 MB */
	int64_t pause_ns;		 /* predicted */
	int64_t copy_pause_ns, precopy_pause_ns;
	int64_t fork_pause_ns; /* 0: neither way is FORK, and it was not measured */
} gs_snapshot_plan;

/* Strings are the arena's. GS_ERR_MISSING, GS_ERR_DENIED (a tracer holds it), GS_ERR_UNSUPPORTED, GS_ERR_LIMIT (the pause). */
bool gs_snapshot_plan_make(gs_arena *mem, int32_t pid, gs_snapshot_ask ask, gs_snapshot_plan *out, gs_err *err);
/* False, GS_ERR_LIMIT: this machine, or the control group that we are in, has no room for a copy. `root` as in gs_snapshot_ask. */
bool gs_snapshot_has_room(const gs_snapshot_plan *plan, const char *root, gs_err *err);
/* False, GS_ERR_DENIED or GS_ERR_MISSING: the kernel would not let us stop it. It is asked what it asks itself then; nothing is attached. */
bool gs_snapshot_may(int32_t pid, gs_err *err);

typedef struct gs_snapshot_report {
	gs_snapshot_plan plan;
	gs_snapshot_way way; /* what was done in the end */
	gs_str note;	     /* why not as planned; empty: as planned */
	int64_t pause_ns;    /* of all threads, from the first that is asked to stop to the last detach; asked several times: the longest */
	int64_t lent_ns;     /* of one thread alone: that made the descriptor by which writes are watched, that took the dead child away */
	int64_t total_ns;
	uint64_t copied_bytes; /* what was copied again counts again */
} gs_snapshot_report;

/* *report's strings are `mem`'s; may be filled in part after an error. GS_ERR_LIMIT: this machine has no room for the copy. */
gs_image *gs_snapshot_take(gs_arena *mem, int32_t pid, gs_snapshot_ask ask, const gs_progress *progress,
			   gs_snapshot_report *report, gs_err *err);

typedef struct gs_snapshot_size {
	uint64_t core_bytes; /* holes included */
	uint64_t disk_bytes;
} gs_snapshot_size;

/* As an ELF core that gdb and Delve open, maybe packed with zstd; for its owner only. Readers see a whole file or none. */
bool gs_snapshot_write(const gs_image *image, const char *path, bool zstd, const gs_progress *progress, gs_snapshot_size *out,
		       gs_err *err);

#endif
