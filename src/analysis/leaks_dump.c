#include "analysis/leaks_dump.h"

#include "base/banned.h"

typedef struct said {
	const gs_profile *p;
	gs_goroutine_groups *g;
	bool is_leak_profile; /* all that is in it is leaked */
} said;

static bool open_dump(gs_arena *mem, const gs_document *d, said *out, gs_err *err)
{
	const gs_goroutine_query all = { 0 };

	*out = (said){ .p = d->profile, .g = gs_goroutine_groups_build(mem, d, &all, err) };
	out->is_leak_profile = d->kind == GS_DOCUMENT_PROFILE && d->profile->n_types &&
			       gs_str_eq(gs_profile_str(d->profile, d->profile->types[0].type), GS_S("goroutineleak"));
	return out->g;
}

static gs_leak_place place_of(const gs_profile *p, uint32_t frame)
{
	const gs_frame *f = &p->frames[frame];
	const gs_function *fn = &p->functions[f->function];

	return (gs_leak_place){ gs_profile_str(p, fn->name), gs_profile_str(p, fn->file), (uint32_t)f->line };
}

static gs_leak_place where_of(const gs_profile *p, uint32_t node)
{
	gs_leak_place first = { 0 };

	for (; node != GS_ROOT_NODE; node = p->nodes[node].parent) {
		gs_leak_place here = place_of(p, p->nodes[node].frame);

		if (!first.function.n)
			first = here;
		if (here.function.n && !gs_leak_is_plumbing(here.function))
			return here;
	}
	return first;
}

static uint64_t place_hash(const gs_leak_place *p, uint64_t seed)
{
	return gs_hash_u64(gs_hash_bytes(p->function.p, p->function.n, seed) + p->line);
}

static bool is_leaked(const said *d, const gs_goroutine_entry *e)
{
	return d->is_leak_profile || e->is_leaked;
}

static bool is_waiting(gs_str state)
{
	static const char *const others[] = { "running", "runnable", "syscall", "copystack", "preempted", "idle", "dead" };

	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (gs_str_eq(state, gs_str_of(others[i])))
			return false;
	return true;
}

static bool add_groups(gs_arena *mem, const said *d, gs_map *index, gs_leaks *out)
{
	bool is_new;

	out->groups = gs_try_new(mem, gs_leak_group, d->g->n_entries);
	for (uint32_t i = 0; out->groups && i < d->g->n_entries; i++) {
		const gs_goroutine_entry *e = &d->g->entries[i];
		gs_leak_group new = { .where = where_of(d->p, e->node), .state = e->state, .object = GS_HEAP_NONE, .way_from = GS_HEAP_NONE };
		gs_leak_group *group;
		uint32_t *at;

		if (!is_waiting(e->state) && !is_leaked(d, e))
			continue;
		if (e->creator)
			new.made_by = place_of(d->p, e->creator);
		new.verdict = is_leaked(d, e) ? GS_LEAK_PROVEN : GS_LEAK_INNOCENT;
		new.key = place_hash(&new.made_by, place_hash(&new.where, 1));
		at = gs_map_put(index, gs_hash_u64(new.key + new.verdict) ^ gs_str_hash(e->state), &is_new);
		if (!at)
			return false;
		if (is_new) {
			*at = out->n;
			out->groups[out->n++] = new;
		}
		group = &out->groups[*at];
		group->n += (uint32_t)e->count;
		group->n_said_leaked += is_leaked(d, e) ? (uint32_t)e->count : 0;
		if (e->wait_ns > group->wait_ns)
			group->wait_ns = e->wait_ns;
	}
	return out->groups;
}

static bool count(gs_arena *mem, const gs_document *d, gs_map *out, gs_err *err)
{
	said dump;
	bool is_new;

	if (!open_dump(mem, d, &dump, err))
		return false;
	for (uint32_t i = 0; i < dump.g->n_entries; i++) {
		const gs_goroutine_entry *e = &dump.g->entries[i];
		gs_leak_place where = where_of(dump.p, e->node), made_by = { 0 };
		uint32_t *at;

		if (!is_waiting(e->state) && !is_leaked(&dump, e))
			continue;
		if (e->creator)
			made_by = place_of(dump.p, e->creator);
		at = gs_map_put(out, place_hash(&made_by, place_hash(&where, 1)), &is_new);
		if (!at)
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u goroutines", dump.g->n_entries);
		*at += (uint32_t)e->count;
	}
	return true;
}

