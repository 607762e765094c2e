/*
 * The text that `perf script` prints: a header line for each event, then its stack, leaf first, then a blank line.
 * Printed by tools/perf/builtin-script.c and util/evsel_fprintf.c; fields come and go with -F and the perf version.
 * See docs/formats/perf-script.md.
 *
 * Built for speed: an event hands out its stack as one slice, so that a caller who has seen the same bytes before need not
 * look inside; the same for the text of one frame.
 */
#ifndef GS_FORMAT_PERFSCRIPT_PERFSCRIPT_H
#define GS_FORMAT_PERFSCRIPT_PERFSCRIPT_H

#include "base/err.h"
#include "base/str.h"

typedef struct gs_perfscript_event {
	gs_str comm;
	gs_str event; /* "cycles:u", "sched:sched_switch"; empty when not printed */
	gs_str details; /* what follows the event's name on the header line: tracepoint fields, or the one frame */
	gs_str stack;	  /* lines of frames */
	int64_t time_ns;  /* perf's clock; -1 not printed */
	int64_t period;	  /* -1 not printed */
	int64_t pid, tid; /* -1 not printed; perf prints a lone number for the tid */
	int64_t cpu;	  /* -1 not printed */
	uint64_t at;	  /* byte offset of the header */
} gs_perfscript_event;

typedef struct gs_perfscript_frame {
	uint64_t ip;	 /* 0 not printed */
	gs_str symbol;	 /* "[unknown]" as perf says it; may hold blanks and parentheses */
	uint64_t offset; /* into the symbol */
	bool has_offset;
	gs_str dso; /* "[kernel.kallsyms]", "/usr/bin/x", "inlined" is told by is_inlined instead; empty not printed */
	uint64_t dso_offset; /* -F +dsoff, else 0 */
	gs_str file;	     /* -F +srcline */
	uint64_t line;
	bool is_inlined; /* into the next frame, which has the same ip */
	bool is_kernel;
} gs_perfscript_frame;

typedef struct gs_perfscript {
	gs_str text, rest;
	uint64_t n_skipped; /* lines that are neither comment nor event nor frame */
} gs_perfscript;

static inline gs_perfscript gs_perfscript_of(gs_str text)
{
	return (gs_perfscript){ text, text, 0 };
}

/* Whether the beginning of a file looks like perf script. */
bool gs_perfscript_is(gs_str head);
/* The next event; false at the end. */
bool gs_perfscript_next(gs_perfscript *s, gs_perfscript_event *out);
/* Take the text of the next frame (one line, and its source line when there is one) off *stack. */
bool gs_perfscript_frame_text(gs_str *stack, gs_str *text);
/* perf puts a source line under its frame, behind two blanks; a frame has its address right-aligned in 16 columns. */
static inline bool gs_perfscript_is_source_line(const char *p, const char *end)
{
	return end - p > 2 && p[0] == ' ' && p[1] == ' ' && p[2] != ' ' && p[2] != '\t' &&
	       p[2] != '\n';
}
/* False when it is not a frame. */
bool gs_perfscript_frame_parse(gs_str text, gs_perfscript_frame *out);
/* `# key : value` of the --header lines, such as "hostname", "cmdline", "captured on"; empty when absent. */
gs_str gs_perfscript_header(gs_str text, const char *key);

#endif
