#include "analysis/merge.h"

typedef struct gs_merge_set {
	uint32_t head, tail;
} gs_merge_set;

bool gs_merge_init(gs_merge *m, uint32_t n)
{
	m->n = n;
	m->used = gs_try_new(m->mem, uint8_t, n);
	m->nodes = gs_try_new(m->mem, gs_merge_node, n);
	return m->used && m->nodes;
}

static inline void append(gs_merge *m, uint32_t set, uint32_t node)
{
	gs_merge_set *s = &m->sets[set];

	m->nodes[node].list = 0;
	if (s->head)
		m->nodes[s->tail].list = node;
	else
		s->head = node;
	s->tail = node;
}

/*
 * All children of `at` get ids in one run. Node numbers here are the profiles' ids + first[] (>= 1, so that 0 is "none").
 */
static void split(gs_merge *m, uint32_t at, uint64_t *stamp)
{
	gs_view *v = m->v;
	gs_view_node *self = &v->nodes[at];

	self->first_child = v->n_nodes;
	for (uint32_t o = m->sets[at].head; o; o = m->nodes[o].list) {
		uint32_t c = m->nodes[o].child, next;

		m->nodes[o].child = at;
		for (; c; c = next) {
			uint32_t key = m->nodes[c].key, id;
			bool inlined = key & GS_MERGE_INLINED;

			next = m->nodes[c].next;
			if (key == GS_NO_ID) {
				append(m, at, c);
				continue;
			}
			key &= ~GS_MERGE_INLINED;
			if (stamp[key] >> 32 == (uint64_t)at + 1) {
				id = (uint32_t)stamp[key];
				if (!inlined)
					v->nodes[id].flags &= ~(unsigned)GS_VIEW_INLINED;
			} else {
				id = v->n_nodes++;
				stamp[key] = ((uint64_t)at + 1) << 32 | id;
				v->nodes[id] = (gs_view_node){
					.parent = at,
					.key = key,
					.flags = v->keys[key].flags | (inlined ? GS_VIEW_INLINED : 0u),
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
	uint32_t cap = 1;

	for (uint32_t i = 1; i < m->n; i++)
		cap += m->used[i];
	m->sets = gs_try_new(m->mem, gs_merge_set, cap);
	v->nodes = gs_try_new(v->mem, gs_view_node, cap); /* what is not used of it is never touched */
	return m->sets && v->nodes && split_all(m, cap);
}
