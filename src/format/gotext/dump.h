/*
 * Goroutine dumps: /debug/pprof/goroutine?debug=2, panics, fatal errors, SIGQUIT, debug.Stack, alone or inside a log.
 * Printed by runtime/traceback.go and runtime/panic.go; details and versions seen in docs/formats/goroutine-dump.md.
 */
#ifndef GS_FORMAT_GOTEXT_DUMP_H
#define GS_FORMAT_GOTEXT_DUMP_H

#include "base/arena.h"
#include "base/err.h"
#include "format/gotext/quoted.h"

typedef struct gs_dump_frame {
	gs_str function; /* as printed, without the argument list */
	gs_str args;	 /* between the parentheses; "..." when inlined */
	gs_str file;	 /* empty when unknown */
	uint64_t line;
	uint64_t entry_offset; /* the `+0x1b` after the line, 0 when absent */
	uint64_t pc;	       /* 0 unless the dump has it (GOTRACEBACK=system, cgo frames) */
	uint64_t
		n_elided; /* this is no frame but "...N frames elided..."; UINT64_MAX when no number is told */
	bool is_inlined; /* into the next frame */
} gs_dump_frame;

typedef struct gs_dump_goroutine {
	uint64_t id;
	gs_str state; /* "chan receive", without what follows */
	uint64_t wait_minutes;
	uint64_t bubble;		/* of testing/synctest, 0 none */
	uint32_t first_frame, n_frames; /* leaf first */
	uint32_t first_label, n_labels;
	gs_dump_frame creator; /* function empty: none printed */
	uint64_t creator_id;   /* 0 unknown */
	uint64_t at;	       /* byte offset of its header */
	bool is_locked, is_leaked, is_scanned, is_elided, is_unavailable;
} gs_dump_goroutine;

typedef struct gs_dump {
	gs_dump_goroutine *goroutines;
	gs_dump_frame *frames;
	gs_text_label *labels;
	uint32_t n_goroutines, n_frames, n_labels;
	gs_str header; /* panic, fatal error or signal text before the first goroutine; may be empty */
	uint64_t n_noise; /* lines inside goroutines that are no part of a dump */
} gs_dump;

/* Whether a goroutine header stands in the first bytes of `text` (give it what you are ready to have searched). */
bool gs_dump_is(gs_str text);

/*
 * Slices point into `text` or, where a log had it escaped, into `mem`. GS_ERR_FORMAT when there is no goroutine in it,
 * GS_ERR_LIMIT beyond the arena's budget.
 */
bool gs_dump_parse(gs_arena *mem, gs_str text, gs_dump *out, gs_err *err);

#endif
