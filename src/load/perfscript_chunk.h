/*
 * A part of a perf script text, read by one thread: its events with indexes into the part's own lists of distinct stacks, frames,
 * comms and event names. Only these lists have to be looked at one after the other.
 */
#ifndef GS_LOAD_PERFSCRIPT_CHUNK_H
#define GS_LOAD_PERFSCRIPT_CHUNK_H

#include "load/perf_samples.h"
#include "load/slice_map.h"

/* Distinct texts in the order in which they first came. */
typedef struct gs_text_list {
	gs_slice_map map; /* text -> index */
	GS_VEC(gs_str) texts;
} gs_text_list;

/* Frames of a distinct stack in `stack_frames`, leaf first: the leaf's index is of `leaves`, the others' of `callers`. */
typedef struct gs_perfscript_stack {
	uint32_t first, n;
} gs_perfscript_stack;

typedef struct gs_perfscript_chunk {
	gs_str text;
	gs_text_list stacks, comms, events;
	/* Text of a physical frame and of what is inlined into it. Apart, because a caller's address is that of a return. */
	gs_text_list leaves, callers;
	GS_VEC(gs_perfscript_stack) stack_list; /* by the index of `stacks` */
	GS_VEC(uint32_t) stack_frames;
	GS_VEC(gs_perf_sample) samples; /* node, comm and event are indexes into the lists */
	uint64_t n_skipped;
	bool is_full; /* memory is out */
} gs_perfscript_chunk;

/* Cut the text where events end, into parts of about `bytes`. *list is malloc'ed; false when memory is out. */
bool gs_perfscript_split(gs_str text, size_t bytes, gs_perfscript_chunk **list, size_t *n);
void gs_perfscript_chunk_read(gs_perfscript_chunk *c);
void gs_perfscript_chunk_release(gs_perfscript_chunk *c);

#endif
