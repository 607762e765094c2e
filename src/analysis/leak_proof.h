/*
 * Which goroutines can never go on: they wait for others, and nothing that can ever run has a way to what they wait for. Starts from what lives anyway
 * (variables, goroutines that run or wait for time, network or the kernel, finalizers), follows pointers; a goroutine whose
 * channel, lock or condition comes within reach may be woken, so all that it holds is within reach too; until nothing changes.
 * Authority: runtime/mgc.go of Go 1.27 (goroutine leak detection); Saioc et al., "Dynamic partial deadlock detection and recovery via garbage collection",
 * ASPLOS 2025. That the runtime itself lists all goroutines and waiters keeps nobody's channel within reach.
 *
 * A value of less than 16 bytes without pointers (a mutex alone) shares its place in memory with others, which the runtime keeps or frees as one. A pointer
 * to such a neighbour is no way to the lock, where its type or what it points to tell that: nothing in Go leads from one variable to another beside it.
 *
 * What cannot be told counts as "may go on": a goroutine that is about to be woken, waits for a timer's channel or for something outside the heap.
 */
#ifndef GS_ANALYSIS_LEAK_PROOF_H
#define GS_ANALYSIS_LEAK_PROOF_H

#include "base/err.h"
#include "base/progress.h"
#include "model/heap.h"

typedef enum gs_leak_state {
	GS_LEAK_RUNS,  /* goes on by itself, or may: not one that waits for others */
	GS_LEAK_WAITS, /* for what is within reach of somebody */
	GS_LEAK_STUCK, /* for ever: proven */
} gs_leak_state;

/* All pointers of `from` (as in gs_leak_proof.from) into `object` lead to neighbours of the locks in it. */
typedef struct gs_leak_beside {
	uint32_t from, object;
} gs_leak_beside;

typedef struct gs_leak_proof {
	uint8_t *state; /* of each goroutine: gs_leak_state */
	/* Of each object how it came within reach: from the object of that number; by root `value - n_objects`; as the record of goroutine `value - n_objects -
	 * n_roots`; GS_HEAP_NONE: out of reach, so only what is stuck holds it. */
	uint32_t *from;
	/* Of each goroutine that waits the object that may wake it; GS_HEAP_NONE. */
	uint32_t *woken_by;
	/* Rows in compressed form: indices of the roots of each goroutine; the last row's are of none. */
	uint32_t *root_at, *root_of;
	uint64_t *is_waiter; /* a bit for each object: a record of somebody's wait (sudog), or of a goroutine; part of no way */
	gs_leak_beside *beside; /* in order */
	uint32_t n_beside;
	uint32_t n_stuck, n_waiting;
	bool is_main_stuck;  /* counted in n_stuck: see gs_leak_is_main */
} gs_leak_proof;

/* In `mem`. GS_ERR_LIMIT, GS_ERR_STOPPED. */
bool gs_leak_prove(gs_arena *mem, const gs_heap *h, const gs_progress *progress, gs_leak_proof *out, gs_err *err);

/* Is this no way to the locks in the object? */
bool gs_leak_leads_beside(const gs_leak_proof *p, uint32_t from, uint32_t object);

/* The first goroutine: that it waits for ever is how many programs keep running. */
bool gs_leak_is_main(const gs_heap *h, uint32_t goroutine);
/* Does it wait for other goroutines (channels, select, package sync), and not for time, network ...? */
bool gs_leak_waits_for_others(const gs_heap *h, uint32_t goroutine);

#endif
