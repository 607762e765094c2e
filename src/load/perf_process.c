#include "load/perf_process.h"

#include "base/banned.h"

enum { MAX_PROCESSES = 1 << 22, MAX_MAPS = 1 << 19 };
#define MAX_MOVED ((uint64_t)1 << 28)

static void maps_drop(gs_perf_maps *m)
{
	if (!m || --m->n_users)
		return;
	gs_vec_release(&m->list);
	free(m);
}

void gs_perf_processes_release(gs_perf_processes *p)
{
	for (size_t i = 0; i < p->list.n; i++) {
		maps_drop(p->list.p[i].maps);
		gs_digest_map_release(&p->list.p[i].stacks);
	}
	gs_vec_release(&p->list);
	gs_map_release(&p->by_pid);
	gs_map_release(&p->comms);
}

gs_perf_process *gs_perf_process_of(gs_perf_processes *p, int32_t pid)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&p->by_pid, (uint32_t)pid, &is_new);
	gs_perf_process *fresh;

	if (!slot)
		return NULL;
	if (*slot)
		return &p->list.p[*slot - 1];
	fresh = gs_vec_push(&p->list, MAX_PROCESSES);
	if (!fresh)
		return NULL;
	fresh->pid = pid;
	*slot = (uint32_t)p->list.n;
	return fresh;
}

/* A list that only this process uses. */
static gs_perf_maps *own_maps(gs_perf_processes *all, gs_perf_process *p)
{
	gs_perf_maps *m = p->maps, *copy;

	if (m && m->n_users == 1)
		return m;
	copy = gs_alloc_should_fail() ? NULL : calloc(1, sizeof(*copy));
	if (!copy)
		return NULL;
	copy->n_users = 1;
	all->moved += m ? m->list.n : 0;
	for (size_t i = 0; m && i < m->list.n; i++) {
		gs_perf_map *fresh = gs_vec_push(&copy->list, MAX_MAPS);

		if (!fresh) {
			maps_drop(copy);
			return NULL;
		}
		*fresh = m->list.p[i];
	}
	maps_drop(m);
	return p->maps = copy;
}

/* Index of the first map that ends behind the address. */
static size_t lower_bound(const gs_perf_maps *m, uint64_t address)
{
	size_t from = 0, to = m->list.n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (m->list.p[mid].end <= address)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static bool insert(gs_perf_maps *m, size_t at, const gs_perf_map *map)
{
	if (!gs_vec_push(&m->list, MAX_MAPS))
		return false;
	memmove(&m->list.p[at + 1], &m->list.p[at], (m->list.n - 1 - at) * sizeof(*map));
	m->list.p[at] = *map;
	return true;
}

bool gs_perf_process_map(gs_perf_processes *all, int32_t pid, const gs_perf_map *map)
{
	gs_perf_process *p = gs_perf_process_of(all, pid);
	gs_perf_maps *m = p ? own_maps(all, p) : NULL;
	size_t at, end;

	if (!m)
		return false;
	gs_digest_map_release(&p->stacks);
	if (map->start >= map->end)
		return true;
	/* What it covers goes; what it cuts is cut. */
	at = lower_bound(m, map->start);
	all->moved += m->list.n - at;
	if (all->moved > MAX_MOVED)
		return false;
	if (at < m->list.n && m->list.p[at].start < map->start) {
		gs_perf_map right = m->list.p[at];

		m->list.p[at].end = map->start;
		at++;
		if (right.end > map->end) {
			right.offset += map->end - right.start;
			right.start = map->end;
			if (!insert(m, at, &right))
				return false;
		}
	}
	for (end = at; end < m->list.n && m->list.p[end].end <= map->end; end++)
		;
	if (end > at) {
		memmove(&m->list.p[at], &m->list.p[end], (m->list.n - end) * sizeof(*map));
		m->list.n -= end - at;
	}
	if (at < m->list.n && m->list.p[at].start < map->end) {
		m->list.p[at].offset += map->end - m->list.p[at].start;
		m->list.p[at].start = map->end;
	}
	return insert(m, at, map);
}

void gs_perf_process_exec(gs_perf_process *p)
{
	gs_digest_map_release(&p->stacks);
	maps_drop(p->maps);
	p->maps = NULL;
}

bool gs_perf_process_fork(gs_perf_processes *p, int32_t parent, int32_t child)
{
	gs_perf_process *from, *to;

	if (parent == child)
		return true;
	if (!gs_perf_process_of(p, child) || !(from = gs_perf_process_of(p, parent)))
		return false;
	to = gs_perf_process_of(p, child);
	gs_perf_process_exec(to);
	to->maps = from->maps;
	if (to->maps)
		to->maps->n_users++;
	return true;
}

gs_perf_map *gs_perf_process_find(gs_perf_process *p, uint64_t address)
{
	size_t at;

	if (!p->maps)
		return NULL;
	at = lower_bound(p->maps, address);
	return at < p->maps->list.n && p->maps->list.p[at].start <= address ? &p->maps->list.p[at] :
									      NULL;
}

bool gs_perf_comm_set(gs_perf_processes *p, int32_t tid, uint32_t name)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&p->comms, (uint32_t)tid, &is_new);

	if (slot)
		*slot = name;
	return slot != NULL;
}

uint32_t gs_perf_comm_get(const gs_perf_processes *p, int32_t tid)
{
	const uint32_t *slot = gs_map_get(&p->comms, (uint32_t)tid);

	return slot ? *slot : UINT32_MAX;
}
