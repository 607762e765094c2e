#include "analysis/heap_allocated.h"

#include "base/banned.h"

enum { MAX_DEPTH = 512 }; /* what is deeper counts where that ends */

static bool no_memory(gs_err *err, const gs_heap *h)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the ways to %u objects", h->n_objects);
}

/* ---- names ---- */

static uint32_t name_of_type(gs_arena *scratch, gs_strtab *t, const gs_heap *h, const gs_heap_type *type)
{
	gs_str name = gs_strtab_get(&h->strings, type->name);

	/* A variable that has the header of a slice or string is not what that leads to. */
	if (!type->is_array && type->addr && type->form == GS_HEAP_FORM_VALUE && (type->kind == GS_HEAP_KIND_SLICE || type->kind == GS_HEAP_KIND_STRING))
		return gs_strtab_id(t, gs_strf(scratch, "%.*s (header)", GS_FMT(name)));
	if (!type->is_array || type->size_bytes == 0)
		return gs_strtab_id(t, name);
	return gs_strtab_id(t, gs_strf(scratch, "[]%.*s", GS_FMT(name)));
}

static uint32_t name_of_holder(gs_arena *scratch, gs_strtab *t, const gs_heap *h, const gs_heap_holder *holder)
{
	switch (holder->kind) {
	case GS_HEAP_ROOT_GLOBAL:
		if (!holder->name)
			return gs_strtab_id(t, GS_S("var without a name"));
		return gs_strtab_id(t, gs_strf(scratch, "var %.*s", GS_FMT(gs_strtab_get(&h->strings, holder->name))));
	case GS_HEAP_ROOT_STACK:
	case GS_HEAP_ROOT_REGISTER:
	case GS_HEAP_ROOT_GOROUTINE: {
		uint32_t function = holder->goroutine < h->n_goroutines ? h->goroutines[holder->goroutine].start.function : 0;

		if (!function)
			return gs_strtab_id(t, GS_S("goroutine"));
		return gs_strtab_id(t, gs_strf(scratch, "goroutine %.*s", GS_FMT(gs_strtab_get(&h->strings, function))));
	}
	case GS_HEAP_ROOT_FINALIZER:
		return gs_strtab_id(t, GS_S("finalizers"));
	case GS_HEAP_ROOT_CLEANUP:
		return gs_strtab_id(t, GS_S("cleanups"));
	case GS_HEAP_ROOT_WEAK:
		return gs_strtab_id(t, GS_S("weak pointers' handles"));
	default:
		return gs_strtab_id(t, GS_S("finalizers about to run"));
	}
}

gs_heap_names *gs_heap_names_build(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 34);
	gs_heap_names *out = gs_new(mem, gs_heap_names, 1); /* the table stays where it is until the arena goes */
	bool ok;

	out->of_type = gs_try_new(mem, uint32_t, h->n_types);
	out->of_holder = gs_try_new(mem, uint32_t, d->n_holders);
	ok = out->of_type && out->of_holder && gs_strtab_init(&out->strings, mem);
	for (uint32_t i = 0; ok && i < h->n_types; i++) {
		out->of_type[i] = name_of_type(scratch, &out->strings, h, &h->types[i]);
		ok = out->of_type[i] != UINT32_MAX;
	}
	for (uint32_t i = 0; ok && i < d->n_holders; i++) {
		out->of_holder[i] = name_of_holder(scratch, &out->strings, h, &d->holders[i]);
		ok = out->of_holder[i] != UINT32_MAX;
	}
	if (ok) {
		out->shared = gs_strtab_id(&out->strings, GS_S("held by several"));
		ok = out->shared != UINT32_MAX;
	}
	if (ok)
		return out;
	no_memory(err, h);
	return NULL;
}

/* ---- the shortest ways ---- */

static unsigned rank_of_holder(const gs_heap_holder *holder)
{
	if (holder->kind == GS_HEAP_ROOT_GLOBAL)
		return 0;
	return holder->goroutine != GS_HEAP_NONE ? 1 : 2;
}

