#include "analysis/leaks.h"

#include "base/banned.h"

enum { MIN_LONG = 2 };

bool gs_leak_is_plumbing(gs_str function)
{
	static const char *const packages[] = { "runtime.", "sync.", "internal/", "reflect.", "runtime/", "sync/", "time." };

	for (unsigned i = 0; i < sizeof(packages) / sizeof(*packages); i++)
		if (gs_str_starts(function, gs_str_of(packages[i])))
			return true;
	return false;
}

const gs_heap_frame *gs_leak_frame(const gs_heap *h, const gs_heap_goroutine *g)
{
	for (uint32_t i = g->first_frame; i < g->first_frame + g->n_frames; i++)
		if (!gs_leak_is_plumbing(gs_strtab_get(&h->strings, h->frames[i].function)))
			return &h->frames[i];
	return g->n_frames ? &h->frames[g->first_frame] : NULL;
}

static gs_leak_place place_of(const gs_heap *h, const gs_heap_frame *f)
{
	return f ? (gs_leak_place){ gs_strtab_get(&h->strings, f->function), gs_strtab_get(&h->strings, f->file), f->line } : (gs_leak_place){ 0 };
}

static uint64_t place_hash(const gs_heap *h, const gs_heap_frame *f, uint64_t seed)
{
	gs_leak_place p = place_of(h, f);

	return gs_hash_u64(gs_hash_bytes(p.file.p, p.file.n, gs_hash_bytes(p.function.p, p.function.n, seed)) + p.line);
}

static uint64_t key_of(const gs_heap *h, const gs_heap_goroutine *g)
{
	return place_hash(h, &g->creator, place_hash(h, gs_leak_frame(h, g), 1));
}

static bool waits(const gs_heap_goroutine *g)
{
	return !g->is_system && (g->status == GS_HEAP_G_WAITING || g->status == GS_HEAP_G_LEAKED);
}

bool gs_leak_count(const gs_heap *h, gs_map *out, gs_err *err)
{
	bool is_new;

	for (uint32_t i = 0; i < h->n_goroutines; i++) {
		uint32_t *at = waits(&h->goroutines[i]) ? gs_map_put(out, key_of(h, &h->goroutines[i]), &is_new) : NULL;

		if (at)
			(*at)++;
		else if (waits(&h->goroutines[i]))
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u goroutines", h->n_goroutines);
	}
	return true;
}

/* ---- groups ---- */

typedef struct builder {
	gs_arena *mem;
	const gs_heap *h;
	const gs_leak_proof *p;
	const gs_dominators *d;
	const gs_leak_options *o;
	gs_leaks *l;
	gs_map of_key;	   /* key and whether it is proven -> group */
	uint32_t *group_of; /* of each goroutine, GS_HEAP_NONE */
} builder;

static bool is_proven(const builder *b, uint32_t g)
{
	return b->p->state[g] == GS_LEAK_STUCK && !gs_leak_is_main(b->h, g);
}

static void new_group(builder *b, gs_leak_group *group, uint32_t g, uint64_t key)
{
	const gs_heap *h = b->h;
	const gs_heap_goroutine *goroutine = &h->goroutines[g];

	*group = (gs_leak_group){
		.verdict = is_proven(b, g) ? GS_LEAK_PROVEN : GS_LEAK_INNOCENT,
		.key = key,
		.state = gs_strtab_get(&h->strings, goroutine->wait_reason),
		.where = place_of(h, gs_leak_frame(h, goroutine)),
		.made_by = place_of(h, goroutine->creator.function ? &goroutine->creator : NULL),
		.start = place_of(h, &goroutine->start),
		.object = GS_HEAP_NONE,
		.way_from = GS_HEAP_NONE,
	};
}

static bool gather(builder *b)
{
	const gs_heap *h = b->h;
	gs_leaks *l = b->l;
	bool is_new;

	l->groups = gs_try_new(b->mem, gs_leak_group, h->n_goroutines);
	b->group_of = gs_try_new(b->mem, uint32_t, h->n_goroutines);
	if (!l->groups || !b->group_of)
		return false;
	for (uint32_t i = 0; i < h->n_goroutines; i++) {
		const gs_heap_goroutine *g = &h->goroutines[i];
		gs_leak_group *group;
		uint64_t key;
		uint32_t *at;

		b->group_of[i] = GS_HEAP_NONE;
		if (!waits(g))
			continue;
		key = key_of(h, g);
		at = gs_map_put(&b->of_key, gs_hash_u64(key + is_proven(b, i)) ^ g->wait_reason, &is_new);
		if (!at)
			return false;
		if (is_new) {
			*at = l->n++;
			new_group(b, &l->groups[*at], i, key);
		}
		b->group_of[i] = *at;
		group = &l->groups[*at];
		group->n++;
		group->n_said_leaked += g->status == GS_HEAP_G_LEAKED;
		group->stack_bytes += g->stack_bytes;
		if (g->wait_ns > group->wait_ns)
			group->wait_ns = g->wait_ns;
	}
	return true;
}

/* The longest wait. */
static void put_oldest_first(const gs_heap *h, gs_leak_group *group)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < group->n; i++)
		if (h->goroutines[group->members[i]].wait_ns > h->goroutines[group->members[oldest]].wait_ns)
			oldest = i;
	if (group->n) {
		uint32_t g = group->members[oldest];

		group->members[oldest] = group->members[0];
		group->members[0] = g;
	}
}

