/*
 * Sampling processes from outside with the kernel's perf events: where every thread is, N times a second of its CPU time, kernel
 * and user stacks by frame pointer. Nothing is stopped, traced or written in the target.
 */
#ifndef GS_CAPTURE_PERF_H
#define GS_CAPTURE_PERF_H

#include "base/arena.h"
#include "base/err.h"
#include "base/progress.h"

typedef enum gs_perf_scope {
	GS_PERF_SCOPE_AUTO,
	GS_PERF_SCOPE_TASKS, /* an event for each thread and CPU, inherited by new threads */
	GS_PERF_SCOPE_CPUS,  /* an event for each CPU; what is not the target's is dropped when it is read */
} gs_perf_scope;

typedef struct gs_perf_options {
	const int32_t *pids;
	uint32_t n_pids;
	uint32_t frequency_hz; /* 0: 99 */
	bool follows_children;
	bool on_exec;	       /* one pid, which is about to exec: begin with its first instruction */
	bool user_only;	       /* no kernel stacks */
	bool hardware;	       /* cycles instead of the CPU clock, where there is a PMU */
	gs_perf_scope scope;
	int fd;		       /* perf.data goes here; stays the caller's */
	gs_str version;	       /* of gospect, for the file */
	const gs_str *command; /* the recorder's command line, for the file */
	unsigned n_command;
} gs_perf_options;

/* A file that the target runs code from, held open so that it can be read when the target is gone. */
typedef struct gs_perf_binary {
	uint32_t pid;	   /* the first that mapped it */
	uint64_t inode;	   /* as its map says */
	char *path;	   /* as the target sees it */
	char open_path[32]; /* "/proc/self/fd/N": how we reach it while the gs_perf is open */
	int fd;
} gs_perf_binary;

typedef struct gs_perf_facts {
	uint64_t n_samples, n_user, n_kernel, n_lost, n_repaired, n_throttled;
	uint64_t size_bytes;
	const char *event;  /* "cpu-clock", "cycles" */
	bool has_kernel;    /* kernel stacks were allowed */
	const char *why_no_kernel; /* NULL or a reason */
	gs_perf_scope scope;
	uint32_t n_events, n_cpus, n_threads; /* threads at the start */
	bool is_full;	    /* the disk was full */
	bool target_ended;
	int64_t first_ns, last_ns; /* CLOCK_MONOTONIC, of samples */
	gs_perf_binary *binaries;
	uint32_t n_binaries;
	const uint64_t *kernel_ips;
	uint32_t n_kernel_ips;
} gs_perf_facts;

typedef struct gs_perf gs_perf;

/* Begin to record. GS_ERR_DENIED says what would allow it, GS_ERR_MISSING: no such process, GS_ERR_UNSUPPORTED. */
gs_perf *gs_perf_open(const gs_perf_options *options, gs_err *err);

/* Drain until the time is over (0: no limit), the progress says stop, the target ended, or the disk is full. Only an error in reading is false. */
bool gs_perf_run(gs_perf *p, int64_t duration_ns, const gs_progress *progress, gs_err *err);

/* Stop sampling, write the rest of the file. The file is good when this is true, however the run ended. */
bool gs_perf_finish(gs_perf *p, gs_err *err);

/* Valid until close; arrays are complete after finish. */
const gs_perf_facts *gs_perf_look(const gs_perf *p);
void gs_perf_close(gs_perf *p);

/* Threads of a process now. */
bool gs_threads_list(int32_t pid, int32_t **out, size_t *n);

#endif