bool gs_heap_shortest(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_packed *up, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	uint32_t *queue = gs_try_new(scratch, uint32_t, d->n_nodes);
	uint32_t n = 0, root = gs_dominators_root(d);

	if (!queue || !gs_packed_init(up, mem, d->n_nodes, d->n_nodes))
		return no_memory(err, h);
	gs_packed_set_none(up, d->n_nodes);
	for (unsigned rank = 0; rank < 3; rank++)
		for (uint32_t i = 0; i < d->n_holders; i++)
			if (rank_of_holder(&d->holders[i]) == rank) {
				gs_packed_set(up, d->n_objects + i, root);
				queue[n++] = d->n_objects + i;
			}
	for (uint32_t at = 0; at < n; at++) {
		uint32_t to;

		for (uint32_t k = 0; (to = gs_dominators_successor(h, d, queue[at], k)) != GS_HEAP_NONE; k++)
			if (to != GS_DOMINATORS_SKIP && gs_packed_id(up, to) == GS_HEAP_NONE) {
				gs_packed_set(up, to, queue[at]);
				queue[n++] = to;
			}
	}
	return true;
}

/* ---- merging ---- */

typedef struct merge {
	const gs_heap *h;
	const gs_dominators *d;
	gs_heap_names *names;
	const gs_packed *up;
	gs_heap_look *look;
	bool is_exact;
	gs_arena *scratch;
	gs_map roots;	 /* object that a variable leads to -> root */
	gs_map named;	 /* name of a field, name of a type -> name of both */
	gs_map frames;	 /* object that a frame holds -> name of the frame */
	gs_heap_weight carry; /* see carried */
	gs_map children; /* step and name -> step */
	gs_growing step_of; /* of each node */
	gs_heap_step *steps;
	uint32_t n, cap;
} merge;

/* Which frame it is that holds an object right below a goroutine; of several the first. */
static bool find_frames(merge *m)
{
	const gs_dominators *d = m->d;

	for (uint32_t i = 0; i < d->n_holders; i++) {
		if (d->holders[i].goroutine == GS_HEAP_NONE)
			continue;
		for (uint32_t k = d->holder_at[i]; k < d->holder_at[i + 1]; k++) {
			const gs_heap_root *r = d->holder_root[k] == GS_HEAP_NONE ? NULL : &m->h->roots[d->holder_root[k]];
			uint32_t *at, name;
			bool is_new;
			gs_str text;

			if (!r || !r->name || r->kind != GS_HEAP_ROOT_STACK || gs_packed_id(m->up, d->holder_to[k]) != d->n_objects + i)
				continue;
			at = gs_map_put(&m->frames, d->holder_to[k], &is_new);
			if (!at)
				return false;
			if (!is_new)
				continue;
			text = gs_strf(m->scratch, "frame %.*s", GS_FMT(gs_strtab_get(&m->h->strings, r->name)));
			name = gs_strtab_id(&m->names->strings, text);
			if (name == UINT32_MAX)
				return false;
			*at = name;
		}
	}
	return true;
}

static bool find_variables(merge *m)
{
	const gs_dominators *d = m->d;

	for (uint32_t i = 0; i < d->n_holders; i++) {
		if (d->holders[i].kind != GS_HEAP_ROOT_GLOBAL)
			continue;
		for (uint32_t k = d->holder_at[i]; k < d->holder_at[i + 1]; k++) {
			bool is_new;
			uint32_t *at;

			if (gs_packed_id(m->up, d->holder_to[k]) != d->n_objects + i)
				continue;
			at = gs_map_put(&m->roots, d->holder_to[k], &is_new);
			if (!at)
				return false;
			if (is_new)
				*at = d->holder_root[k];
		}
	}
	return true;
}

/* What of the node above leads to this one; of a variable what is behind its name. */
static gs_str field_to(merge *m, uint32_t node)
{
	const gs_heap_holder *holder;
	const uint32_t *root;
	gs_str name, variable;

	if (gs_packed_id(m->up, node) < m->d->n_objects)
		return m->look->edge(m->look, gs_packed_id(m->up, node), node, m->is_exact);
	root = gs_map_get(&m->roots, node);
	if (!root || *root == GS_HEAP_NONE)
		return (gs_str){ 0 };
	holder = &m->d->holders[gs_packed_id(m->up, node) - m->d->n_objects];
	name = m->look->variable(m->look, &m->h->roots[*root], m->is_exact);
	variable = gs_strtab_get(&m->h->strings, holder->name);
	return gs_str_starts(name, variable) ? gs_str_skip(name, variable.n) : (gs_str){ 0 };
}

