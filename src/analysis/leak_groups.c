/* What proven groups hold, who could have woken whom, who has what they wait for. */
#include "analysis/leaks.h"

#include "base/buf.h"

#include "base/banned.h"

enum {
	MAX_ASKED = 256, /* groups whose channels' users are looked for */
	MAX_BITS = 64, /* groups told apart; the last bit is all the others */
	MAX_MEMBERS = 64, /* looked at, of a group */
};

/* ---- what is out of reach, and whose it is ---- */

typedef struct region {
	const gs_heap *h;
	const gs_leak_proof *p;
	uint32_t *number; /* of each object: its row + 1, 0 not in the region */
	GS_VEC(uint32_t) objects;
	GS_VEC(uint64_t) groups; /* bits of those from which it can be reached */
	GS_VEC(uint32_t) changed;
	bool is_out_of_memory;
} region;

static void reach(region *r, uint32_t object, uint64_t groups)
{
	uint32_t row;

	if (object == GS_HEAP_NONE || r->p->from[object] != GS_HEAP_NONE || object == r->h->all_goroutines)
		return;
	row = r->number[object];
	if (!row) {
		uint32_t *o = gs_vec_push(&r->objects, SIZE_MAX / 8);
		uint64_t *g = gs_vec_push(&r->groups, SIZE_MAX / 8);

		if (!o || !g) {
			r->is_out_of_memory = true;
			return;
		}
		*o = object;
		*g = 0;
		row = r->number[object] = (uint32_t)r->objects.n;
	}
	if ((r->groups.p[row - 1] | groups) != r->groups.p[row - 1]) {
		uint32_t *c = gs_vec_push(&r->changed, SIZE_MAX / 8);

		r->groups.p[row - 1] |= groups;
		if (c)
			*c = row - 1;
		else
			r->is_out_of_memory = true;
	}
}

/* Records of goroutines and of waits belong to whose they are, and lead nowhere. */
static bool is_hidden(const region *r, uint32_t object)
{
	return r->p->is_waiter[object / 64] >> (object & 63) & 1;
}

static void spread(region *r)
{
	const gs_heap *h = r->h;

	while (r->changed.n && !r->is_out_of_memory) {
		uint32_t row = r->changed.p[--r->changed.n], object = r->objects.p[row];

		for (uint32_t k = gs_heap_edge_at(h, object); !is_hidden(r, object) && k < gs_heap_edge_at(h, object + 1); k++)
			if (!is_hidden(r, gs_heap_edge_to(h, k)))
				reach(r, gs_heap_edge_to(h, k), r->groups.p[row]);
	}
}

static void start(region *r, uint32_t g, uint64_t group)
{
	const gs_heap *h = r->h;
	const gs_heap_goroutine *goroutine = &h->goroutines[g];
	uint32_t record = goroutine->object;

	for (uint32_t k = r->p->root_at[g]; k < r->p->root_at[g + 1]; k++)
		if (!is_hidden(r, h->roots[r->p->root_of[k]].object))
			reach(r, h->roots[r->p->root_of[k]].object, group);
	for (uint32_t k = goroutine->first_wait; k < goroutine->first_wait + goroutine->n_waits; k++) {
		reach(r, h->waits[k].object, group);
		reach(r, h->waits[k].waiter_object, group);
	}
	if (record == GS_HEAP_NONE)
		return;
	reach(r, record, group);
	for (uint32_t k = gs_heap_edge_at(h, record); k < gs_heap_edge_at(h, record + 1); k++)
		if (!is_hidden(r, gs_heap_edge_to(h, k)))
			reach(r, gs_heap_edge_to(h, k), group);
}

static uint64_t bit_of(uint32_t group)
{
	return (uint64_t)1 << (group < MAX_BITS ? group : MAX_BITS - 1);
}

static uint64_t groups_that_have(const region *r, uint32_t object)
{
	return object != GS_HEAP_NONE && r->number[object] ? r->groups.p[r->number[object] - 1] : 0;
}

