/* Memory that is allocated and that nobody can use, or does: the rest of slices, maps that were larger once, what a small piece keeps alive of a large one. */
#ifndef GS_ANALYSIS_HEAP_SLACK_H
#define GS_ANALYSIS_HEAP_SLACK_H

#include "analysis/heap_paths.h"

typedef enum gs_heap_slack_kind {
	GS_HEAP_SLACK_SLICE,  /* capacity behind the length: all that leads to it are slices that begin where it does */
	GS_HEAP_SLACK_PINNED, /* out of reach: only pieces of it are referenced */
	GS_HEAP_SLACK_MAP,    /* more groups or buckets than its entries need */
	GS_HEAP_N_SLACKS,
} gs_heap_slack_kind;

typedef struct gs_heap_slack_row {
	uint8_t kind;
	bool is_by_string; /* pinned: all references are strings */
	gs_str where;	   /* the field or variable that holds them: "main.item.body", "main.pieces[*]" */
	uint32_t count;
	uint64_t bytes;	       /* their slots; of a map those of its entries */
	uint64_t used_bytes;   /* of slices and pieces what their holders say; of maps what entries as many would need */
	uint64_t wasted_bytes; /* what would come back, had each holder a copy of what it uses: slots, as the allocator rounds them */
	uint32_t object;       /* that wastes most of them */
	uint64_t object_wasted;
} gs_heap_slack_row;

typedef struct gs_heap_slacks {
	gs_heap_slack_row *rows; /* most wasted first */
	uint32_t n;
	/* Not judged: all that is known to lead there are pieces, but so does something of which no type is known. */
	uint64_t n_unknown, unknown_bytes;
} gs_heap_slacks;

/*
 * Objects of which every pointer that leads there has a type, and these need less than what is allocated. Claims nothing else: what a frame, a register or an untyped
 * pointer leads to counts as used. `up`: gs_heap_shortest. In `mem`. GS_ERR_UNSUPPORTED: the heap's memory is gone; GS_ERR_LIMIT.
 */
bool gs_heap_slack_find(gs_arena *mem, const gs_heap *h, const gs_dominators *d, const gs_heap_names *names, gs_heap_look *look,
			const gs_packed *up, gs_heap_slacks *out, gs_err *err);

#endif
