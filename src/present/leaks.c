#include "present/leaks.h"

#include <math.h>

#include "analysis/units.h"
#include "present/heap_stack.h"
#include "present/pace.h"
#include "present/printable.h"

#include "base/banned.h"

enum { MAX_IDS = 8, MAX_PATH = 24, MAX_CALLERS = 3 };

static void bytes(gs_buf *out, uint64_t n)
{
	gs_unit_label(out, (int64_t)n, GS_S("bytes"), GS_S("auto"));
}

static void duration(gs_buf *out, int64_t ns)
{
	int64_t s = ns / 1000000000;

	if (s >= 172800)
		gs_buf_f(out, "%lld days", (long long)(s / 86400));
	else if (s >= 7200)
		gs_buf_f(out, "%lld hours", (long long)(s / 3600));
	else if (s >= 120)
		gs_buf_f(out, "%lld minutes", (long long)(s / 60));
	else
		gs_buf_f(out, "%lld s", (long long)s);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void place(gs_buf *out, const char *title, const gs_leak_place *p)
{
	if (!p->function.n)
		return;
	gs_buf_f(out, "   %-11s ", title);
	gs_printable(out, p->function);
	if (p->file.n) {
		gs_buf_z(out, "  ");
		gs_printable(out, p->file);
		gs_buf_f(out, ":%u", p->line);
	}
	gs_buf_c(out, '\n');
}

static gs_str type_name(const gs_heap *h, uint32_t object)
{
	return gs_strtab_get(&h->strings, h->types[gs_heap_type_of(h, object)].name);
}

/* "[]main.job" for what holds many. */
static void type(gs_buf *out, const gs_heap *h, uint32_t object)
{
	if (h->types[gs_heap_type_of(h, object)].is_array)
		gs_buf_z(out, "[]");
	gs_printable(out, type_name(h, object));
}

static void root_name(gs_buf *out, const gs_heap *h, const gs_heap_root *r)
{
	gs_str name = gs_strtab_get(&h->strings, r->name);

	switch (r->kind) {
	case GS_HEAP_ROOT_GLOBAL:
		if (name.n) {
			gs_buf_z(out, "var ");
			gs_printable(out, name);
		} else {
			gs_buf_f(out, "a variable at 0x%llx", (unsigned long long)r->at);
		}
		return;
	case GS_HEAP_ROOT_FINALIZER:
		gs_buf_z(out, "a finalizer");
		return;
	case GS_HEAP_ROOT_CLEANUP:
		gs_buf_z(out, "a cleanup");
		return;
	case GS_HEAP_ROOT_WEAK:
		gs_buf_z(out, "the handle of weak pointers");
		return;
	case GS_HEAP_ROOT_QUEUE:
		gs_buf_z(out, "a finalizer about to run");
		return;
	default:
		if (r->goroutine == GS_HEAP_NONE) {
			gs_buf_z(out, "a thread in the runtime");
			return;
		}
		gs_buf_f(out, "goroutine %llu", (unsigned long long)h->goroutines[r->goroutine].id);
		if (name.n) {
			gs_buf_z(out, " in ");
			gs_printable(out, name);
		}
	}
}

/* What package sync calls it; empty: a channel, which its type tells. */
static gs_str lock_name(gs_str state, const gs_heap_wait *w)
{
	if (w->kind == GS_HEAP_WAIT_NOTIFY)
		return GS_S("sync.Cond");
	if (w->kind != GS_HEAP_WAIT_SEMAPHORE)
		return (gs_str){ 0 };
	if (gs_str_starts(state, GS_S("sync.")))
		return gs_str_slice(state, 0, gs_str_rfind_char(state, '.'));
	return GS_S("semaphore");
}

static bool has_type(const gs_heap *h, uint32_t object)
{
	return object != GS_HEAP_NONE && !gs_str_starts(type_name(h, object), GS_S("unknown"));
}

static void wait_object(gs_buf *out, const gs_leak_report *r, const gs_leak_group *g)
{
	const gs_heap *h = r->heap;
	const gs_heap_goroutine *first = &h->goroutines[g->members[0]];

	for (uint32_t k = first->first_wait; k < first->first_wait + first->n_waits && k < first->first_wait + 4; k++) {
		const gs_heap_wait *w = &h->waits[k];
		gs_str lock = lock_name(g->state, w);

		gs_buf_z(out, k == first->first_wait ? "" : ", ");
		gs_buf_str(out, lock);
		if (!lock.n && w->object != GS_HEAP_NONE)
			type(out, h, w->object);
		else if (!lock.n)
			gs_buf_z(out, "a channel");
		gs_buf_f(out, " at 0x%llx", (unsigned long long)w->addr);
		if (lock.n && has_type(h, w->object) && !gs_str_eq(type_name(h, w->object), lock)) {
			gs_buf_z(out, " in ");
			type(out, h, w->object);
		}
	}
	if (first->n_waits > 4)
		gs_buf_f(out, " and %u more", first->n_waits - 4);
}

static void user(gs_buf *out, const gs_heap *h, const gs_leak_user *u)
{
	if (u->kind == GS_LEAK_BY_OBJECT) {
		if (u->count == 1)
			gs_buf_z(out, "an object ");
		else
			gs_buf_f(out, "%u objects ", u->count);
		type(out, h, u->index);
		return;
	}
	if (u->kind == GS_LEAK_BY_GOROUTINE) {
		const gs_heap_frame *f = gs_leak_frame(h, &h->goroutines[u->index]);

		gs_buf_f(out, "goroutine %llu", (unsigned long long)h->goroutines[u->index].id);
		if (f) {
			gs_buf_z(out, " in ");
			gs_printable(out, gs_strtab_get(&h->strings, f->function));
		}
	} else {
		root_name(out, h, &h->roots[u->index]);
	}
	if (u->count > 1)
		gs_buf_f(out, " and %u more like it", u->count - 1);
}

static void users_text(gs_buf *out, const gs_leak_report *r, const gs_leak_group *g)
{
	gs_buf_z(out, "   also has it ");
	if (!g->n_users)
		gs_buf_z(out, "nobody: only the goroutine itself");
	for (uint32_t i = 0; i < g->n_users; i++) {
		gs_buf_z(out, i ? ", " : "");
		user(out, r->heap, &g->users[i]);
	}
	if (g->n_more_users)
		gs_buf_f(out, " and %u more", g->n_more_users);
	gs_buf_c(out, '\n');
}

/* The root first. */
static void way_start(gs_buf *out, const gs_leak_report *r, uint32_t from)
{
	const gs_heap *h = r->heap;

	if (from < h->n_objects)
		gs_buf_z(out, "...");
	else if (from - h->n_objects < h->n_roots)
		root_name(out, h, &h->roots[from - h->n_objects]);
	else if (from != GS_HEAP_NONE)
		gs_buf_f(out, "goroutine %llu", (unsigned long long)h->goroutines[from - h->n_objects - h->n_roots].id);
	else
		gs_buf_z(out, "...");
}

static void way_text(gs_buf *out, const gs_leak_report *r, const gs_leak_group *g)
{
	if (!g->n_way)
		return;
	gs_buf_z(out, "   in reach of ");
	way_start(out, r, g->way_from);
	for (uint32_t i = g->n_way; i-- > 0;) {
		gs_buf_z(out, " > ");
		type(out, r->heap, g->way[i]);
	}
	gs_buf_c(out, '\n');
}

static void ids_text(gs_buf *out, const gs_leak_report *r, const gs_leak_group *g)
{
	gs_buf_f(out, "   goroutine%s  %s", plural(g->n), g->n == 1 ? " " : "");
	for (uint32_t i = 0; i < g->n && i < MAX_IDS; i++)
		gs_buf_f(out, "%s%llu", i ? ", " : "", (unsigned long long)r->heap->goroutines[g->members[i]].id);
	if (g->n > MAX_IDS)
		gs_buf_f(out, " and %u more", g->n - MAX_IDS);
	gs_buf_c(out, '\n');
}

static gs_pace pace_of(const gs_leaks *l)
{
	double most = 0, limit = 0;

	if (!l->is_timed)
		return gs_pace_per_moment;
	for (uint32_t i = 0; i < l->n; i++) {
		const gs_slope *f = &l->groups[i].trend->fit;

		most = fmax(most, fabs(f->slope));
		limit = fmax(limit, fmax(-f->low, f->high));
	}
	return gs_pace_of(most > 0 ? most : limit, GS_S("count"));
}

static void growth_text(gs_buf *out, const gs_leak_report *r, const gs_leak_group *g)
{
	gs_buf_f(out, "  %u before", g->n_before);
	if (r->leaks->n_moments < GS_SLOPE_MIN) {
		gs_buf_z(out, g->is_growing ? ", growing" : "");
		return;
	}
	gs_buf_z(out, ", ");
	gs_pace_verdict(out, g->trend);
	if (g->trend->verdict == GS_TREND_STEADY)
		return;
	gs_buf_z(out, ": ");
	gs_pace_slope(out, &g->trend->fit, pace_of(r->leaks), GS_S("count"), r->confidence);
}

static void group_text(gs_buf *out, const gs_leak_report *r, const gs_leak_group *g)
{
	gs_buf_f(out, "\n%7u  [", g->n);
	gs_printable(out, g->state);
	gs_buf_c(out, ']');
	if (g->stack_bytes + g->heap_bytes) {
		gs_buf_z(out, "  holding ");
		bytes(out, g->stack_bytes + g->heap_bytes);
		gs_buf_z(out, " (stacks ");
		bytes(out, g->stack_bytes);
		gs_buf_c(out, ')');
	}
	if (g->wait_ns) {
		gs_buf_z(out, "  for up to ");
		duration(out, g->wait_ns);
	}
	if (r->leaks->has_before)
		growth_text(out, r, g);
	if (g->n_said_leaked)
		gs_buf_f(out, "  leaked, says Go's detector of %u", g->n_said_leaked);
	gs_buf_c(out, '\n');
	place(out, "blocked at", &g->where);
	place(out, "made at", &g->made_by);
	if (!gs_str_eq(g->start.function, g->where.function))
		place(out, "began as", &g->start);
	if (!r->heap)
		return;
	if (g->n_waits) {
		gs_buf_z(out, "   waits for   ");
		wait_object(out, r, g);
		gs_buf_c(out, '\n');
		users_text(out, r, g);
	} else if (g->verdict == GS_LEAK_PROVEN) {
		gs_buf_z(out, "   waits for   nothing that anybody could do\n");
	}
	way_text(out, r, g);
	if (g->cycle)
		gs_buf_f(out, "   deadlock    circle %u: the groups of it hold what each other waits for\n", g->cycle);
	if (g->is_cycle_of_its_own)
		gs_buf_z(out, "   deadlock    its goroutines wait for locks that they have among themselves\n");
	ids_text(out, r, g);
}

static uint32_t shown(const gs_leak_report *r, uint32_t n)
{
	return r->max_rows && r->max_rows < n ? r->max_rows : n;
}

static void groups_text(gs_buf *out, const gs_leak_report *r, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < shown(r, n); i++)
		group_text(out, r, &r->leaks->groups[from + i]);
	if (shown(r, n) < n)
		gs_buf_f(out, "\nand %u more places (-n 0 shows all)\n", n - shown(r, n));
}

