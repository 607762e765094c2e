/*
 * gs_flame: the tree that a flame graph draws, aggregated and cut to what can be seen.
 *
 * Columns of `n` nodes; parents come before children and the children of one parent are neighbours in the order asked for.
 * Values are in the unit of the profile's sample type. All memory is that of the arena given to gs_flame_build.
 */
#ifndef GS_ANALYSIS_FLAME_H
#define GS_ANALYSIS_FLAME_H

#include "base/arena.h"
#include "base/err.h"

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
	int64_t *base_self, *base_total; /* NULL without a base */
	gs_flame_name *names;
	uint32_t n_names;
	int64_t root_total, root_base_total; /* of the whole view, whatever was zoomed to */
	uint64_t samples;
	uint32_t view_nodes; /* nodes before the cut */
	uint32_t max_depth;
	gs_str type, unit;
} gs_flame;

#endif
