#include "load/gotrace_sums.h"

#include <stdlib.h>

#include "base/banned.h"

/* Kept out of the way of what happens a million times a second. */
#define RARE __attribute__((noinline))

enum { MAX_ROWS = INT32_MAX, MAX_REASONS = 255, RECENT_GOROUTINES = 4096, RECENT_ROWS = 8192, RECENT_REASONS = 64 };

/*
 * The first events of a generation may turn out to have happened later than they say (gs_gotrace_stitched_time), and only the first:
 * so many transitions are remembered with the sums that they went into.
 */
enum { MAX_EARLY = 1 << 16, MAX_STACK = 1 << 20 };

/* Sums are kept by what names the goroutine: the stack that it was created with, or the goroutine itself. */
#define CLASS_SELF 0x80000000u

typedef struct goroutine {
	uint64_t id;
	int64_t since_ns; /* of its state */
	int64_t first_ns; /* its first transition ends a state of an earlier generation, so that is kept */
	uint32_t first_event, first_stack;
	uint32_t stack;
	uint32_t early;	     /* the transition into its state, + 1; 0: not a remembered one */
	uint32_t class;
	uint32_t name_stack;
	uint32_t whole;	     /* its number in the build, where CLASS_SELF is asked for */
	uint8_t phase, reason, first_phase;
	bool has_first, is_named, is_created;
	bool has_status; /* what it was when the trace began: phase and stack above, until the first transition */
	uint8_t status_phase;
	uint32_t status_stack;
} goroutine;

typedef struct early {
	int64_t time_ns;
	uint32_t event, goroutine;
	uint32_t ended, began; /* rows + 1 of the states before and behind it; 0: none, or not over */
} early;

typedef struct sample {
	uint32_t goroutine, stack;
} sample;

struct gs_trace_sums {
	uint32_t index;
	uint64_t n_events;
	bool must_restart;
	gs_map g_index;
	GS_VEC(goroutine) gs;
	GS_VEC(early) early;
	GS_VEC(sample) samples;
	GS_VEC(uint64_t) reasons; /* string ids; [0] is none */
	/* Stacks in the order in which the timeline's way comes upon them: of transitions and samples, then of everything else. Ids of
	 * the profile are given in that order, so that both ways make the same one. */
	GS_VEC(uint32_t) stacks, side_stacks;
	GS_VEC(uint8_t) seen; /* by stack id */
	uint8_t forever; /* of them; 0: not seen yet */
	gs_timeline_sums sums; /* names are classes, nodes are stack ids */
	struct {
		uint64_t id;
		uint32_t index; /* + 1 */
	} recent[RECENT_GOROUTINES];
	struct {
		uint32_t class, stack;
		uint32_t state; /* phase and reason */
		uint32_t row;	/* + 1 */
	} recent_rows[RECENT_ROWS];
	struct {
		uint64_t id;
		uint8_t index;
	} recent_reasons[RECENT_REASONS];
};

/* What an event makes of a goroutine: its own, or the one that it names. */
static const struct rule {
	uint8_t phase; /* 0: nothing */
	bool is_own;
	uint8_t stack, reason; /* index + 1 of the argument; 0: none */
} rules[256] = {
	[GS_GOTRACE_GO_CREATE] = { GS_PHASE_RUNNABLE, false, 3, 0 },
	[GS_GOTRACE_GO_CREATE_BLOCKED] = { GS_PHASE_WAITING, false, 3, 0 },
	[GS_GOTRACE_GO_CREATE_SYSCALL] = { GS_PHASE_SYSCALL, false, 0, 0 },
	[GS_GOTRACE_GO_START] = { GS_PHASE_RUNNING, false, 0, 0 },
	[GS_GOTRACE_GO_DESTROY] = { GS_PHASE_NONE, true, 0, 0 },
	[GS_GOTRACE_GO_DESTROY_SYSCALL] = { GS_PHASE_NONE, true, 0, 0 },
	[GS_GOTRACE_GO_STOP] = { GS_PHASE_RUNNABLE, true, 2, 1 },
	[GS_GOTRACE_GO_BLOCK] = { GS_PHASE_WAITING, true, 2, 1 },
	[GS_GOTRACE_GO_UNBLOCK] = { GS_PHASE_RUNNABLE, false, 3, 0 },
	[GS_GOTRACE_GO_SWITCH] = { GS_PHASE_RUNNABLE, false, 0, 0 },
	[GS_GOTRACE_GO_SWITCH_DESTROY] = { GS_PHASE_RUNNABLE, false, 0, 0 },
	[GS_GOTRACE_GO_SYSCALL_BEGIN] = { GS_PHASE_SYSCALL, true, 2, 0 },
	[GS_GOTRACE_GO_SYSCALL_END] = { GS_PHASE_RUNNING, true, 0, 0 },
	[GS_GOTRACE_GO_SYSCALL_END_BLOCKED] = { GS_PHASE_RUNNABLE, true, 0, 0 },
};

