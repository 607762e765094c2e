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

/*
 * The first transitions of a generation may turn out to have happened later than they say (gs_gotrace_stitched_time), and only the
 * first: so many of them are remembered with their events.
 */
enum { GS_TRACE_MAX_EARLY = 1 << 16 };

typedef struct gs_trace_piece {
	uint32_t goroutine;
	uint32_t n, first;
	uint32_t n_peers; /* then, while the chunk is put together, where the next one goes */
} gs_trace_piece;

/* Transition number `at` of a chunk, and the number of its event. */
typedef struct gs_trace_early {
	uint32_t at, event;
} gs_trace_early;

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
	gs_trace_early *early; /* of a generation's first GS_TRACE_MAX_EARLY transitions, and what was inserted among them; else NULL */
	uint32_t n_early;
} gs_trace_chunk;

typedef struct gs_trace_row {
	uint32_t offset_ns, piece;
	uint16_t kind, place;
} gs_trace_row;

typedef struct gs_trace_cached {
	uint64_t key;
	uint32_t index; /* + 1; 0: nothing here */
} gs_trace_cached;

enum { GS_TRACE_KINDS_CACHED = 2048, GS_TRACE_PLACES_CACHED = 256, GS_TRACE_MAX_CHUNK = 1 << 24 };

typedef struct gs_trace_chunks {
	GS_VEC(gs_trace_chunk) done;
	gs_trace_cached kinds_cached[GS_TRACE_KINDS_CACHED], places_cached[GS_TRACE_PLACES_CACHED];
	/* The chunk that is being filled. */
	GS_VEC(gs_timeline_kind) kinds;
	GS_VEC(uint32_t) kind_uses; /* of each */
	GS_VEC(gs_timeline_place) places;
	gs_map kind_index, place_index;
	GS_VEC(uint16_t) column; /* of kinds, where they are more than a byte has numbers for, while it is put together */
	uint32_t number;
	int64_t base_ns;
	uint64_t first_event;
	GS_VEC(gs_trace_row) rows;
	GS_VEC(gs_trace_piece) pieces;
	GS_VEC(uint32_t) peers; /* of rows that have one */
	GS_VEC(uint32_t) events; /* of the first rows of the generation */
	/* The first transition behind these. */
	uint64_t late_event;
	int64_t late_ns;
	bool has_late;
	size_t n_quick; /* until it has so many rows, gs_trace_chunks_add_quick may add another one */
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
/* What is added at that time is not the first of a chunk. */
static inline bool gs_trace_chunks_is_quick(const gs_trace_chunks *c, int64_t time_ns)
{
	return c->rows.n < c->n_quick && time_ns - c->base_ns < GS_TRACE_CHUNK_NS;
}

/* Where the goroutine's piece is, made if need be. False: no memory. */
static inline bool gs_trace_chunks_meet(gs_trace_chunks *c, uint32_t goroutine, gs_trace_piece_at *at)
{
	gs_trace_piece *fresh;

	if (at->chunk == c->number + 1)
		return true;
	fresh = gs_vec_push(&c->pieces, GS_TRACE_MAX_CHUNK);
	if (!fresh)
		return false;
	fresh->goroutine = goroutine;
	*at = (gs_trace_piece_at){ c->number + 1, (uint32_t)c->pieces.n - 1 };
	return true;
}

/* Its event is remembered while it may have happened later. False: no memory. */
static inline bool gs_trace_chunks_remember(gs_trace_chunks *c, uint64_t number, int64_t time_ns)
{
	uint32_t *event;

	if (c->has_late)
		return true;
	if (c->done.n || c->events.n == GS_TRACE_MAX_EARLY) {
		c->has_late = true;
		c->late_event = number;
		c->late_ns = time_ns;
		return true;
	}
	event = gs_vec_push(&c->events, GS_TRACE_MAX_EARLY);
	if (event)
		*event = (uint32_t)number;
	return event != NULL;
}

/*
 * gs_trace_chunks_add while gs_trace_chunks_is_quick, of a kind and a place that the chunk has: their numbers are those of a row that
 * was added to it before.
 */
static inline bool gs_trace_chunks_add_quick(gs_trace_chunks *c, int64_t time_ns, uint64_t event, uint32_t goroutine, uint32_t kind,
					     uint32_t place, bool has_peer, uint32_t peer, gs_trace_piece_at *at)
{
	gs_trace_row *row;
	uint32_t *to;

	if (!gs_trace_chunks_meet(c, goroutine, at) || !gs_trace_chunks_remember(c, event, time_ns))
		return false;
	row = &c->rows.p[c->rows.n++];
	row->offset_ns = (uint32_t)(time_ns - c->base_ns);
	row->piece = at->piece;
	row->kind = (uint16_t)kind;
	row->place = (uint16_t)place;
	c->pieces.p[at->piece].n++;
	c->kind_uses.p[kind]++;
	if (!has_peer)
		return true;
	c->pieces.p[at->piece].n_peers++;
	to = gs_vec_push(&c->peers, GS_TRACE_MAX_CHUNK);
	if (to)
		*to = peer;
	return to != NULL;
}

/* Everything that was added is in chunks now. */
bool gs_trace_chunks_flush(gs_trace_chunks *c);
/* A transition more in a chunk that is done, of a goroutine that may have no piece in it; t's time is within it. For few of them. */
bool gs_trace_chunks_insert(gs_trace_chunks *c, uint32_t chunk, const gs_trace_transition *t);

#endif
