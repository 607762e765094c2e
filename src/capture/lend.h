/*
 * A thread of a running process lends itself: it repeats its own system call instruction as another call and is put back. Nothing is written
 * to the process's memory and no signal is sent; the thread stands for about a tenth of a millisecond, the others go on.
 *
 * For a process without threads of its own that traces nothing else (capture/snapshot_guard.h): system calls only, no memory of its own.
 * Should it be killed while a thread is lent, that thread goes on behind its own call with a strange result. So only those lend whose code does not
 * care: Go's nanosleep and futex wait, on amd64.
 */
#ifndef GS_CAPTURE_LEND_H
#define GS_CAPTURE_LEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

/* The kernel's own limit of thread ids, PID_MAX_LIMIT. */
#define GS_MAX_TID (4u << 20)

typedef struct gs_tracee {
	int32_t tid;
	bool is_stopped;
	int pending; /* a signal that was on its way when we came: goes on with the detach */
} gs_tracee;

/* ptrace(2) without glibc's enum types and variable arguments. */
long gs_ptrace(int request, int32_t tid, uint64_t addr, uint64_t data);
void gs_nap(void);

/* The threads of a process, in its own folder under /proc; some that are born meanwhile may be missing. */
typedef struct gs_tids {
	int fd; /* -1: the process is gone */
	long at, n;
	_Alignas(8) char buf[32768];
} gs_tids;

void gs_tids_open(gs_tids *t, int32_t pid);
/* False: no more; it is closed then. */
bool gs_tids_next(gs_tids *t, int32_t *tid);
void gs_tids_close(gs_tids *t);

/* This processor's threads can lend themselves. */
bool gs_lend_is_possible(void);
/*
 * The kernel repeats most calls that a stop interrupts, but some it ends with EINTR, of which the program should not hear: of a thread that was just
 * stopped. Calls that have done nothing yet when they say EINTR; a limit of time begins anew.
 */
void gs_lend_hide_interruption(int32_t tid);
/* This stopped thread may lend itself; *saved are its registers. */
bool gs_lend_can(int32_t tid, struct user_regs_struct *saved);
/*
 * Run one system call on a stopped thread and put everything back. PTRACE_O_TRACESYSGOOD must be set. *child: what a clone made, stopped before its
 * first instruction (PTRACE_O_TRACECLONE or TRACEFORK). False: the thread is gone, or a signal came first; then it stands as it was, t->pending set.
 */
bool gs_lend_call(gs_tracee *t, const struct user_regs_struct *saved, long nr, const uint64_t args[4], long *result, int32_t *child);

/* Threads that are stopped one at a time for it. */
typedef struct gs_lender {
	int32_t pid;
	bool suspends_seccomp;
	int64_t *lent_ns; /* grows by how long a thread stood */
	uint32_t n_late;  /* threads that did not stop in time: ours until they do, or we end */
} gs_lender;

/* gs_lend_call for a call that makes no child. False: it was not made. */
bool gs_lend_plain_call(const gs_lender *l, gs_tracee *t, const struct user_regs_struct *saved, long nr, const uint64_t args[4], long *result);

/* What is done with a thread that can lend itself; true: it was done. */
typedef bool gs_lend_use(const gs_lender *l, gs_tracee *t, const struct user_regs_struct *saved, void *arg);
/* With this thread, if it sleeps where it can. False: it was not done. */
bool gs_lend_by(gs_lender *l, int32_t tid, gs_lend_use *use, void *arg);
/* With one thread after the other, until one has done it. */
bool gs_lend_by_any(gs_lender *l, int64_t deadline_ns, gs_lend_use *use, void *arg);
/* While one of its threads is ours nobody else can stop the process. False: one still does not stop. */
bool gs_lend_let_go(gs_lender *l, int64_t deadline_ns);

#endif
