/*
 * Costs by key straight from the samples, without a trie: for one table of a large profile this is less work and memory than
 * merging its stacks. Linear in the sum of the stack depths; on as many threads as pay. Inside analysis only.
 *
 * A key counts once a sample, and so does an edge; where a key occurs again, the occurrence nearest to the root decides what
 * an edge is like.
 */
#ifndef GS_ANALYSIS_WALK_H
#define GS_ANALYSIS_WALK_H

#include "analysis/graph.h"

enum {
	GS_WALK_EDGES = 1,
	GS_WALK_RAW = 2,
	GS_WALK_BASE = 4, /* the profiles that are base; else the others */
};

typedef struct gs_walk_node {
	int64_t flat, flat_div, cum, cum_div;
	double raw_flat, raw_cum;
	bool is_used, is_inlined, is_not_inlined;
} gs_walk_node;

typedef struct gs_walk {
	gs_walk_node *nodes; /* by key */
	gs_edge *edges;	     /* GS_WALK_EDGES */
	uint32_t n_edges;
	double raw_total;
	int64_t sum, sum_div;
} gs_walk;

/* `kept` by key, NULL for all: others are skipped, edges over them are residual. False: out of memory. */
bool gs_walk_run(gs_arena *mem, const gs_view *v, const uint8_t *kept, unsigned wants, gs_walk *out);

#endif
