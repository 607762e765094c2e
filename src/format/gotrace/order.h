/*
 * The scheduler's state while a trace is read: says whether an event may come next, and what it does. Inside format/gotrace only.
 * Follows internal/trace/order.go of the Go tree rule by rule.
 */
#ifndef GS_FORMAT_GOTRACE_ORDER_H
#define GS_FORMAT_GOTRACE_ORDER_H

#include "format/gotrace/generation.h"

typedef struct gs_gotrace_order gs_gotrace_order;

typedef enum gs_gotrace_advance {
	GS_GOTRACE_YES,	    /* it came next; out[] holds what happened */
	GS_GOTRACE_NOT_YET, /* something on another thread comes first */
	GS_GOTRACE_BROKEN,  /* *err says why */
} gs_gotrace_advance;

enum { GS_GOTRACE_MAX_OUT = 3 }; /* a GoSwitch is three events */

gs_gotrace_order *gs_gotrace_order_create(void); /* NULL: no memory */
void gs_gotrace_order_free(gs_gotrace_order *o);

/* `e` has type, time and args; `at` is its offset in the file. Generation numbers must rise. */
gs_gotrace_advance gs_gotrace_order_advance(gs_gotrace_order *o, const gs_gotrace_generation *g, gs_gotrace_event *e, uint64_t m,
					    uint64_t at, gs_gotrace_event *out, unsigned *n_out, gs_err *err);

#endif
