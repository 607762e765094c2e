/* Shared by the files that make a graph. */
#ifndef GS_ANALYSIS_GRAPH_INTERNAL_H
#define GS_ANALYSIS_GRAPH_INTERNAL_H

#include "analysis/graph.h"

/* Number labels and joined string labels per node; `kept` by key, NULL for all. */
bool gs_graph_add_tags(gs_graph *g, gs_arena *scratch, const uint8_t *kept, const gs_graph_options *o,
		       const uint32_t *node_of_view);
void gs_graph_trim_tags(gs_graph *g, int64_t cutoff);
uint32_t gs_graph_count_tags(const gs_graph_node *n);

/* Order of the report: by flat, cum or entropy. */
void gs_graph_sort(gs_graph *g, bool cum, bool entropy);

#endif
