/* How much of a Go trace that is still being written can be read for good. */
#ifndef GS_LOAD_GOTRACE_WHOLE_H
#define GS_LOAD_GOTRACE_WHOLE_H

#include "base/str.h"

/*
 * Where in the first `size` bytes of a file its last whole generation ends that something follows, or that says so itself (Go 1.26). `from` is an
 * answer of before, 0 at first: only what lies behind it is read, as a copy, so that a file which is cut short meanwhile does no
 * harm. 0: there is none, or it is no trace of Go 1.22 or later.
 */
uint64_t gs_gotrace_whole_until(const char *path, uint64_t from, uint64_t size);

#endif