/* Groups with a member that waits for the same object: they are no help. */
static bool add_waiters(const region *r, const gs_leaks *l, gs_map *index, uint64_t *waiters)
{
	const gs_heap *h = r->h;
	bool is_new;

	for (uint32_t i = 0; i < l->n_proven; i++)
		for (uint32_t m = 0; m < l->groups[i].n; m++) {
			const gs_heap_goroutine *g = &h->goroutines[l->groups[i].members[m]];

			for (uint32_t k = g->first_wait; k < g->first_wait + g->n_waits; k++) {
				uint32_t *at = h->waits[k].object == GS_HEAP_NONE ? NULL : gs_map_put(index, h->waits[k].object, &is_new);

				if (!at && h->waits[k].object != GS_HEAP_NONE)
					return false;
				if (at && is_new)
					*at = k;
				if (at)
					waiters[*at] |= bit_of(i);
			}
		}
	return true;
}

/* Which groups could wake a member of this one, if they could go on. */
static uint64_t wakers(const region *r, const gs_leak_group *group, const gs_map *index, const uint64_t *waiters)
{
	const gs_heap *h = r->h;
	uint64_t all = 0;

	for (uint32_t i = 0; i < group->n && i < MAX_MEMBERS; i++) {
		const gs_heap_goroutine *g = &h->goroutines[group->members[i]];

		for (uint32_t k = g->first_wait; k < g->first_wait + g->n_waits; k++) {
			const uint32_t *at = gs_map_get(index, h->waits[k].object);

			all |= groups_that_have(r, h->waits[k].object) & (at ? ~waiters[*at] : ~(uint64_t)0);
		}
	}
	return all;
}

static bool find_cycles(const region *r, gs_leaks *l)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 36);
	GS_AUTO(map) index = { 0 };
	uint64_t to[MAX_BITS] = { 0 }, *waiters = gs_try_new(scratch, uint64_t, r->h->n_waits);
	uint32_t n = l->n_proven < MAX_BITS - 1 ? l->n_proven : MAX_BITS - 1, cycle = 0;

	if (!waiters || !add_waiters(r, l, &index, waiters))
		return false;
	for (uint32_t i = 0; i < n; i++)
		to[i] = wakers(r, &l->groups[i], &index, waiters);
	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < n; i++)
			if (to[i] & bit_of(k))
				to[i] |= to[k];
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = i + 1; k < n; k++)
			if ((to[i] & bit_of(k)) && (to[k] & bit_of(i))) {
				if (!l->groups[i].cycle)
					l->groups[i].cycle = ++cycle;
				l->groups[k].cycle = l->groups[i].cycle;
			}
	return true;
}

bool gs_leak_holds(const gs_heap *h, const gs_leak_proof *p, gs_leaks *l)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	region r = { .h = h, .p = p, .number = gs_try_new(scratch, uint32_t, h->n_objects) };

	if (!r.number)
		return false;
	for (uint32_t i = 0; i < l->n_proven; i++)
		for (uint32_t k = 0; k < l->groups[i].n; k++)
			start(&r, l->groups[i].members[k], bit_of(i));
	spread(&r);
	for (size_t i = 0; i < r.objects.n; i++) {
		uint64_t size = gs_heap_size(h, r.objects.p[i]), groups = r.groups.p[i];
		uint32_t group = (uint32_t)__builtin_ctzll(groups);

		l->heap_bytes += size;
		if ((groups & (groups - 1)) == 0 && group < MAX_BITS - 1) {
			l->groups[group].heap_bytes += size;
			l->groups[group].n_objects++;
		}
	}
	r.is_out_of_memory |= !find_cycles(&r, l);
	gs_vec_release(&r.objects);
	gs_vec_release(&r.groups);
	gs_vec_release(&r.changed);
	return !r.is_out_of_memory;
}

/* ---- who has it ---- */

typedef struct users {
	const gs_heap *h;
	const gs_leak_proof *p;
	gs_leaks *l;
	uint64_t *is_asked; /* objects that members[0] of a group waits for */
	uint32_t *group_of; /* of each goroutine, GS_HEAP_NONE */
} users;

static uint32_t function_of(const gs_heap *h, uint32_t goroutine)
{
	const gs_heap_frame *f = gs_leak_frame(h, &h->goroutines[goroutine]);

	return f ? f->function : 0;
}

/* Are they the same for a reader: one variable, goroutines in one function, one type? */
static bool is_alike(const gs_heap *h, const gs_leak_user *a, const gs_leak_user *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == GS_LEAK_BY_OBJECT)
		return gs_heap_type_of(h, a->index) == gs_heap_type_of(h, b->index);
	if (a->kind == GS_LEAK_BY_GOROUTINE)
		return function_of(h, a->index) == function_of(h, b->index);
	return h->roots[a->index].name == h->roots[b->index].name && (h->roots[a->index].name || h->roots[a->index].at == h->roots[b->index].at);
}

