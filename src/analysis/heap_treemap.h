/*
 * Who retains the heap, as boxes in boxes: the dominator tree laid out as a treemap for a picture of some size. Only what is large enough to be seen is in it,
 * and no more boxes than asked for: the largest ones are opened first.
 */
#ifndef GS_ANALYSIS_HEAP_TREEMAP_H
#define GS_ANALYSIS_HEAP_TREEMAP_H

#include "analysis/heap_index.h"
#include "analysis/treemap.h"

enum { GS_TREEMAP_HEAD_PX = 18, GS_TREEMAP_PAD_PX = 2 };

typedef struct gs_heap_map_query {
	bool by_object; /* nodes are those of the dominator tree; else steps of the merged one (gs_heap_index.held) */
	uint32_t root;	/* what to show; by object GS_HEAP_NONE is all, by name 0 is */
	double width, height; /* pixels */
	uint32_t max_boxes;
} gs_heap_map_query;

typedef struct gs_heap_box {
	uint32_t node;	 /* GS_HEAP_NONE: what is too small to be seen on its own */
	uint32_t parent; /* index of the box around it; its own for the root */
	uint32_t depth;
	uint32_t n_children; /* of the node in the tree; of what is too small: how many they are */
	bool has_head;	     /* room for a name is left at the top */
	bool is_open;	     /* boxes of its children are here */
	uint64_t bytes, own_bytes;
	gs_tile_box at;
} gs_heap_box;

typedef struct gs_heap_map {
	gs_heap_box *boxes; /* [0] is the root; parents come before their children */
	uint32_t n;
} gs_heap_map;

/* In `mem`. False: GS_ERR_USAGE (no such root), GS_ERR_LIMIT. */
bool gs_heap_map_lay_out(gs_arena *mem, const gs_heap_index *x, const gs_heap_map_query *q, gs_heap_map *out, gs_err *err);

/* A node of either tree: how it is called, what is above it (GS_HEAP_NONE above the root of all). */
gs_str gs_heap_map_name(const gs_heap_index *x, bool by_object, uint32_t node);
uint32_t gs_heap_map_above(const gs_heap_index *x, bool by_object, uint32_t node);

#endif