/* Dumps of text do not say when they were; then, or when the order given is not that of time, nobody knows. */
static const double *times(gs_arena *mem, const gs_document *const *before, unsigned n_before, const gs_document *now)
{
	double *at = gs_new(mem, double, n_before + 1u);
	int64_t last = 0, first = 0;

	for (unsigned i = 0; i <= n_before; i++) {
		int64_t taken = (i < n_before ? before[i] : now)->profile->time_ns;

		if (taken <= last)
			return NULL;
		first = i ? first : taken;
		at[i] = (double)(taken - first) / 1e9;
		last = taken;
	}
	return at;
}

static bool waits_for_others(gs_str state)
{
	return gs_str_starts(state, GS_S("chan ")) || gs_str_starts(state, GS_S("sync.")) || gs_str_starts(state, GS_S("select")) ||
	       gs_str_eq(state, GS_S("semacquire"));
}

bool gs_leaks_of_dump(gs_arena *mem, const gs_document *d, const gs_document *const *before, unsigned n_before,
		      const gs_leak_options *options, gs_leaks *out, gs_err *err)
{
	gs_leak_options o = *options;
	gs_map *counts = gs_new(mem, gs_map, n_before + 1), index = { 0 }; /* the last one is of this moment */
	said dump;
	bool ok = true;

	*out = (gs_leaks){ .has_before = n_before > 0 };
	for (unsigned i = 0; ok && i < n_before; i++)
		ok = count(mem, before[i], &counts[i], err);
	ok = ok && open_dump(mem, d, &dump, err) &&
	     (add_groups(mem, &dump, &index, out) || gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u goroutines", dump.g->n_entries));
	o.before = counts;
	o.n_before = n_before;
	if (ok && n_before) {
		o.at_s = times(mem, before, n_before, d);
		ok = count(mem, d, &counts[n_before], err) && gs_leaks_look_back(mem, out, &counts[n_before], &o, err);
	}
	for (uint32_t i = 0; ok && i < out->n; i++)
		gs_leak_judge(&out->groups[i], &o, waits_for_others(out->groups[i].state), false);
	if (ok)
		gs_leaks_sort(out);
	gs_map_release(&index);
	for (unsigned i = 0; i <= n_before; i++)
		gs_map_release(&counts[i]);
	return ok;
}

bool gs_leaks_check(gs_arena *mem, const gs_document *d, const gs_leaks *proven, gs_leak_check *out, gs_err *err)
{
	GS_AUTO(map) left = { 0 };
	said dump;
	bool is_new, ok;

	*out = (gs_leak_check){ .source = d->name };
	*err = (gs_err){ 0 };
	if (!open_dump(mem, d, &dump, err))
		return false;
	ok = dump.is_leak_profile;
	for (uint32_t i = 0; i < dump.g->n_entries; i++)
		ok = ok || dump.g->entries[i].is_leaked;
	if (!ok)
		return false;
	out->n_only_proven = proven->n_goroutines_proven;
	for (uint32_t i = 0; i < proven->n_proven; i++) {
		uint32_t *at = gs_map_put(&left, place_hash(&proven->groups[i].where, 1), &is_new);

		if (!at)
			return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %u groups", proven->n_proven);
		*at += proven->groups[i].n;
	}
	for (uint32_t i = 0; i < dump.g->n_entries; i++) {
		const gs_goroutine_entry *e = &dump.g->entries[i];
		gs_leak_place where = where_of(dump.p, e->node);
		uint32_t *at = gs_map_get(&left, place_hash(&where, 1)), n = (uint32_t)e->count, here;

		if (!is_leaked(&dump, e))
			continue;
		here = at && *at < n ? *at : at ? n : 0;
		if (at)
			*at -= here;
		out->n_said += n;
		out->n_agreed += here;
		out->n_only_proven -= here;
		if (here < n && out->n_places < GS_LEAK_MAX_ONLY)
			out->only_said[out->n_places++] = where;
	}
	out->n_only_said = out->n_said - out->n_agreed;
	return true;
}
