/*
 * The half of a snapshot that stops threads: a process of its own between gospect and the target, so that a gospect that is killed at
 * any moment leaves nothing behind. It alone traces; when the line to gospect breaks, it undoes what it did and ends.
 *
 * It never writes to the target's memory and sends no signal. Its only touch: one thread lends itself for a system call (capture/lend.h). For a
 * copy-on-write snapshot that is clone(2); to watch which pages change, userfaultfd(2) and, when the guard has taken the descriptor, close(2).
 * Should the guard be killed, the kernel ends the watch, and gospect has another guard take a dead child away. Should both be killed at once,
 * the target still goes on, but its child's zombie (without memory) stays, or, within the tenth of a millisecond that the thread is lent, an open
 * descriptor; and a child that was being born at that moment ends by a fault of its own, which Go's runtime reports on the target's standard error.
 */
#ifndef GS_CAPTURE_SNAPSHOT_GUARD_H
#define GS_CAPTURE_SNAPSHOT_GUARD_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/image.h"

enum { GS_GUARD_MAX_THREADS = 65536 };

typedef enum gs_guard_job {
	GS_GUARD_STOP,	/* all threads stand until finish */
	GS_GUARD_FORK,	/* they stand until a child is made; may end as GS_GUARD_STOP */
	GS_GUARD_WATCH, /* one thread lends itself; then the ranges are watched (capture/page_watch.h) until finish */
} gs_guard_job;

typedef struct gs_guard_range {
	uint64_t start, limit;
} gs_guard_range;

/* Shared memory between both halves; the guard writes before it says so on its line. */
typedef struct gs_guard_shared {
	int32_t pid;
	gs_guard_job job;
	bool suspends_seccomp;
	int32_t child_pid;    /* 0: the target itself is stopped until `finish` */
	int32_t child_ns_pid; /* as the target counts */
	int32_t lender;	      /* thread that made the child */
	int64_t pause_ns;     /* of the target, valid after the answer to go (fork) or finish (copy) */
	int64_t lent_ns;      /* how long the one thread stood that made the descriptor, or took the dead child away (valid after finish) */
	int32_t no_fork_errno; /* why there is no child although it was wanted; -1: no thread was in a state to lend */
	bool is_reaped;
	uint64_t unwatched_bytes; /* of the ranges */
	gs_err err;
	uint32_t n_threads;
	gs_image_thread threads[GS_GUARD_MAX_THREADS]; /* pages come when touched */
} gs_guard_shared;

typedef struct gs_guard {
	gs_guard_shared *shared;
	int line;
	int32_t pid;
	int watch_fd; /* GS_GUARD_WATCH: ours too, for gs_page_watch_add; else -1 */
	int64_t vain_pause_ns; /* after gs_guard_begin failed: how long threads stood nevertheless */
} gs_guard;

/*
 * Do the job. For the first two: on return the target is stopped (shared->child_pid 0) or runs on beside a frozen child. False: nothing was changed.
 * GS_ERR_DENIED, GS_ERR_MISSING, GS_ERR_STOPPED (threads that cannot be stopped in time), GS_ERR_UNSUPPORTED (no watch: why).
 * The ranges are for GS_GUARD_WATCH and needed only during the call.
 */
bool gs_guard_begin(int32_t pid, gs_guard_job job, bool suspends_seccomp, const gs_guard_range *ranges, uint32_t n_ranges, gs_guard *out,
		    gs_err *err);
/* So that no other work of this machine comes between while the target stands. Of the calling thread, and of guards begun by it; allowed or not. */
void gs_guard_hurry(bool on);
/* The guard is still there. */
bool gs_guard_lives(const gs_guard *g);
/*
 * Let the target go on, end the child and have it reaped, end the watch. Waits until all is as before. False: the guard was killed meanwhile, so
 * what was read since gs_guard_begin may be of different moments. True for one that is finished.
 */
bool gs_guard_finish(gs_guard *g);
void gs_guard_release(gs_guard *g);

#endif