/* ---- where memory gathers ---- */

static uint32_t path_of(const gs_heap_paths *held, uint32_t step, uint32_t *way)
{
	uint32_t n = 0;

	for (; step && n < MAX_PATH; step = held->steps[step].parent)
		way[n++] = step;
	return n;
}

/* Names on the shortest way to a suspect, the suspect first; none when what is above it holds it alone and is said already. */
static uint32_t way_of(const gs_leak_report *r, const gs_heap_suspect *s, uint32_t *names)
{
	const gs_dominators *d = r->dominators;
	uint32_t n = 0, at = r->held->steps[s->step].largest;

	if (at == GS_HEAP_NONE)
		at = r->held->steps[s->elements].largest;
	for (; n < MAX_PATH && at != GS_HEAP_NONE && at != gs_dominators_root(d); at = gs_packed_id(&r->shortest, at))
		names[n++] = at < d->n_objects ? r->names->of_type[gs_heap_type_of(r->heap, at)] : r->names->of_holder[at - d->n_objects];
	return n;
}

static bool is_held_by_several(const gs_leak_report *r, const uint32_t *way, uint32_t n)
{
	return n && r->held->steps[way[n - 1]].name == r->names->shared;
}

/* The line that allocated most of it, NULL when nothing was sampled there; and in *of all that was. */
static const gs_heap_allocator *allocator_of(const gs_leak_report *r, const gs_heap_suspect *s, double *of)
{
	uint32_t group = (uint32_t)(s - r->suspects->rows);
	const gs_heap_allocator *found = NULL;

	*of = 0;
	for (uint32_t i = 0; r->allocators && i < r->allocators->n; i++)
		if (r->allocators->rows[i].group == group) {
			if (!found)
				found = &r->allocators->rows[i];
			*of += r->allocators->rows[i].bytes;
		}
	return found;
}

