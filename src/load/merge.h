/*
 * Several inputs into one document, as `go tool pprof a b`, -base and -diff_base do: model/merge.h says by which rules. Sample
 * types that are not in all of the profiles are left out, with a warning in the result. Units that convert (ms and ns, kB and bytes)
 * become the finest that a profile has.
 */
#ifndef GS_LOAD_MERGE_H
#define GS_LOAD_MERGE_H

#include "load/load.h"

typedef struct gs_merge_options {
	bool is_diff_base; /* base samples are kept apart by the label pprof::base, percentages are of the base */
	bool normalize;	   /* scale the profiles so that their total equals the base's, for each sample type */
	bool for_writing;  /* no report will be made of the result: it has rows and no nodes */
} gs_merge_options;

/*
 * The sum of `docs` minus the sum of `bases`. A single document without bases needs no merging: pprof does not fold equal
 * samples of one profile either. GS_ERR_USAGE: they have no sample type in common, or differ in period type.
 */
gs_document *gs_merge_documents(const gs_document *const *docs, unsigned n_docs, const gs_document *const *bases,
				unsigned n_bases, const gs_merge_options *options, gs_err *err);

/*
 * Thousands of files: decoded in parallel, added in order, and gone again, so that memory is that of the result and of two files
 * for each thread. Appended profiles in a file are taken one by one. A file that cannot be read is named in *skipped (may be
 * NULL), in a comment of the result, and counted in *n_skipped; only when none can be read is that an error.
 * With options->for_merging the result has rows and no nodes: it can be written and merged again.
 */
gs_document *gs_merge_files(const gs_str *paths, unsigned n, const gs_load_options *options,
			    const gs_progress *progress, gs_buf *skipped, unsigned *n_skipped, gs_err *err);

#endif
