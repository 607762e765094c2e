/*
 * gs_slice_map: borrowed bytes -> uint32. Loaders of text remember with it what a frame, a stack or a name that they have read
 * before became in the model; the keys are slices of the input and must outlive the map.
 */
#ifndef GS_LOAD_SLICE_MAP_H
#define GS_LOAD_SLICE_MAP_H

#include "base/arena.h"
#include "base/str.h"

typedef struct gs_slice_map_slot {
	const char *p; /* NULL: free */
	size_t n;
	uint32_t hash, value;
} gs_slice_map_slot;

typedef struct gs_slice_map {
	gs_slice_map_slot *slots;
	uint32_t n, cap;
} gs_slice_map;

void gs_slice_map_release(gs_slice_map *m);
/* The value's place, fresh (0, *is_new true) when the key was absent. NULL when memory is out. Valid until the next put. */
uint32_t *gs_slice_map_put(gs_slice_map *m, gs_str key, bool *is_new);
/* As gs_slice_map_put for who has the key's gs_str_hash at hand. */
uint32_t *gs_slice_map_put_hashed(gs_slice_map *m, gs_str key, uint64_t hash, bool *is_new);
/* As gs_slice_map_put, but a new key is copied into `mem`, and *key becomes the copy: the input may go. */
uint32_t *gs_slice_map_put_copy(gs_slice_map *m, gs_arena *mem, gs_str *key, bool *is_new);

#endif