gs_trace_sums *gs_trace_sums_create(uint32_t index)
{
	gs_trace_sums *s = gs_alloc_should_fail() ? NULL : calloc(1, sizeof(*s));

	if (s && gs_vec_push(&s->reasons, MAX_REASONS)) {
		s->index = index;
		return s;
	}
	gs_trace_sums_free(s);
	return NULL;
}

void gs_trace_sums_free(gs_trace_sums *s)
{
	if (!s)
		return;
	gs_map_release(&s->g_index);
	gs_vec_release(&s->gs);
	gs_vec_release(&s->early);
	gs_vec_release(&s->samples);
	gs_vec_release(&s->reasons);
	gs_vec_release(&s->stacks);
	gs_vec_release(&s->side_stacks);
	gs_vec_release(&s->seen);
	gs_timeline_sums_release(&s->sums);
	free(s);
}

enum { SEEN = 1, SEEN_BESIDE = 2 };

/* False: no memory. */
static RARE bool meet_stack(gs_trace_sums *s, uint64_t id, uint8_t how)
{
	uint32_t *fresh;

	if (id >= MAX_STACK) {
		s->must_restart = true;
		return true;
	}
	while (s->seen.n <= id)
		if (!gs_vec_push(&s->seen, MAX_STACK))
			return false;
	if (s->seen.p[id] & how)
		return true;
	s->seen.p[id] |= how;
	fresh = how == SEEN ? gs_vec_push(&s->stacks, MAX_STACK) : gs_vec_push(&s->side_stacks, MAX_STACK);
	if (fresh)
		*fresh = (uint32_t)id;
	return fresh != NULL;
}

static inline bool meet(gs_trace_sums *s, uint64_t id)
{
	return !id || (id < s->seen.n && s->seen.p[id] & SEEN) || meet_stack(s, id, SEEN);
}

static uint32_t find_goroutine(gs_trace_sums *s, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&s->g_index, id, &is_new);
	goroutine *g;

	if (!slot || !is_new)
		return slot ? *slot : GS_NO_INDEX;
	*slot = GS_NO_INDEX;
	g = gs_vec_push(&s->gs, MAX_ROWS);
	if (!g)
		return GS_NO_INDEX;
	*slot = (uint32_t)s->gs.n - 1;
	g->id = id;
	g->class = CLASS_SELF | *slot;
	return *slot;
}

/* NULL: none, or no memory. */
static inline goroutine *goroutine_of(gs_trace_sums *s, uint64_t id)
{
	uint64_t at = id % RECENT_GOROUTINES;
	uint32_t index;

	if (id == GS_GOTRACE_NONE)
		return NULL;
	if (s->recent[at].id == id && s->recent[at].index)
		return &s->gs.p[s->recent[at].index - 1];
	index = find_goroutine(s, id);
	s->recent[at].id = id;
	s->recent[at].index = index + 1;
	return index == GS_NO_INDEX ? NULL : &s->gs.p[index];
}

static uint8_t find_reason(gs_trace_sums *s, const gs_gotrace_generation *g, uint64_t id)
{
	uint64_t *fresh;
	gs_str text;

	for (size_t i = 1; i < s->reasons.n; i++)
		if (s->reasons.p[i] == id)
			return (uint8_t)i;
	fresh = gs_vec_push(&s->reasons, MAX_REASONS);
	if (!fresh)
		return 0;
	*fresh = id;
	gs_gotrace_string(g, id, &text);
	if (gs_str_eq(text, GS_S("forever")))
		s->forever = (uint8_t)(s->reasons.n - 1);
	return (uint8_t)(s->reasons.n - 1);
}

