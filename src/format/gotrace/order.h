/*
 * The scheduler's state while a trace is read: says whether an event may come next, and what it does. Inside format/gotrace only.
 * Follows internal/trace/order.go of the Go tree rule by rule.
 */
#ifndef GS_FORMAT_GOTRACE_ORDER_H
#define GS_FORMAT_GOTRACE_ORDER_H

#include "format/gotrace/generation.h"

typedef struct gs_gotrace_order gs_gotrace_order;

typedef enum gs_gotrace_advance {
	GS_GOTRACE_YES,	    /* it came next, and the event tells all about it */
	GS_GOTRACE_NOT_YET, /* something on another thread comes first; the event is as it was */
	GS_GOTRACE_BROKEN,  /* the error says why */
} gs_gotrace_advance;

gs_gotrace_order *gs_gotrace_order_create(void); /* NULL: no memory */
/* Back to what it was when it was made: its memory is kept, and fresh memory costs more than what is written to it. False: no memory. */
bool gs_gotrace_order_reuse(gs_gotrace_order *o);
void gs_gotrace_order_free(gs_gotrace_order *o);

/* The events of a generation, in order. */
typedef struct gs_gotrace_run {
	bool (*event)(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err);
	void *ctx;
	int64_t last_ns; /* times rise from here: in and out */
	uint64_t events; /* out */
	bool sink_failed; /* out: the error is the sink's */
	bool is_reread; /* in: what was read may go back to the system, and is read again when it is looked at after all */
	bool is_cut; /* out: events name tables that the file ends before; they were delivered all the same */
	/* Out, on failure: of events that were not delivered, how many bytes, and the latest time that they claim. */
	uint64_t lost_bytes;
	int64_t lost_until_ns;
} gs_gotrace_run;

/*
 * Decode and order one generation (frontier.c). `is_open`: nothing is known of what came before; the order must be fresh. Else `o`
 * has been through all generations before. False: err is filled; events before the failure were delivered.
 */
bool gs_gotrace_order_run(gs_gotrace_order *o, const gs_gotrace_generation *g, bool is_open, gs_gotrace_run *run, gs_err *err);

/* A thread that wrote in the last generation has no batch in g: if g lacks batches, it may be all that the thread did. */
bool gs_gotrace_order_misses_thread(const gs_gotrace_order *o, const gs_gotrace_generation *g);

/*
 * After open `later` went through a generation without failing, whose tables must still be there: make `o`, which has been through
 * all before it, what it would be after it, and give the corrections to the events, in order (to be freed). False: the generation
 * cannot follow what came before, or that needs more than corrections; `o` is unchanged then. *err is filled for lack of memory
 * only, and then `o` is of no further use.
 */
bool gs_gotrace_order_stitch(gs_gotrace_order *o, gs_gotrace_order *later, gs_gotrace_correction **corrections, size_t *n,
			     gs_err *err);

/* Inside the frontier: one event `e` (type, m, time and args) of thread number `m` of the order. */
gs_gotrace_advance gs_gotrace_order_advance(gs_gotrace_order *o, uint32_t m, gs_gotrace_event *e);

#endif
