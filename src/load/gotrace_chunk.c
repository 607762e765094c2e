#include "load/gotrace_chunk.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	CHUNK_ROWS = 1 << 18, /* their columns fit into a cache */
	PIECE_ROWS = 8,	      /* but so many for each goroutine: pieces have a price too */
	MAX_ROWS = GS_TRACE_MAX_CHUNK,
	MAX_NEW = 60000,   /* kinds or places that a chunk gets from its transitions; what is inserted has room behind them */
	MAX_WORDS = 65535, /* of them */
};

static void release_chunk(gs_trace_chunk *c)
{
	gs_arena_free(c->mem);
	free(c->pieces);
	free(c->early);
	*c = (gs_trace_chunk){ 0 };
}

static void forget_dictionary(gs_trace_chunks *c)
{
	c->kinds.n = c->kind_uses.n = c->places.n = 0;
	gs_map_clear(&c->kind_index);
	gs_map_clear(&c->place_index);
	memset(c->kinds_cached, 0, sizeof(c->kinds_cached));
	memset(c->places_cached, 0, sizeof(c->places_cached));
}

void gs_trace_chunks_clear(gs_trace_chunks *c)
{
	for (size_t i = 0; i < c->done.n; i++)
		release_chunk(&c->done.p[i]);
	c->done.n = 0;
	c->rows.n = c->pieces.n = c->peers.n = c->events.n = c->n_quick = 0;
	c->number = 0;
	c->has_late = false;
	forget_dictionary(c);
}

void gs_trace_chunks_release(gs_trace_chunks *c)
{
	gs_trace_chunks_clear(c);
	gs_map_release(&c->kind_index);
	gs_map_release(&c->place_index);
	gs_vec_release(&c->done);
	gs_vec_release(&c->kinds);
	gs_vec_release(&c->kind_uses);
	gs_vec_release(&c->places);
	gs_vec_release(&c->column);
	gs_vec_release(&c->rows);
	gs_vec_release(&c->pieces);
	gs_vec_release(&c->peers);
	gs_vec_release(&c->events);
}

/* ---- dictionaries ---- */

/* Index of a key that the cache does not have. UINT32_MAX: no memory, or the dictionary is full. */
static uint32_t find_key(gs_map *index, gs_trace_cached *cached, uint64_t key, size_t n, bool *is_new)
{
	uint32_t *slot = gs_map_put(index, key, is_new);

	if (!slot || (*is_new && n >= MAX_NEW))
		return UINT32_MAX;
	if (*is_new)
		*slot = (uint32_t)n;
	*cached = (gs_trace_cached){ key, *slot + 1 };
	return *slot;
}

static uint32_t kind_of(gs_trace_chunks *c, const gs_trace_transition *t)
{
	uint64_t key = (uint64_t)t->stack << 24 | (uint64_t)t->flags << 16 | (uint64_t)t->phase << 8 | t->reason;
	gs_trace_cached *cached = &c->kinds_cached[(t->stack * 8u + t->phase) % GS_TRACE_KINDS_CACHED];
	gs_timeline_kind *fresh;
	uint32_t index;
	bool is_new;

	if (cached->index && cached->key == key)
		return cached->index - 1;
	index = find_key(&c->kind_index, cached, key, c->kinds.n, &is_new);
	if (index == UINT32_MAX || !is_new)
		return index;
	fresh = gs_vec_push(&c->kind_uses, MAX_NEW) ? gs_vec_push(&c->kinds, MAX_NEW) : NULL;
	if (!fresh)
		return UINT32_MAX;
	*fresh = (gs_timeline_kind){ t->stack, t->phase, t->reason, t->flags };
	return index;
}

static uint32_t place_of(gs_trace_chunks *c, const gs_trace_transition *t)
{
	uint64_t key = (uint64_t)t->proc << 16 | t->thread;
	gs_trace_cached *cached = &c->places_cached[(t->proc * 31u + t->thread) % GS_TRACE_PLACES_CACHED];
	gs_timeline_place *fresh;
	uint32_t index;
	bool is_new;

	if (cached->index && cached->key == key)
		return cached->index - 1;
	index = find_key(&c->place_index, cached, key, c->places.n, &is_new);
	if (index == UINT32_MAX || !is_new)
		return index;
	fresh = gs_vec_push(&c->places, MAX_NEW);
	if (!fresh)
		return UINT32_MAX;
	*fresh = (gs_timeline_place){ t->proc, t->thread };
	return index;
}

