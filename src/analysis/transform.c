#include "analysis/transform.h"

#include "analysis/merge.h"
#include "analysis/names.h"
#include "base/buf.h"

/*
 * Every transform is one pass from callers to callees that says for each node: shown under which key, below which parent,
 * and whether samples that end there stay. The merge then makes a proper view of it.
 */
typedef struct pass {
	gs_view *v;
	const gs_transform *t;
	uint8_t *key_match; /* by key */
	uint32_t *parent;   /* by node */
	uint32_t *key;
	uint32_t *moved; /* node that samples move to; GS_NO_ID: they go */
	uint8_t *mark;
	uint32_t n;
	gs_view_node *nodes; /* the old ones, or the inverted ones */
} pass;

static bool limit(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a transform");
}

static bool match_keys(pass *p, gs_arena *mem)
{
	const gs_view *v = p->v;

	p->key_match = gs_try_new(mem, uint8_t, v->n_keys);
	if (!p->key_match)
		return false;
	for (uint32_t k = 0; k < v->n_keys; k++) {
		gs_str name = gs_view_str(v, v->keys[k].name);

		if (p->t->kind == GS_COLLAPSE_PACKAGE)
			p->key_match[k] = gs_str_eq(gs_name_package(name), p->t->name);
		else
			p->key_match[k] = gs_str_eq(name, p->t->name) ||
					  (name.n != p->t->name.n &&
					   gs_str_eq(gs_key_text(mem, v, &v->keys[k]), p->t->name)) ||
					  (p->t->kind == GS_COLLAPSE_RECURSION && gs_str_eq(p->t->name, GS_S("*")));
	}
	return true;
}

/* Already in the stack above, as it is after collapsing: that node. */
static uint32_t same_above(const pass *p, const uint32_t *rep, uint32_t node)
{
	const gs_view *v = p->v;
	const gs_key *k = &v->keys[v->nodes[node].key];

	for (uint32_t a = rep[v->nodes[node].parent]; a; a = rep[p->parent[a]]) {
		const gs_key *ka = &v->keys[v->nodes[a].key];

		if (ka == k || (k->name && ka->name == k->name))
			return a;
	}
	return 0;
}

static bool collapse_recursion(pass *p, gs_arena *mem)
{
	uint32_t *rep = gs_try_new(mem, uint32_t, p->n);

	if (!rep)
		return false;
	for (uint32_t n = 1; n < p->n; n++) {
		uint32_t above = p->key_match[p->key[n]] ? same_above(p, rep, n) : 0;

		rep[n] = above ? above : n;
		p->parent[n] = above ? above : rep[p->v->nodes[n].parent];
		if (above)
			p->key[n] = GS_NO_ID;
	}
	return true;
}

static bool collapse_package(pass *p, gs_key_table *table)
{
	gs_key k = { .flags = gs_name_is_runtime(p->t->name) ? GS_VIEW_RUNTIME : 0 };
	uint32_t key;

	k.name = gs_strtab_id(&p->v->strings, p->t->name);
	key = k.name == UINT32_MAX ? GS_NO_ID : gs_key_intern(p->v, table, &k);
	if (key == GS_NO_ID)
		return false;
	for (uint32_t n = 1; n < p->n; n++) {
		p->mark[n] = p->key_match[p->v->nodes[n].key];
		if (p->mark[n])
			p->key[n] = p->mark[p->v->nodes[n].parent] ? GS_NO_ID : key;
	}
	return true;
}

static void mark_path(pass *p)
{
	for (uint32_t n = 1; n < p->n; n++) {
		uint32_t parent = p->v->nodes[n].parent;
		bool match = p->t->kind == GS_FOCUS_SUBTREE ? n == p->t->node : p->key_match[p->key[n]];

		p->mark[n] = p->mark[parent] || match;
		switch (p->t->kind) {
		case GS_FOCUS_FUNCTION:
			if (!p->mark[n])
				p->key[n] = GS_NO_ID;
			break;
		case GS_HIDE_FUNCTION:
			if (match)
				p->key[n] = GS_NO_ID;
			break;
		case GS_COLLAPSE_FUNCTION:
			if (p->mark[parent])
				p->key[n] = GS_NO_ID;
			break;
		default:
			break;
		}
	}
	for (uint32_t n = 0; n < p->n; n++) {
		bool stays = true;

		if (p->t->kind == GS_FOCUS_FUNCTION || p->t->kind == GS_FOCUS_SUBTREE || p->t->kind == GS_ONLY_FUNCTION)
			stays = p->mark[n] || (p->t->kind == GS_FOCUS_SUBTREE && p->t->node == 0);
		else if (p->t->kind == GS_DROP_FUNCTION)
			stays = !p->mark[n];
		if (!stays)
			p->moved[n] = GS_NO_ID;
	}
}

