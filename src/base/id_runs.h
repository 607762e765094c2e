/*
 * gs_id_runs: places of things by id, for ids that are handed out in runs, as Go's runtime does: 16 of them share a cache line, and the
 * lines in use are few. Four to eight bytes for each id then, and no more than a hundred when each lies alone.
 */
#ifndef GS_BASE_ID_RUNS_H
#define GS_BASE_ID_RUNS_H

#include "base/buf.h"
#include "base/map.h"

enum { GS_ID_RUN = 16, GS_ID_RUNS_RECENT = 64 };

typedef struct gs_id_run {
	uint32_t at[GS_ID_RUN]; /* 0: nothing is there */
} gs_id_run;

typedef struct gs_id_runs {
	gs_map by_run; /* id / GS_ID_RUN: index */
	GS_VEC(gs_id_run) runs;
	struct {
		uint64_t run;
		uint32_t at; /* index + 1 */
	} recent[GS_ID_RUNS_RECENT];
} gs_id_runs;

/* All zero is empty. */
void gs_id_runs_release(gs_id_runs *ids);
/* Empty it; its memory is kept. */
void gs_id_runs_clear(gs_id_runs *ids);
/* Inside gs_id_runs_at and _put, which see: whose run is not among the recent ones. */
uint32_t *gs_id_runs_find_slow(gs_id_runs *ids, uint64_t id);
uint32_t *gs_id_runs_put_slow(gs_id_runs *ids, uint64_t id);

static inline uint32_t *gs_id_runs_recent(gs_id_runs *ids, uint64_t id)
{
	uint64_t run = id / GS_ID_RUN;
	uint32_t at = ids->recent[run % GS_ID_RUNS_RECENT].at;

	return at && ids->recent[run % GS_ID_RUNS_RECENT].run == run ? &ids->runs.p[at - 1].at[id % GS_ID_RUN] : NULL;
}

/* What was put at the id; 0: nothing. */
static inline uint32_t gs_id_runs_at(gs_id_runs *ids, uint64_t id)
{
	const uint32_t *place = gs_id_runs_recent(ids, id);

	place = place ? place : gs_id_runs_find_slow(ids, id);
	return place ? *place : 0;
}

/* The id's place, until the next one is made; 0 in it when it is new. NULL: no memory. */
static inline uint32_t *gs_id_runs_put(gs_id_runs *ids, uint64_t id)
{
	uint32_t *place = gs_id_runs_recent(ids, id);

	return place ? place : gs_id_runs_put_slow(ids, id);
}

/* What was put, in order of id, but zeros: `out` has room for all. How many they were, or SIZE_MAX: no memory. */
size_t gs_id_runs_list(const gs_id_runs *ids, uint32_t *out);

#endif
