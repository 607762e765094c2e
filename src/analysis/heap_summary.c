#include "analysis/heap_summary.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/banned.h"

/*
 * An object adds to what its type retains unless one of the same type is above it in the tree. Each object has the set of the types from it up to the root; there are
 * few such sets: a set is a number, made of that of the dominator and the object's own type. The set that a type adds nothing to is the dominator's own.
 */
typedef struct type_set {
	uint32_t rest, type; /* the set without it */
} type_set;

typedef struct sets {
	GS_VEC(type_set) list; /* [0] is empty */
	gs_map of;	       /* set, type -> set */
	gs_growing of_node;
	GS_VEC(uint32_t) way;
} sets;

static bool has(const sets *s, uint32_t set, uint32_t type)
{
	for (; set; set = s->list.p[set].rest)
		if (s->list.p[set].type == type)
			return true;
	return false;
}

/* The set of `type` and `rest`. UINT32_MAX: out of memory. */
static uint32_t with(sets *s, uint32_t rest, uint32_t type)
{
	bool is_new;
	type_set *made;
	uint32_t *at;

	if (rest && s->list.p[rest].type == type)
		return rest; /* as in a list */
	at = gs_map_put(&s->of, (uint64_t)rest << 32 | type, &is_new);
	if (!at || !is_new)
		return at ? *at : UINT32_MAX;
	if (has(s, rest, type))
		return *at = rest;
	made = gs_vec_push(&s->list, UINT32_MAX - 1);
	if (!made)
		return UINT32_MAX;
	*made = (type_set){ rest, type };
	return *at = (uint32_t)s->list.n - 1;
}

/* Set of an object, with those of all above it. */
static bool place(const gs_heap *h, const gs_dominators *d, sets *s, uint32_t node, gs_heap_type_row *by_type)
{
	for (; gs_packed_id(&s->of_node.ids, node) == GS_HEAP_NONE; node = gs_dominators_above(d, node)) {
		uint32_t *at;

		if (node >= d->n_objects) {
			if (!gs_growing_set(&s->of_node, node, 0))
				return false;
			break;
		}
		at = gs_vec_push(&s->way, UINT32_MAX);
		if (!at)
			return false;
		*at = node;
	}
	while (s->way.n) {
		uint32_t above = gs_packed_id(&s->of_node.ids, node), set;

		node = s->way.p[--s->way.n];
		set = with(s, above, gs_heap_type_of(h, node));
		if (set == UINT32_MAX || !gs_growing_set(&s->of_node, node, set))
			return false;
		if (set != above)
			by_type[gs_heap_type_of(h, node)].retained_bytes += gs_dominators_retained(d, node);
	}
	return true;
}

/* Do dominators mostly lie before what they dominate? Then ways up are short when what lies before is known: of a list that was made from its end, say. */
static bool are_above_first(const gs_dominators *d)
{
	enum { STEP = 61 };
	uint32_t n = 0, n_first = 0;

	for (uint64_t i = 0; i < d->n_objects; i += STEP) {
		uint32_t above = gs_dominators_above(d, (uint32_t)i);

		n += above < d->n_objects;
		n_first += above < i;
	}
	return 2 * n_first >= n;
}

static bool retained(const gs_heap *h, const gs_dominators *d, gs_heap_type_row *by_type)
{
	sets s = { 0 };
	bool is_upward = are_above_first(d), ok = gs_growing_init(&s.of_node, d->n_nodes) && gs_vec_push(&s.list, 1);

	for (uint32_t i = 0; ok && i < d->n_objects; i++)
		ok = place(h, d, &s, is_upward ? i : d->n_objects - 1 - i, by_type);
	gs_growing_release(&s.of_node);
	gs_vec_release(&s.list);
	gs_vec_release(&s.way);
	gs_map_release(&s.of);
	return ok;
}

static int by_retained(const void *a, const void *b)
{
	const gs_heap_type_row *x = a, *y = b;

	if (x->retained_bytes != y->retained_bytes)
		return x->retained_bytes > y->retained_bytes ? -1 : 1;
	if (x->shallow_bytes != y->shallow_bytes)
		return x->shallow_bytes > y->shallow_bytes ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

bool gs_heap_summarize(gs_arena *mem, const gs_heap *h, const gs_dominators *d, gs_heap_summary *out, gs_err *err)
{
	gs_heap_type_row *rows = gs_try_new(mem, gs_heap_type_row, h->n_types);

	*out = (gs_heap_summary){ 0 };
	if (!rows || !retained(h, d, rows))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for a summary of %u objects", h->n_objects);
	for (uint32_t i = 0; i < h->n_types; i++)
		rows[i].type = i;
	for (gs_heap_walk w = gs_heap_walk_start(h); gs_heap_walk_next(&w);) {
		rows[gs_heap_type_of(h, w.object)].count++;
		rows[gs_heap_type_of(h, w.object)].shallow_bytes += w.size_bytes;
	}
	for (uint32_t i = 0; i < h->n_types; i++)
		if (rows[i].count)
			rows[out->n_rows++] = rows[i];
	if (out->n_rows)
		qsort(rows, out->n_rows, sizeof(*rows), by_retained);
	out->rows = rows;
	return true;
}
