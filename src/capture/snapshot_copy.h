/*
 * The memory of a process into memory of our own: of a child that stands for it, of the process while it stands, or ahead of that while it runs,
 * in rounds, each of which copies what was written to since the one before (capture/page_watch.h).
 */
#ifndef GS_CAPTURE_SNAPSHOT_COPY_H
#define GS_CAPTURE_SNAPSHOT_COPY_H

#include "base/err.h"
#include "base/image.h"
#include "base/progress.h"
#include "capture/proc_text.h"
#include "capture/snapshot_guard.h"

/* Memory for a mapping, made while the target ran. */
typedef struct gs_copy_area {
	unsigned char *p;
	size_t n;
	uint64_t start, limit; /* of the mapping then; n is more, for what it may grow by */
	/* A bit for each page of n: copied in a round; not there any more at the end. */
	uint64_t *copied, *gone;
} gs_copy_area;

typedef struct gs_copier {
	gs_image *image;
	const gs_progress *progress;
	int mem_fd, pagemap_fd;
	int32_t live_pid; /* the target itself, when that is what is read: 0 for a child */
	gs_proc_map *maps; /* of each segment */
	gs_copy_area *areas; /* by address */
	uint32_t n_areas, max_areas;
	bool is_ahead;	 /* rounds were made */
	bool is_watched; /* and what is left is the rest; not: all is to be copied after all */
	uint64_t copied_bytes, unread_bytes, shared_bytes, left_out_bytes;
} gs_copier;

/* `image` is empty but for `mem`; both stay the caller's. */
void gs_copier_init(gs_copier *c, gs_image *image, const gs_progress *progress);
void gs_copier_close(gs_copier *c);

/*
 * While the target still runs: memory to copy to, so that no page of it has to be found and cleared while the target stands, or a child
 * lives. With space for mappings that grow meanwhile. What changes otherwise is copied to elsewhere.
 */
void gs_copier_make_ready(gs_copier *c, int32_t pid);
/*
 * The pause of a copy-on-write snapshot is the kernel counting each page up in its table of pages, and most of that is waiting for memory.
 * Whoever asks for the map of pages has the kernel look there, while the target still runs: a third of the pause less.
 */
void gs_copier_warm_up(const gs_copier *c);

/* What the copy of the rest would be after the rounds that were made, by what they took. */
typedef struct gs_copy_ahead {
	uint32_t n_rounds;
	uint64_t rest_bytes;
	int64_t rest_ns;
} gs_copy_ahead;

/* While all areas are watched. Ends when little is left, or no less than before. False: stopped, or the watch has ended. */
bool gs_copier_go_ahead(gs_copier *c, int32_t pid, const gs_guard *watch, gs_copy_ahead *out, gs_err *err);

/* From now on `source`, the target that stands or its child, is read. */
bool gs_copier_open(gs_copier *c, int32_t source, bool is_child, gs_err *err);
/* What may change: while the source stands. Then the rest, whatever the target does. */
bool gs_copier_copy_changing(gs_copier *c, gs_err *err);
bool gs_copier_copy_fixed(gs_copier *c, gs_err *err);

#endif