static inline uint8_t reason_of(gs_trace_sums *s, const gs_gotrace_generation *g, uint64_t id)
{
	uint64_t at = id % RECENT_REASONS;

	if (id && s->recent_reasons[at].id != id) {
		s->recent_reasons[at].index = find_reason(s, g, id);
		s->recent_reasons[at].id = id;
	}
	return id ? s->recent_reasons[at].index : 0;
}

/* Its number + 1; 0: no memory. */
static inline uint32_t row_of(gs_trace_sums *s, uint32_t class, uint8_t phase, uint8_t reason, uint32_t stack)
{
	uint32_t state = (uint32_t)phase << 8 | reason;
	uint32_t at = (class * 0x9e3779b1u ^ stack * 0x85ebca6bu ^ state * 0xc2b2ae35u) >> 19;
	gs_sum_row *row;

	if (s->recent_rows[at].row && s->recent_rows[at].class == class && s->recent_rows[at].stack == stack &&
	    s->recent_rows[at].state == state)
		return s->recent_rows[at].row;
	row = gs_timeline_sums_row(&s->sums, gs_timeline_sums_key(&s->sums, (gs_sum_key){ class, phase, reason }), stack);
	if (!row)
		return 0;
	s->recent_rows[at].class = class;
	s->recent_rows[at].stack = stack;
	s->recent_rows[at].state = state;
	s->recent_rows[at].row = (uint32_t)(row - s->sums.rows.p) + 1;
	return s->recent_rows[at].row;
}

static bool is_counted(uint8_t phase)
{
	return phase != GS_PHASE_UNKNOWN && phase != GS_PHASE_NONE;
}

/* A goroutine is called by the outermost frame of its first stack that has one with a name. */
static void name_by(goroutine *g, const gs_gotrace_generation *gen, uint32_t stack)
{
	const gs_gotrace_frame *frames;
	uint32_t n;

	if (g->is_named || !stack || !gs_gotrace_stack(gen, stack, &frames, &n) || !n)
		return;
	g->name_stack = stack;
	g->is_named = frames[n - 1].function.n > 0;
}

static bool name_created(gs_trace_sums *s, goroutine *g, const gs_gotrace_generation *gen, uint64_t stack)
{
	bool is_fresh = !g->has_first && !g->has_status && !g->name_stack;

	/* A second life under another name. */
	s->must_restart = s->must_restart || (!is_fresh && g->class != stack);
	if (!meet(s, stack))
		return false;
	if (!is_fresh || s->must_restart)
		return true;
	name_by(g, gen, (uint32_t)stack);
	if (g->is_named)
		g->class = (uint32_t)stack;
	g->is_created = true;
	return true;
}

static bool remember(gs_trace_sums *s, goroutine *g, int64_t time_ns, uint32_t ended)
{
	early *e = gs_vec_push(&s->early, MAX_EARLY);

	if (!e)
		return false;
	*e = (early){ time_ns, (uint32_t)s->n_events, (uint32_t)(g - s->gs.p), ended, 0 };
	g->early = (uint32_t)s->early.n;
	return true;
}

/* The state that it was in goes to the sums. */
static inline bool end_state(gs_trace_sums *s, goroutine *g, int64_t time_ns, uint8_t next, uint32_t next_stack, uint32_t *row)
{
	gs_sum_row *to;

	*row = 0;
	if (!is_counted(g->phase))
		return true;
	*row = row_of(s, g->class, g->phase, g->reason, g->phase == GS_PHASE_RUNNING ? next_stack : g->stack);
	if (!*row)
		return false;
	to = &s->sums.rows.p[*row - 1];
	to->n += !(g->phase == GS_PHASE_SYSCALL && next == GS_PHASE_SYSCALL);
	to->dur_ns += time_ns - g->since_ns;
	if (g->early)
		s->early.p[g->early - 1].began = *row;
	return true;
}

