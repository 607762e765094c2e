/*
 * Trees over a heap with equal ways merged: from the holders down to objects, each step by its name. Of the dominator tree that says
 * who retains what, of the shortest ways why something is alive.
 *
 * Names are "var main.cache", "goroutine main.worker" (by its first function), "frame main.handle" and types. A name that is on
 * the way already is folded into its first place: a list of a million nodes is one step.
 */
#ifndef GS_ANALYSIS_HEAP_PATHS_H
#define GS_ANALYSIS_HEAP_PATHS_H

#include "analysis/dominators.h"

/* How nodes of the tree are called. Ids are of `strings`. */
typedef struct gs_heap_names {
	gs_strtab strings;
	uint32_t *of_type, *of_holder;
	uint32_t shared; /* for what no single holder retains */
} gs_heap_names;

/* In `mem`. NULL: out of memory. */
gs_heap_names *gs_heap_names_build(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_err *err);

typedef struct gs_heap_step {
	uint32_t parent; /* below its own index */
	uint32_t name;	 /* in gs_heap_names.strings */
	uint32_t depth;	 /* of a holder 1 */
	uint32_t n_holders; /* that are merged here */
	uint64_t own_count, own_bytes; /* of the selected objects that end here */
	uint64_t count, bytes;	       /* with all below */
	uint32_t largest; /* of its own objects the one that retains most; GS_HEAP_NONE */
} gs_heap_step;

typedef struct gs_heap_paths {
	gs_heap_step *steps; /* [0] is the root; may lie in other order than shown */
	uint32_t n;
	uint32_t *order; /* all but the root, from the top down, of equal parents the one with more bytes first */
} gs_heap_paths;

/* The shortest ways: the node before each one, GS_HEAP_NONE for the root and what is out of reach. Variables are preferred to
 * goroutines, these to the rest. In `mem`; false: out of memory. */
bool gs_heap_shortest(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_packed *up, gs_err *err);

/* What to merge, and how. */
typedef struct gs_heap_merge {
	const gs_packed *up;	  /* a tree, each node's parent: gs_dominators.above or gs_heap_shortest */
	const uint64_t *selected; /* a bit for each object, NULL: all */
	gs_heap_look *look;	  /* of gs_heap_shortest only: steps are called by field and type, ".next *main.node"; NULL: by type */
	bool is_exact;		  /* fields with index and key, not all indexes as one */
	const bool *sites;	  /* NULL: an object counts once with its bytes; else its samples of these sites with what they stand for */
} gs_heap_merge;

/* GS_ERR_LIMIT: out of memory. */
bool gs_heap_paths_merge(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, const gs_heap_merge *what,
			 gs_heap_paths *out, gs_err *err);

#endif
