/*
 * A small directed graph drawn in layers from left to right (Sugiyama, Tagawa, Toda 1981): every edge leads to a later layer, but for those that
 * close a cycle. Nodes are boxes of one size; edges are bent where they pass layers.
 */
#ifndef GS_ANALYSIS_LAYERS_H
#define GS_ANALYSIS_LAYERS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum { GS_LAYERS_MAX_NODES = 1000, GS_LAYERS_MAX_EDGES = 4000 };

typedef struct gs_layers_point {
	double x, y;
} gs_layers_point;

typedef struct gs_layers_edge {
	uint32_t from, to;
	/* Made: */
	bool is_back;  /* leads to an earlier layer, or to its own node */
	bool in_cycle; /* both ends are on one cycle */
	uint32_t first_point, n_points; /* from one box to the other */
} gs_layers_edge;

typedef struct gs_layers {
	uint32_t n_nodes, n_edges;
	gs_layers_edge *edges;
	double node_w, node_h, gap_x, gap_y;
	/* Made: */
	gs_layers_point *at; /* upper left corner of each node */
	uint32_t *layer;
	uint32_t *cycle; /* of each node: number of its strongly connected part when that has a cycle, from 1; else 0 */
	gs_layers_point *points;
	uint32_t n_points, n_cycles;
	double width, height;
} gs_layers;

/* What is made lies in `mem`. Nodes and edges are at most as many as above. GS_ERR_LIMIT: out of memory. */
bool gs_layers_lay_out(gs_arena *mem, gs_layers *l, gs_err *err);

#endif