static bool transition(gs_trace_sums *s, const gs_gotrace_generation *gen, const gs_gotrace_event *e, const struct rule *rule)
{
	goroutine *g = goroutine_of(s, rule->is_own ? e->g : e->args[0]);
	uint64_t stack = rule->stack ? e->args[rule->stack - 1] : 0;
	uint8_t reason = rule->reason ? reason_of(s, gen, e->args[rule->reason - 1]) : 0, phase = rule->phase;
	uint32_t row = 0;

	if (!g || !meet(s, stack))
		return false;
	if (rule->is_own)
		name_by(g, gen, (uint32_t)stack);
	else if ((e->type == GS_GOTRACE_GO_CREATE || e->type == GS_GOTRACE_GO_CREATE_BLOCKED) && !name_created(s, g, gen, e->args[1]))
		return false;
	if (s->must_restart)
		return true;
	if (phase == GS_PHASE_WAITING && reason && reason == s->forever)
		phase = GS_PHASE_NONE;
	if (!g->has_first) {
		g->has_first = true;
		g->first_ns = e->time_ns;
		g->first_event = (uint32_t)s->n_events;
		g->first_phase = phase;
		g->first_stack = (uint32_t)stack;
	} else {
		if (phase == GS_PHASE_SYSCALL && g->phase == GS_PHASE_SYSCALL && !stack)
			stack = g->stack;
		if (!end_state(s, g, e->time_ns, phase, (uint32_t)stack, &row))
			return false;
	}
	g->early = 0;
	g->since_ns = e->time_ns;
	g->phase = phase;
	g->reason = reason;
	g->stack = (uint32_t)stack;
	return s->early.n == MAX_EARLY || remember(s, g, e->time_ns, row);
}

static bool status(gs_trace_sums *s, const gs_gotrace_generation *gen, const gs_gotrace_event *e)
{
	static const uint8_t phases[] = { [GS_GO_UNDETERMINED] = GS_PHASE_UNKNOWN, [GS_GO_NOT_EXIST] = GS_PHASE_NONE,
					  [GS_GO_RUNNABLE] = GS_PHASE_RUNNABLE, [GS_GO_RUNNING] = GS_PHASE_RUNNING,
					  [GS_GO_WAITING] = GS_PHASE_WAITING, [GS_GO_SYSCALL] = GS_PHASE_SYSCALL };
	uint64_t stack = e->type == GS_GOTRACE_GO_STATUS_STACK ? e->args[3] : 0;
	goroutine *g;

	if (!meet(s, stack))
		return false;
	/* Later generations say again what is known. */
	if (e->to_state >= sizeof(phases) || (s->index && !stack) || (!s->index && e->from_state == e->to_state))
		return true;
	g = goroutine_of(s, e->args[0]);
	if (!g)
		return false;
	s->must_restart = s->must_restart || (!s->index && (g->has_first || g->has_status));
	name_by(g, gen, (uint32_t)stack);
	if (s->index)
		return true;
	g->has_status = true;
	g->status_phase = phases[e->to_state];
	g->status_stack = (uint32_t)stack;
	return true;
}

static bool cpu_sample(gs_trace_sums *s, const gs_gotrace_event *e)
{
	const goroutine *g = goroutine_of(s, e->g);
	sample *to = gs_vec_push(&s->samples, MAX_ROWS);

	if (!to || (!g && e->g != GS_GOTRACE_NONE) || !meet(s, e->args[0]))
		return false;
	*to = (sample){ g ? (uint32_t)(g - s->gs.p) : GS_NO_INDEX, (uint32_t)e->args[0] };
	return true;
}

/* What only the timeline shows. */
static bool beside(gs_trace_sums *s, const gs_gotrace_event *e)
{
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);
	bool is_shown = (e->type >= GS_GOTRACE_STW_BEGIN && e->type <= GS_GOTRACE_GC_MARK_ASSIST_END) ||
			(e->type >= GS_GOTRACE_USER_TASK_BEGIN && e->type <= GS_GOTRACE_USER_LOG);
	uint64_t stack = is_shown && spec->stack ? e->args[spec->stack - 1] : 0;

	return !stack || meet_stack(s, stack, SEEN_BESIDE);
}

