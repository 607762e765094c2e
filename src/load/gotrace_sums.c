#include "load/gotrace_sums.h"

#include <stdlib.h>

#include "base/banned.h"

/* What happens to every event is one function; the rest keeps out of its way. */
#define HOT static inline __attribute__((always_inline))
#define RARE static __attribute__((noinline))

enum { MAX_ROWS = INT32_MAX, MAX_REASONS = 255, OPEN_ROWS = 4096, RECENT_REASONS = 64 };
enum { CUT_FRAMES = 128 }; /* so many are all that the runtime keeps: the outermost one may not be where the goroutine began */

/*
 * The first events of a generation may turn out to have happened later than they say (gs_gotrace_stitched_time), and only the first:
 * so many transitions are remembered with the sums that they went into.
 */
enum { MAX_EARLY = 1 << 14, MAX_STACK = 1 << 20 };

/*
 * Sums are kept by what names the goroutine: the stack that it was created with, or else one that ends in the same function, whether
 * its own or another's. Only goroutines that nothing names yet have sums of their own. Many rows are many misses of the cache.
 */
#define CLASS_SELF 0x80000000u

/* What all of its transitions look at; two of them share a cache line. */
typedef struct goroutine {
	uint64_t id;
	int64_t since_ns; /* of its state */
	uint32_t stack, class;
	uint32_t early; /* the transition into its state, + 1; 0: not a remembered one */
	uint16_t state; /* phase << 8 | reason */
	uint8_t flags;
} goroutine;
enum { HAS_FIRST = 1, IS_NAMED = 2 };

/* The rest of it. */
typedef struct history {
	int64_t first_ns; /* its first transition ends a state of an earlier generation, so that is kept */
	uint32_t first_event, first_stack;
	uint32_t name_stack;
	uint32_t whole;	     /* its number in the build, where CLASS_SELF is asked for */
	uint32_t status_stack;
	uint8_t first_phase, status_phase;
	bool is_met, is_created;
	bool is_brief; /* created here under a name: when it ends here too nobody else needs to know of it */
	bool has_status; /* what it was when the trace began: phase and stack above, until the first transition */
} history;

typedef struct early {
	int64_t time_ns;
	uint32_t event, goroutine;
	uint32_t ended, began; /* rows + 1 of the states before and behind it; 0: none, or not over */
} early;

typedef struct sample {
	uint64_t goroutine;
	uint32_t stack;
} sample;

/* A row that is being added to. */
typedef struct open_row {
	uint32_t class, stack;
	uint32_t state;
	uint32_t row; /* + 1; 0: none */
	int64_t n, dur_ns;
} open_row;

struct gs_trace_sums {
	uint32_t index;
	uint64_t n_events;
	bool must_restart, has_places;
	gs_map g_index; /* id -> index; when events have no places, and at the end */
	gs_map class_index; /* function -> stack */
	GS_VEC(goroutine) gs;
	GS_VEC(history) histories; /* as many */
	GS_VEC(early) early;
	GS_VEC(sample) samples;
	GS_VEC(uint64_t) reasons; /* string ids; [0] is none */
	/* Stacks in the order in which the timeline's way comes upon them: of transitions and samples, then of everything else. Ids of
	 * the profile are given in that order, so that both ways make the same one. */
	GS_VEC(uint32_t) stacks, side_stacks;
	GS_VEC(uint8_t) seen; /* by stack id */
	uint8_t forever; /* of them; 0: not seen yet */
	gs_timeline_sums sums; /* names are classes, nodes are stack ids */
	open_row open[OPEN_ROWS];
	struct {
		uint64_t id;
		uint8_t index;
	} recent_reasons[RECENT_REASONS];
};

enum {
	SEEN = 1,
	SEEN_BESIDE = 2,
	NAMES = 4,	/* a goroutine that is created with it */
	HAS_FRAMES = 8,
};

