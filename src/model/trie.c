#include "model/trie.h"

#include <sys/mman.h>

#include "base/arena.h"

#include "base/banned.h"

enum {
	FIRST_SLOTS = 1024,
	LANES = 32, /* stacks in flight: enough to hide a miss, few enough to stay in the first cache */
	AHEAD = 16,
};
#define MAX_NODES ((uint32_t)1 << 30)
#define MAX_SLOTS ((uint32_t)1 << 31)
#define HUGE_FROM ((size_t)2 << 20)
#define QUICK_SLOTS ((uint32_t)1 << 20)

/* Random access to more than a few megabytes is half TLB misses unless the pages are big. A hint: it may be refused. */
static void *table_alloc(size_t bytes)
{
	void *p;

	if (gs_alloc_should_fail())
		return NULL;
	if (bytes < HUGE_FROM)
		return calloc(1, bytes);
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void table_free(void *p, size_t bytes)
{
	if (p && bytes >= HUGE_FROM)
		munmap(p, bytes);
	else
		free(p);
}

static size_t slot_bytes(const gs_trie *t)
{
	return (size_t)t->n_slots * sizeof(*t->slots);
}

bool gs_trie_init(gs_trie *t)
{
	*t = (gs_trie){ .cap = 256, .max = MAX_NODES };
	t->nodes = gs_alloc_should_fail() ? NULL : malloc(t->cap * sizeof(*t->nodes));
	t->is_last = gs_alloc_should_fail() ? NULL : calloc(t->cap / 64, sizeof(*t->is_last));
	t->slots = table_alloc(FIRST_SLOTS * sizeof(*t->slots));
	if (!t->nodes || !t->slots || !t->is_last)
		return false;
	t->n_slots = FIRST_SLOTS;
	t->id_bits = 8;
	t->nodes[0] = (gs_node){ 0, 0 };
	t->n = 1;
	/* Where the kernel put things is as random as we need. */
	t->seed = gs_hash_u64((uint64_t)(uintptr_t)t->nodes ^ (uint64_t)(uintptr_t)t << 20) | 1;
	return true;
}

void gs_trie_seal(gs_trie *t)
{
	table_free(t->slots, slot_bytes(t));
	free(t->is_last);
	t->slots = NULL;
	t->is_last = NULL;
	t->n_slots = t->n_used = 0;
}

void gs_trie_release(gs_trie *t)
{
	gs_trie_seal(t);
	free(t->nodes);
	*t = (gs_trie){ 0 };
}

static inline uint64_t hash(const gs_trie *t, uint32_t parent, uint32_t first_frame)
{
	__extension__ typedef unsigned __int128 u128;
	u128 wide = (u128)(((uint64_t)parent << 32 | first_frame) ^ t->seed) * 0x9e3779b97f4a7c15u;

	return (uint64_t)(wide >> 64) ^ (uint64_t)wide;
}

/* Locations are told by their first frame; where their frames begin below the parent follows from how many there are. */
static inline bool is_node(const gs_trie *t, uint32_t id, uint32_t parent, gs_span location)
{
	return t->nodes[id].frame == location.first && t->nodes[id - (location.n - 1)].parent == parent;
}

static inline bool is_last(const gs_trie *t, uint32_t id)
{
	return t->is_last[id / 64] >> (id % 64) & 1;
}

/* Where a node goes in the index: by what its location hangs below. */
static inline uint64_t hash_of(const gs_trie *t, uint32_t id)
{
	uint32_t top = id;

	while (top > 1 && !is_last(t, top - 1)) /* frames of a location are neighbours, outermost first */
		top--;
	return hash(t, t->nodes[top].parent, t->nodes[id].frame);
}

static inline uint32_t tag_of(const gs_trie *t, uint64_t h)
{
	return (uint32_t)(h >> 32) & ~(uint32_t)0 << t->id_bits;
}

static inline uint32_t id_in(const gs_trie *t, uint32_t slot)
{
	return slot & (((uint32_t)1 << t->id_bits) - 1);
}

/* Into a larger table, in the order of the nodes: what is read is at hand, what is written is asked for ahead. */
static bool grow_slots(gs_trie *t)
{
	uint32_t n_slots = t->n_slots * (t->n_slots < QUICK_SLOTS ? 4 : 2), mask = n_slots - 1;
	uint32_t *slots = t->n_slots >= MAX_SLOTS / 2 ? NULL : table_alloc((size_t)n_slots * sizeof(*slots));
	uint32_t ring[AHEAD] = { 0 }, waiting[AHEAD] = { 0 };

	if (!slots)
		return false;
	for (uint32_t i = 1, k = 0; i < t->n + AHEAD; i++) {
		uint32_t at;
		uint64_t h;

		if (i < t->n && !is_last(t, i))
			continue;
		if (waiting[k]) {
			for (at = ring[k]; slots[at]; at = (at + 1) & mask)
				;
			slots[at] = waiting[k];
		}
		waiting[k] = 0;
		if (i < t->n) {
			h = hash_of(t, i);
			waiting[k] = tag_of(t, h) | i;
			ring[k] = (uint32_t)h & mask;
			__builtin_prefetch(&slots[ring[k]], 1);
		}
		k = (k + 1) % AHEAD;
	}
	table_free(t->slots, slot_bytes(t));
	t->slots = slots;
	t->n_slots = n_slots;
	return true;
}

/* Ids need one bit more: every tag loses its lowest. */
static void widen_ids(gs_trie *t)
{
	uint32_t low = ((uint32_t)1 << t->id_bits) - 1;

	t->id_bits++;
	for (uint32_t i = 0; i < t->n_slots; i++)
		t->slots[i] = (t->slots[i] & low) | (t->slots[i] & ~(uint32_t)0 << t->id_bits);
}

static bool grow_nodes(gs_trie *t, uint32_t room)
{
	uint32_t cap = t->cap;
	void *p;

	while (cap - t->n < room)
		cap *= 2; /* a power of two, at most twice MAX_NODES */
	if (gs_alloc_should_fail() || !(p = realloc(t->nodes, (size_t)cap * sizeof(*t->nodes))))
		return false;
	t->nodes = p;
	p = realloc(t->is_last, (size_t)cap / 64 * sizeof(*t->is_last));
	if (!p)
		return false;
	t->is_last = p;
	memset(&t->is_last[t->cap / 64], 0, (size_t)(cap - t->cap) / 64 * sizeof(*t->is_last));
	for (; t->cap < cap; t->cap *= 2)
		widen_ids(t);
	return true;
}

/* Room for `steps` pushes of `frames` frames in all. */
static inline bool make_room(gs_trie *t, uint32_t steps, uint32_t frames)
{
	if (t->n > t->max || frames > t->max - t->n)
		return false;
	while (t->n_used + steps > t->n_slots / 4 * 3)
		if (!grow_slots(t))
			return false;
	return t->cap - t->n >= frames || grow_nodes(t, frames);
}

/* The first slot from `at` on that is free or may hold the key. */
static inline uint32_t find_slot(const gs_trie *t, uint32_t at, uint32_t tag)
{
	uint32_t mask = t->n_slots - 1, tags = ~(uint32_t)0 << t->id_bits;

	while (t->slots[at] && (t->slots[at] & tags) != tag)
		at = (at + 1) & mask;
	return at;
}

/* Below `parent`, which has no such child yet; there is room. */
static inline uint32_t add_nodes(gs_trie *t, uint32_t parent, gs_span location)
{
	for (uint32_t i = location.n; i-- > 0;) {
		t->nodes[t->n] = (gs_node){ parent, location.first + i };
		parent = t->n++;
	}
	t->is_last[parent / 64] |= (uint64_t)1 << (parent % 64);
	t->n_used++;
	return parent;
}

/* There is room. `at` is a slot that find_slot gave. */
static inline uint32_t find_or_make(gs_trie *t, uint32_t at, uint32_t tag, uint32_t parent, gs_span location)
{
	uint32_t mask = t->n_slots - 1;

	while (t->slots[at]) {
		uint32_t id = id_in(t, t->slots[at]);

		if (is_node(t, id, parent, location))
			return id;
		at = find_slot(t, (at + 1) & mask, tag);
	}
	parent = add_nodes(t, parent, location);
	t->slots[at] = tag | parent;
	return parent;
}

uint32_t gs_trie_push(gs_trie *t, uint32_t parent, gs_span location)
{
	uint64_t h = hash(t, parent, location.first);
	uint32_t tag;

	if (!make_room(t, 1, location.n))
		return UINT32_MAX;
	tag = tag_of(t, h);
	return find_or_make(t, find_slot(t, (uint32_t)h & (t->n_slots - 1), tag), tag, parent, location);
}

typedef struct lane {
	const uint32_t *next, *leaf; /* the step to do is next[-1]; the stack is done when they meet */
	uint32_t stack, node, at, tag;
	uint32_t was; /* nodes before the step */
	gs_span span;
} lane;

typedef struct stacks {
	const uint32_t *locations, *ends;
	uint32_t n, taken;
	uint32_t *out;
} stacks;

/* The next stack that has frames at all. */
static bool lane_fill(lane *l, stacks *s)
{
	while (s->taken < s->n) {
		uint32_t i = s->taken++, start = i ? s->ends[i - 1] : 0;

		if (start == s->ends[i]) {
			s->out[i] = 0;
			continue;
		}
		*l = (lane){ .next = s->locations + s->ends[i], .leaf = s->locations + start, .stack = i };
		return true;
	}
	return false;
}

/*
 * What hangs below a node that was made just now is new to the end: no need to look for it, and its nodes become neighbours, which
 * all that walks the trie later is grateful for.
 */
static bool finish_lane(gs_trie *t, const gs_span *spans, lane *l)
{
	uint32_t steps = 0, frames = 0, mask;

	for (const uint32_t *next = l->next; next != l->leaf; next--, steps++)
		if (__builtin_add_overflow(frames, spans[next[-1]].n, &frames))
			return false;
	if (!make_room(t, steps, frames))
		return false;
	mask = t->n_slots - 1;
	while (l->next != l->leaf) {
		uint32_t at[AHEAD], slot[AHEAD];
		unsigned n = 0;

		for (; n < AHEAD && l->next != l->leaf; n++) {
			gs_span span = spans[*--l->next];
			uint64_t h = hash(t, l->node, span.first);

			l->node = add_nodes(t, l->node, span);
			at[n] = (uint32_t)h & mask;
			slot[n] = tag_of(t, h) | l->node;
			__builtin_prefetch(&t->slots[at[n]], 1);
		}
		for (unsigned i = 0; i < n; i++) {
			while (t->slots[at[i]])
				at[i] = (at[i] + 1) & mask;
			t->slots[at[i]] = slot[i];
		}
	}
	return true;
}

bool gs_trie_push_stacks(gs_trie *t, const gs_span *spans, const uint32_t *locations, const uint32_t *ends, uint32_t n,
			 uint32_t *out)
{
	stacks s = { locations, ends, n, 0, out };
	lane lanes[LANES];
	unsigned n_lanes = 0;

	while (n_lanes < LANES && lane_fill(&lanes[n_lanes], &s))
		n_lanes++;
	while (n_lanes) {
		uint32_t frames = 0, mask;

		for (unsigned i = 0; i < n_lanes; i++) {
			lanes[i].span = spans[lanes[i].next[-1]];
			if (__builtin_add_overflow(frames, lanes[i].span.n, &frames))
				return false;
		}
		if (!make_room(t, n_lanes, frames))
			return false;
		mask = t->n_slots - 1;
		for (unsigned i = 0; i < n_lanes; i++) {
			lane *l = &lanes[i];
			uint64_t h = hash(t, l->node, l->span.first);

			l->at = (uint32_t)h & mask;
			l->tag = tag_of(t, h);
			__builtin_prefetch(&t->slots[l->at], 1);
		}
		for (unsigned i = 0; i < n_lanes; i++) {
			lanes[i].at = find_slot(t, lanes[i].at, lanes[i].tag);
			__builtin_prefetch(&t->nodes[id_in(t, t->slots[lanes[i].at])]);
		}
		for (unsigned i = 0; i < n_lanes; i++) {
			lane *l = &lanes[i];

			/* A lane before this one may have taken the free slot, with this very key or another. */
			l->was = t->n;
			l->node = find_or_make(t, find_slot(t, l->at, l->tag), l->tag, l->node, l->span);
			if (--l->next != l->leaf)
				__builtin_prefetch(&spans[l->next[-1]]);
		}
		/* Now that no slot is waited for, the table may grow. */
		for (unsigned i = 0; i < n_lanes; i++) {
			lane *l = &lanes[i];

			if (l->next != l->leaf && l->node >= l->was && !finish_lane(t, spans, l))
				return false;
			if (l->next == l->leaf) {
				s.out[l->stack] = l->node;
				if (!lane_fill(l, &s))
					lanes[i--] = lanes[--n_lanes];
			}
		}
	}
	return true;
}
