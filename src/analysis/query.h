/*
 * gs_query: what a report is asked for. Plain values; gs_query_init gives pprof's defaults. Strings are borrowed and must
 * live as long as the query is used; empty means "not given".
 */
#ifndef GS_ANALYSIS_QUERY_H
#define GS_ANALYSIS_QUERY_H

#include "analysis/trace_select.h"
#include "base/arena.h"
#include "base/err.h"

typedef enum gs_granularity {
	GS_BY_DEFAULT, /* functions, unless the report wants another */
	GS_BY_FUNCTIONS,
	GS_BY_FILEFUNCTIONS,
	GS_BY_FILES,
	GS_BY_LINES,
	GS_BY_ADDRESSES,
	GS_BY_PACKAGES, /* ours */
} gs_granularity;

typedef enum gs_transform_kind {
	GS_FOCUS_FUNCTION,  /* samples without it go, frames above its first call are cut off */
	GS_FOCUS_SUBTREE,   /* only samples through a node of the view that the transforms before this one made */
	GS_ONLY_FUNCTION,   /* samples without it go, stacks stay whole */
	GS_HIDE_FUNCTION,   /* the frame goes, its cost goes to the caller */
	GS_DROP_FUNCTION,   /* samples with it go */
	GS_COLLAPSE_FUNCTION, /* everything below becomes its own cost */
	GS_COLLAPSE_RECURSION, /* name "*": of every function */
	GS_COLLAPSE_PACKAGE, /* neighbouring frames of the package become one */
	GS_INVERT,
} gs_transform_kind;

typedef struct gs_transform {
	gs_transform_kind kind;
	gs_str name;
	uint32_t node; /* GS_FOCUS_SUBTREE */
} gs_transform;

typedef struct gs_query {
	/* Regular expressions over function, file and mapping names. */
	gs_str focus, ignore, hide, show, show_from, prune_from;
	/* Labels: filters with pprof's grammar, regular expressions over keys, lists of keys. */
	gs_str tagfocus, tagignore, tagshow, taghide, tagroot, tagleaf;
	bool each_sample; /* of a trace: samples and intervals one by one instead of added up */
	bool by_creation; /* of a trace: analysis/trace_creation.h */
	gs_str filter; /* an expression over samples: analysis/filter.h */

	gs_trace_query trace; /* part of an execution trace: inputs with a timeline only */

	gs_granularity granularity;
	bool noinlines, showcolumns;
	bool keep_objects; /* mapping files and start lines are part of a key (disasm, list, callgrind) */

	gs_str sample_index; /* name or number of a sample type */
	bool mean;	     /* values divided by the first sample type's */
	gs_str unit;	     /* "minimum" */
	double divide_by;
	bool relative_percentages;
	bool normalize; /* scale the base to the profile's total */
	bool drop_negative, compact_labels, call_tree, trim, cum_sort;
	int64_t node_count; /* -1: the report's own default; 0: all */
	double node_fraction, edge_fraction;
	gs_str source_path, trim_path;
	bool intel_syntax;

	const gs_transform *transforms;
	unsigned n_transforms;
} gs_query;

void gs_query_init(gs_query *q);

/* "functions" ... "packages". GS_ERR_USAGE otherwise. */
bool gs_granularity_parse(gs_str s, gs_granularity *out, gs_err *err);
/* "focus-function:main.f", "invert" ... The name is a slice of `s`. */
bool gs_transform_parse(gs_str s, gs_transform *out, gs_err *err);

#endif
