/*
 * gs_trace_chunks: transitions of one generation, in the trace's order, become chunks of a timeline. Made on the thread that reads
 * the generation, so with ids of its own (goroutines, stacks, reasons, procs and threads as gotrace_rows.h numbers them), and with
 * times by the trace's clock; gotrace_build.c puts the timeline's in their place.
 *
 * Transitions wait as rows of 12 bytes until there are enough of them: a chunk is put together in the processor's cache, and what
 * is in flight is small whatever a generation is.
 */
#ifndef GS_LOAD_GOTRACE_CHUNK_H
#define GS_LOAD_GOTRACE_CHUNK_H

#include "base/buf.h"
#include "base/map.h"
#include "model/timeline.h"

#define GS_NO_LANE UINT16_MAX

/* Offsets within a chunk are 32 bits of nanoseconds. */
#define GS_TRACE_CHUNK_NS 4000000000

typedef struct gs_trace_piece {
	uint32_t goroutine;
	uint32_t n, first;
	uint32_t n_peers; /* then, while the chunk is put together, where the next one goes */
} gs_trace_piece;

/* A chunk that is done. `mem` has its columns, of exactly their size. */
typedef struct gs_trace_chunk {
	gs_arena *mem;
	int64_t base_ns, last_ns; /* times of the first transition and the last */
	uint32_t n, n_pieces, n_peers, n_kinds, n_places, n_rare;
	/* As gs_timeline_chunk has them; what they name has ids of the generation. */
	uint32_t *offset_ns, *peers, *peers_before, *rare_before;
	uint16_t *rare_kinds, *place16;
	uint8_t *kind, *place8;
	gs_timeline_kind *kinds;
	gs_timeline_place *places;
	gs_trace_piece *pieces;
	uint64_t first_event; /* number of the first transition's event */
	uint32_t *event; /* of the first chunk of a generation: the same of each transition; else NULL */
} gs_trace_chunk;

typedef struct gs_trace_row {
	uint32_t offset_ns, piece;
	uint16_t kind, place;
} gs_trace_row;

typedef struct gs_trace_cached {
	uint64_t key;
	uint32_t index; /* + 1; 0: nothing here */
} gs_trace_cached;

enum { GS_TRACE_KINDS_CACHED = 2048, GS_TRACE_PLACES_CACHED = 256 };

typedef struct gs_trace_chunks {
	GS_VEC(gs_trace_chunk) done;
	gs_trace_cached kinds_cached[GS_TRACE_KINDS_CACHED], places_cached[GS_TRACE_PLACES_CACHED];
	/* The chunk that is being filled. */
	GS_VEC(gs_timeline_kind) kinds;
	GS_VEC(gs_timeline_place) places;
	gs_map kind_index, place_index;
	GS_VEC(uint16_t) column; /* of kinds, while it is put together */
	uint32_t number;
	int64_t base_ns;
	uint64_t first_event;
	GS_VEC(gs_trace_row) rows;
	GS_VEC(gs_trace_piece) pieces;
	GS_VEC(uint32_t) peers; /* of rows that have one */
	GS_VEC(uint32_t) events;
} gs_trace_chunks;

/* Where a goroutine's piece in the chunk that is being filled is. All zero: it has none. */
typedef struct gs_trace_piece_at {
	uint32_t chunk; /* number + 1 */
	uint32_t piece;
} gs_trace_piece_at;

typedef struct gs_trace_transition {
	int64_t time_ns;
	uint64_t event;
	uint32_t goroutine, stack, peer;
	uint16_t proc, thread;
	uint8_t phase, reason, flags;
} gs_trace_transition;

/* All zero is empty. */
void gs_trace_chunks_release(gs_trace_chunks *c);
/* Empty it for another generation: its memory is kept. */
void gs_trace_chunks_clear(gs_trace_chunks *c);
/* A chunk as the timeline will have it, but for ids and the place of its pieces. */
gs_timeline_chunk gs_trace_chunk_view(const gs_trace_chunk *c);
/* The next transition; *at is of its goroutine. False: no memory. */
bool gs_trace_chunks_add(gs_trace_chunks *c, const gs_trace_transition *t, gs_trace_piece_at *at);
/* Everything that was added is in chunks now. */
bool gs_trace_chunks_flush(gs_trace_chunks *c);
/* A transition more in a chunk that is done, of a goroutine that may have no piece in it; t's time is within it. For few of them. */
bool gs_trace_chunks_insert(gs_trace_chunks *c, uint32_t chunk, const gs_trace_transition *t);

#endif
