#include "analysis/goroutine_groups.h"

#include "analysis/names.h"
#include "base/buf.h"

/* What a goroutine waits for shows in the runtime functions at its leaf; the words are those of the runtime's wait reasons. */
static const struct {
	const char *function, *state;
} leaf_states[] = {
	{ "runtime.chanrecv1", "chan receive" },
	{ "runtime.chanrecv2", "chan receive" },
	{ "runtime.chansend1", "chan send" },
	{ "runtime.selectgo", "select" },
	{ "runtime.block", "select (no cases)" },
	{ "internal/poll.runtime_pollWait", "IO wait" },
	{ "time.Sleep", "sleep" },
	{ "sync.runtime_SemacquireMutex", "sync.Mutex.Lock" },
	{ "internal/sync.runtime_SemacquireMutex", "sync.Mutex.Lock" },
	{ "sync.runtime_SemacquireRWMutexR", "sync.RWMutex.RLock" },
	{ "sync.runtime_SemacquireRWMutex", "sync.RWMutex.Lock" },
	{ "sync.runtime_SemacquireWaitGroup", "sync.WaitGroup.Wait" },
	{ "sync.runtime_Semacquire", "semacquire" },
	{ "sync.runtime_notifyListWait", "sync.Cond.Wait" },
	{ "os/signal.signal_recv", "syscall" },
	{ "syscall.Syscall", "syscall" },
	{ "syscall.Syscall6", "syscall" },
	{ "internal/runtime/syscall.Syscall6", "syscall" },
	{ "runtime.cgocall", "syscall" },
	{ "runtime/pprof.runtime_goroutineProfileWithLabels", "running" },
	{ "runtime/pprof.writeRuntimeProfile", "running" },
};

static gs_str function_name(const gs_profile *p, uint32_t frame)
{
	return gs_profile_str(p, p->functions[p->frames[frame].function].name);
}

static gs_str state_of_stack(const gs_profile *p, uint32_t node)
{
	/* The wait is among the first few frames above runtime.gopark. */
	for (unsigned depth = 0; node != GS_ROOT_NODE && depth < 6; depth++, node = p->nodes[node].parent) {
		gs_str name = function_name(p, p->nodes[node].frame);

		for (size_t i = 0; i < sizeof(leaf_states) / sizeof(*leaf_states); i++)
			if (gs_str_eq(name, gs_str_of(leaf_states[i].function)))
				return gs_str_of(leaf_states[i].state);
	}
	return (gs_str){ 0 };
}

static bool is_goroutine_profile(const gs_profile *p)
{
	gs_str type = p->n_types ? gs_profile_str(p, p->types[0].type) : (gs_str){ 0 };

	return gs_str_starts(type, GS_S("goroutine"));
}

static bool fill_entries(gs_arena *mem, const gs_document *d, gs_goroutine_groups *g)
{
	const gs_profile *p = d->profile;

	g->n_entries = d->goroutines ? d->goroutines->n : p->n_samples;
	g->entries = gs_try_new(mem, gs_goroutine_entry, g->n_entries);
	if (!g->entries)
		return false;
	for (uint32_t i = 0; i < g->n_entries; i++) {
		gs_goroutine_entry *e = &g->entries[i];

		if (d->goroutines) {
			const gs_goroutine *r = &d->goroutines->list[i];

			*e = (gs_goroutine_entry){ .id = r->id, .count = 1, .state = gs_profile_str(p, r->state),
						   .wait_ns = r->wait_ns, .node = r->node, .labels = r->labels,
						   .creator = r->creator, .args = gs_profile_str(p, r->args),
						   .is_locked = r->is_locked, .is_leaked = r->is_leaked };
		} else {
			*e = (gs_goroutine_entry){ .count = p->values[0][i], .node = p->sample_node[i],
						   .labels = p->sample_labels[i] };
			e->state = state_of_stack(p, e->node);
		}
		g->total += e->count;
	}
	return true;
}

static bool stack_matches(const gs_profile *p, uint32_t node, const gs_re *re)
{
	for (; node != GS_ROOT_NODE; node = p->nodes[node].parent) {
		const gs_function *f = &p->functions[p->frames[p->nodes[node].frame].function];

		if (gs_re_match(re, gs_profile_str(p, f->name)) || gs_re_match(re, gs_profile_str(p, f->file)))
			return true;
	}
	return false;
}

static gs_str wait_class(int64_t wait_ns)
{
	int64_t minutes = wait_ns / 60000000000;

	return minutes < 1 ? GS_S("less than a minute") : minutes < 10 ? GS_S("1 to 10 minutes") :
	       minutes < 60 ? GS_S("10 to 60 minutes") : GS_S("an hour or more");
}

