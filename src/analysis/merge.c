#include "analysis/merge.h"

bool gs_merge_init(gs_merge *m, uint32_t n)
{
	m->n = n;
	m->used = gs_try_new(m->mem, uint8_t, n);
	m->child = gs_try_new(m->mem, uint32_t, n);
	m->next = gs_try_new(m->mem, uint32_t, n);
	m->list = gs_try_new(m->mem, uint32_t, n);
	m->key = gs_try_new(m->mem, uint32_t, n);
	m->inlined = gs_try_new(m->mem, uint8_t, n);
	return m->used && m->child && m->next && m->list && m->key && m->inlined;
}

static void append(gs_merge *m, uint32_t set, uint32_t node)
{
	m->list[node] = 0;
	if (m->head[set])
		m->list[m->tail[set]] = node;
	else
		m->head[set] = node;
	m->tail[set] = node;
}

/*
 * All children of `at` get ids in one run. Node numbers here are the profiles' ids + first[] (>= 1, so that 0 is "none").
 */
static void split(gs_merge *m, uint32_t at, uint64_t *stamp)
{
	gs_view *v = m->v;
	gs_view_node *self = &v->nodes[at];

	self->first_child = v->n_nodes;
	for (uint32_t o = m->head[at]; o; o = m->list[o]) {
		uint32_t c = m->child[o];

		m->child[o] = at;
		for (; c; c = m->next[c]) {
			uint32_t key = m->key[c], id;

			if (key == GS_NO_ID) {
				append(m, at, c);
				continue;
			}
			if (stamp[key] >> 32 == (uint64_t)at + 1) {
				id = (uint32_t)stamp[key];
				if (!m->inlined[c])
					v->nodes[id].flags &= ~(unsigned)GS_VIEW_INLINED;
			} else {
				id = v->n_nodes++;
				stamp[key] = ((uint64_t)at + 1) << 32 | id;
				v->nodes[id] = (gs_view_node){
					.parent = at,
					.key = key,
					.flags = v->keys[key].flags | (m->inlined[c] ? GS_VIEW_INLINED : 0u),
				};
			}
			append(m, id, c);
		}
	}
	self->n_children = v->n_nodes - self->first_child;
}

/* Depth first, so that the sets' nodes, which are neighbours in the profiles, are met together. */
static bool split_all(gs_merge *m, uint32_t cap)
{
	gs_view *v = m->v;
	uint64_t *stamp = gs_try_new(m->mem, uint64_t, v->n_keys);
	uint32_t *todo = gs_try_new(m->mem, uint32_t, cap), n = 0;

	if (!stamp || !todo)
		return false;
	v->n_nodes = 1;
	v->nodes[0] = (gs_view_node){ .key = GS_NO_ID };
	for (unsigned i = 0; i < m->n_roots; i++)
		append(m, 0, m->roots[i]);
	todo[n++] = 0;
	while (n) {
		uint32_t at = todo[--n];

		split(m, at, stamp);
		for (uint32_t c = v->nodes[at].n_children; c-- > 0;)
			todo[n++] = v->nodes[at].first_child + c;
	}
	return true;
}

bool gs_merge_run(gs_merge *m)
{
	gs_view *v = m->v;
	gs_view_node *nodes;
	uint32_t cap = 1;

	for (uint32_t i = 1; i < m->n; i++)
		cap += m->used[i];
	m->head = gs_try_new(m->mem, uint32_t, cap);
	m->tail = gs_try_new(m->mem, uint32_t, cap);
	v->nodes = gs_try_new(m->mem, gs_view_node, cap);
	if (!m->head || !m->tail || !v->nodes || !split_all(m, cap))
		return false;
	nodes = gs_try_new(v->mem, gs_view_node, v->n_nodes);
	if (!nodes)
		return false;
	memcpy(nodes, v->nodes, v->n_nodes * sizeof(*nodes));
	v->nodes = nodes;
	return true;
}