/* ---- rows to columns ---- */

/* Of a chunk whose counts are known. */
static bool make_columns(gs_trace_chunk *to)
{
	size_t n = to->n, n_marks = n / 64 + 1;
	bool has_many_places = to->n_places > UINT8_MAX + 1;

	to->mem = gs_arena_create_for(n * (has_many_places ? 7u : 6u) + (to->n_peers + n_marks) * 4 + (to->n_rare ? n_marks * 4 : 0) +
				      to->n_rare * 2u + to->n_kinds * sizeof(*to->kinds) + to->n_places * sizeof(*to->places) + 9 * 16);
	if (!to->mem)
		return false;
	to->offset_ns = gs_try_new(to->mem, uint32_t, n);
	to->kind = gs_try_new(to->mem, uint8_t, n);
	to->place8 = has_many_places ? NULL : gs_try_new(to->mem, uint8_t, n);
	to->place16 = has_many_places ? gs_try_new(to->mem, uint16_t, n) : NULL;
	to->peers = gs_try_new(to->mem, uint32_t, to->n_peers);
	to->peers_before = gs_try_new(to->mem, uint32_t, n_marks);
	to->rare_before = to->n_rare ? gs_try_new(to->mem, uint32_t, n_marks) : NULL;
	to->rare_kinds = gs_try_new(to->mem, uint16_t, to->n_rare);
	to->kinds = gs_try_new(to->mem, gs_timeline_kind, to->n_kinds);
	to->places = gs_try_new(to->mem, gs_timeline_place, to->n_places);
	return to->offset_ns && to->kind && (to->place8 || to->place16) && to->peers && to->peers_before &&
	       (!to->n_rare || to->rare_before) && to->rare_kinds && to->kinds && to->places;
}

gs_timeline_chunk gs_trace_chunk_view(const gs_trace_chunk *c)
{
	return (gs_timeline_chunk){ .n = c->n, .offset_ns = c->offset_ns, .kind = c->kind, .rare_kinds = c->rare_kinds,
				    .rare_before = c->rare_before, .place8 = c->place8, .place16 = c->place16, .peers = c->peers,
				    .peers_before = c->peers_before, .kinds = c->kinds, .places = c->places };
}

/* Numbers of kinds to bytes where they are small, and how many peers come before what. */
static void put_kinds(gs_trace_chunk *to, const uint16_t *kind)
{
	uint32_t n_rare = 0, n_peers = 0;

	for (uint32_t i = 0; i < to->n; i++) {
		if (i % 64 == 0) {
			to->peers_before[i / 64] = n_peers;
			if (to->rare_before)
				to->rare_before[i / 64] = n_rare;
		}
		n_peers += to->kinds[kind[i]].flags & GS_KIND_HAS_PEER;
		to->kind[i] = (uint8_t)(kind[i] < GS_KIND_IS_RARE ? kind[i] : GS_KIND_IS_RARE);
		if (kind[i] >= GS_KIND_IS_RARE)
			to->rare_kinds[n_rare++] = kind[i];
	}
}

typedef struct used {
	uint32_t n, kind;
} used;

