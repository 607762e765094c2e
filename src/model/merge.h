/*
 * gs_merger: many profiles into one, by the rules of profile.Merge in github.com/google/pprof (profile/merge.go), so that
 * ids, order and sums come out as there:
 *   mapping   equal size (rounded up to 4 KiB), offset, and build id or else file
 *   location  equal address from the start of its mapping, mapping, lines, is_folded; of the columns only the outermost counts
 *   function  equal in all its texts and its start line
 *   sample    equal locations and labels; samples of zeros vanish
 * and the period is the largest, the duration the sum, the time the earliest.
 *
 * Profiles are added one at a time and may go as soon as gs_merger_add is back: memory is that of the result.
 */
#ifndef GS_MODEL_MERGE_H
#define GS_MODEL_MERGE_H

#include "model/profile.h"

typedef struct gs_merger gs_merger;

/*
 * A profile as its file has it, cheap to make and of use here only: names, functions and label sets may stand in it more than
 * once, strings cannot be looked up, there are no nodes (and no sample_node). Stack i is locations[ends[i - 1]] to
 * locations[ends[i] - 1] (from 0 for i 0), ids of the profile's locations, leaf first.
 */
typedef struct gs_merge_rows {
	const uint32_t *locations, *ends;
	const uint64_t *string_hashes; /* gs_str_hash of each of the profile's strings */
} gs_merge_rows;

typedef struct gs_merge_part {
	const gs_profile *profile;
	const gs_merge_rows *rows; /* NULL: it has nodes */
	/* Which of its sample types, in the merger's order; NULL: all as they are. With columns the default type, if it is not
	 * among them, becomes the first, as pprof has it. */
	const uint32_t *columns;
	const double *ratios;	 /* by the merger's sample types: what values are multiplied with, then rounded; NULL: 1 */
	bool is_diff_base;	 /* its samples get the label pprof::base=true, and so stay apart */
} gs_merge_part;

/* `types` are the types of the result: names and units (copied). */
typedef struct gs_merge_type {
	gs_str type, unit;
} gs_merge_type;

/*
 * Lives in `mem`, and so does the result. With `keep_rows` that has rows and no nodes, as is enough to write it or to merge it
 * again, and a good deal cheaper. NULL: GS_ERR_LIMIT.
 */
gs_merger *gs_merger_create(gs_arena *mem, const gs_merge_type *types, uint32_t n_types, bool keep_rows, gs_err *err);
/* GS_ERR_USAGE: its period type is another. GS_ERR_LIMIT: memory is out. The merger is of no more use then. */
bool gs_merger_add(gs_merger *m, const gs_merge_part *part, gs_err *err);
void gs_merger_warn(gs_merger *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* After those of the profiles. */
void gs_merger_comment(gs_merger *m, gs_str text);
/* The merger is gone afterwards. *rows (may be NULL without keep_rows) is set when it keeps them. */
gs_profile *gs_merger_finish(gs_merger *m, const gs_merge_rows **rows, gs_err *err);

#endif