/* Id of "field type". UINT32_MAX: out of memory. */
static uint32_t name_of_step(merge *m, uint32_t node)
{
	uint32_t type = m->names->of_type[gs_heap_type_of(m->h, node)], field, *at;
	gs_str name;
	bool is_new;

	if (!m->look)
		return type;
	name = field_to(m, node);
	if (!name.n)
		return type;
	field = gs_strtab_id(&m->names->strings, name);
	at = field == UINT32_MAX ? NULL : gs_map_put(&m->named, (uint64_t)field << 32 | type, &is_new);
	if (!at)
		return UINT32_MAX;
	if (is_new) {
		GS_AUTO(arena) *scratch = gs_arena_create(1 << 20);

		*at = gs_strtab_id(&m->names->strings,
				   gs_strf(scratch, "%.*s %.*s", GS_FMT(name), GS_FMT(gs_strtab_get(&m->names->strings, type))));
	}
	return *at;
}

/* The step of that name below another. GS_HEAP_NONE: out of memory. */
static uint32_t child(merge *m, uint32_t parent, uint32_t name)
{
	bool is_new;
	uint32_t *at = gs_map_put(&m->children, (uint64_t)parent << 32 | name, &is_new);

	if (!at)
		return GS_HEAP_NONE;
	if (!is_new)
		return *at;
	for (uint32_t s = parent; s; s = m->steps[s].parent)
		if (m->steps[s].name == name)
			return *at = s;
	if (m->steps[parent].depth >= MAX_DEPTH)
		return *at = parent;
	if (m->n == m->cap) {
		uint32_t cap = m->cap < UINT32_MAX / 2 ? m->cap * 2 : UINT32_MAX;
		gs_heap_step *more = gs_try_new(m->scratch, gs_heap_step, cap);

		if (!more || m->n == cap)
			return GS_HEAP_NONE;
		memcpy(more, m->steps, m->n * sizeof(*more));
		m->steps = more;
		m->cap = cap;
	}
	m->steps[m->n] = (gs_heap_step){ .parent = parent, .name = name, .depth = m->steps[parent].depth + 1,
					 .largest = GS_HEAP_NONE };
	return *at = m->n++;
}

static uint32_t step_below(merge *m, uint32_t parent, uint32_t node)
{
	const gs_dominators *d = m->d;
	uint32_t step;

	if (node >= d->n_objects) {
		step = child(m, parent, m->names->of_holder[node - d->n_objects]);
		if (step != GS_HEAP_NONE)
			m->steps[step].n_holders++;
		return step;
	}
	if (gs_packed_id(m->up, node) == gs_dominators_root(d)) {
		parent = child(m, parent, m->names->shared);
	} else if (gs_packed_id(m->up, node) >= d->n_objects) {
		const uint32_t *frame = gs_map_get(&m->frames, node);

		if (frame)
			parent = child(m, parent, *frame);
	}
	if (parent != GS_HEAP_NONE) {
		uint32_t name = name_of_step(m, node);

		parent = name == UINT32_MAX ? GS_HEAP_NONE : child(m, parent, name);
	}
	return parent;
}

static bool place(merge *m, uint32_t node, uint32_t *way)
{
	uint32_t n = 0;

	for (; gs_packed_id(&m->step_of.ids, node) == GS_HEAP_NONE; node = gs_packed_id(m->up, node))
		way[n++] = node;
	while (n) {
		uint32_t step = step_below(m, gs_packed_id(&m->step_of.ids, node), way[n - 1]);

		if (step == GS_HEAP_NONE)
			return false;
		node = way[--n];
		if (!gs_growing_set(&m->step_of, node, step))
			return false;
	}
	return true;
}

