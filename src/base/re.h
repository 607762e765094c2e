/*
 * gs_re: regular expressions in Go's (RE2) syntax, by PCRE2 with its match limits on, so that a hostile pattern ends
 * with "no match" instead of hanging. Immutable after compile: any number of threads.
 */
#ifndef GS_BASE_RE_H
#define GS_BASE_RE_H

#include "base/arena.h"
#include "base/err.h"

typedef struct gs_re gs_re;

/* GS_ERR_USAGE with the place and reason. The result is freed with the arena. */
gs_re *gs_re_compile(gs_arena *mem, gs_str pattern, gs_err *err);
/* Unanchored. */
bool gs_re_match(const gs_re *re, gs_str subject);
/* The first match's place. False when there is none. */
bool gs_re_find(const gs_re *re, gs_str subject, size_t *from, size_t *to);
gs_str gs_re_pattern(const gs_re *re);

#endif