static bool start(gs_trace_sums *s, uint32_t index)
{
	uint8_t *none = gs_vec_push(&s->seen, MAX_STACK);

	if (none)
		*none = SEEN | SEEN_BESIDE;
	s->index = index;
	return none && gs_vec_push(&s->reasons, MAX_REASONS);
}

gs_trace_sums *gs_trace_sums_create(uint32_t index)
{
	gs_trace_sums *s = gs_alloc_should_fail() ? NULL : calloc(1, sizeof(*s));

	if (s && start(s, index))
		return s;
	gs_trace_sums_free(s);
	return NULL;
}

bool gs_trace_sums_reuse(gs_trace_sums *s, uint32_t index)
{
	s->n_events = 0;
	s->must_restart = s->has_places = false;
	s->forever = 0;
	gs_map_clear(&s->g_index);
	gs_map_clear(&s->class_index);
	s->gs.n = s->histories.n = s->early.n = s->samples.n = s->reasons.n = s->stacks.n = s->side_stacks.n = s->seen.n = 0;
	gs_timeline_sums_release(&s->sums);
	s->sums = (gs_timeline_sums){ 0 };
	memset(s->open, 0, sizeof(s->open));
	memset(s->recent_reasons, 0, sizeof(s->recent_reasons));
	return start(s, index);
}

void gs_trace_sums_free(gs_trace_sums *s)
{
	if (!s)
		return;
	gs_map_release(&s->g_index);
	gs_map_release(&s->class_index);
	gs_vec_release(&s->gs);
	gs_vec_release(&s->histories);
	gs_vec_release(&s->early);
	gs_vec_release(&s->samples);
	gs_vec_release(&s->reasons);
	gs_vec_release(&s->stacks);
	gs_vec_release(&s->side_stacks);
	gs_vec_release(&s->seen);
	gs_timeline_sums_release(&s->sums);
	free(s);
}

/* False: no memory. */
static bool meet_stack(gs_trace_sums *s, const gs_gotrace_generation *gen, uint64_t id, uint8_t how)
{
	const gs_gotrace_frame *frames;
	uint32_t *fresh, n;

	if (id >= MAX_STACK) {
		s->must_restart = true;
		return true;
	}
	while (s->seen.n <= id)
		if (!gs_vec_push(&s->seen, MAX_STACK))
			return false;
	if (s->seen.p[id] & how)
		return true;
	s->seen.p[id] |= how | (gs_gotrace_stack(gen, id, &frames, &n) && n ? HAS_FRAMES : 0);
	fresh = how == SEEN ? gs_vec_push(&s->stacks, MAX_STACK) : gs_vec_push(&s->side_stacks, MAX_STACK);
	if (fresh)
		*fresh = (uint32_t)id;
	return fresh != NULL;
}

static inline bool meet(gs_trace_sums *s, const gs_gotrace_generation *gen, uint64_t id)
{
	return (id < s->seen.n && s->seen.p[id] & SEEN) || meet_stack(s, gen, id, SEEN);
}

/* Room for a goroutine at `index`. False: no memory. */
static bool meet_goroutine(gs_trace_sums *s, uint32_t index, uint64_t id)
{
	while (s->gs.n <= index)
		if (!gs_vec_push(&s->histories, MAX_ROWS) || !gs_vec_push(&s->gs, MAX_ROWS))
			return false;
	if (s->histories.p[index].is_met)
		return true;
	s->histories.p[index].is_met = true;
	s->gs.p[index].id = id;
	s->gs.p[index].class = CLASS_SELF | index;
	return true;
}

/* GS_NO_INDEX: no memory. */
static uint32_t find_goroutine(gs_trace_sums *s, uint64_t id)
{
	bool is_new;
	uint32_t *slot = gs_map_put(&s->g_index, id, &is_new);

	if (slot && is_new)
		*slot = meet_goroutine(s, (uint32_t)s->gs.n, id) ? (uint32_t)s->gs.n - 1 : GS_NO_INDEX;
	return slot ? *slot : GS_NO_INDEX;
}