static void allocator_text(gs_buf *out, const gs_leak_report *r, const gs_heap_suspect *s)
{
	double of;
	const gs_heap_allocator *a = allocator_of(r, s, &of);
	const gs_heap_place *p = a ? &r->places->list[a->place] : NULL;

	if (!a)
		return;
	gs_buf_f(out, "   %s allocated at ", a->bytes < of ? "mostly" : "all");
	gs_printable(out, gs_strtab_get(&r->heap->strings, p->function));
	if (p->file) {
		gs_buf_c(out, ' ');
		gs_printable(out, gs_strtab_get(&r->heap->strings, p->file));
		gs_buf_f(out, ":%u", p->line);
	}
	gs_heap_callers_text(out, r->heap, a->site, p->function, MAX_CALLERS);
	gs_buf_f(out, " (%.0f%% by %u sample%s)\n", 100 * a->bytes / of, a->n_samples, plural(a->n_samples));
}

static void allocator_json(gs_json *j, const gs_leak_report *r, const gs_heap_suspect *s)
{
	double of;
	const gs_heap_allocator *a = allocator_of(r, s, &of);
	const gs_heap_place *p = a ? &r->places->list[a->place] : NULL;

	if (!a)
		return;
	gs_json_key(j, "allocated_at");
	gs_json_object(j);
	gs_json_kstr(j, "function", gs_strtab_get(&r->heap->strings, p->function));
	gs_json_kstr(j, "file", gs_strtab_get(&r->heap->strings, p->file));
	gs_json_ku64(j, "line", p->line);
	gs_json_ku64(j, "samples", a->n_samples);
	gs_json_kf64(j, "share", a->bytes / of);
	gs_heap_stack_json(j, "stack", r->heap, a->site);
	gs_json_object_end(j);
}

