/*
 * The half of a snapshot that stops threads: a process of its own between gospect and the target, so that a gospect that is killed at
 * any moment leaves nothing behind. It alone traces; when the line to gospect breaks, it undoes what it did and ends.
 *
 * It never writes to the target's memory and sends no signal. Its only touch: for a copy-on-write snapshot, one thread that sleeps in
 * the kernel on behalf of Go's scheduler repeats its own system call instruction as clone(2) and is put back.
 * Should the guard be killed, gospect has another one take the dead child away. Should both be killed at once, the target still goes on, but its child's
 * zombie (without memory) stays, and a child that was being born at that moment ends by a fault of its own, which Go's runtime reports on
 * the target's standard error.
 */
#ifndef GS_CAPTURE_SNAPSHOT_GUARD_H
#define GS_CAPTURE_SNAPSHOT_GUARD_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/image.h"

enum { GS_GUARD_MAX_THREADS = 65536 };

/* Shared memory between both halves; the guard writes before it says so on its line. */
typedef struct gs_guard_shared {
	int32_t pid;
	bool wants_fork;      /* may still end with a stopped target: child_pid 0 */
	bool suspends_seccomp;
	int32_t child_pid;    /* 0: the target itself is stopped until `finish` */
	int32_t child_ns_pid; /* as the target counts */
	int32_t lender;	      /* thread that made the child */
	int64_t pause_ns;     /* of the target, valid after the answer to go (fork) or finish (copy) */
	int64_t reap_ns;      /* the one thread that took the dead child off; valid after finish */
	int32_t no_fork_errno; /* why there is no child although it was wanted; -1: no thread was in a state to lend */
	bool is_reaped;
	gs_err err;
	uint32_t n_threads;
	gs_image_thread threads[GS_GUARD_MAX_THREADS]; /* pages come when touched */
} gs_guard_shared;

typedef struct gs_guard {
	gs_guard_shared *shared;
	int line;
	int32_t pid;
	int64_t vain_pause_ns; /* after gs_guard_begin failed: how long threads stood nevertheless */
} gs_guard;

/*
 * Stop the target. On return it is stopped (shared->child_pid 0) or runs on beside a frozen child. False: nothing was changed.
 * GS_ERR_DENIED, GS_ERR_MISSING, GS_ERR_STOPPED (threads that cannot be stopped in time).
 */
bool gs_guard_begin(int32_t pid, bool wants_fork, bool suspends_seccomp, gs_guard *out, gs_err *err);
/*
 * Let the target go on, or end the child and have it reaped. Waits until all is as before. False: the guard was killed meanwhile, so what
 * was read since gs_guard_begin may be of different moments. True for one that is finished.
 */
bool gs_guard_finish(gs_guard *g);
void gs_guard_release(gs_guard *g);

#endif
