/*
 * Go processes of this machine and its containers, from /proc alone: nothing is stopped, traced or signalled.
 */
#ifndef GS_CAPTURE_PROCESSES_H
#define GS_CAPTURE_PROCESSES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/progress.h"
#include "capture/exe.h"
#include "capture/http.h"

typedef struct gs_process {
	int32_t pid, ppid;
	int32_t ns_pid; /* its id in its innermost PID namespace; equal to pid in ours */
	uint32_t uid;
	gs_str user;	/* name, or the number as text */
	gs_str name;	/* comm */
	gs_str command; /* the command line for people */
	gs_str exe;	/* path as the process sees it, without " (deleted)" */
	bool is_exe_deleted;
	gs_exe info;
	gs_str container, container_runtime, container_name; /* empty: none or not known */
	gs_str pod_uid, hostname; /* hostname: /etc/hostname of a process with a mount namespace of its own */
	bool is_own_mnt_ns, is_own_net_ns, is_own_pid_ns; /* differs from ours */
	int64_t started_ns;  /* Unix epoch */
	uint64_t start_ticks; /* with the pid: names this process and no later one */
	double cpu_pct;	     /* of one CPU, over the time that gs_processes_list looked; negative: not measured */
	uint64_t rss_bytes;
	uint32_t n_threads;
	gs_str pprof; /* URL ("http://127.0.0.1:6060/debug/pprof/", "unix:/run/x.sock"), empty: none found */
	gs_http_target *endpoint; /* the same, ready to use; NULL: none */
	bool is_stopped; /* was when it was looked at, so that nobody asked for an endpoint; see gs_process_is_stopped */
	uint32_t n_silent; /* listening sockets that did not answer in time */
} gs_process;

typedef struct gs_processes {
	gs_process *list; /* by pid */
	uint32_t n;
	uint32_t n_seen;   /* processes with an executable that we could look at */
	uint32_t n_hidden; /* processes that we may not look at */
} gs_processes;

typedef struct gs_processes_options {
	bool find_endpoints; /* probe their listening sockets with GET /debug/pprof/ */
	bool measure_cpu;    /* look twice, a quarter of a second apart */
	bool all;	     /* processes that are not Go's too (info.is_go false) */
	const gs_progress *progress;
} gs_processes_options;

bool gs_processes_list(gs_arena *mem, const gs_processes_options *options, gs_processes *out, gs_err *err);

/* One process, Go's or not. GS_ERR_MISSING when there is none, GS_ERR_DENIED when it is somebody else's. */
bool gs_process_look(gs_arena *mem, int32_t pid, gs_process *out, gs_err *err);

/* Probe the listening sockets of these processes, bounded and in parallel; fills pprof and endpoint. */
void gs_process_endpoints(gs_arena *mem, gs_process *list, uint32_t n, const gs_progress *progress);

/* "stopped" or "no answer" of a process that may have an endpoint all the same; empty: it has one, or none. */
gs_str gs_process_silence(const gs_process *p);

/* The process of this machine that listens where a loopback or unix address leads; false when there is none, or it is hidden. */
bool gs_process_of_endpoint(gs_arena *mem, const gs_http_target *to, gs_process *out);

/* Is this pid still the same process? */
bool gs_process_is_alive(const gs_process *p);
/* By SIGSTOP, at a terminal, or by a debugger. */
bool gs_process_is_stopped(const gs_process *p);

/*
 * The processes that `text` may mean: a pid, a container's id prefix or name, a process name, the last element of a main package. Indexes into
 * all->list go to `found`, the best kind of match only. Returns how many there are (may be more than max).
 */
uint32_t gs_processes_find(const gs_processes *all, gs_str text, uint32_t *found, uint32_t max);

#endif
