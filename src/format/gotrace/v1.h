/*
 * Version 1 traces (Go 1.7 to 1.21): batches of a proc's events with no generations, told in the words of version 2. Inside
 * format/gotrace only. Source: internal/trace/internal/tracev1 and internal/trace/tracev1.go of the Go tree.
 */
#ifndef GS_FORMAT_GOTRACE_V1_H
#define GS_FORMAT_GOTRACE_V1_H

#include "format/gotrace/reader.h"

typedef enum gs_gotrace_v1_type {
	GS_GOTRACE_V1_BATCH = 1,
	GS_GOTRACE_V1_FREQUENCY,
	GS_GOTRACE_V1_STACK,
	GS_GOTRACE_V1_GOMAXPROCS,
	GS_GOTRACE_V1_PROC_START,
	GS_GOTRACE_V1_PROC_STOP,
	GS_GOTRACE_V1_GC_START,
	GS_GOTRACE_V1_GC_DONE,
	GS_GOTRACE_V1_STW_START,
	GS_GOTRACE_V1_STW_DONE,
	GS_GOTRACE_V1_SWEEP_START,
	GS_GOTRACE_V1_SWEEP_DONE,
	GS_GOTRACE_V1_GO_CREATE,
	GS_GOTRACE_V1_GO_START,
	GS_GOTRACE_V1_GO_END,
	GS_GOTRACE_V1_GO_STOP,
	GS_GOTRACE_V1_GO_SCHED,
	GS_GOTRACE_V1_GO_PREEMPT,
	GS_GOTRACE_V1_GO_SLEEP,
	GS_GOTRACE_V1_GO_BLOCK,
	GS_GOTRACE_V1_GO_UNBLOCK,
	GS_GOTRACE_V1_BLOCK_SEND,
	GS_GOTRACE_V1_BLOCK_RECV,
	GS_GOTRACE_V1_BLOCK_SELECT,
	GS_GOTRACE_V1_BLOCK_SYNC,
	GS_GOTRACE_V1_BLOCK_COND,
	GS_GOTRACE_V1_BLOCK_NET,
	GS_GOTRACE_V1_SYSCALL,
	GS_GOTRACE_V1_SYS_EXIT,
	GS_GOTRACE_V1_SYS_BLOCK,
	GS_GOTRACE_V1_WAITING,
	GS_GOTRACE_V1_IN_SYSCALL,
	GS_GOTRACE_V1_HEAP_ALLOC,
	GS_GOTRACE_V1_HEAP_GOAL,
	GS_GOTRACE_V1_TIMER_GOROUTINE,
	GS_GOTRACE_V1_FUTILE_WAKEUP,
	GS_GOTRACE_V1_STRING,
	GS_GOTRACE_V1_START_LOCAL,
	GS_GOTRACE_V1_UNBLOCK_LOCAL,
	GS_GOTRACE_V1_SYS_EXIT_LOCAL,
	GS_GOTRACE_V1_START_LABEL,
	GS_GOTRACE_V1_BLOCK_GC,
	GS_GOTRACE_V1_ASSIST_START,
	GS_GOTRACE_V1_ASSIST_DONE,
	GS_GOTRACE_V1_TASK_CREATE,
	GS_GOTRACE_V1_TASK_END,
	GS_GOTRACE_V1_REGION,
	GS_GOTRACE_V1_LOG,
	GS_GOTRACE_V1_CPU_SAMPLE,
} gs_gotrace_v1_type;

enum { GS_GOTRACE_V1_ARGS = 4 };

typedef struct gs_gotrace_v1_shape {
	uint8_t since; /* N of the first Go 1.N that wrote it; 0: no such type */
	uint8_t n_args; /* without the time and the stack */
	bool has_stack;
} gs_gotrace_v1_shape;
extern const gs_gotrace_v1_shape gs_gotrace_v1_shapes[64];

