/*
 * Merging tries into the nodes of a view. Inside analysis only.
 *
 * A node of the view stands for a set of nodes of the inputs. Its children are the set's children, grouped by key with one
 * stamp per key: no hashing, and every input node is looked at once. Input nodes of all tries are numbered through from 1,
 * so that 0 means "none" and a set is a linked list.
 */
#ifndef GS_ANALYSIS_MERGE_H
#define GS_ANALYSIS_MERGE_H

#include "analysis/view.h"

/* An input node: all that is asked of it in one place, since each is looked at once and out of order. */
typedef struct gs_merge_node {
	uint32_t child; /* first child; after the run: the node of the view */
	uint32_t next; /* sibling */
	uint32_t list; /* next in the same set */
	uint32_t key;	/* GS_NO_ID: not shown, its children belong to its parent; else with GS_MERGE_INLINED or without */
} gs_merge_node;

#define GS_MERGE_INLINED ((uint32_t)1 << 31)

typedef struct gs_merge {
	gs_view *v;
	gs_arena *mem;	   /* working memory */
	uint32_t first[GS_VIEW_MAX_PROFILES]; /* number of a trie's node 0 */
	uint32_t roots[GS_VIEW_MAX_PROFILES];
	unsigned n_roots;
	uint32_t n;
	uint8_t *used;	/* a sample with a value passes through; only these may be in child and next */
	gs_merge_node *nodes;
	struct gs_merge_set *sets; /* by node of the view */
} gs_merge;

/* For n input nodes; the caller fills used, child, next, key and the roots. False: out of memory. */
bool gs_merge_init(gs_merge *m, uint32_t n);
/* Replaces the view's nodes. False: out of memory. */
bool gs_merge_run(gs_merge *m);

#endif
