/*
 * gs_graph: the call graph of a view, the way pprof draws it: one node a key (with call_tree: one a stack position), edges
 * from callers to callees, nodes and edges below a share of the total left out. A recursive function counts once a sample.
 *
 * An edge that skips nodes that were left out is "residual". All memory is the arena's.
 */
#ifndef GS_ANALYSIS_GRAPH_H
#define GS_ANALYSIS_GRAPH_H

#include "analysis/view.h"

typedef struct gs_edge {
	uint32_t src, dest; /* nodes */
	int64_t weight, weight_div;
	double raw; /* options.has_raw: unscaled samples */
	bool is_residual, is_inline, is_gone;
} gs_edge;

/* Samples of a node that carry a label; only in graphs for drawing. */
typedef struct gs_tag {
	gs_str name, unit; /* unit: of numbers only */
	int64_t value;	   /* of numbers */
	int64_t flat, flat_div, cum, cum_div;
	uint32_t labels; /* numbers: the tag of the labels that the samples have besides, GS_NO_ID for none */
	bool is_gone;
} gs_tag;

typedef struct gs_tag_list {
	gs_tag *list;
	uint32_t n, cap;
} gs_tag_list;

typedef struct gs_graph_node {
	uint32_t key;
	uint32_t function; /* the same number for all nodes of one function (call_tree: in one place) */
	int64_t flat, flat_div, cum, cum_div;
	double raw_flat, raw_cum; /* options.has_raw */
	uint32_t *in, *out; /* edges */
	uint32_t n_in, n_out;
	gs_tag_list labels, numbers;
} gs_graph_node;

typedef struct gs_graph {
	const gs_view *view;
	gs_arena *mem;
	gs_graph_node *nodes; /* all that edges refer to */
	uint32_t n_nodes;
	gs_edge *edges;
	uint32_t n_edges;
	uint32_t *shown; /* nodes in the order of the report */
	uint32_t n_shown;
	uint32_t n_original; /* before the node limit */
	uint32_t n_dropped_nodes, n_dropped_edges;
	double raw_total; /* options.has_raw */
	gs_str *names; /* printable names by key, made when asked for */
} gs_graph;

typedef struct gs_graph_options {
	bool for_drawing;   /* entropy order, labels as tags, no redundant edges */
	bool has_call_tree; /* query->call_tree is honoured */
	bool has_raw;	    /* unscaled samples beside values, as rows.h has them */
	bool is_whole;	    /* no trimming at all, order of appearance */
	gs_str tag_unit;    /* unit that number labels are shown in */
} gs_graph_options;

/* NULL with GS_ERR_LIMIT when memory is out. Trimming as the view's query says. */
gs_graph *gs_graph_build(gs_arena *mem, const gs_view *v, const gs_graph_options *o, gs_err *err);

gs_str gs_graph_name(gs_graph *g, uint32_t node);

static inline const gs_key *gs_graph_key(const gs_graph *g, uint32_t node)
{
	return &g->view->keys[g->nodes[node].key];
}

static inline int64_t gs_div(int64_t v, int64_t d)
{
	return d && !(v == INT64_MIN && d == -1) ? v / d : v;
}

static inline int64_t gs_abs64(int64_t v)
{
	return v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
}

/* Edges that are left, heaviest first, then by names. */
uint32_t *gs_graph_sort_edges(gs_graph *g, gs_arena *mem, const uint32_t *edges, uint32_t n, uint32_t *n_out);

/* Order of `shown` in a whole graph. */
void gs_graph_sort_by_cum(gs_graph *g);

/* "inline" and "not inline" ways into a node. */
void gs_graph_inlined(const gs_graph *g, uint32_t node, bool *some, bool *others);

/* As graph.SortTags: heaviest first. Only those that are left. */
uint32_t gs_tags_sort(const gs_tag_list *tags, bool flat, const gs_tag **out);

#endif
