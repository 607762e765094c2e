/*
 * gs_goroutines: a dump with one entry per goroutine (debug=2, panic, SIGQUIT). Stacks are nodes of the document's profile.
 */
#ifndef GS_MODEL_GOROUTINES_H
#define GS_MODEL_GOROUTINES_H

#include "model/profile.h"

typedef struct gs_goroutine {
	uint64_t id;
	uint32_t state;	      /* string id: "chan receive", "running", "IO wait" ... */
	int64_t wait_ns;      /* as the dump says (whole minutes), 0 when it does not */
	uint32_t node;	      /* its stack in the profile */
	uint32_t labels;      /* label set of the profile */
	uint32_t creator;     /* frame id of the `created by` line, 0 when there is none */
	uint64_t creator_id;  /* goroutine that created it, 0 unknown (before Go 1.21) */
	uint32_t args;	      /* string id: the argument texts of its frames leaf first, '\n' between frames; 0 when unknown */
	bool is_locked;	      /* locked to thread */
	bool is_leaked;	      /* Go's own leak mark */
	bool is_elided;	      /* frames were left out by the runtime */
} gs_goroutine;

typedef struct gs_goroutines {
	gs_goroutine *list;
	uint32_t n;
	gs_str header; /* text before the first goroutine: panic message, fatal error, signal */
} gs_goroutines;

#endif
