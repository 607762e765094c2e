/*
 * gs_trace_rows: the events of one generation, in the trace's order, with ids of their own: goroutine transitions as chunks, the rest
 * as rows. Made on any thread: nothing here knows of other generations. gotrace_build.h makes a timeline of them.
 */
#ifndef GS_LOAD_GOTRACE_ROWS_H
#define GS_LOAD_GOTRACE_ROWS_H

#include "base/id_runs.h"
#include "base/rd.h"
#include "format/gotrace/gotrace.h"
#include "load/gotrace_chunk.h"
#include "load/gotrace_rules.h"

typedef struct gs_trace_value {
	int64_t time_ns;
	uint64_t value;
	uint32_t event;
} gs_trace_value;

typedef struct gs_trace_sample {
	int64_t time_ns;
	uint32_t goroutine, stack, event;
	uint16_t proc, thread;
} gs_trace_sample;

/* An event of the AllocFree experiment, ids as they are. */
typedef struct gs_trace_memory {
	int64_t time_ns;
	uint64_t args[3];
	uint32_t goroutine, event;
	uint8_t type; /* GS_GOTRACE_SPAN... */
} gs_trace_memory;

typedef GS_VEC(gs_trace_value) gs_trace_values;

/* Events that are no transitions of goroutines, packed: to be looked at in order, see gotrace_side.c. */
typedef struct gs_trace_side {
	gs_buf bytes;
	uint64_t last_event;
	int64_t last_ns;
} gs_trace_side;

typedef struct gs_trace_side_walk {
	gs_rd in;
	uint64_t event; /* its number */
	gs_gotrace_event e; /* without from_state */
} gs_trace_side_walk;

typedef struct gs_trace_g {
	uint64_t id;
	uint32_t name_stack; /* of its first transition that has one: its outermost frame names it; 0: none */
	uint32_t syscall_stack;
	uint16_t syscall_proc, syscall_thread;
	gs_trace_piece_at piece;
} gs_trace_g;

typedef struct gs_trace_p {
	uint64_t id;
	uint32_t in_syscall; /* goroutine in a system call on it; GS_NO_INDEX */
	bool is_known; /* something of this generation said what in_syscall is */
} gs_trace_p;

/* A proc went idle, and what ran on it a generation ago may have been in a system call. */
typedef struct gs_trace_pending {
	int64_t time_ns;
	uint32_t event;
	uint16_t proc;
	uint32_t goroutine; /* found later; GS_NO_INDEX: none */
} gs_trace_pending;

/* Indexes of ids that are small; the maps know the others. */
enum { GS_TRACE_DENSE_PROCS = 256, GS_TRACE_DENSE_STACKS = 1 << 20 };

/* What transitions of the chunk that is being filled were, and where. Nearly every one has been there before. */
enum { GS_TRACE_RECENT_KINDS_BITS = 10, GS_TRACE_RECENT_PLACES = 64 };
typedef struct gs_trace_recent_kind {
	uint64_t stack, reason; /* ids */
	uint32_t what; /* type of the event << 1 | whether there is a peer; 0: nothing here */
	uint32_t stack_at; /* index of the stack */
	uint32_t number; /* in the chunk */
} gs_trace_recent_kind;
typedef struct gs_trace_recent_place {
	uint64_t p, m; /* ids */
	uint32_t number; /* in the chunk, + 1; 0: nothing here */
	uint16_t proc, thread; /* indexes */
} gs_trace_recent_place;

typedef struct gs_trace_rows {
	uint32_t index;
	uint64_t n_events;
	gs_trace_chunks chunks;
	GS_VEC(gs_trace_transition) statuses; /* of the first generation: what goroutines did when the trace began */
	gs_trace_side side;
	GS_VEC(gs_trace_sample) samples;
	GS_VEC(gs_trace_memory) memory;
	GS_VEC(gs_trace_pending) pending;
	gs_trace_values heap, goal, procs_max;
	GS_VEC(gs_trace_g) gs;
	GS_VEC(gs_trace_p) ps;
	GS_VEC(uint64_t) ms;
	GS_VEC(uint64_t) stacks; /* ids; [0] is none */
	GS_VEC(uint64_t) reasons; /* string ids; [0] is none */
	gs_id_runs g_index; /* index + 1 */
	gs_map p_index, m_index, stack_index, reason_index;
	uint16_t dense_procs[GS_TRACE_DENSE_PROCS]; /* + 1 */
	GS_VEC(uint32_t) dense_stacks; /* by id below GS_TRACE_DENSE_STACKS */
	GS_VEC(uint32_t) g_by_place; /* index + 1 by `place` of events; 0: not known */
	uint32_t recent_chunk; /* what the recent ones are of */
	gs_trace_recent_kind recent_kinds[1 << GS_TRACE_RECENT_KINDS_BITS];
	gs_trace_recent_place recent_places[GS_TRACE_RECENT_PLACES];
} gs_trace_rows;

/* Always false. */
bool gs_trace_no_memory(gs_err *err);

/* NULL: no memory. */
gs_trace_rows *gs_trace_rows_create(uint32_t index);
/* Empty it for another generation: its memory is kept. False: no memory. */
bool gs_trace_rows_reuse(gs_trace_rows *t, uint32_t index);
void gs_trace_rows_free(gs_trace_rows *t);
/* The next event of the generation; `events` is a gs_trace_rows. False: out of memory. */
bool gs_trace_rows_event(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err);
/* From the first one on: gs_trace_side_begin, then until it is false. */
gs_trace_side_walk gs_trace_side_begin(const gs_trace_side *s);
bool gs_trace_side_next(gs_trace_side_walk *w);
/* The index of a goroutine; GS_NO_INDEX: none, or no memory. */
uint32_t gs_trace_rows_goroutine(gs_trace_rows *t, uint64_t id);

#endif
