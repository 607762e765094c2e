/*
 * Goroutines grouped: a dump (one entry a goroutine) or a goroutine profile (one entry a stack) by stack, state, time waited,
 * creator or a label. Where the input does not say the state, it is read off the runtime functions at the leaf.
 */
#ifndef GS_ANALYSIS_GOROUTINE_GROUPS_H
#define GS_ANALYSIS_GOROUTINE_GROUPS_H

#include "base/re.h"
#include "model/document.h"

typedef enum gs_goroutine_by {
	GS_GOROUTINES_BY_STACK,
	GS_GOROUTINES_BY_STATE,
	GS_GOROUTINES_BY_WAIT,
	GS_GOROUTINES_BY_CREATOR,
	GS_GOROUTINES_BY_LABEL,
} gs_goroutine_by;

typedef struct gs_goroutine_query {
	gs_goroutine_by by;
	gs_str label;	      /* key, for GS_GOROUTINES_BY_LABEL */
	const gs_re *match;   /* some frame's function or file matches; NULL: all */
	const gs_re *state;   /* NULL: all */
	int64_t min_wait_ns;
} gs_goroutine_query;

/* One entry of the input: a goroutine, or `count` of them that share a stack. */
typedef struct gs_goroutine_entry {
	uint64_t id; /* 0: the input has no ids */
	int64_t count;
	gs_str state;
	int64_t wait_ns;
	uint32_t node, labels; /* of the document's profile */
	uint32_t creator;      /* frame, 0: unknown */
	gs_str args;	       /* argument texts, leaf first, a line a frame */
	bool is_locked, is_leaked;
} gs_goroutine_entry;

typedef struct gs_goroutine_group {
	gs_str key;
	int64_t count;
	int64_t wait_max_ns;
	uint32_t first, n; /* run of gs_goroutine_groups.members; the one that waits longest comes first */
} gs_goroutine_group;

typedef struct gs_goroutine_groups {
	gs_goroutine_entry *entries;
	uint32_t n_entries;
	uint32_t *members; /* indexes of entries, by group */
	gs_goroutine_group *list; /* largest first */
	uint32_t n;
	int64_t total, shown; /* goroutines in the input; goroutines that the query let through */
} gs_goroutine_groups;

/* NULL with GS_ERR_USAGE when the document has no goroutines, GS_ERR_LIMIT. */
gs_goroutine_groups *gs_goroutine_groups_build(gs_arena *mem, const gs_document *d, const gs_goroutine_query *q,
					       gs_err *err);

#endif