static void suspect_text(gs_buf *out, const gs_leak_report *r, const gs_heap_suspect *s)
{
	uint32_t way[MAX_PATH], names[MAX_PATH], n = path_of(r->held, s->step, way), n_names;
	bool is_shared = is_held_by_several(r, way, n), is_loose = r->held->steps[s->step].name == r->names->shared;

	gs_buf_c(out, '\n');
	bytes(out, s->bytes);
	gs_buf_c(out, ' ');
	gs_share(out, (int64_t)s->bytes, (int64_t)r->heap->totals.live_bytes);
	gs_buf_z(out, is_loose ? " held by several at once" : " in ");
	if (!is_loose)
		gs_printable(out, gs_strtab_get(&r->names->strings, r->held->steps[s->step].name));
	if (r->suspects->has_before) {
		gs_buf_z(out, s->retained > s->retained_before ? ", growing from " : ", not growing: before ");
		bytes(out, s->retained_before);
		gs_buf_z(out, " to ");
		bytes(out, s->retained);
	}
	gs_buf_f(out, "\n   mostly %llu ", (unsigned long long)s->count);
	gs_printable(out, gs_strtab_get(&r->names->strings, r->held->steps[s->elements].name));
	gs_buf_c(out, '\n');
	allocator_text(out, r, s);
	gs_buf_z(out, is_loose ? "" : is_shared ? "   " : "   held by ");
	for (uint32_t i = is_loose ? 0 : n; i-- > 0;) {
		gs_printable(out, gs_strtab_get(&r->names->strings, r->held->steps[way[i]].name));
		gs_buf_z(out, i ? " > " : "\n");
	}
	n_names = is_shared ? way_of(r, s, names) : 0;
	if (n_names)
		gs_buf_z(out, "   one way   ");
	while (n_names) {
		gs_printable(out, gs_strtab_get(&r->names->strings, names[--n_names]));
		gs_buf_z(out, n_names ? " > " : "\n");
	}
}