/* The goroutine of an event that was not met before, or whose event does not say its place. GS_NO_INDEX: no memory. */
static uint32_t find_place(gs_trace_sums *s, const gs_gotrace_event *e, uint64_t id)
{
	s->must_restart = s->must_restart || id == GS_GOTRACE_NONE || (s->gs.n && s->has_places != (e->place != 0)) || e->place > MAX_ROWS;
	s->has_places = e->place != 0;
	if (!e->place || s->must_restart)
		return find_goroutine(s, id);
	return meet_goroutine(s, e->place - 1, id) ? e->place - 1 : GS_NO_INDEX;
}

/* Index of the goroutine whose state changes, which is called `id`. */
static inline uint32_t index_of(gs_trace_sums *s, const gs_gotrace_event *e, uint64_t id)
{
	uint32_t index = e->place - 1;

	return index < s->gs.n && s->gs.p[index].class ? index : find_place(s, e, id);
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

static uint8_t reason_of(gs_trace_sums *s, const gs_gotrace_generation *g, uint64_t id)
{
	uint64_t at = id % RECENT_REASONS;

	if (id && s->recent_reasons[at].id != id) {
		s->recent_reasons[at].index = find_reason(s, g, id);
		s->recent_reasons[at].id = id;
	}
	return id ? s->recent_reasons[at].index : 0;
}

static void close_row(gs_trace_sums *s, open_row *r)
{
	if (!r->row)
		return;
	s->sums.rows.p[r->row - 1].n += r->n;
	s->sums.rows.p[r->row - 1].dur_ns += r->dur_ns;
	*r = (open_row){ 0 };
}

/* False: no memory. */
static bool change_row(gs_trace_sums *s, open_row *r, uint32_t class, uint32_t state, uint32_t stack)
{
	gs_sum_row *row;

	close_row(s, r);
	row = gs_timeline_sums_row(&s->sums, (gs_sum_key){ class, (uint8_t)(state >> 8), (uint8_t)state }, stack);
	if (row)
		*r = (open_row){ class, stack, state, (uint32_t)(row - s->sums.rows.p) + 1, 0, 0 };
	return row != NULL;
}

/* The only place where such a row can be open. */
HOT open_row *open_row_at(gs_trace_sums *s, uint32_t class, uint32_t state, uint32_t stack)
{
	return &s->open[(class * 0x9e3779b1u ^ stack * 0x85ebca6bu ^ state * 0xc2b2ae35u) >> 20];
}

HOT bool is_open(const open_row *r, uint32_t class, uint32_t state, uint32_t stack)
{
	return r->class == class && r->stack == stack && r->state == state;
}

static inline bool is_counted(unsigned phase)
{
	return phase != GS_PHASE_UNKNOWN && phase != GS_PHASE_NONE;
}

/* A goroutine is called by the outermost frame of its first stack that has one with a name. False: no memory. */
static bool name_by(gs_trace_sums *s, uint32_t index, const gs_gotrace_generation *gen, uint32_t stack)
{
	goroutine *g = &s->gs.p[index];
	const gs_gotrace_frame *frames;
	uint32_t n, *class;
	bool is_new;

	if (g->flags & IS_NAMED || !stack || !gs_gotrace_stack(gen, stack, &frames, &n) || !n)
		return true;
	s->histories.p[index].name_stack = stack;
	g->flags |= frames[n - 1].function.n > 0 ? IS_NAMED : 0;
	if (!(g->flags & IS_NAMED) || n >= CUT_FRAMES)
		return true;
	class = gs_map_put(&s->class_index, (uintptr_t)frames[n - 1].function.p, &is_new);
	if (class && is_new)
		*class = stack;
	if (class)
		g->class = *class;
	return class != NULL;
}

static bool name_created(gs_trace_sums *s, uint32_t index, const gs_gotrace_generation *gen, uint64_t stack)
{
	goroutine *g = &s->gs.p[index];
	history *h = &s->histories.p[index];
	bool is_fresh = !(g->flags & HAS_FIRST) && !h->has_status && !h->name_stack;

	/* A second life under another name. */
	s->must_restart = s->must_restart || (!is_fresh && g->class != stack);
	if (!meet(s, gen, stack))
		return false;
	if (!is_fresh || s->must_restart)
		return true;
	if (s->seen.p[stack] & NAMES) {
		h->name_stack = (uint32_t)stack;
		g->flags |= IS_NAMED;
	} else if (!name_by(s, index, gen, (uint32_t)stack)) {
		return false;
	}
	if (g->flags & IS_NAMED) {
		s->seen.p[stack] |= NAMES;
		g->class = (uint32_t)stack;
	}
	h->is_created = true;
	h->is_brief = g->flags & IS_NAMED;
	return true;
}

static bool remember(gs_trace_sums *s, goroutine *g, uint32_t index, int64_t time_ns, uint32_t ended)
{
	early *e;

	g->early = 0;
	if (s->early.n == MAX_EARLY)
		return true;
	e = gs_vec_push(&s->early, MAX_EARLY);
	if (!e)
		return false;
	*e = (early){ time_ns, (uint32_t)s->n_events, index, ended, 0 };
	g->early = (uint32_t)s->early.n;
	return true;
}

/* The state that it was in goes to the sums. *row: + 1, of these; 0: none. */
static bool end_state(gs_trace_sums *s, const goroutine *g, uint32_t index, int64_t time_ns, unsigned next, uint32_t next_stack, uint32_t *row)
{
	unsigned phase = g->state >> 8;
	uint32_t stack = phase == GS_PHASE_RUNNING ? next_stack : g->stack, class = g->class;
	open_row *to;

	*row = 0;
	if (!is_counted(phase))
		return true;
	/* Counted for the frame where it began, which is its own. */
	if (phase == GS_PHASE_RUNNING && !(s->seen.p[stack] & HAS_FRAMES) && !s->histories.p[index].is_brief)
		class = CLASS_SELF | index;
	to = open_row_at(s, class, g->state, stack);
	if (!is_open(to, class, g->state, stack) && !change_row(s, to, class, g->state, stack))
		return false;
	to->n += !(phase == GS_PHASE_SYSCALL && next == GS_PHASE_SYSCALL);
	to->dur_ns += time_ns - g->since_ns;
	*row = to->row;
	if (g->early)
		s->early.p[g->early - 1].began = to->row;
	return true;
}

static void begin_first(gs_trace_sums *s, goroutine *g, uint32_t index, int64_t time_ns, uint8_t phase, uint32_t stack)
{
	history *h = &s->histories.p[index];

	g->flags |= HAS_FIRST;
	h->first_ns = time_ns;
	h->first_event = (uint32_t)s->n_events;
	h->first_phase = phase;
	h->first_stack = stack;
}

static bool transition(gs_trace_sums *s, const gs_gotrace_generation *gen, const gs_gotrace_event *e, const gs_trace_rule *rule)
{
	uint32_t index = index_of(s, e, rule->is_own ? e->g : e->args[0]);
	uint64_t stack = rule->has_stack ? e->args[rule->stack_at] : 0;
	uint8_t reason = rule->has_reason ? reason_of(s, gen, e->args[0]) : 0, phase = rule->phase;
	uint32_t row = 0;
	goroutine *g;

	if (index == GS_NO_INDEX || !meet(s, gen, stack))
		return s->must_restart;
	g = &s->gs.p[index];
	if (rule->new_stack_at ? !name_created(s, index, gen, e->args[rule->new_stack_at]) :
			    !(g->flags & IS_NAMED) && rule->is_own && !name_by(s, index, gen, (uint32_t)stack))
		return false;
	if (s->must_restart)
		return true;
	if (phase == GS_PHASE_WAITING && reason && reason == s->forever)
		phase = GS_PHASE_NONE;
	if (!(g->flags & HAS_FIRST)) {
		begin_first(s, g, index, e->time_ns, phase, (uint32_t)stack);
	} else {
		if (phase == GS_PHASE_SYSCALL && g->state >> 8 == GS_PHASE_SYSCALL && !stack)
			stack = g->stack;
		if (!end_state(s, g, index, e->time_ns, phase, (uint32_t)stack, &row))
			return false;
	}
	g->since_ns = e->time_ns;
	g->state = (uint16_t)(phase << 8 | reason);
	g->stack = (uint32_t)stack;
	return remember(s, g, index, e->time_ns, row);
}

static bool status(gs_trace_sums *s, const gs_gotrace_generation *gen, const gs_gotrace_event *e)
{
	static const uint8_t phases[] = { [GS_GO_UNDETERMINED] = GS_PHASE_UNKNOWN, [GS_GO_NOT_EXIST] = GS_PHASE_NONE,
					  [GS_GO_RUNNABLE] = GS_PHASE_RUNNABLE, [GS_GO_RUNNING] = GS_PHASE_RUNNING,
					  [GS_GO_WAITING] = GS_PHASE_WAITING, [GS_GO_SYSCALL] = GS_PHASE_SYSCALL };
	uint64_t stack = e->type == GS_GOTRACE_GO_STATUS_STACK ? e->args[3] : 0;
	uint32_t index;
	history *h;

	if (!meet(s, gen, stack))
		return false;
	/* Later generations say again what is known. */
	if (e->to_state >= sizeof(phases) || (s->index && !stack) || (!s->index && e->from_state == e->to_state))
		return true;
	index = index_of(s, e, e->args[0]);
	if (index == GS_NO_INDEX)
		return s->must_restart;
	h = &s->histories.p[index];
	s->must_restart = s->must_restart || (!s->index && (s->gs.p[index].flags & HAS_FIRST || h->has_status));
	if (!name_by(s, index, gen, (uint32_t)stack))
		return false;
	if (s->index)
		return true;
	h->has_status = true;
	h->status_phase = phases[e->to_state];
	h->status_stack = (uint32_t)stack;
	return true;
}

static bool cpu_sample(gs_trace_sums *s, const gs_gotrace_generation *gen, const gs_gotrace_event *e)
{
	sample *to = gs_vec_push(&s->samples, MAX_ROWS);

	if (!to || !meet(s, gen, e->args[0]))
		return false;
	*to = (sample){ e->g, (uint32_t)e->args[0] };
	return true;
}

/* What only the timeline shows. */
static bool beside(gs_trace_sums *s, const gs_gotrace_generation *gen, const gs_gotrace_event *e)
{
	const gs_gotrace_spec *spec = gs_gotrace_spec_of(e->type);
	bool is_shown = (e->type >= GS_GOTRACE_STW_BEGIN && e->type <= GS_GOTRACE_GC_MARK_ASSIST_END) ||
			(e->type >= GS_GOTRACE_USER_TASK_BEGIN && e->type <= GS_GOTRACE_USER_LOG);
	uint64_t stack = is_shown && spec->stack ? e->args[spec->stack - 1] : 0;

	return !stack || meet_stack(s, gen, stack, SEEN_BESIDE);
}

static bool no_transition(gs_trace_sums *s, const gs_gotrace_generation *g, const gs_gotrace_event *e)
{
	if (e->type == GS_GOTRACE_GO_STATUS || e->type == GS_GOTRACE_GO_STATUS_STACK)
		return status(s, g, e);
	return e->type == GS_GOTRACE_CPU_SAMPLE ? cpu_sample(s, g, e) : beside(s, g, e);
}

RARE bool any_event(gs_trace_sums *s, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err)
{
	const gs_trace_rule *rule = &gs_trace_rules[e->type];

	if (s->n_events < MAX_ROWS && (rule->phase ? transition(s, g, e, rule) : no_transition(s, g, e))) {
		s->n_events++;
		return true;
	}
	return gs_trace_no_memory(err);
}

/* Nearly all events are transitions of goroutines that are known, between states that were seen before: those by the shortest way. */
bool gs_trace_sums_event(void *events, const gs_gotrace_generation *gen, const gs_gotrace_event *e, gs_err *err)
{
	gs_trace_sums *s = events;
	const gs_trace_rule *rule = &gs_trace_rules[e->type];
	uint64_t stack = e->args[rule->stack_at] & -(uint64_t)rule->has_stack, at = e->args[0] % RECENT_REASONS;
	uint32_t index = e->place - 1, next = (uint32_t)rule->phase << 8, of_stack;
	goroutine *g;
	open_row *r;

	if (!rule->phase || rule->creates || index >= s->gs.n || stack >= s->seen.n || s->early.n < MAX_EARLY || s->n_events >= MAX_ROWS)
		return any_event(s, gen, e, err);
	if (rule->has_reason) {
		if (s->recent_reasons[at].id != e->args[0] || s->recent_reasons[at].index == s->forever)
			return any_event(s, gen, e, err);
		next |= s->recent_reasons[at].index;
	}
	g = &s->gs.p[index];
	of_stack = g->state >> 8 == GS_PHASE_RUNNING ? (uint32_t)stack : g->stack;
	r = open_row_at(s, g->class, g->state, of_stack);
	if (g->flags != (HAS_FIRST | IS_NAMED) || g->early || !is_open(r, g->class, g->state, of_stack) || !(s->seen.p[stack] & SEEN) ||
	    (g->state >> 8 == GS_PHASE_RUNNING && !(s->seen.p[stack] & HAS_FRAMES)))
		return any_event(s, gen, e, err);
	r->n++;
	r->dur_ns += e->time_ns - g->since_ns;
	g->since_ns = e->time_ns;
	g->state = (uint16_t)next;
	g->stack = (uint32_t)stack;
	s->n_events++;
	return true;
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

/* The state that it brought along ends with its first transition. */
static void end_carried(gs_trace_build *b, const ids *of, const history *h, const gs_trace_g_state *state, const gs_gotrace_stitch *st)
{
	const gs_timeline_goroutine *whole = &b->goroutines.p[h->whole];
	int64_t end_ns = gs_gotrace_stitched_time(st, h->first_event, h->first_ns) - b->start_ns;
	uint32_t node = state->stack;

	if (!is_counted(state->phase))
		return;
	if (state->phase == GS_PHASE_RUNNING)
		node = of->nodes[h->first_stack] ? of->nodes[h->first_stack] : whole->entry;
	gs_timeline_sums_add(&b->sums, (gs_sum_key){ whole->name, state->phase, state->reason }, node,
			     !(state->phase == GS_PHASE_SYSCALL && h->first_phase == GS_PHASE_SYSCALL), end_ns - state->since_ns);
}

/* Its name and its state in the build. False: no memory. */
static bool carry(gs_trace_build *b, ids *of, gs_trace_sums *s, size_t index, const gs_gotrace_stitch *st)
{
	goroutine *g = &s->gs.p[index];
	history *h = &s->histories.p[index];
	bool is_known = h->is_met && gs_id_runs_at(&b->g_index, g->id);
	gs_timeline_goroutine *whole;
	gs_trace_g_state *state;
	uint32_t entry;

	/* Most come and go within a generation. */
	if (!h->is_met || (!is_known && h->is_brief && g->state >> 8 == GS_PHASE_NONE))
		return true;
	h->whole = gs_trace_goroutine(b, g->id, st->sync.time_ns - b->start_ns);
	if (h->whole == GS_NO_INDEX)
		return false;
	whole = &b->goroutines.p[h->whole];
	state = gs_trace_state(b, h->whole);
	s->must_restart = s->must_restart || (h->is_created && is_known && whole->name);
	if (!whole->name && h->name_stack)
		whole->name = name_of(b, of, h->name_stack, &whole->entry);
	/* What it is called since an earlier generation goes before what it would be called by this one. */
	s->must_restart = s->must_restart || (!(g->class & CLASS_SELF) && name_of(b, of, g->class, &entry) != whole->name);
	if (h->has_status)
		*state = (gs_trace_g_state){ .since_ns = st->sync.time_ns - b->start_ns, .phase = h->status_phase,
					     .stack = of->nodes[h->status_stack] };
	if (g->flags & HAS_FIRST) {
		end_carried(b, of, h, state, st);
		*state = (gs_trace_g_state){ .since_ns = g->since_ns - b->start_ns, .phase = (uint8_t)(g->state >> 8),
					     .reason = (uint8_t)of->reasons[g->state & 0xff], .stack = of->nodes[g->stack] };
	}
	whole->saw_end = state->phase == GS_PHASE_NONE;
	return true;
}

static void add_row(gs_trace_build *b, ids *of, const gs_trace_sums *s, const gs_sum_row *row)
{
	gs_sum_key k = s->sums.keys.p[row->key];
	uint32_t name, entry, node = of->nodes[row->node];

	if (k.name & CLASS_SELF) {
		const gs_timeline_goroutine *whole = &b->goroutines.p[s->histories.p[k.name & ~CLASS_SELF].whole];

		name = whole->name;
		entry = whole->entry;
	} else {
		name = name_of(b, of, k.name, &entry);
	}
	gs_timeline_sums_add(&b->sums, (gs_sum_key){ name, k.phase, (uint8_t)of->reasons[k.reason] },
			     k.phase == GS_PHASE_RUNNING && !node ? entry : node, row->n, row->dur_ns);
}

/* Of the goroutines of samples, some may not have done anything else. False: no memory. */
static bool find_sampled(gs_trace_sums *s)
{
	bool is_new;

	for (size_t i = 0; s->samples.n && s->has_places && i < s->gs.n; i++) {
		uint32_t *slot = s->histories.p[i].is_met ? gs_map_put(&s->g_index, s->gs.p[i].id, &is_new) : &(uint32_t){ 0 };

		if (!slot)
			return false;
		*slot = (uint32_t)i;
	}
	for (size_t i = 0; i < s->samples.n; i++)
		if (s->samples.p[i].goroutine != GS_GOTRACE_NONE && find_goroutine(s, s->samples.p[i].goroutine) == GS_NO_INDEX)
			return false;
	return true;
}

static void add_sample(gs_trace_build *b, ids *of, const gs_trace_sums *s, const sample *c)
{
	const uint32_t *index = c->goroutine == GS_GOTRACE_NONE ? NULL : gs_map_get(&s->g_index, c->goroutine);
	uint32_t name = 0, entry;

	if (index && !(s->gs.p[*index].class & CLASS_SELF))
		name = name_of(b, of, s->gs.p[*index].class, &entry);
	else if (index)
		name = b->goroutines.p[s->histories.p[*index].whole].name;
	gs_timeline_sums_add_cpu(&b->sums, (gs_sum_key){ name, GS_PHASE_RUNNING, 0 }, of->nodes[c->stack], GS_CPU_SAMPLE_NS);
}

bool gs_trace_build_add_sums(gs_trace_build *b, gs_trace_sums *s, const gs_gotrace_generation *g, const gs_gotrace_stitch *st,
			     bool *must_restart, gs_err *err)
{
	ids of = { 0 };
	bool ok = gs_trace_build_begin(b, g, st) && find_sampled(s);

	for (size_t i = 0; i < OPEN_ROWS; i++)
		close_row(s, &s->open[i]);
	for (size_t i = 1; i < s->reasons.n; i++)
		of.reasons[i] = gs_trace_reason(b, s->reasons.p[i]);
	s->must_restart = s->must_restart || !fix_early(s, st);
	ok = ok && map_stacks(b, s, &of);
	for (size_t i = 0; ok && i < s->gs.n; i++)
		ok = carry(b, &of, s, i, st);
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
