/*
 * Labels as pprof understands them: a set is a map from key to string values and from key to numbers; a number label
 * without unit takes the key's unit, the first one seen in the profile, or a guess.
 */
#ifndef GS_ANALYSIS_LABELS_H
#define GS_ANALYSIS_LABELS_H

#include "model/profile.h"

/* pprof drops a label that has neither a string nor a number or unit. */
static inline bool gs_label_is_string(const gs_label *l)
{
	return !l->is_num && l->str != 0;
}

static inline bool gs_label_is_number(const gs_label *l)
{
	return l->is_num && (l->num != 0 || l->unit != 0);
}

typedef struct gs_label_unit {
	uint32_t key;	  /* string id */
	gs_str unit;	  /* of all numbers of this key */
	gs_str other;	  /* units seen and not used, sorted, ", " between them; empty mostly */
} gs_label_unit;

typedef struct gs_label_units {
	gs_label_unit *list; /* in order of first appearance */
	uint32_t n;
} gs_label_units;

gs_label_units *gs_label_units_of(gs_arena *mem, const gs_profile *p);
/* The key's own name when the profile has no such number label. */
gs_str gs_label_units_get(const gs_label_units *u, const gs_profile *p, uint32_t key);

/* A tagfocus or tagignore expression. */
typedef struct gs_tag_filter gs_tag_filter;
gs_tag_filter *gs_tag_filter_compile(gs_arena *mem, const char *option, gs_str value, const gs_profile *p, gs_err *err);
bool gs_tag_filter_match(const gs_tag_filter *f, gs_label_set set);
/* The text that was read as a numeric range, empty when it is a list of regular expressions. */
gs_str gs_tag_filter_range(const gs_tag_filter *f);

/* A copy of the profile whose stacks begin (`root`) and end (`leaf`) with frames named by label values. Both are lists of
 * keys with ',' between them. Ids of the original stay what they are. */
gs_profile *gs_profile_with_label_frames(gs_arena *mem, const gs_profile *p, gs_str root, gs_str leaf, gs_str unit,
					 bool *root_matched, bool *leaf_matched, gs_err *err);

/* "true" for a sample that came from the profile to compare with (pprof -diff_base). */
bool gs_label_set_is_base(const gs_profile *p, gs_label_set set);

#endif