static void suspects_text(gs_buf *out, const gs_leak_report *r)
{
	const gs_heap_suspects *s = r->suspects;

	if (!s || !s->n)
		return;
	gs_buf_z(out, "\nmemory piles up in ");
	gs_buf_f(out, "%u place%s\n", s->n, plural(s->n));
	for (uint32_t i = 0; i < shown(r, s->n); i++)
		suspect_text(out, r, &s->rows[i]);
}

static void checks_text(gs_buf *out, const gs_leak_report *r)
{
	for (unsigned i = 0; i < r->n_checks; i++) {
		const gs_leak_check *c = &r->checks[i];

		gs_buf_z(out, "\nGo's own detector (");
		gs_printable(out, c->source);
		gs_buf_f(out, ") calls %u goroutine%s leaked: ", c->n_said, plural(c->n_said));
		if (r->heap)
			gs_buf_f(out, "%u proven here too, %u not; %u proven here that it does not name\n", c->n_agreed, c->n_only_said,
				 c->n_only_proven);
		else
			gs_buf_z(out, "taken as proven, no heap to check it with\n");
		for (uint32_t k = 0; r->heap && k < c->n_places; k++)
			place(out, "not proven", &c->only_said[k]);
	}
}

void gs_leaks_text(gs_buf *out, const gs_leak_report *r)
{
	const gs_leaks *l = r->leaks;

	if (r->note.n) {
		gs_printable(out, r->note);
		gs_buf_c(out, '\n');
	}
	if (!l->n_proven) {
		gs_buf_z(out, "no goroutine is proven to be stuck for ever\n");
	} else {
		gs_buf_f(out, "proven: %u goroutine%s can never go on", l->n_goroutines_proven, plural(l->n_goroutines_proven));
		if (l->stack_bytes + l->heap_bytes) {
			gs_buf_z(out, "; they hold ");
			bytes(out, l->stack_bytes + l->heap_bytes);
			gs_buf_z(out, " (stacks ");
			bytes(out, l->stack_bytes);
			gs_buf_z(out, ", heap ");
			bytes(out, l->heap_bytes);
			gs_buf_c(out, ')');
		}
		gs_buf_c(out, '\n');
		groups_text(out, r, 0, l->n_proven);
	}
	if (l->is_main_stuck)
		gs_buf_z(out, "\nthe main goroutine waits for ever as well: that may be how this program keeps running\n");
	if (l->n_suspects) {
		gs_buf_f(out, "\nsuspects: %u goroutine%s wait at %u place%s, many or long; somebody may still wake them\n", l->n_goroutines_suspect,
			 plural(l->n_goroutines_suspect), l->n_suspects, plural(l->n_suspects));
		groups_text(out, r, l->n_proven, l->n_suspects);
	}
	if (l->has_before && l->n_moments < GS_SLOPE_MIN)
		gs_buf_f(out, "\nnote: with fewer than %d moments growing means no more than that there are more: any order of them may be chance\n", GS_SLOPE_MIN);
	checks_text(out, r);
	suspects_text(out, r);
}

