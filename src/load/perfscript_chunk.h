/*
 * One thread's part in reading a perf script text. It goes through pieces of the text one after the other and remembers what it
 * has seen: distinct stacks (by digest), comms and event names, with indexes of its own. Only what is new with a piece, and its
 * samples, have to be looked at in the order of the text.
 */
#ifndef GS_LOAD_PERFSCRIPT_CHUNK_H
#define GS_LOAD_PERFSCRIPT_CHUNK_H

#include "base/arena.h"
#include "base/digest.h"
#include "load/perf_samples.h"
#include "load/slice_map.h"

/* Text of a physical frame and of what is inlined into it, in the input. */
typedef struct gs_perfscript_group {
	gs_str text;
	gs_digest digest;
} gs_perfscript_group;

typedef struct gs_perfscript_stack {
	gs_digest digest;
	size_t first; /* of its groups, leaf first */
	uint32_t n;
} gs_perfscript_stack;

/* Distinct texts in the order in which they first came. */
typedef struct gs_text_list {
	gs_slice_map map; /* text -> index */
	GS_VEC(gs_str) texts;
	uint32_t last; /* the one asked for last, most likely the next too */
} gs_text_list;

typedef struct gs_perfscript_reader {
	const gs_digest_key *key;
	gs_arena *mem;
	gs_text_list comms, events;
	gs_digest_map stacks; /* index of `stack_list` */
	GS_VEC(gs_perfscript_stack) stack_list;
	GS_VEC(gs_perfscript_group) groups; /* of the stacks that are new with the last piece */
	GS_VEC(gs_perf_sample) samples; /* of the last piece: node, comm and event are indexes into the above */
	uint64_t n_skipped;		/* lines of the last piece */
	bool is_full;			/* memory is out */
} gs_perfscript_reader;

/* All readers of a text have the same key. Release it. */
void gs_perfscript_reader_init(gs_perfscript_reader *r, const gs_digest_key *key);
void gs_perfscript_reader_release(gs_perfscript_reader *r);
void gs_perfscript_reader_run(gs_perfscript_reader *r, gs_str text);

/* Cut the text where events end, into parts of about `bytes`. *list is malloc'ed; false when memory is out. */
bool gs_perfscript_split(gs_str text, size_t bytes, gs_str **list, size_t *n);

#endif