static int by_use(const void *a, const void *b)
{
	const used *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

/* The commonest first: new_kind[old]. How many transitions have a rare one; UINT32_MAX: no memory. */
static uint32_t order_kinds(const gs_trace_chunks *c, uint16_t *new_kind)
{
	used *all = gs_alloc_should_fail() ? NULL : calloc(c->kinds.n, sizeof(*all));
	uint32_t n_rare = 0;

	if (!all)
		return UINT32_MAX;
	for (uint32_t i = 0; i < c->kinds.n; i++)
		all[i] = (used){ c->kind_uses.p[i], i };
	qsort(all, c->kinds.n, sizeof(*all), by_use);
	for (uint32_t i = 0; i < c->kinds.n; i++) {
		new_kind[all[i].kind] = (uint16_t)i;
		n_rare += i >= GS_KIND_IS_RARE ? all[i].n : 0;
	}
	free(all);
	return n_rare;
}

/* Where the rows of each goroutine go: one piece behind the other. */
static void lay_out(gs_trace_chunk *to)
{
	uint32_t at = 0, peer_at = 0;

	for (uint32_t i = 0; i < to->n_pieces; i++) {
		gs_trace_piece *piece = &to->pieces[i];
		uint32_t n = piece->n, n_peers = piece->n_peers;

		piece->first = at;
		piece->n_peers = peer_at;
		piece->n = 0;
		at += n;
		peer_at += n_peers;
	}
}

/*
 * Each row behind the others of its goroutine. Kinds go where there is room for them: to bytes, or to words that put_kinds then makes
 * bytes of. Pointers of its own for the compiler, which cannot know that nothing of `to` changes.
 */
static inline __attribute__((always_inline)) void scatter(const gs_trace_chunks *c, const gs_trace_chunk *to, const uint16_t *new_kind, bool is_small)
{
	const gs_trace_row *rows = c->rows.p;
	const gs_timeline_kind *kinds = c->kinds.p;
	const uint32_t *peer = c->peers.p, n = to->n;
	gs_trace_piece *pieces = to->pieces;
	uint32_t *offset_ns = to->offset_ns, *peers = to->peers, *peers_before = to->peers_before;
	uint16_t *column = c->column.p, *place16 = to->place16;
	uint8_t *kind = to->kind, *place8 = to->place8;

	for (uint32_t i = 0; i < n; i++) {
		gs_trace_row row = rows[i];
		gs_trace_piece *piece = &pieces[row.piece];
		uint32_t here = piece->first + piece->n++;

		offset_ns[here] = row.offset_ns;
		if (is_small) {
			kind[here] = (uint8_t)new_kind[row.kind];
			place8[here] = (uint8_t)row.place;
		} else {
			column[here] = new_kind[row.kind];
			if (place8)
				place8[here] = (uint8_t)row.place;
			else
				place16[here] = row.place;
		}
		if (kinds[row.kind].flags & GS_KIND_HAS_PEER) {
			peers[piece->n_peers++] = *peer++;
			if (is_small)
				peers_before[here / 64]++;
		}
		if (i < to->n_early)
			to->early[i] = (gs_trace_early){ here, c->events.p[i] };
	}
}

/* What was counted in each becomes what comes before it. */
static void add_up(uint32_t *counts, size_t n)
{
	uint32_t before = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t here = counts[i];

		counts[i] = before;
		before += here;
	}
}

static void *copy(const void *from, size_t bytes, size_t more)
{
	void *to = gs_alloc_should_fail() ? NULL : malloc(bytes + more);

	if (to)
		memcpy(to, from, bytes);
	return to;
}

/* Of rows, at the end of the list of chunks. */
static bool put_together(gs_trace_chunks *c, gs_trace_chunk *to, uint16_t *new_kind)
{
	to->n_rare = order_kinds(c, new_kind);
	if (to->n_rare == UINT32_MAX || !make_columns(to))
		return false;
	for (uint32_t i = 0; i < to->n_kinds; i++)
		to->kinds[new_kind[i]] = c->kinds.p[i];
	memcpy(to->places, c->places.p, to->n_places * sizeof(*to->places));
	lay_out(to);
	if (!to->n_rare && to->place8) {
		scatter(c, to, new_kind, true);
		add_up(to->peers_before, to->n / 64 + 1);
		return true;
	}
	while (c->column.n < to->n)
		if (!gs_vec_push(&c->column, MAX_ROWS))
			return false;
	scatter(c, to, new_kind, false);
	put_kinds(to, c->column.p);
	return true;
}

