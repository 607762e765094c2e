/*
 * The processes of a recording as its records tell them: which file was mapped where, and what each thread was called.
 * Forked processes share their parent's list until one of them maps something.
 */
#ifndef GS_LOAD_PERF_PROCESS_H
#define GS_LOAD_PERF_PROCESS_H

#include "base/buf.h"
#include "base/digest.h"
#include "base/map.h"

typedef struct gs_perf_map {
	uint64_t start, end, offset;
	gs_str file, build_id; /* borrowed; the build id in bytes */
	uint32_t mapping;      /* of the profile, 0: not made yet */
} gs_perf_map;

typedef struct gs_perf_maps {
	GS_VEC(gs_perf_map) list; /* by address, without overlap */
	uint32_t n_users;
} gs_perf_maps;

typedef struct gs_perf_process {
	int32_t pid;
	gs_perf_maps *maps;  /* NULL: none yet */
	gs_digest_map stacks; /* raw call chain -> node; emptied when the maps change */
} gs_perf_process;

typedef struct gs_perf_processes {
	GS_VEC(gs_perf_process) list;
	gs_map by_pid; /* index + 1 */
	gs_map comms;  /* tid -> string id of the profile */
	uint64_t
		moved; /* maps that were copied or moved to keep the lists sorted: bounded against made-up files */
} gs_perf_processes;

/* Lists that belong to no process: the kernel's maps, and the symbols that it made at run time (BPF). */
enum { GS_PERF_KERNEL_PID = -1, GS_PERF_KSYMBOLS_PID = -2 };

void gs_perf_processes_release(gs_perf_processes *p);
/* Made when it is new. NULL when memory is out. Valid until the next call. */
gs_perf_process *gs_perf_process_of(gs_perf_processes *p, int32_t pid);
/* False when memory or the bound on work is out. */
bool gs_perf_process_map(gs_perf_processes *all, int32_t pid, const gs_perf_map *map);
/* It runs another program now. */
void gs_perf_process_exec(gs_perf_process *p);
bool gs_perf_process_fork(gs_perf_processes *p, int32_t parent, int32_t child);
/* The map that holds the address, NULL when none does. */
gs_perf_map *gs_perf_process_find(gs_perf_process *p, uint64_t address);

bool gs_perf_comm_set(gs_perf_processes *p, int32_t tid, uint32_t name);
/* UINT32_MAX: never named. */
uint32_t gs_perf_comm_get(const gs_perf_processes *p, int32_t tid);

#endif