typedef struct gs_gotrace_v1_record {
	uint64_t at; /* offset in the file */
	uint8_t type, count; /* count: varints that follow, 4: a length and so many bytes of them */
	uint64_t ticks; /* since the event before in the batch; BATCH: of the batch */
	uint64_t args[GS_GOTRACE_V1_ARGS];
	uint64_t stack;
	gs_str text; /* STRING: the string; LOG: the message; STACK: all that is in it */
} gs_gotrace_v1_record;

typedef struct gs_gotrace_v1_batch {
	uint64_t at, end; /* its events */
	int64_t ticks;
	uint32_t next; /* of the same proc, UINT32_MAX: none */
} gs_gotrace_v1_batch;

typedef struct gs_gotrace_v1_sample {
	int64_t ticks, p;
	uint64_t g, stack;
	uint32_t order; /* in the file: breaks ties */
} gs_gotrace_v1_sample;

/* A proc's batches, and where merging has got to in them. */
typedef struct gs_gotrace_v1_lane {
	int32_t p; /* -1: events without one */
	uint32_t batch, last_batch;
	bool is_open, is_done, has_next, is_in_frontier;
	gs_rd in;
	int64_t ticks;
	uint64_t g; /* runs on it */
	uint64_t next_g; /* that the event is about or happened on */
	gs_gotrace_v1_record next;
} gs_gotrace_v1_lane;

/* An event in its place; what else it says is read again at `at`. */
typedef struct gs_gotrace_v1_event {
	int64_t ticks;
	uint64_t at; /* CPU_SAMPLE: index of samples */
	uint32_t g;  /* index of goroutines */
	uint16_t lane;
	uint8_t type; /* without Local */
	bool is_blocked : 1; /* SYSCALL: SYS_BLOCK follows */
	bool is_moved : 1;   /* SYS_EXIT: happened before it was written, see `moved` */
	bool is_network : 1; /* GO_UNBLOCK: of a goroutine that waited for the network */
} gs_gotrace_v1_event;

/* A SYS_EXIT that happened earlier than its place among the events. */
typedef struct gs_gotrace_v1_moved {
	int64_t ticks;
	uint32_t event;
} gs_gotrace_v1_moved;

typedef struct gs_gotrace_v1 {
	unsigned version;
	gs_str bytes;
	uint64_t end; /* of what could be read */
	bool is_damaged, is_cut;
	int64_t ticks_per_s; /* 0: the file did not say */
	gs_gotrace_generation g; /* the tables: all of the trace is one generation */
	GS_VEC(gs_gotrace_v1_batch) batches;
	GS_VEC(gs_gotrace_v1_lane) lanes;
	gs_map lane_of;
	GS_VEC(gs_gotrace_v1_sample) samples; /* by time */
	GS_VEC(uint64_t) timers; /* goroutines that run timers */
	gs_arena *mem;
	gs_strtab messages; /* of logs */
	GS_VEC(gs_gotrace_v1_event) events; /* in order; those with is_moved come by `moved` */
	GS_VEC(gs_gotrace_v1_moved) moved;	/* by time */
	GS_VEC(uint64_t) goroutines;	    /* ids, [0] is none */
	gs_map goroutine_of;
	uint64_t n_clamped; /* times that ran backwards */
} gs_gotrace_v1;

/* The next record. False: err is filled, e->at is where. */
bool gs_gotrace_v1_next(gs_rd *r, unsigned version, gs_gotrace_v1_record *e, gs_err *err);
/* Batches, tables and CPU samples of the whole file. False for lack of memory; damage is no failure: t->is_damaged, *damage. */
bool gs_gotrace_v1_index(gs_gotrace_v1 *t, gs_str bytes, gs_err *err, gs_err *damage);
/* Fill t->events. The same. */
bool gs_gotrace_v1_merge(gs_gotrace_v1 *t, gs_err *err, gs_err *damage);

/* All of the trace that r is at the beginning of, and its report. */
bool gs_gotrace_v1_read(gs_gotrace_reader *r, gs_err *err);

#endif