bool gs_trace_chunks_flush(gs_trace_chunks *c)
{
	gs_trace_chunk *to;
	uint16_t *new_kind;
	bool ok;

	if (!c->rows.n)
		return true;
	to = gs_vec_push(&c->done, INT32_MAX);
	if (!to)
		return false;
	*to = (gs_trace_chunk){ .base_ns = c->base_ns,
				.last_ns = c->base_ns + c->rows.p[c->rows.n - 1].offset_ns,
				.n = (uint32_t)c->rows.n,
				.n_pieces = (uint32_t)c->pieces.n,
				.n_peers = (uint32_t)c->peers.n,
				.n_kinds = (uint32_t)c->kinds.n,
				.n_places = (uint32_t)c->places.n,
				.first_event = c->first_event,
				.n_early = (uint32_t)c->events.n };
	to->pieces = copy(c->pieces.p, c->pieces.n * sizeof(*c->pieces.p), 0);
	to->early = to->n_early && !gs_alloc_should_fail() ? calloc(to->n_early, sizeof(*to->early)) : NULL;
	new_kind = gs_alloc_should_fail() ? NULL : malloc((c->kinds.n + 1) * sizeof(*new_kind));
	ok = to->pieces && (!to->n_early || to->early) && new_kind && put_together(c, to, new_kind);
	free(new_kind);
	forget_dictionary(c);
	c->rows.n = c->pieces.n = c->peers.n = c->events.n = c->n_quick = 0;
	c->number++;
	return ok;
}

static bool is_full(const gs_trace_chunks *c, int64_t time_ns)
{
	return time_ns - c->base_ns >= GS_TRACE_CHUNK_NS ||
	       (c->rows.n >= CHUNK_ROWS && (c->rows.n >= c->pieces.n * PIECE_ROWS || c->rows.n >= MAX_ROWS));
}

/* A dictionary that is full ends its chunk, too. */
static bool look_up(gs_trace_chunks *c, const gs_trace_transition *t, uint32_t *kind, uint32_t *place)
{
	for (unsigned i = 0; i < 2; i++) {
		if (i && !gs_trace_chunks_flush(c))
			return false;
		*kind = kind_of(c, t);
		*place = place_of(c, t);
		if (*kind != UINT32_MAX && *place != UINT32_MAX)
			return true;
	}
	return false;
}

/* So many rows it has before anything else than the next row must be looked at. */
static size_t count_quick(const gs_trace_chunks *c)
{
	size_t n = CHUNK_ROWS;

	if (c->rows.n >= CHUNK_ROWS)
		n = c->pieces.n * PIECE_ROWS < MAX_ROWS ? c->pieces.n * PIECE_ROWS : MAX_ROWS;
	return n < c->rows.cap ? n : c->rows.cap;
}

bool gs_trace_chunks_add(gs_trace_chunks *c, const gs_trace_transition *t, gs_trace_piece_at *at)
{
	uint32_t kind, place, *peer;
	gs_trace_row *row;

	if (c->rows.n && is_full(c, t->time_ns) && !gs_trace_chunks_flush(c))
		return false;
	if (!look_up(c, t, &kind, &place) || !gs_trace_chunks_meet(c, t->goroutine, at) || !gs_trace_chunks_remember(c, t->event, t->time_ns))
		return false;
	row = gs_vec_push(&c->rows, MAX_ROWS);
	if (!row)
		return false;
	if (c->rows.n == 1) {
		c->base_ns = t->time_ns;
		c->first_event = t->event;
	}
	*row = (gs_trace_row){ t->time_ns > c->base_ns ? (uint32_t)(t->time_ns - c->base_ns) : 0, at->piece, (uint16_t)kind, (uint16_t)place };
	c->pieces.p[at->piece].n++;
	c->kind_uses.p[kind]++;
	c->n_quick = count_quick(c);
	if (!(t->flags & GS_KIND_HAS_PEER))
		return true;
	c->pieces.p[at->piece].n_peers++;
	peer = gs_vec_push(&c->peers, MAX_ROWS);
	if (peer)
		*peer = t->peer;
	return peer != NULL;
}

/* Put the time into the column of n: where it goes. Its piece is made if need be. */
static uint32_t make_way(gs_trace_chunk *c, uint32_t n, uint32_t goroutine, uint32_t offset_ns)
{
	uint32_t piece = 0, at;

	while (piece < c->n_pieces && c->pieces[piece].goroutine != goroutine)
		piece++;
	if (piece == c->n_pieces)
		c->pieces[c->n_pieces++] = (gs_trace_piece){ .goroutine = goroutine, .first = n };
	at = c->pieces[piece].first;
	while (at < c->pieces[piece].first + c->pieces[piece].n && c->offset_ns[at] <= offset_ns)
		at++;
	memmove(&c->offset_ns[at + 1], &c->offset_ns[at], (n - at) * sizeof(*c->offset_ns));
	c->offset_ns[at] = offset_ns;
	c->pieces[piece].n++;
	while (++piece < c->n_pieces)
		c->pieces[piece].first++;
	return at;
}

