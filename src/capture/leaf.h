/*
 * The caller that a walk over frame pointers misses. A function that keeps no frame (memmove, a system call, anything small in
 * assembly) or is at its first or last instructions is followed in the chain by its caller's caller. Go's own table of stack
 * depths (pcsp in pclntab) says where the return address lies, so the caller can be put back.
 */
#ifndef GS_CAPTURE_LEAF_H
#define GS_CAPTURE_LEAF_H

#include "capture/perf_records.h"

typedef struct gs_leaf gs_leaf;

gs_leaf *gs_leaf_create(void); /* NULL: out of memory */
void gs_leaf_free(gs_leaf *l);

/* An executable mapping of a process; `file` is where we can read it. Files that are no Go programs cost nothing later. */
void gs_leaf_map(gs_leaf *l, uint32_t pid, uint64_t start, uint64_t limit, uint64_t offset, const char *file);

/* The return address that should follow top->ip, 0 when the tables do not tell. */
uint64_t gs_leaf_caller(gs_leaf *l, uint32_t pid, const gs_perf_user_top *top);

#endif