/* ---- JSON ---- */

static void place_json(gs_json *j, const char *key, const gs_leak_place *p)
{
	if (!p->function.n)
		return;
	gs_json_key(j, key);
	gs_json_object(j);
	gs_json_kstr(j, "function", p->function);
	gs_json_kstr(j, "file", p->file);
	gs_json_ku64(j, "line", p->line);
	gs_json_object_end(j);
}

static void address(gs_json *j, gs_arena *mem, uint64_t addr)
{
	gs_json_kstr(j, "address", gs_strf(mem, "0x%llx", (unsigned long long)addr));
}

static gs_str made(gs_arena *mem, gs_buf *b)
{
	gs_str s = gs_str_dup(mem, gs_buf_view(b));

	b->n = 0;
	return s;
}

static void object_json(gs_json *j, gs_arena *mem, const gs_heap *h, uint32_t object)
{
	GS_AUTO(buf) name = { .max = 1 << 16 };

	if (h->types[gs_heap_type_of(h, object)].is_array)
		gs_buf_z(&name, "[]");
	gs_buf_str(&name, type_name(h, object));
	gs_json_kstr(j, "type", made(mem, &name));
	address(j, mem, gs_heap_addr(h, object));
}

static void root_json(gs_json *j, gs_arena *mem, const gs_heap *h, const gs_heap_root *r)
{
	GS_AUTO(buf) name = { .max = 1 << 16 };

	root_name(&name, h, r);
	gs_json_kstr(j, "name", made(mem, &name));
}