/* So that a chunk may have a transition before its first one. */
static void begin_earlier(gs_trace_chunk *c, int64_t time_ns)
{
	int64_t by = c->base_ns - time_ns;

	if (by <= 0 || c->last_ns - time_ns > UINT32_MAX)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		c->offset_ns[i] += (uint32_t)by;
	c->base_ns = time_ns;
}

/* The columns that `from` lacks have a transition more, and its dictionaries a kind and a place. */
static bool make_larger(const gs_trace_chunk *from, gs_trace_chunk *to)
{
	to->n++;
	to->n_rare += from->n_kinds >= GS_KIND_IS_RARE;
	to->n_kinds++;
	to->n_places++;
	to->mem = NULL;
	to->pieces = copy(from->pieces, from->n_pieces * sizeof(*from->pieces), sizeof(*from->pieces));
	to->early = from->early ? copy(from->early, from->n_early * sizeof(*from->early), sizeof(*from->early)) : NULL;
	return to->pieces && (!from->early || to->early) && from->n_kinds < MAX_WORDS && from->n_places < MAX_WORDS && make_columns(to);
}

/* Kinds and places of what was there, with a gap at `at` for the newest ones. */
static void copy_words(const gs_trace_chunk *from, gs_trace_chunk *to, uint32_t at, uint16_t *kind)
{
	uint32_t n_rare = 0;

	for (uint32_t i = 0; i < to->n; i++) {
		uint32_t k = i - (i > at);
		size_t place = from->n_places;

		if (i == at) {
			kind[i] = (uint16_t)from->n_kinds;
		} else {
			kind[i] = from->kind[k] == GS_KIND_IS_RARE ? from->rare_kinds[n_rare++] : from->kind[k];
			place = from->place8 ? from->place8[k] : from->place16[k];
		}
		if (to->place8)
			to->place8[i] = (uint8_t)place;
		else
			to->place16[i] = (uint16_t)place;
	}
}

bool gs_trace_chunks_insert(gs_trace_chunks *c, uint32_t chunk, const gs_trace_transition *t)
{
	gs_trace_chunk *old = &c->done.p[chunk], to = *old;
	uint16_t *kind = gs_alloc_should_fail() ? NULL : malloc(((size_t)old->n + 1) * sizeof(*kind));
	uint32_t n = old->n, at;

	assert(!(t->flags & GS_KIND_HAS_PEER));
	if (!make_larger(old, &to) || !kind) {
		release_chunk(&to);
		free(kind);
		return false;
	}
	memcpy(to.kinds, old->kinds, old->n_kinds * sizeof(*old->kinds));
	memcpy(to.places, old->places, old->n_places * sizeof(*old->places));
	to.kinds[old->n_kinds] = (gs_timeline_kind){ t->stack, t->phase, t->reason, t->flags };
	to.places[old->n_places] = (gs_timeline_place){ t->proc, t->thread };
	begin_earlier(old, t->time_ns);
	to.base_ns = old->base_ns;
	memcpy(to.offset_ns, old->offset_ns, n * sizeof(*old->offset_ns));
	at = make_way(&to, n, t->goroutine, t->time_ns > to.base_ns ? (uint32_t)(t->time_ns - to.base_ns) : 0);
	memcpy(to.peers, old->peers, old->n_peers * sizeof(*old->peers));
	copy_words(old, &to, at, kind);
	put_kinds(&to, kind);
	free(kind);
	if (to.early) {
		for (uint32_t i = 0; i < to.n_early; i++)
			to.early[i].at += to.early[i].at >= at;
		to.early[to.n_early++] = (gs_trace_early){ at, (uint32_t)t->event };
	}
	if (t->time_ns > to.last_ns)
		to.last_ns = t->time_ns;
	if (t->event < to.first_event)
		to.first_event = t->event;
	release_chunk(old);
	*old = to;
	return true;
}