static void add_user(const users *u, gs_leak_group *group, gs_leak_user user)
{
	for (uint32_t i = 0; i < group->n_users; i++)
		if (is_alike(u->h, &group->users[i], &user)) {
			/* A goroutine may have it in several frames; they come one behind the other. */
			group->users[i].count += group->users[i].last != user.index;
			group->users[i].last = user.index;
			return;
		}
	if (group->n_users < GS_LEAK_MAX_USERS)
		group->users[group->n_users++] = user;
	else
		group->n_more_users++;
}

static bool waits_for(const gs_heap *h, uint32_t goroutine, uint32_t object)
{
	const gs_heap_goroutine *g = &h->goroutines[goroutine];

	for (uint32_t k = g->first_wait; k < g->first_wait + g->n_waits; k++)
		if (h->waits[k].object == object)
			return true;
	return false;
}

static bool is_asked(const users *u, uint32_t object)
{
	return u->is_asked[object / 64] >> (object & 63) & 1;
}

static void add_for_all(const users *u, uint32_t object, gs_leak_user user)
{
	for (uint32_t i = 0; i < u->l->n && i < MAX_ASKED; i++) {
		gs_leak_group *group = &u->l->groups[i];

		if (!waits_for(u->h, group->members[0], object) || (user.kind == GS_LEAK_BY_GOROUTINE && user.index == group->members[0]))
			continue;
		add_user(u, group, user);
		if (group->verdict == GS_LEAK_PROVEN && user.kind == GS_LEAK_BY_GOROUTINE && u->group_of[user.index] == i &&
		    !waits_for(u->h, user.index, object))
			group->is_cycle_of_its_own = true;
	}
}

bool gs_leak_find_users(const gs_heap *h, const gs_leak_proof *p, gs_leaks *l)
{
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 40);
	users u = { .h = h, .p = p, .l = l, .is_asked = gs_try_new(scratch, uint64_t, h->n_objects / 64 + 1),
		    .group_of = gs_try_new(scratch, uint32_t, h->n_goroutines) };

	if (!u.is_asked || !u.group_of)
		return false;
	memset(u.group_of, 0xff, h->n_goroutines * sizeof(*u.group_of));
	for (uint32_t i = 0; i < l->n && i < MAX_ASKED; i++) {
		const gs_heap_goroutine *g = &h->goroutines[l->groups[i].members[0]];

		for (uint32_t m = 0; m < l->groups[i].n; m++)
			u.group_of[l->groups[i].members[m]] = i;
		for (uint32_t k = g->first_wait; k < g->first_wait + g->n_waits; k++)
			if (h->waits[k].object != GS_HEAP_NONE)
				u.is_asked[h->waits[k].object / 64] |= (uint64_t)1 << (h->waits[k].object & 63);
	}
	for (uint32_t i = 0; i < h->n_roots; i++) {
		const gs_heap_root *r = &h->roots[i];

		if (!is_asked(&u, r->object) || gs_leak_leads_beside(p, h->n_objects + i, r->object))
			continue;
		if (r->goroutine == GS_HEAP_NONE)
			add_for_all(&u, r->object, (gs_leak_user){ GS_LEAK_BY_VARIABLE, i, 1, i });
		else
			add_for_all(&u, r->object, (gs_leak_user){ GS_LEAK_BY_GOROUTINE, r->goroutine, 1, r->goroutine });
	}
	for (uint32_t i = 0; i < h->n_objects; i++) {
		if (p->is_waiter[i / 64] >> (i & 63) & 1)
			continue;
		for (uint32_t k = gs_heap_edge_at(h, i); k < gs_heap_edge_at(h, i + 1); k++)
			if (is_asked(&u, gs_heap_edge_to(h, k)) && gs_heap_edge_to(h, k) != i && !gs_leak_leads_beside(p, i, gs_heap_edge_to(h, k)))
				add_for_all(&u, gs_heap_edge_to(h, k), (gs_leak_user){ GS_LEAK_BY_OBJECT, i, 1, i });
	}
	return true;
}
