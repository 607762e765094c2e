/*
 * One thread's part in reading a perf script text. It goes through pieces of the text one after the other and remembers what it
 * has seen: distinct stacks (by digest), comms and event names, with numbers of its own. Only what is new with a piece, and its
 * samples, have to be looked at in the order of the text.
 */
#ifndef GS_LOAD_PERFSCRIPT_CHUNK_H
#define GS_LOAD_PERFSCRIPT_CHUNK_H

#include "base/arena.h"
#include "base/digest.h"
#include "load/perf_samples.h"
#include "load/slice_map.h"

/*
 * Stacks that are probably in the profile by now, a bit for some of them each: written while they are taken in order, looked at by
 * all readers, which then save themselves the parsing. Wrong is no harm.
 */
enum { GS_PERFSCRIPT_KNOWN_WORDS = 1 << 14 };
typedef struct gs_perfscript_known {
	_Atomic uint64_t bits[GS_PERFSCRIPT_KNOWN_WORDS];
} gs_perfscript_known;

void gs_perfscript_known_set(gs_perfscript_known *k, gs_digest stack);

typedef struct gs_perfscript_stack {
	gs_digest digest;
	gs_str text; /* lines of frames, leaf first, in the input */
	size_t first; /* of its groups in the piece, leaf first */
	uint32_t n;
	bool is_parsed; /* else it has no groups yet: it is taken for known */
} gs_perfscript_stack;

/* A piece of the text, read. Numbers of stacks, comms and events are the reader's. */
typedef struct gs_perfscript_piece {
	GS_VEC(gs_perf_sample) samples;
	GS_VEC(gs_perfscript_stack) stacks; /* new to the reader: their numbers go on from those of its pieces before */
	/* Groups of the stacks: a physical frame and what is inlined into it each. Texts are only looked at when the digest is new. */
	GS_VEC(gs_digest) group_digests;
	GS_VEC(gs_str) group_texts; /* in the input */
	GS_VEC(gs_str) comms, events; /* likewise; the texts are the reader's */
	uint64_t n_skipped;	      /* lines */
	bool is_full;		      /* memory is out */
} gs_perfscript_piece;

void gs_perfscript_piece_release(gs_perfscript_piece *p);

typedef struct gs_perfscript_reader {
	const gs_digest_key *key;
	const gs_perfscript_known *known;
	gs_arena *mem;
	gs_slice_map comms, events; /* numbers */
	gs_str last_comm, last_event;
	uint32_t last_comm_index, last_event_index;
	gs_digest_map stacks;
} gs_perfscript_reader;

/* All readers of a text have the same key. Release it. */
void gs_perfscript_reader_init(gs_perfscript_reader *r, const gs_digest_key *key, const gs_perfscript_known *known);
void gs_perfscript_reader_release(gs_perfscript_reader *r);
/* *out is filled anew; its memory is used again. */
void gs_perfscript_reader_run(gs_perfscript_reader *r, gs_str text, gs_perfscript_piece *out);

/* Find the groups of a stack of the piece. False when memory is out. */
bool gs_perfscript_parse_stack(const gs_digest_key *key, gs_perfscript_stack *s, gs_perfscript_piece *p);

/*
 * Part i of the text when it is cut into parts of about `bytes` where events end. It is empty where none ends in so many bytes: the
 * part before goes on then.
 */
gs_str gs_perfscript_part(gs_str text, size_t bytes, size_t i);
static inline size_t gs_perfscript_parts(gs_str text, size_t bytes)
{
	return text.n / bytes + 1;
}

#endif
