#include "base/id_runs.h"

#include <stdlib.h>

#include "base/banned.h"

void gs_id_runs_release(gs_id_runs *ids)
{
	gs_map_release(&ids->by_run);
	gs_vec_release(&ids->runs);
	*ids = (gs_id_runs){ 0 };
}

void gs_id_runs_clear(gs_id_runs *ids)
{
	gs_map_clear(&ids->by_run);
	ids->runs.n = 0;
	memset(ids->recent, 0, sizeof(ids->recent));
}

static uint32_t *remember(gs_id_runs *ids, uint64_t id, uint32_t at)
{
	ids->recent[id / GS_ID_RUN % GS_ID_RUNS_RECENT].run = id / GS_ID_RUN;
	ids->recent[id / GS_ID_RUN % GS_ID_RUNS_RECENT].at = at + 1;
	return &ids->runs.p[at].at[id % GS_ID_RUN];
}

uint32_t *gs_id_runs_find_slow(gs_id_runs *ids, uint64_t id)
{
	const uint32_t *slot = gs_map_get(&ids->by_run, id / GS_ID_RUN);

	return slot && *slot < ids->runs.n ? remember(ids, id, *slot) : NULL;
}

uint32_t *gs_id_runs_put_slow(gs_id_runs *ids, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&ids->by_run, id / GS_ID_RUN, &is_new);

	if (!slot)
		return NULL;
	if (is_new || *slot == UINT32_MAX) {
		*slot = UINT32_MAX;
		if (!gs_vec_push(&ids->runs, INT32_MAX))
			return NULL;
		*slot = (uint32_t)ids->runs.n - 1;
	}
	return remember(ids, id, *slot);
}

typedef struct found {
	uint64_t run;
	uint32_t at;
} found;

static int by_run(const void *a, const void *b)
{
	const found *x = a, *y = b;

	return (x->run > y->run) - (x->run < y->run);
}

size_t gs_id_runs_list(const gs_id_runs *ids, uint32_t *out)
{
	found *all = gs_alloc_should_fail() ? NULL : malloc((ids->by_run.n + 1) * sizeof(*all));
	size_t n_runs = 0, n = 0;

	if (!all)
		return SIZE_MAX;
	for (uint32_t i = 0; i < ids->by_run.cap; i++)
		if (ids->by_run.slots[i].is_used)
			all[n_runs++] = (found){ ids->by_run.slots[i].key, ids->by_run.slots[i].value };
	qsort(all, n_runs, sizeof(*all), by_run);
	for (size_t i = 0; i < n_runs; i++)
		for (unsigned k = 0; k < GS_ID_RUN && all[i].at < ids->runs.n; k++)
			if (ids->runs.p[all[i].at].at[k])
				out[n++] = ids->runs.p[all[i].at].at[k];
	free(all);
	return n;
}
