/*
 * gs_filter: a small expression language over single samples, the same on the command line, in the API and in the page.
 *
 *	function == "main.handle" && goroutine == 7 && time in 1.2s..1.4s
 *	package =~ "^github.com/" && !(leaf == "runtime.mallocgc") && label["path"] in ("/a", "/b")
 *
 * Fields of the stack are true when any of its frames is: function, file, package, binary; leaf and root are the functions at
 * its two ends. Numbers: goroutine, thread, pid, cpu, depth, value, time (since the input's start). label["key"] is either.
 * Operators: == != < <= > >= and =~ !~ (regular expressions); "in" takes a range a..b (a counts, b does not; one may be left
 * out) or a list (a, b, c). && || ! and parentheses join. Numbers may carry a unit: 1.4s, 300us, 64kB, 1e6.
 * docs/filter.md is the user's page.
 */
#ifndef GS_ANALYSIS_FILTER_H
#define GS_ANALYSIS_FILTER_H

#include "base/err.h"
#include "model/profile.h"

typedef struct gs_filter gs_filter;

/* GS_ERR_USAGE says what was expected and at which character. Lives in `mem`; `text` is copied. */
gs_filter *gs_filter_parse(gs_arena *mem, gs_str text, gs_err *err);

/* It asks for a field that single samples have: goroutine, thread, pid, cpu, time. */
bool gs_filter_needs_samples(const gs_filter *f);

/* A filter made ready for one profile: what it asks of stacks is worked out once, by node. */
typedef struct gs_filter_bound gs_filter_bound;

/* GS_ERR_USAGE when it asks for what the profile does not know (no goroutines, no times ...). */
gs_filter_bound *gs_filter_bind(gs_arena *mem, const gs_filter *f, const gs_profile *p, gs_err *err);
/* `type`: the sample type that `value` means. */
bool gs_filter_match(const gs_filter_bound *b, uint32_t sample, uint32_t type);
/* A sample that is in no column: what the filter may ask of it. */
typedef struct gs_filter_sample {
	uint32_t node, labels;
	uint32_t thread, cpu;
	uint64_t goroutine;
	int64_t time_ns, value;
} gs_filter_sample;
/* For such samples, whatever columns the profile has; they have no process. */
gs_filter_bound *gs_filter_bind_given(gs_arena *mem, const gs_filter *f, const gs_profile *p, gs_err *err);
bool gs_filter_match_given(const gs_filter_bound *b, const gs_filter_sample *given, uint32_t type);
/* Whether a stack could belong to a match, all that is not asked of stacks left open. */
bool gs_filter_match_node(const gs_filter_bound *b, uint32_t node);

#endif