static void waits_json(gs_json *j, gs_arena *mem, const gs_leak_report *r, const gs_leak_group *g)
{
	static const char *const kinds[] = { "send", "receive", "semaphore", "condition" };
	const gs_heap *h = r->heap;
	const gs_heap_goroutine *first = &h->goroutines[g->members[0]];

	gs_json_key(j, "waits_for");
	gs_json_array(j);
	for (uint32_t k = first->first_wait; k < first->first_wait + first->n_waits && k < first->first_wait + 64; k++) {
		const gs_heap_wait *w = &h->waits[k];

		gs_json_object(j);
		gs_json_kstr(j, "kind", gs_str_of(kinds[w->kind]));
		gs_json_kbool(j, "is_select", w->is_select);
		if (lock_name(g->state, w).n)
			gs_json_kstr(j, "lock", lock_name(g->state, w));
		if (w->object != GS_HEAP_NONE)
			object_json(j, mem, h, w->object);
		else
			address(j, mem, w->addr);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_key(j, "users");
	gs_json_array(j);
	for (uint32_t i = 0; i < g->n_users; i++) {
		static const char *const by[] = { "variable", "goroutine", "object" };
		const gs_leak_user *u = &g->users[i];

		gs_json_object(j);
		gs_json_kstr(j, "kind", gs_str_of(by[u->kind]));
		if (u->kind == GS_LEAK_BY_OBJECT) {
			object_json(j, mem, h, u->index);
			gs_json_kbool(j, "is_leaked", r->proof->from[u->index] == GS_HEAP_NONE);
		} else if (u->kind == GS_LEAK_BY_GOROUTINE) {
			const gs_heap_frame *f = gs_leak_frame(h, &h->goroutines[u->index]);

			gs_json_kstr(j, "name", f ? gs_strtab_get(&h->strings, f->function) : (gs_str){ 0 });
			gs_json_ku64(j, "goroutine", h->goroutines[u->index].id);
			gs_json_kbool(j, "is_leaked", r->proof->state[u->index] == GS_LEAK_STUCK);
		} else {
			root_json(j, mem, h, &h->roots[u->index]);
			gs_json_kbool(j, "is_leaked", false);
		}
		gs_json_ku64(j, "count", u->count);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_ku64(j, "more_users", g->n_more_users);
}

static void way_json(gs_json *j, gs_arena *mem, const gs_leak_report *r, const gs_leak_group *g)
{
	GS_AUTO(buf) name = { .max = 1 << 16 };

	if (!g->n_way)
		return;
	way_start(&name, r, g->way_from);
	gs_json_key(j, "kept_by");
	gs_json_object(j);
	gs_json_kstr(j, "root", made(mem, &name));
	gs_json_key(j, "path");
	gs_json_array(j);
	for (uint32_t i = g->n_way; i-- > 0;) {
		gs_json_object(j);
		object_json(j, mem, r->heap, g->way[i]);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
}

static void frames_json(gs_json *j, const gs_leak_report *r, const gs_leak_group *g)
{
	const gs_heap *h = r->heap;
	const gs_heap_goroutine *first = &h->goroutines[g->members[0]];

	gs_json_key(j, "stack");
	gs_json_array(j);
	for (uint32_t i = first->first_frame; i < first->first_frame + first->n_frames && i < first->first_frame + 64; i++) {
		gs_json_object(j);
		gs_json_kstr(j, "function", gs_strtab_get(&h->strings, h->frames[i].function));
		gs_json_kstr(j, "file", gs_strtab_get(&h->strings, h->frames[i].file));
		gs_json_ku64(j, "line", h->frames[i].line);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void group_json(gs_json *j, gs_arena *mem, const gs_leak_report *r, const gs_leak_group *g)
{
	gs_json_object(j);
	gs_json_kstr(j, "verdict", g->verdict == GS_LEAK_PROVEN ? GS_S("proven") : GS_S("suspect"));
	gs_json_ku64(j, "count", g->n);
	gs_json_kstr(j, "state", g->state);
	place_json(j, "blocked", &g->where);
	place_json(j, "created", &g->made_by);
	place_json(j, "start", &g->start);
	gs_json_ki64(j, "wait_ns", g->wait_ns);
	gs_json_ku64(j, "stack_bytes", g->stack_bytes);
	gs_json_ku64(j, "heap_bytes", g->heap_bytes);
	gs_json_ku64(j, "said_leaked", g->n_said_leaked);
	if (r->leaks->has_before) {
		gs_json_ku64(j, "before", g->n_before);
		gs_json_kbool(j, "is_growing", g->is_growing);
		gs_json_key(j, "growth");
		gs_json_object(j);
		gs_pace_json(j, g->trend, r->leaks->is_timed);
		gs_json_key(j, "values");
		gs_json_array(j);
		for (uint32_t i = 0; i < r->leaks->n_moments; i++)
			gs_json_f64(j, g->trend->values[i]);
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	if (g->cycle)
		gs_json_ku64(j, "cycle", g->cycle);
	if (g->is_cycle_of_its_own)
		gs_json_kbool(j, "is_cycle_of_its_own", true);
	if (r->heap) {
		gs_json_key(j, "goroutines");
		gs_json_array(j);
		for (uint32_t i = 0; i < g->n && i < 100; i++)
			gs_json_u64(j, r->heap->goroutines[g->members[i]].id);
		gs_json_array_end(j);
		waits_json(j, mem, r, g);
		way_json(j, mem, r, g);
		frames_json(j, r, g);
	}
	gs_json_object_end(j);
}

static void suspects_json(gs_json *j, const gs_leak_report *r)
{
	gs_json_key(j, "memory");
	gs_json_array(j);
	for (uint32_t i = 0; r->suspects && i < shown(r, r->suspects->n); i++) {
		const gs_heap_suspect *s = &r->suspects->rows[i];
		uint32_t way[MAX_PATH], names[MAX_PATH], n = path_of(r->held, s->step, way), n_names = way_of(r, s, names);

		gs_json_object(j);
		gs_json_kstr(j, "in", gs_strtab_get(&r->names->strings, r->held->steps[s->step].name));
		gs_json_ku64(j, "bytes", s->bytes);
		gs_json_ku64(j, "retained_bytes", s->retained);
		if (r->suspects->has_before)
			gs_json_ku64(j, "retained_before_bytes", s->retained_before);
		gs_json_kstr(j, "elements", gs_strtab_get(&r->names->strings, r->held->steps[s->elements].name));
		gs_json_ku64(j, "count", s->count);
		allocator_json(j, r, s);
		gs_json_key(j, "held_by");
		gs_json_array(j);
		while (n)
			gs_json_str(j, gs_strtab_get(&r->names->strings, r->held->steps[way[--n]].name));
		gs_json_array_end(j);
		gs_json_key(j, "shortest_way");
		gs_json_array(j);
		while (n_names)
			gs_json_str(j, gs_strtab_get(&r->names->strings, names[--n_names]));
		gs_json_array_end(j);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

static void checks_json(gs_json *j, const gs_leak_report *r)
{
	gs_json_key(j, "detector");
	gs_json_array(j);
	for (unsigned i = 0; i < r->n_checks; i++) {
		const gs_leak_check *c = &r->checks[i];

		gs_json_object(j);
		gs_json_kstr(j, "source", c->source);
		gs_json_ku64(j, "leaked", c->n_said);
		gs_json_ku64(j, "agreed", c->n_agreed);
		gs_json_ku64(j, "only_detector", c->n_only_said);
		gs_json_ku64(j, "only_proven", c->n_only_proven);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
}

void gs_leaks_json(gs_buf *out, gs_arena *mem, const gs_leak_report *r)
{
	const gs_leaks *l = r->leaks;
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_ku64(&j, "proven_goroutines", l->n_goroutines_proven);
	gs_json_ku64(&j, "suspect_goroutines", l->n_goroutines_suspect);
	gs_json_ku64(&j, "proven_groups", l->n_proven);
	gs_json_ku64(&j, "suspect_groups", l->n_suspects);
	gs_json_ku64(&j, "proven_stack_bytes", l->stack_bytes);
	gs_json_ku64(&j, "proven_heap_bytes", l->heap_bytes);
	gs_json_kbool(&j, "is_main_stuck", l->is_main_stuck);
	if (r->heap) {
		gs_json_ku64(&j, "goroutines", r->heap->n_goroutines);
		gs_json_ku64(&j, "live_bytes", r->heap->totals.live_bytes);
		gs_json_ki64(&j, "proof_ns", r->proof_ns);
	}
	if (r->note.n)
		gs_json_kstr(&j, "note", r->note);
	if (l->has_before) {
		gs_json_kf64(&j, "confidence", r->confidence);
		gs_json_key(&j, l->is_timed ? "at_s" : "at");
		gs_json_array(&j);
		for (uint32_t i = 0; i < l->n_moments; i++)
			gs_json_f64(&j, l->at[i]);
		gs_json_array_end(&j);
	}
	gs_json_key(&j, "groups");
	gs_json_array(&j);
	for (uint32_t i = 0; i < shown(r, l->n_proven); i++)
		group_json(&j, mem, r, &l->groups[i]);
	for (uint32_t i = 0; i < shown(r, l->n_suspects); i++)
		group_json(&j, mem, r, &l->groups[l->n_proven + i]);
	gs_json_array_end(&j);
	suspects_json(&j, r);
	checks_json(&j, r);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
}
