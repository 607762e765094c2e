/*
 * gs_flame: the tree that a flame graph draws, aggregated and cut to what can be seen.
 *
 * Columns of `n` nodes; parents come before children and the children of one parent are neighbours in the order asked for.
 * Values are in the unit of the profile's sample type. All memory is that of the arena given to gs_flame_build.
 */
#ifndef GS_ANALYSIS_FLAME_H
#define GS_ANALYSIS_FLAME_H

#include "analysis/view.h"

#define GS_FLAME_NO_PARENT UINT32_MAX

enum {
	GS_FLAME_INLINED = 1,
	GS_FLAME_RUNTIME = 2,
	GS_FLAME_KERNEL = 4,
	GS_FLAME_NATIVE = 8,	 /* cgo, C, C++ */
	GS_FLAME_TRUNCATED = 16, /* a stack that the producer cut */
	GS_FLAME_LABEL = 32,	 /* pseudo-frame of a label value */
	GS_FLAME_SMALLER = 64,	 /* the sum of siblings that were left out */
	GS_FLAME_HAS_MORE = 128, /* children of it were left out */
};

typedef struct gs_flame_name {
	gs_str name, short_name, package, file;
	int64_t line;
} gs_flame_name;

typedef struct gs_flame {
	uint32_t n;
	uint32_t *id;	  /* node of the view: stable for the same document and query */
	uint32_t *parent; /* index in this flame; GS_FLAME_NO_PARENT for the root, which is node 0 */
	uint32_t *name;	  /* index in names */
	uint32_t *flags;
	int64_t *self, *total;
	int64_t *base_self, *base_total; /* NULL without a base; frames only in the base have total 0 */
	uint64_t *samples;		 /* raw samples through the node; NULL when unknown */
	/* What a frame is drawn with: the larger of both selves, absolute, plus its children's. Equals total without a base. */
	int64_t *weight;
	gs_flame_name *names;
	uint32_t n_names;
	int64_t root_total, root_base_total; /* of the whole view, whatever was zoomed to */
	uint64_t samples_total;
	uint32_t view_nodes; /* nodes before the cut */
	uint32_t max_depth;
	gs_str type, unit;
} gs_flame;

typedef struct gs_flame_options {
	uint32_t root;	  /* node id to zoom to: its subtree, and its ancestors as a chain; 0: everything */
	double min_ratio; /* leave out what is lighter than this share of the node zoomed to; 0: nothing */
	bool by_name;	  /* siblings by name; else heaviest first */
	gs_str pivot;	  /* all calls of this function laid on top of each other; empty: the whole tree */
	bool to_callers;  /* of the pivot: its callers, growing away from it; else its callees */
} gs_flame_options;

/* NULL with GS_ERR_MISSING (no such node or function) or GS_ERR_LIMIT. */
gs_flame *gs_flame_build(gs_arena *mem, const gs_view *v, const gs_flame_options *options, gs_err *err);

#endif