bool gs_trace_sums_event(gs_trace_sums *s, const gs_gotrace_generation *g, const gs_gotrace_event *e)
{
	const struct rule *rule = &rules[e->type];
	bool ok = s->n_events < MAX_ROWS;

	if (rule->phase)
		ok = ok && transition(s, g, e, rule);
	else if (e->type == GS_GOTRACE_GO_STATUS || e->type == GS_GOTRACE_GO_STATUS_STACK)
		ok = ok && status(s, g, e);
	else if (e->type == GS_GOTRACE_CPU_SAMPLE)
		ok = ok && cpu_sample(s, e);
	else
		ok = ok && beside(s, e);
	s->n_events++;
	return ok;
}

/* ---- into the build, in the order of generations ---- */

/* Ids of the generation to those of the profile. */
typedef struct ids {
	uint32_t *nodes; /* by stack id */
	gs_map names, entries; /* by the stack that a goroutine was created with */
	uint32_t reasons[MAX_REASONS + 1];
	bool failed;
} ids;

static bool map_stacks(gs_trace_build *b, gs_trace_sums *s, ids *of)
{
	of->nodes = gs_alloc_should_fail() ? NULL : calloc(s->seen.n + 1, sizeof(*of->nodes));
	for (size_t i = 0; of->nodes && i < s->stacks.n; i++) {
		uint32_t node = gs_trace_stack(b, s->stacks.p[i]);

		if (node == GS_NO_ID)
			return false;
		of->nodes[s->stacks.p[i]] = node;
	}
	return of->nodes != NULL;
}

/* What a goroutine that was created with `stack` is called. */
static uint32_t name_of(gs_trace_build *b, ids *of, uint32_t stack, uint32_t *entry)
{
	bool is_new, is_new_entry;
	uint32_t *name = gs_map_put(&of->names, stack, &is_new), *node = gs_map_put(&of->entries, stack, &is_new_entry);

	of->failed = of->failed || !name || !node || (is_new && !gs_trace_entry(b, stack, name, node));
	*entry = node ? *node : 0;
	return name ? *name : 0;
}

/* Move what was taken for earlier than it was. False: there is more of that than is remembered. */
static bool fix_early(gs_trace_sums *s, const gs_gotrace_stitch *st)
{
	for (size_t i = 0; i < s->early.n; i++) {
		const early *e = &s->early.p[i];
		goroutine *g = &s->gs.p[e->goroutine];
		int64_t later_ns = gs_gotrace_stitched_time(st, e->event, e->time_ns) - e->time_ns;

		if (!later_ns)
			return true;
		if (e->ended)
			s->sums.rows.p[e->ended - 1].dur_ns += later_ns;
		if (e->began)
			s->sums.rows.p[e->began - 1].dur_ns -= later_ns;
		else if (g->early == i + 1)
			g->since_ns += later_ns;
	}
	return s->early.n < MAX_EARLY;
}

static uint32_t key_of(gs_trace_build *b, uint32_t name, uint8_t phase, uint32_t reason)
{
	return gs_timeline_sums_key(&b->sums, (gs_sum_key){ name, phase, (uint8_t)reason });
}

/* The state that it brought along ends with its first transition. */
static void end_carried(gs_trace_build *b, const ids *of, const goroutine *g, const gs_trace_g_state *state, const gs_gotrace_stitch *st)
{
	const gs_timeline_goroutine *whole = &b->goroutines.p[g->whole];
	int64_t end_ns = gs_gotrace_stitched_time(st, g->first_event, g->first_ns) - b->start_ns;
	uint32_t node = state->stack;

	if (!is_counted(state->phase))
		return;
	if (state->phase == GS_PHASE_RUNNING)
		node = of->nodes[g->first_stack] ? of->nodes[g->first_stack] : whole->entry;
	gs_timeline_sums_add(&b->sums, key_of(b, whole->name, state->phase, state->reason), node,
			     !(state->phase == GS_PHASE_SYSCALL && g->first_phase == GS_PHASE_SYSCALL), end_ns - state->since_ns);
}