static bool add_members(builder *b)
{
	const gs_heap *h = b->h;
	uint32_t *all = gs_try_new(b->mem, uint32_t, h->n_goroutines), n = 0;

	if (!all)
		return false;
	for (uint32_t i = 0; i < b->l->n; i++) {
		b->l->groups[i].members = all + n;
		n += b->l->groups[i].n;
		b->l->groups[i].n = 0;
	}
	for (uint32_t i = 0; i < h->n_goroutines; i++)
		if (b->group_of[i] != GS_HEAP_NONE) {
			gs_leak_group *group = &b->l->groups[b->group_of[i]];

			group->members[group->n++] = i;
		}
	for (uint32_t i = 0; i < b->l->n; i++)
		put_oldest_first(h, &b->l->groups[i]);
	return true;
}

/* ---- suspects ---- */

void gs_leak_judge(gs_leak_group *group, const gs_leak_options *o, bool waits_for_others, bool is_main)
{
	if (group->verdict == GS_LEAK_PROVEN || is_main)
		return;
	if (group->is_growing || (waits_for_others && (group->n >= o->min_count ||
						       (group->n >= MIN_LONG && group->wait_ns >= o->min_wait_ns))))
		group->verdict = GS_LEAK_SUSPECT;
}

/* What a goroutine alone retains; of many together at least that. */
static void retained(const builder *b)
{
	const gs_dominators *d = b->d;

	for (uint32_t i = 0; d && i < d->n_holders; i++) {
		uint32_t g = d->holders[i].goroutine;
		gs_leak_group *group = g == GS_HEAP_NONE || b->group_of[g] == GS_HEAP_NONE ? NULL : &b->l->groups[b->group_of[g]];

		if (group && group->verdict != GS_LEAK_PROVEN)
			group->heap_bytes += gs_dominators_retained(d, d->n_objects + i);
	}
}

/* From what it waits for up to a root. */
static void find_way(const builder *b, gs_leak_group *group)
{
	const gs_heap *h = b->h;
	uint32_t at = b->p->woken_by[group->members[0]];

	while (at < h->n_objects && group->n_way < GS_LEAK_MAX_WAY) {
		group->way[group->n_way++] = at;
		at = b->p->from[at];
	}
	group->way_from = at < h->n_objects ? GS_HEAP_NONE : at;
}

static int by_weight(const void *a, const void *b)
{
	const gs_leak_group *x = a, *y = b;
	uint64_t bytes_x = x->stack_bytes + x->heap_bytes, bytes_y = y->stack_bytes + y->heap_bytes;

	if (x->verdict != y->verdict)
		return x->verdict < y->verdict ? -1 : 1;
	if (x->is_growing != y->is_growing)
		return x->is_growing ? -1 : 1;
	if (bytes_x != bytes_y)
		return bytes_x > bytes_y ? -1 : 1;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

void gs_leaks_sort(gs_leaks *l)
{
	l->n_proven = l->n_suspects = l->n_goroutines_proven = l->n_goroutines_suspect = 0;
	l->stack_bytes = 0;
	for (uint32_t i = 0; i < l->n; i++) {
		const gs_leak_group *group = &l->groups[i];

		if (group->verdict == GS_LEAK_PROVEN) {
			l->n_proven++;
			l->n_goroutines_proven += group->n;
			l->stack_bytes += group->stack_bytes;
		} else if (group->verdict == GS_LEAK_SUSPECT) {
			l->n_suspects++;
			l->n_goroutines_suspect += group->n;
		}
	}
	if (l->n)
		qsort(l->groups, l->n, sizeof(*l->groups), by_weight);
	l->n = l->n_proven + l->n_suspects;
}

static void add_details(const builder *b, gs_leak_group *group)
{
	const gs_heap_goroutine *g = &b->h->goroutines[group->members[0]];

	group->n_waits = g->n_waits;
	group->object = g->n_waits ? b->h->waits[g->first_wait].object : GS_HEAP_NONE;
	if (group->verdict == GS_LEAK_SUSPECT)
		find_way(b, group);
}

bool gs_leaks_build(gs_arena *mem, const gs_heap *h, const gs_leak_proof *p, const gs_dominators *d, const gs_leak_options *options,
		    gs_leaks *out, gs_err *err)
{
	builder b = { .mem = mem, .h = h, .p = p, .d = d, .o = options, .l = out };
	GS_AUTO(map) now = { 0 };
	bool ok;

	*out = (gs_leaks){ .is_main_stuck = p->is_main_stuck, .has_before = options->n_before > 0 };
	ok = gather(&b) && add_members(&b);
	gs_map_release(&b.of_key);
	if (ok && options->n_before && !(gs_leak_count(h, &now, err) && gs_leaks_look_back(mem, out, &now, options, err)))
		return false;
	if (ok) {
		for (uint32_t i = 0; i < out->n; i++)
			gs_leak_judge(&out->groups[i], options, gs_leak_waits_for_others(h, out->groups[i].members[0]),
				      gs_leak_is_main(h, out->groups[i].members[0]));
		retained(&b);
	}
	if (ok) {
		gs_leaks_sort(out);
		for (uint32_t i = 0; i < out->n; i++)
			add_details(&b, &out->groups[i]);
		ok = gs_leak_holds(h, p, out);
	}
	if (ok) {
		gs_leaks_sort(out); /* what they hold is known now */
		ok = gs_leak_find_users(h, p, out);
	}
	return ok || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u goroutines", h->n_goroutines);
}