static int by_parent(const void *a, const void *b, void *ctx)
{
	const gs_heap_step *steps = ctx, *x = &steps[*(const uint32_t *)a], *y = &steps[*(const uint32_t *)b];

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static bool set_order(gs_arena *mem, gs_arena *scratch, gs_heap_paths *p)
{
	uint32_t *sorted = gs_try_new(scratch, uint32_t, p->n), *first = gs_try_new(scratch, uint32_t, (size_t)p->n + 2);
	uint32_t *next = gs_try_new(scratch, uint32_t, p->n);
	uint32_t n = 0, at = 0;

	p->order = gs_try_new(mem, uint32_t, p->n);
	if (!sorted || !first || !next || !p->order)
		return false;
	for (uint32_t i = 1; i < p->n; i++) {
		sorted[i - 1] = i;
		first[p->steps[i].parent + 1]++;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		first[i + 1] += first[i];
		next[i] = first[i];
	}
	qsort_r(sorted, p->n - 1, sizeof(*sorted), by_parent, p->steps);
	for (;;) {
		if (next[at] < first[at + 1]) {
			at = sorted[next[at]++];
			p->order[n++] = at;
		} else if (at == 0) {
			return true;
		} else {
			at = p->steps[at].parent;
		}
	}
}

/* A whole number for the sum of estimates so far; what is lost by it is made up for by the next. */
static uint64_t carried(double *carry, double estimate)
{
	uint64_t whole = gs_heap_whole(*carry + estimate);

	*carry += estimate - (double)whole;
	return whole;
}

/* Of an object that was sampled: what it stands for. */
static void add_samples(merge *m, uint32_t object, const bool *sites, gs_heap_step *step)
{
	uint32_t first, n = gs_heap_samples_of(m->h, object, &first);
	gs_heap_weight sum = { 0 };

	for (uint32_t i = first; i < first + n; i++)
		if (sites[m->h->samples[i].site]) {
			gs_heap_weight w = gs_heap_site_weight(m->h, m->h->samples[i].site);

			sum.count += w.count;
			sum.bytes += w.bytes;
		}
	step->own_count += carried(&m->carry.count, sum.count);
	step->own_bytes += carried(&m->carry.bytes, sum.bytes);
}

static bool add_objects(merge *m, const uint64_t *selected, const bool *sites)
{
	uint32_t *way = gs_try_new(m->scratch, uint32_t, m->d->n_nodes);

	if (!way)
		return false;
	for (gs_heap_walk w = gs_heap_walk_start(m->h); gs_heap_walk_next(&w);) {
		gs_heap_step *step;

		if ((selected && !(selected[w.object / 64] >> (w.object & 63) & 1)) || gs_packed_id(m->up, w.object) == GS_HEAP_NONE)
			continue;
		if (!place(m, w.object, way))
			return false;
		step = &m->steps[gs_packed_id(&m->step_of.ids, w.object)];
		if (sites) {
			add_samples(m, w.object, sites, step);
		} else {
			step->own_count++;
			step->own_bytes += w.size_bytes;
		}
		if (step->largest == GS_HEAP_NONE || gs_dominators_retained(m->d, w.object) > gs_dominators_retained(m->d, step->largest))
			step->largest = w.object;
	}
	for (uint32_t i = m->n; i-- > 0;) {
		gs_heap_step *s = &m->steps[i];

		s->count += s->own_count;
		s->bytes += s->own_bytes;
		if (i) {
			m->steps[s->parent].count += s->count;
			m->steps[s->parent].bytes += s->bytes;
		}
	}
	return true;
}

bool gs_heap_paths_merge(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_names *names, const gs_heap_merge *what,
			 gs_heap_paths *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	merge m = { .h = h, .d = d, .names = names, .up = what->up, .look = what->look, .is_exact = what->is_exact,
		    .scratch = scratch, .n = 1, .cap = 1024 };
	bool ok;

	*out = (gs_heap_paths){ 0 };
	m.steps = gs_try_new(scratch, gs_heap_step, m.cap);
	ok = m.steps && gs_growing_init(&m.step_of, d->n_nodes) && gs_growing_set(&m.step_of, gs_dominators_root(d), 0);
	if (ok) {
		ok = find_frames(&m) && (!m.look || find_variables(&m)) && add_objects(&m, what->selected, what->sites);
	}
	if (ok) {
		out->n = m.n;
		out->steps = gs_try_new(mem, gs_heap_step, m.n);
		ok = out->steps;
	}
	if (ok) {
		memcpy(out->steps, m.steps, m.n * sizeof(*m.steps));
		ok = set_order(mem, scratch, out);
	}
	gs_growing_release(&m.step_of);
	gs_map_release(&m.roots);
	gs_map_release(&m.named);
	gs_map_release(&m.frames);
	gs_map_release(&m.children);
	return ok || no_memory(err, h);
}
