/*
 * gs_view: one or more profiles (and maybe a base to compare with) under a query, as one merged stack trie. Frames that are
 * equal at the query's granularity are one key; stacks that are equal in keys are one node. Filters and transforms are
 * already applied: what the view holds is what is shown.
 *
 * A node's id is above its parent's and the children of one node are neighbours, in the order of their first appearance.
 * The same inputs and query give the same ids. Only nodes that samples with a value pass through exist.
 * All memory is the arena's; the profiles must live as long. Immutable once built.
 */
#ifndef GS_ANALYSIS_VIEW_H
#define GS_ANALYSIS_VIEW_H

#include "analysis/query.h"
#include "analysis/select.h"
#include "model/profile.h"

/* Flags of keys and nodes; the numbers are those of docs/api.md. */
enum {
	GS_VIEW_INLINED = 1, /* nodes: inlined into the caller, wherever it occurs */
	GS_VIEW_RUNTIME = 2,
	GS_VIEW_KERNEL = 4,
	GS_VIEW_NATIVE = 8,
	GS_VIEW_TRUNCATED = 16, /* nodes below the root: the stack starts in the middle */
	GS_VIEW_LABEL = 32,	/* a frame made from a label */
};

/* A trend has a profile for each moment. */
enum { GS_VIEW_MAX_PROFILES = 512 };

typedef struct gs_key {
	/* What makes a key, by granularity; strings of the view, 0 when not part of it. */
	uint32_t name, file, object;
	uint32_t flags;
	uint64_t address;
	int64_t line, column, start_line;
	/* Where the function is, for showing only: that of the first frame seen. */
	uint32_t at_file, at_object;
	int64_t at_line;
} gs_key;

typedef struct gs_view_node {
	uint32_t parent, key; /* the root's key is GS_NO_ID */
	uint32_t first_child, n_children;
	uint32_t flags;
} gs_view_node;

typedef struct gs_view_profile {
	const gs_profile *profile; /* not the input's when label frames were added or a part of a trace is shown */
	const gs_selection *selection;
	uint32_t *sample_node; /* GS_NO_ID: filtered out, or without a value */
	uint32_t *frame_key;   /* key of each frame before transforms; GS_NO_ID: not shown */
	uint32_t type;	       /* sample type */
	bool is_base;
} gs_view_profile;

/* Sums over subtrees, made when the first question needs them; a page asks again for each zoom. */
typedef struct gs_view_sums {
	const int64_t *total, *base_total; /* base_total: NULL without a base */
	/* The larger of both selves, absolute, plus the children's; the same column as total where nothing is negative. */
	const int64_t *weight;
	const double *raw_total; /* raw samples through each node */
} gs_view_sums;

typedef struct gs_view_memo gs_view_memo; /* private */

typedef struct gs_view {
	gs_arena *mem;
	const gs_query *query;
	gs_strtab strings;
	gs_key *keys;
	gs_view_node *nodes; /* [0] is the root */
	uint32_t n_keys, n_nodes;
	int64_t *self;	    /* of the profiles that are not base */
	int64_t *self_div;  /* with query->mean: to divide by; else NULL */
	int64_t *base_self; /* with a base; else NULL */
	gs_view_profile *profiles;
	unsigned n_profiles;
	/* Sums of absolute values before filtering (with relative_percentages: after). Percentages are of these. */
	int64_t total, base_total;
	gs_str type, unit; /* of the values */
	gs_view_memo *memo;
	bool has_base;
} gs_view;

typedef struct gs_view_input {
	const gs_profile *profile;
	const gs_timeline *timeline; /* of an execution trace: query->trace takes a part of it; else NULL */
	bool is_base;
} gs_view_input;

/* With the trie. */
gs_view *gs_view_build(gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q, gs_err *err);

/* The view's own; live as long. Any number of threads. NULL when memory is out. */
const gs_view_sums *gs_view_sums_of(const gs_view *v);
/*
 * Without the trie unless the query needs it (transforms): keys, selections and totals only; nodes is then NULL, and so are self
 * and sample_node. Enough for graphs by key and for rows, which then go over the samples themselves.
 */
gs_view *gs_view_build_keys(gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q, gs_err *err);

/* Sums over subtrees of a per-node column. NULL when memory is out. */
int64_t *gs_view_totals(gs_arena *mem, const gs_view *v, const int64_t *self);

/* Raw (unscaled) samples that end at each node: counts of CPU samples, estimates for sampled heaps. With `base`: of the base. */
double *gs_view_raw_self(gs_arena *mem, const gs_view *v, bool base);

/* How to count the raw samples behind one sample of a profile. */
typedef struct gs_raw_counter {
	uint32_t count_type; /* GS_NO_ID: each is one */
	bool is_scaled;
} gs_raw_counter;
gs_raw_counter gs_raw_counter_of(const gs_profile *p, uint32_t type);
double gs_raw_count(const gs_raw_counter *c, const gs_profile *p, uint32_t sample);

/* What a user reads for a key: pprof's printable name, e.g. "main.f", "main.f main.go:12", "[libc.so.6]". */
gs_str gs_key_text(gs_arena *mem, const gs_view *v, const gs_key *k);

static inline gs_str gs_view_str(const gs_view *v, uint32_t id)
{
	return gs_strtab_get(&v->strings, id);
}

/* Index of the sample type that `name` (a type's name, a number, or empty for the default) asks for. */
bool gs_sample_index(const gs_profile *p, gs_str name, uint32_t *out, gs_err *err);

#endif