/* Its name and its state in the build. False: no memory. */
static bool carry(gs_trace_build *b, ids *of, gs_trace_sums *s, goroutine *g, const gs_gotrace_stitch *st)
{
	const uint32_t *known = gs_map_get(&b->g_index, g->id);
	gs_timeline_goroutine *whole;
	gs_trace_g_state *state;

	/* Most come and go within a generation. */
	if (!known && g->class < CLASS_SELF && g->phase == GS_PHASE_NONE)
		return true;
	g->whole = gs_trace_goroutine(b, g->id, st->sync.time_ns - b->start_ns);
	if (g->whole == GS_NO_INDEX)
		return false;
	whole = &b->goroutines.p[g->whole];
	state = &b->g_states.p[g->whole];
	s->must_restart = s->must_restart || (g->is_created && known && whole->name);
	if (!whole->name && g->name_stack)
		whole->name = name_of(b, of, g->name_stack, &whole->entry);
	if (g->has_status)
		*state = (gs_trace_g_state){ .since_ns = st->sync.time_ns - b->start_ns, .phase = g->status_phase,
					     .stack = of->nodes[g->status_stack] };
	if (g->has_first) {
		end_carried(b, of, g, state, st);
		*state = (gs_trace_g_state){ .since_ns = g->since_ns - b->start_ns, .phase = g->phase,
					     .reason = (uint8_t)of->reasons[g->reason], .stack = of->nodes[g->stack] };
	}
	whole->saw_end = state->phase == GS_PHASE_NONE;
	return true;
}

static void add_row(gs_trace_build *b, ids *of, const gs_trace_sums *s, const gs_sum_row *row)
{
	gs_sum_key k = s->sums.keys.p[row->key];
	uint32_t name, entry, node = of->nodes[row->node];

	if (k.name & CLASS_SELF) {
		const gs_timeline_goroutine *whole = &b->goroutines.p[s->gs.p[k.name & ~CLASS_SELF].whole];

		name = whole->name;
		entry = whole->entry;
	} else {
		name = name_of(b, of, k.name, &entry);
	}
	gs_timeline_sums_add(&b->sums, key_of(b, name, k.phase, of->reasons[k.reason]),
			     k.phase == GS_PHASE_RUNNING && !node ? entry : node, row->n, row->dur_ns);
}

static void add_sample(gs_trace_build *b, ids *of, const gs_trace_sums *s, const sample *c)
{
	const goroutine *g = c->goroutine == GS_NO_INDEX ? NULL : &s->gs.p[c->goroutine];
	uint32_t name = 0, entry;

	if (g && !(g->class & CLASS_SELF))
		name = name_of(b, of, g->class, &entry);
	else if (g)
		name = b->goroutines.p[g->whole].name;
	gs_timeline_sums_add_cpu(&b->sums, key_of(b, name, GS_PHASE_RUNNING, 0), of->nodes[c->stack], GS_CPU_SAMPLE_NS);
}

bool gs_trace_build_add_sums(gs_trace_build *b, gs_trace_sums *s, const gs_gotrace_generation *g, const gs_gotrace_stitch *st,
			     bool *must_restart, gs_err *err)
{
	ids of = { 0 };
	bool ok = gs_trace_build_begin(b, g, st);

	for (size_t i = 1; i < s->reasons.n; i++)
		of.reasons[i] = gs_trace_reason(b, s->reasons.p[i]);
	s->must_restart = s->must_restart || !fix_early(s, st);
	ok = ok && map_stacks(b, s, &of);
	for (size_t i = 0; ok && i < s->gs.n; i++)
		ok = carry(b, &of, s, &s->gs.p[i], st);
	if (ok && !s->must_restart) {
		for (size_t i = 0; i < s->sums.rows.n; i++)
			add_row(b, &of, s, &s->sums.rows.p[i]);
		for (size_t i = 0; i < s->samples.n; i++)
			add_sample(b, &of, s, &s->samples.p[i]);
		for (size_t i = 0; i < s->side_stacks.n; i++)
			of.failed = gs_trace_stack(b, s->side_stacks.p[i]) == GS_NO_ID || of.failed;
	}
	ok = ok && !of.failed && !s->sums.failed;
	free(of.nodes);
	gs_map_release(&of.names);
	gs_map_release(&of.entries);
	*must_restart = *must_restart || s->must_restart;
	if (!ok)
		return gs_trace_no_memory(err);
	return !s->must_restart || gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "goroutines have several lives");
}
