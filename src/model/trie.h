/*
 * gs_trie: the stack trie while it is built. Nodes as gs_profile has them, and a hash index from (parent, location) to the last
 * node of that location. Looking a call up costs two cache misses on a big trie and is done for every frame of every sample, so
 * whole stacks are pushed many at a time: their steps are interleaved and the memory they need is asked for ahead.
 */
#ifndef GS_MODEL_TRIE_H
#define GS_MODEL_TRIE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gs_node {
	uint32_t parent, frame;
} gs_node;

typedef struct gs_trie {
	gs_node *nodes; /* [0] is the root */
	uint64_t *is_last; /* a bit a node: the innermost frame of its location. The index holds these only */
	uint32_t n, cap, max;
	/* Node ids below, what the other bits of a slot can hold of the hash above: a wrong one is nearly always seen without
	 * a look at its node. 0 is free; n_slots is a power of two. */
	uint32_t *slots;
	uint32_t id_bits;
	uint32_t n_slots, n_used;
	uint64_t seed; /* so that no input can be made to collide */
} gs_trie;

/* The frames of a location: `first` is the innermost, and tells the location. */
typedef struct gs_span {
	uint32_t first, n;
} gs_span;

/* False when memory is out or `max` nodes are reached (set it at will), here and below. Release in any case. */
bool gs_trie_init(gs_trie *t);
void gs_trie_release(gs_trie *t);
/* The index is no longer needed: nodes stay. */
void gs_trie_seal(gs_trie *t);

/* The last node of the location's frames below `parent`, found or made. UINT32_MAX when it cannot be made. */
uint32_t gs_trie_push(gs_trie *t, uint32_t parent, gs_span location);

/*
 * `n` stacks at once: stack i is locations[ends[i - 1]] to locations[ends[i] - 1] (from 0 for i 0), leaf first; `spans` is by
 * location. out[i] is its node. Ids come out in another order than one at a time, but parents still before children.
 */
bool gs_trie_push_stacks(gs_trie *t, const gs_span *spans, const uint32_t *locations, const uint32_t *ends, uint32_t n,
			 uint32_t *out);

#endif
