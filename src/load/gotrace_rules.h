/* gs_trace_rules: what an event makes of a goroutine, for the two ways of a trace into a document (gotrace_rows.h, gotrace_sums.h). */
#ifndef GS_LOAD_GOTRACE_RULES_H
#define GS_LOAD_GOTRACE_RULES_H

#include "format/gotrace/gotrace.h"
#include "model/timeline.h"

/* What becomes of the proc that the goroutine runs on, or that its system call holds. */
typedef enum gs_trace_hold {
	GS_TRACE_HOLD_SAME,
	GS_TRACE_HOLD_PROC, /* it runs, and in no system call */
	GS_TRACE_HOLD_SYSCALL, /* a system call begins on it */
	GS_TRACE_HOLD_NONE, /* a system call ends without it */
	GS_TRACE_HOLD_PROC_AGAIN, /* a system call ends with it */
} gs_trace_hold;

typedef struct gs_trace_rule {
	uint8_t phase; /* that it enters; 0: it is no transition */
	bool is_own; /* of the goroutine on which it happens; else of the one that is its first argument */
	bool creates;
	bool has_peer; /* the goroutine on which it happens */
	bool has_reason; /* its first argument */
	bool has_stack;
	uint8_t stack_at; /* argument */
	uint8_t new_stack_at; /* argument: with which it was created; 0: none */
	uint8_t hold;
} gs_trace_rule;

/* By type. */
extern const gs_trace_rule gs_trace_rules[256];

#endif
