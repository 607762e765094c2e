/*
 * Stacks of a trace by creation tree: in front of a goroutine's stack goes that of its creator at the `go` statement, in front of
 * that the creator's creator, up to main or to where the trace does not know. Where goroutines create their own kind for ever,
 * those beyond GS_MAX_CREATORS come under the last creator counted.
 */
#ifndef GS_ANALYSIS_TRACE_CREATION_H
#define GS_ANALYSIS_TRACE_CREATION_H

#include "model/timeline.h"

enum { GS_MAX_CREATORS = 64 };

typedef struct gs_creation gs_creation;

/* NULL when memory is out. Released with `mem`. */
gs_creation *gs_creation_create(gs_arena *mem, const gs_timeline *t, const gs_profile *p);
/* The node of the goroutine's stack with its creators' in front. GS_NO_ID when memory is out; GS_NO_INDEX has no creator. */
uint32_t gs_creation_node(gs_creation *c, uint32_t goroutine, uint32_t node);
/* The nodes that were given out, and the profile's own, become those of `p`. Nothing can be asked afterwards. */
bool gs_creation_finish(gs_creation *c, gs_profile *p);

#endif
