/*
 * What retains the heap as a profile: a stack is the way from a holder down the dominator tree, a sample the objects that end there. So flat is what a step has itself
 * and cum what it retains, in any viewer of profiles.
 */
#ifndef GS_ANALYSIS_HEAP_PROFILE_H
#define GS_ANALYSIS_HEAP_PROFILE_H

#include "analysis/heap_paths.h"
#include "model/profile.h"

/* Types retained_objects (count) and retained_space (bytes). Frames have the file and line where one of them stands, goroutines those of their first
 * function. In `mem`. NULL with GS_ERR_LIMIT. */
gs_profile *gs_heap_profile(gs_arena *mem, const gs_heap *h, const gs_heap_paths *paths, const gs_heap_names *names, gs_err *err);
/* The same for all reports on a heap: behind these two types, where allocations were sampled, those of gs_heap_allocations, whose samples have stacks of calls. */
gs_profile *gs_heap_profile_of_all(gs_arena *mem, const gs_heap *h, const gs_heap_paths *paths, const gs_heap_names *names, gs_err *err);

#endif
