/*
 * One thread's part in reading a perf script text. It goes through pieces of the text one after the other and remembers what it
 * has seen: distinct stacks, frames, comms and event names, with indexes of its own. Only what is new with a piece, and its
 * samples, have to be looked at in the order of the text.
 */
#ifndef GS_LOAD_PERFSCRIPT_CHUNK_H
#define GS_LOAD_PERFSCRIPT_CHUNK_H

#include "base/arena.h"
#include "load/perf_samples.h"
#include "load/slice_map.h"

/* Text of a physical frame and of what is inlined into it, a copy of the reader's. */
typedef struct gs_perfscript_text {
	gs_str text;
	bool is_leaf; /* Apart, because a caller's address is that of a return. */
	bool is_open; /* ends in an inlined frame: whether more belongs to it depends on what follows */
} gs_perfscript_text;

/* Frames of a distinct stack in `stack_frames`, leaf first. */
typedef struct gs_perfscript_stack {
	gs_str text; /* in the input */
	uint64_t hash;
	uint32_t first, n;
} gs_perfscript_stack;

/* Distinct texts in the order in which they first came. */
typedef struct gs_text_list {
	gs_slice_map map; /* text -> index */
	GS_VEC(gs_str) texts;
} gs_text_list;

typedef struct gs_perfscript_reader {
	gs_arena *mem;
	gs_text_list comms, events;
	gs_slice_map stacks;		/* text -> index of `stack_list` */
	gs_slice_map leaves, callers;	/* text -> index of `frames` */
	GS_VEC(gs_perfscript_text) frames; /* [0] is none */
	GS_VEC(gs_perfscript_stack) stack_list;
	GS_VEC(uint32_t) stack_frames;
	uint32_t *recent; /* frames by how their text begins: found without looking for its end */
	GS_VEC(gs_perf_sample) samples; /* of the last piece: node, comm and event are indexes into the above */
	uint64_t n_skipped;		/* lines of the last piece */
	bool is_full;			/* memory is out */
} gs_perfscript_reader;

/* False when memory is out; release in any case. */
bool gs_perfscript_reader_init(gs_perfscript_reader *r);
void gs_perfscript_reader_release(gs_perfscript_reader *r);
void gs_perfscript_reader_run(gs_perfscript_reader *r, gs_str text);

/* Cut the text where events end, into parts of about `bytes`. *list is malloc'ed; false when memory is out. */
bool gs_perfscript_split(gs_str text, size_t bytes, gs_str **list, size_t *n);

#endif
