/*
 * What the kernel's ring holds: records on their way to perf.data. Those of other processes are dropped, threads and children of
 * the target are followed, and what symbols will need later (kernel addresses, mapped files) is remembered.
 *
 * Format: perf_event_open(2), include/uapi/linux/perf_event.h. The ring is written by the kernel, yet nothing here relies on that:
 * lengths are checked and a record that makes no sense is counted and dropped.
 */
#ifndef GS_CAPTURE_PERF_RECORDS_H
#define GS_CAPTURE_PERF_RECORDS_H

#include <linux/perf_event.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/rd.h"

enum {
	GS_PERF_SAMPLE_TYPE = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD |
			      PERF_SAMPLE_CALLCHAIN,
	/* What the kernel is asked for besides, to repair stacks with; it does not reach the file. */
	GS_PERF_EXTRA_TYPE = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER,
	GS_PERF_STACK_BYTES = 16,
	GS_PERF_N_REGS = 3, /* in the order of their numbers: frame pointer or link register, stack pointer, instruction pointer */
	GS_PERF_MAX_CHAIN = 1024,
	GS_PERF_TRAILER_BYTES = 24, /* sample_id of records that are no samples: TID, TIME, CPU */
};

/* A sample's registers and the top of its stack; all 0 when the kernel gave none. */
typedef struct gs_perf_user_top {
	uint64_t ip, sp, lr; /* lr: the link register (arm64), else unused */
	uint64_t stack[GS_PERF_STACK_BYTES / 8];
	unsigned n_stack; /* words of `stack` that are there */
} gs_perf_user_top;

typedef struct gs_perf_map {
	uint32_t pid;
	uint64_t start, limit, offset, inode;
	gs_str path; /* as the target sees it */
} gs_perf_map;

typedef struct gs_perf_sink {
	gs_buf *out;	     /* records of the target, ready for perf.data */
	gs_map pids;	     /* processes that are recorded */
	bool follows_children;
	bool takes_all;	     /* the events are the target's alone: pids need not be asked (rings are read one by one, and a child's
				records may be seen before the FORK that announces it) */
	bool has_extra;	     /* samples carry GS_PERF_EXTRA_TYPE */
	gs_map tids;	     /* threads that FORK records told of */
	gs_map kernel_ips;   /* kernel addresses of samples */
	uint64_t n_samples, n_user, n_kernel, n_lost, n_throttled, n_bad, n_repaired;
	uint64_t first_ns, last_ns; /* of samples */
	uint64_t begin_ns, end_ns;  /* samples outside are dropped; end 0: no end */
	/* An executable mapping of the target appeared. May be NULL. */
	void (*on_map)(void *ctx, const gs_perf_map *map);
	/* The return address that belongs between the innermost frame and the next, 0: none is missing. May be NULL. */
	uint64_t (*caller_of_leaf)(void *ctx, uint32_t pid, const gs_perf_user_top *top);
	void *ctx;
} gs_perf_sink;

void gs_perf_sink_release(gs_perf_sink *s);
bool gs_perf_sink_add_pid(gs_perf_sink *s, uint32_t pid);

/* One whole record, header included. */
void gs_perf_sink_take(gs_perf_sink *s, gs_str record);

/* Start a record in `out`, add its body, end it with the trailer (NULL: none); the size is filled in. */
size_t gs_perf_record_begin(gs_buf *out, uint32_t type, uint16_t misc);
void gs_perf_record_end(gs_buf *out, size_t at, uint32_t pid, uint32_t tid, bool has_trailer);
void gs_perf_put_u32(gs_buf *out, uint32_t v);
void gs_perf_put_u64(gs_buf *out, uint64_t v);
/* With a NUL, padded with NULs to a multiple of 8. */
void gs_perf_put_text(gs_buf *out, gs_str s);

#endif