/* Stacks upside down: the leaf becomes the root. */
static bool invert(pass *p, gs_arena *mem, const uint8_t *is_end)
{
	GS_AUTO(map) known = { 0 };
	GS_VEC(gs_view_node) nodes = { 0 };
	const gs_view *v = p->v;
	bool ok = gs_vec_push(&nodes, INT32_MAX) != NULL;

	for (uint32_t n = 1; ok && n < p->n; n++) {
		uint32_t at = 0;

		if (!is_end[n])
			continue;
		for (uint32_t a = n; ok && a; a = v->nodes[a].parent) {
			bool is_new;
			uint32_t *slot = gs_map_put(&known, (uint64_t)at << 32 | v->nodes[a].key, &is_new);

			if (slot && is_new) {
				gs_view_node *fresh = gs_vec_push(&nodes, INT32_MAX);

				if (fresh)
					*fresh = (gs_view_node){ at, v->nodes[a].key, 0, 0, v->nodes[a].flags };
				ok = fresh != NULL;
				*slot = (uint32_t)(nodes.n - 1);
			}
			ok = ok && slot;
			if (ok)
				at = *slot;
		}
		p->moved[n] = at;
	}
	if (ok) {
		p->n = (uint32_t)nodes.n;
		p->nodes = gs_try_new(mem, gs_view_node, nodes.n);
		p->parent = gs_try_new(mem, uint32_t, nodes.n);
		p->key = gs_try_new(mem, uint32_t, nodes.n);
		ok = p->nodes && p->parent && p->key;
	}
	for (uint32_t n = 0; ok && n < p->n; n++) {
		p->nodes[n] = nodes.p[n];
		p->parent[n] = nodes.p[n].parent;
		p->key[n] = nodes.p[n].key;
	}
	gs_vec_release(&nodes);
	return ok;
}

static bool remerge(pass *p, gs_arena *mem)
{
	gs_view *v = p->v;
	gs_merge m = { .v = v, .mem = mem, .roots = { 1 }, .n_roots = 1 };
	const gs_view_node *old = p->nodes;

	if (!gs_merge_init(&m, p->n + 1))
		return false;
	for (unsigned i = 0; i < v->n_profiles; i++)
		for (uint32_t s = 0; s < v->profiles[i].profile->n_samples; s++) {
			uint32_t *node = &v->profiles[i].sample_node[s];

			if (*node != GS_NO_ID)
				*node = p->moved[*node];
			if (*node != GS_NO_ID)
				m.used[*node + 1] = 1;
		}
	for (uint32_t n = p->n; n-- > 1;) {
		gs_merge_node *to = &m.nodes[n + 1], *parent = &m.nodes[p->parent[n] + 1];

		to->key = p->key[n] == GS_NO_ID || !(old[n].flags & GS_VIEW_INLINED) ? p->key[n] : p->key[n] | GS_MERGE_INLINED;
		if (!m.used[n + 1])
			continue;
		m.used[p->parent[n] + 1] = 1;
		to->next = parent->child;
		parent->child = n + 1;
	}
	if (!gs_merge_run(&m))
		return false;
	for (unsigned i = 0; i < v->n_profiles; i++)
		for (uint32_t s = 0; s < v->profiles[i].profile->n_samples; s++) {
			uint32_t *node = &v->profiles[i].sample_node[s];

			if (*node != GS_NO_ID)
				*node = m.nodes[*node + 1].child;
		}
	return true;
}

static bool apply(gs_view *v, const gs_transform *t, gs_key_table *table, gs_arena *mem, gs_err *err)
{
	pass p = { .v = v, .t = t, .n = v->n_nodes, .nodes = v->nodes };
	bool ok;

	if (t->kind == GS_FOCUS_SUBTREE && t->node >= v->n_nodes)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no node %u in this view", t->node);
	p.parent = gs_try_new(mem, uint32_t, p.n);
	p.key = gs_try_new(mem, uint32_t, p.n);
	p.moved = gs_try_new(mem, uint32_t, p.n);
	p.mark = gs_try_new(mem, uint8_t, p.n);
	if (!p.parent || !p.key || !p.moved || !p.mark || !match_keys(&p, mem))
		return limit(err);
	for (uint32_t n = 0; n < p.n; n++) {
		p.parent[n] = v->nodes[n].parent;
		p.key[n] = v->nodes[n].key;
		p.moved[n] = n;
	}
	switch (t->kind) {
	case GS_INVERT:
		for (unsigned i = 0; i < v->n_profiles; i++)
			for (uint32_t s = 0; s < v->profiles[i].profile->n_samples; s++)
				if (v->profiles[i].sample_node[s] != GS_NO_ID)
					p.mark[v->profiles[i].sample_node[s]] = 1;
		ok = invert(&p, mem, p.mark);
		break;
	case GS_COLLAPSE_RECURSION:
		ok = collapse_recursion(&p, mem);
		break;
	case GS_COLLAPSE_PACKAGE:
		ok = collapse_package(&p, table);
		break;
	default:
		mark_path(&p);
		ok = true;
	}
	return (ok && remerge(&p, mem)) || limit(err);
}

bool gs_view_transform(gs_view *v, gs_key_table *table, gs_err *err)
{
	for (unsigned i = 0; i < v->query->n_transforms; i++) {
		gs_arena *mem = gs_arena_create(UINT64_MAX);
		bool ok = apply(v, &v->query->transforms[i], table, mem, err);

		gs_arena_free(mem);
		if (!ok)
			return false;
	}
	return true;
}