static void key_of(const gs_profile *p, const gs_goroutine_entry *e, const gs_goroutine_query *q, gs_buf *key)
{
	key->n = 0;
	switch (q->by) {
	case GS_GOROUTINES_BY_STACK:
		for (uint32_t at = e->node; at != GS_ROOT_NODE; at = p->nodes[at].parent) {
			const gs_frame *f = &p->frames[p->nodes[at].frame];

			gs_buf_str(key, function_name(p, p->nodes[at].frame));
			gs_buf_f(key, ":%lld\n", (long long)f->line);
		}
		gs_buf_str(key, e->state);
		gs_buf_f(key, "\n%u", e->labels);
		break;
	case GS_GOROUTINES_BY_STATE:
		gs_buf_str(key, e->state.n ? e->state : GS_S("unknown"));
		break;
	case GS_GOROUTINES_BY_WAIT:
		gs_buf_str(key, wait_class(e->wait_ns));
		break;
	case GS_GOROUTINES_BY_CREATOR:
		if (e->creator)
			gs_buf_str(key, function_name(p, e->creator));
		else
			gs_buf_z(key, "unknown");
		break;
	case GS_GOROUTINES_BY_LABEL: {
		gs_label_set set = p->label_sets[e->labels];
		bool has_one = false;

		for (uint32_t i = set.first; i < set.first + set.n; i++) {
			const gs_label *l = &p->labels[i];

			if (!gs_str_eq(gs_profile_str(p, l->key), q->label))
				continue;
			if (has_one)
				gs_buf_c(key, ',');
			if (l->is_num)
				gs_buf_f(key, "%lld", (long long)l->num);
			else
				gs_buf_str(key, gs_profile_str(p, l->str));
			has_one = true;
		}
		if (!has_one)
			gs_buf_z(key, "(no such label)");
		break;
	}
	}
}

/* Own code tells most: "main", or an import path whose first part has a dot. The standard library has none. */
static bool is_own_code(gs_str package)
{
	gs_str first, rest;

	gs_str_cut(package, '/', &first, &rest);
	return gs_str_eq(package, GS_S("main")) || gs_str_find_char(first, '.') != SIZE_MAX;
}

/* What a group of equal stacks is called: the innermost function of own code, else of the library's public part, else the leaf. */
static gs_str stack_title(const gs_profile *p, const gs_goroutine_entry *e)
{
	gs_str leaf = { 0 }, library = { 0 };

	for (uint32_t at = e->node; at != GS_ROOT_NODE; at = p->nodes[at].parent) {
		gs_str name = function_name(p, p->nodes[at].frame), package = gs_name_package(name);

		if (is_own_code(package))
			return name;
		if (!leaf.n)
			leaf = name;
		if (!library.n && !gs_name_is_runtime(name) && !gs_str_starts(package, GS_S("internal/")))
			library = name;
	}
	return library.n ? library : leaf.n ? leaf : GS_S("(no stack)");
}

static int by_count(const void *a, const void *b)
{
	const gs_goroutine_group *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->first < y->first ? -1 : 1;
}

static int by_wait(const void *a, const void *b, void *ctx)
{
	const gs_goroutine_entry *entries = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (entries[x].wait_ns != entries[y].wait_ns)
		return entries[x].wait_ns > entries[y].wait_ns ? -1 : 1;
	return x < y ? -1 : 1;
}

gs_goroutine_groups *gs_goroutine_groups_build(gs_arena *mem, const gs_document *d, const gs_goroutine_query *q,
					       gs_err *err)
{
	const gs_profile *p = d->profile;
	gs_goroutine_groups *g = gs_try_new(mem, gs_goroutine_groups, 1);
	gs_strtab *keys = gs_try_new(mem, gs_strtab, 1);
	uint32_t *group_of, *filled;
	GS_AUTO(buf) key = { 0 };

	gs_buf_init(&key, 1 << 24);
	if (!d->goroutines && !is_goroutine_profile(p))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s has no goroutines: it takes a goroutine dump (debug=2, panic, SIGQUIT) or a goroutine profile%s", GS_FMT(d->name),
			       p->is_heap_sampled ? "; gospect trend tells what grows in heap profiles" : ""),
		       NULL;
	if (!g || !keys || !gs_strtab_init(keys, mem) || !fill_entries(mem, d, g))
		goto no_memory;
	group_of = gs_try_new(mem, uint32_t, g->n_entries);
	g->members = gs_try_new(mem, uint32_t, g->n_entries);
	g->list = gs_try_new(mem, gs_goroutine_group, g->n_entries);
	filled = gs_try_new(mem, uint32_t, g->n_entries);
	if (!group_of || !g->members || !g->list || !filled)
		goto no_memory;
	for (uint32_t i = 0; i < g->n_entries; i++) {
		const gs_goroutine_entry *e = &g->entries[i];
		uint32_t id;

		group_of[i] = GS_NO_ID;
		if ((q->match && !stack_matches(p, e->node, q->match)) || (q->state && !gs_re_match(q->state, e->state)) ||
		    e->wait_ns < q->min_wait_ns)
			continue;
		key_of(p, e, q, &key);
		/* Id 0 is the empty string, which no key is. */
		id = gs_strtab_id(keys, gs_buf_view(&key));
		if (id == UINT32_MAX || key.bad)
			goto no_memory;
		group_of[i] = id - 1;
		if (id > g->n) {
			g->n = id;
			g->list[id - 1].key = q->by == GS_GOROUTINES_BY_STACK ? stack_title(p, e) : gs_strtab_get(keys, id);
		}
		g->list[id - 1].n++;
		g->list[id - 1].count += e->count;
		if (e->wait_ns > g->list[id - 1].wait_max_ns)
			g->list[id - 1].wait_max_ns = e->wait_ns;
		g->shown += e->count;
	}
	for (uint32_t i = 1; i < g->n; i++)
		g->list[i].first = g->list[i - 1].first + g->list[i - 1].n;
	for (uint32_t i = 0; i < g->n_entries; i++)
		if (group_of[i] != GS_NO_ID)
			g->members[g->list[group_of[i]].first + filled[group_of[i]]++] = i;
	for (uint32_t i = 0; i < g->n; i++)
		qsort_r(g->members + g->list[i].first, g->list[i].n, sizeof(*g->members), by_wait, g->entries);
	qsort(g->list, g->n, sizeof(*g->list), by_count);
	return g;
no_memory:
	gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %.*s", GS_FMT(d->name));
	return NULL;
}
