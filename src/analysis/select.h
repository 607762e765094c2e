/*
 * gs_selection: the effect of a query's filters on one profile, without building anything: which frames are shown, where
 * each sample's stack ends, which labels are left. The rules are pprof's and work on whole locations: a location is focused,
 * hidden or cut by any of its lines or its mapping's file.
 */
#ifndef GS_ANALYSIS_SELECT_H
#define GS_ANALYSIS_SELECT_H

#include "analysis/query.h"
#include "model/profile.h"

enum {
	GS_SHOWN = 1,
	GS_SHOWN_INLINED = 2, /* not the outermost line that is left of its location */
};

typedef struct gs_selection {
	const gs_profile *profile;
	uint8_t *frame; /* GS_SHOWN... by frame: the same in every stack */
	uint8_t *node;	/* by node, 1: the stack above it is cut off or pruned here, do not show; NULL: only frames decide */
	uint32_t *sample_node; /* where the stack ends; GS_NO_ID: filtered out. NULL: as in the profile */
	uint8_t *label;	       /* by label, 1: hidden; NULL: all are left */
	uint32_t n_samples;    /* selected */
	/* Filters that were given and matched nothing, in pprof's words: "Focus", "TagIgnore"... */
	const char *unmatched[13];
	unsigned n_unmatched;
	/* Tag filters that were read as numeric ranges: option name and text. */
	const char *range_option[2];
	gs_str range_text[2];
	unsigned n_ranges;
} gs_selection;

/* GS_ERR_USAGE names the filter whose regular expression is broken. The label frames of tagroot and tagleaf must already be
 * there: see labels.h. */
gs_selection *gs_select(gs_arena *mem, const gs_profile *p, const gs_query *q, gs_err *err);

static inline bool gs_selection_shows(const gs_selection *s, uint32_t node)
{
	return (s->frame[s->profile->nodes[node].frame] & GS_SHOWN) && !(s->node && s->node[node]);
}

static inline uint32_t gs_selection_sample(const gs_selection *s, uint32_t sample)
{
	return s->sample_node ? s->sample_node[sample] : s->profile->sample_node[sample];
}

#endif
