/*
 * A piece of a heap as a graph that one can look at: what is around an object (objects and the variables, goroutines and frames that hold them), or around a
 * type (types by how their objects point to each other). Never more nodes than asked for: of many neighbours those that retain, or count for, most.
 */
#ifndef GS_ANALYSIS_HEAP_TOPOLOGY_H
#define GS_ANALYSIS_HEAP_TOPOLOGY_H

#include "analysis/heap_index.h"
#include "analysis/layers.h"
#include "base/re.h"

enum { GS_TOPOLOGY_MAX_NODES = 200, GS_TOPOLOGY_MAX_OPEN = 200 };

typedef struct gs_topology_query {
	bool by_type;
	uint32_t focus;	  /* by object: a node of the dominator tree */
	const gs_re *types; /* by type: whose names match */
	const uint32_t *open; /* nodes whose neighbours are wanted too */
	uint32_t n_open;
	uint32_t max_nodes; /* at most GS_TOPOLOGY_MAX_NODES */
	uint32_t fan;	    /* how many neighbours of an open node on each side */
	double node_w, node_h;
} gs_topology_query;

typedef struct gs_topology_node {
	uint32_t id; /* by object a node of the dominator tree; by type an id of gs_heap_names.strings */
	bool is_focus, is_open, is_on_path, is_holder;
	uint64_t count;		 /* by type: objects */
	uint64_t own_bytes, retained_bytes; /* by type retained is 0 */
	uint32_t n_in, n_out;	 /* neighbours that there are */
	uint32_t in_shown, out_shown; /* of them those in the picture */
} gs_topology_node;

typedef struct gs_topology_edge {
	uint64_t count; /* pointers */
} gs_topology_edge;

typedef struct gs_topology {
	gs_topology_node *nodes;
	gs_topology_edge *edges; /* as many as picture.edges, which say from where to where */
	gs_layers picture;
	bool is_cut; /* there was no room for all that was asked for */
} gs_topology;

/* In `mem`. False: GS_ERR_USAGE (nothing matches), GS_ERR_LIMIT. */
bool gs_heap_topology(gs_arena *mem, const gs_heap_index *x, const gs_topology_query *q, gs_topology *out, gs_err *err);

#endif
