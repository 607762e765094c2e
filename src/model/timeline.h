/*
 * gs_timeline: what an execution trace tells, whatever version wrote it. Times are nanoseconds since the trace's first event.
 *
 * Goroutine transitions are by far the most of it, so they live in columns of about seven bytes each, cut into *chunks* (a
 * quarter of a million of them or more, at most four seconds). Within a chunk the transitions of one goroutine lie together, in
 * order of time: a *piece*. The life of a goroutine is the list of its pieces. Chunks are built independently of each other, on
 * as many threads as there are, and nothing is sorted across them. What transitions have in common is said once, in dictionaries
 * of the chunk: what they are (kinds) and where they happened (places).
 *
 * Stacks are nodes of the document's profile (GS_ROOT_NODE: none), names are string ids of it. A goroutine, proc or thread is
 * its index here, in order of appearance; `id` is what the runtime calls it. Immutable once loaded.
 *
 * A system call that loses its proc on the way is two transitions to SYSCALL: with the proc, then without one. A goroutine that
 * can never wake up (reason "forever") goes to NONE.
 */
#ifndef GS_MODEL_TIMELINE_H
#define GS_MODEL_TIMELINE_H

#include "model/profile.h"

#define GS_NO_INDEX UINT32_MAX
#define GS_NO_TIME INT64_MIN

/* States as Go's trace viewers know them. */
typedef enum gs_phase {
	GS_PHASE_UNKNOWN,
	GS_PHASE_NONE, /* not created yet, or ended */
	GS_PHASE_RUNNABLE,
	GS_PHASE_RUNNING,
	GS_PHASE_WAITING,
	GS_PHASE_SYSCALL,
} gs_phase;
enum { GS_N_PHASES = 6 };

enum {
	GS_KIND_HAS_PEER = 1,
	GS_KIND_CREATES = 2, /* the goroutine begins */
};

typedef struct gs_timeline_kind {
	uint32_t stack; /* of the event that made the transition: its own, or for RUNNABLE that of its waker */
	uint8_t phase;
	uint8_t reason; /* index into gs_timeline.reasons: why it waits, or why it stopped running; 0: none */
	uint8_t flags;
} gs_timeline_kind;

typedef struct gs_timeline_place {
	uint16_t proc; /* the P of the event (RUNNING: where it runs); UINT16_MAX none */
	uint16_t thread; /* the M of the event; UINT16_MAX none or beyond */
} gs_timeline_place;

/* The goroutine transitions of one chunk. [i] is entered at base_ns + offset_ns[i]; the rest is asked with gs_chunk_*. */
typedef struct gs_timeline_chunk {
	int64_t base_ns, end_ns;
	uint32_t n;
	const uint32_t *offset_ns;
	const uint8_t *kind; /* index into kinds; GS_KIND_IS_RARE: that is in rare_kinds, see gs_chunk_kind */
	const uint8_t *place8; /* index into places; NULL: they are many, see place16 */
	const uint16_t *place16;
	const uint16_t *rare_kinds; /* of those transitions that have one */
	const uint32_t *rare_before; /* [i / 64]: how many of these come before transition i / 64 * 64; NULL: none at all */
	const uint32_t *peers; /* of those transitions that have one */
	const uint32_t *peers_before; /* [i / 64]: how many of these come before transition i / 64 * 64 */
	const gs_timeline_kind *kinds; /* dictionaries: the commonest kinds come first */
	const gs_timeline_place *places;
	/* Pieces of this chunk, by first transition: pieces[piece_first] to pieces[piece_first + n_pieces]. */
	uint32_t piece_first, n_pieces;
} gs_timeline_chunk;

enum { GS_KIND_IS_RARE = UINT8_MAX };

/* Where rare_kinds has the next one from transition i / 64 * 64 on. */
static inline uint32_t gs_chunk_rare(const gs_timeline_chunk *c, uint32_t i)
{
	return c->rare_before ? c->rare_before[i / 64] : 0;
}

/* Of one transition after the other: *rare as gs_chunk_rare gave it, and i from there on without gaps. */
static inline const gs_timeline_kind *gs_chunk_next_kind(const gs_timeline_chunk *c, uint32_t i, uint32_t *rare)
{
	return &c->kinds[c->kind[i] == GS_KIND_IS_RARE ? c->rare_kinds[(*rare)++] : c->kind[i]];
}

static inline const gs_timeline_kind *gs_chunk_kind(const gs_timeline_chunk *c, uint32_t i)
{
	uint32_t rare;

	if (c->kind[i] != GS_KIND_IS_RARE)
		return &c->kinds[c->kind[i]];
	rare = c->rare_before[i / 64];
	for (uint32_t k = i / 64 * 64; k < i; k++)
		rare += c->kind[k] == GS_KIND_IS_RARE;
	return &c->kinds[c->rare_kinds[rare]];
}

static inline gs_phase gs_chunk_phase(const gs_timeline_chunk *c, uint32_t i)
{
	return (gs_phase)gs_chunk_kind(c, i)->phase;
}

static inline uint8_t gs_chunk_reason(const gs_timeline_chunk *c, uint32_t i)
{
	return gs_chunk_kind(c, i)->reason;
}

static inline uint32_t gs_chunk_stack(const gs_timeline_chunk *c, uint32_t i)
{
	return gs_chunk_kind(c, i)->stack;
}

static inline gs_timeline_place gs_chunk_place(const gs_timeline_chunk *c, uint32_t i)
{
	return c->places[c->place8 ? c->place8[i] : c->place16[i]];
}

/* The goroutine that woke or created it, for RUNNABLE; GS_NO_INDEX: none (network, timer, runtime). */
static inline uint32_t gs_chunk_peer(const gs_timeline_chunk *c, uint32_t i)
{
	uint32_t at = c->peers_before[i / 64], rare = gs_chunk_rare(c, i);

	if (!(gs_chunk_kind(c, i)->flags & GS_KIND_HAS_PEER))
		return GS_NO_INDEX;
	for (uint32_t k = i / 64 * 64; k < i; k++)
		at += gs_chunk_next_kind(c, k, &rare)->flags & GS_KIND_HAS_PEER;
	return c->peers[at];
}

typedef struct gs_timeline_piece {
	uint32_t goroutine;
	uint32_t chunk;
	uint32_t first, n; /* transitions of the chunk; never 0 of them */
	uint32_t before, next; /* pieces of the same goroutine: before the first one is the last one, behind the last one GS_NO_INDEX */
} gs_timeline_piece;

typedef struct gs_timeline_goroutine {
	uint64_t id;
	uint32_t name; /* function that it was started with; 0 unknown */
	uint32_t first_piece;  /* GS_NO_INDEX: none */
	uint32_t creator;      /* goroutine that created it; GS_NO_INDEX unknown */
	uint32_t create_stack; /* stack of the creator */
	uint32_t entry; /* the node of its start function alone: for time that has no stack */
	bool saw_start, saw_end;
	bool is_system; /* the runtime's own, as go tool trace decides */
	int64_t start_ns, end_ns; /* created and ended; the trace's bounds when that was not seen */
} gs_timeline_goroutine;

typedef struct gs_timeline_proc {
	uint64_t id;
} gs_timeline_proc;

typedef struct gs_timeline_thread {
	uint64_t id; /* Linux: the thread id */
} gs_timeline_thread;

/* Starts and stops of procs, in order of time. */
typedef struct gs_timeline_proc_change {
	int64_t time_ns;
	uint16_t proc, thread;
	bool is_running; /* else idle */
} gs_timeline_proc_change;

typedef enum gs_range_scope {
	GS_RANGE_GLOBAL,
	GS_RANGE_GOROUTINE,
	GS_RANGE_PROC,
} gs_range_scope;

/* GC phases, stop-the-world, sweep, assist: names as the Go API gives them ("GC concurrent mark phase", "stop-the-world (...)"). */
typedef struct gs_timeline_range {
	int64_t start_ns, end_ns; /* the trace's bounds when cut */
	uint32_t name;
	gs_range_scope scope;
	uint32_t owner; /* goroutine or proc index by scope */
	uint32_t goroutine, end_goroutine; /* on which it began and ended; GS_NO_INDEX */
	uint32_t stack;
	bool saw_start, saw_end;
	uint64_t swept_bytes, reclaimed_bytes; /* sweep only */
} gs_timeline_range;

typedef struct gs_timeline_task {
	uint64_t id;
	uint32_t parent; /* task index; GS_NO_INDEX */
	uint32_t name;
	int64_t start_ns, end_ns;
	bool saw_start, saw_end;
	uint32_t start_goroutine, end_goroutine; /* GS_NO_INDEX unknown */
	uint32_t start_stack, end_stack;
} gs_timeline_task;

/* The goroutine that answers for a task: the one that ended it, else the one that began it. GS_NO_INDEX unknown. */
static inline uint32_t gs_timeline_task_goroutine(const gs_timeline_task *k)
{
	return k->end_goroutine != GS_NO_INDEX ? k->end_goroutine : k->start_goroutine;
}

typedef struct gs_timeline_region {
	int64_t start_ns, end_ns;
	bool saw_start, saw_end;
	uint32_t name;
	uint32_t goroutine;
	uint32_t task;	 /* GS_NO_INDEX: none */
	uint32_t parent; /* enclosing region of the same goroutine; GS_NO_INDEX */
	uint32_t depth;	 /* 0: outermost */
	uint32_t start_stack, end_stack;
} gs_timeline_region;

typedef struct gs_timeline_log {
	int64_t time_ns;
	uint32_t goroutine, task, key, value, stack;
} gs_timeline_log;

/* What the runtime calls a goroutine from then on: "GC (dedicated)", "GC (fractional)", "GC (idle)". */
typedef struct gs_timeline_label {
	int64_t time_ns;
	uint32_t goroutine, label;
} gs_timeline_label;

/* The CPU profiler's rate is not in the trace; nearly nobody changes it. */
#define GS_CPU_SAMPLE_NS 10000000

typedef struct gs_timeline_cpu_sample {
	int64_t time_ns;
	uint32_t goroutine, stack;
	uint16_t proc, thread; /* UINT16_MAX none */
	uint32_t weight_ns; /* CPU time that it stands for */
} gs_timeline_cpu_sample;

typedef struct gs_timeline_metric {
	int64_t *time_ns;
	uint64_t *value;
	uint32_t n;
} gs_timeline_metric;

/* Memory that the program had when the trace began, got and gave back (GODEBUG=traceallocfree=1, Go 1.23 and later). */
typedef enum gs_memory_kind {
	GS_MEMORY_SPAN, /* was there */
	GS_MEMORY_SPAN_ALLOC,
	GS_MEMORY_SPAN_FREE,
	GS_MEMORY_OBJECT,
	GS_MEMORY_OBJECT_ALLOC,
	GS_MEMORY_OBJECT_FREE,
	GS_MEMORY_STACK,
	GS_MEMORY_STACK_ALLOC,
	GS_MEMORY_STACK_FREE,
} gs_memory_kind;

typedef struct gs_timeline_memory {
	int64_t time_ns;
	uint64_t address;
	uint64_t size_bytes; /* what is taken: of an object its size class; 0 unknown */
	uint64_t type_bytes; /* of one value of the type */
	uint32_t type; /* name; 0: no type or not known */
	uint32_t goroutine; /* on which it happened; GS_NO_INDEX */
	uint8_t kind;
} gs_timeline_memory;

/* Clocks read at the same moment (Go 1.25 and later). */
typedef struct gs_timeline_clock {
	int64_t time_ns;	/* of this timeline */
	uint64_t monotonic_ns;	/* CLOCK_MONOTONIC */
	int64_t wall_ns;	/* Unix epoch */
} gs_timeline_clock;

/*
 * A profile of the same process that was taken meanwhile, on this clock. Samples that have times have become cpu_samples, in the place
 * of the trace's own.
 */
typedef struct gs_timeline_overlay {
	uint32_t name; /* of its file */
	bool has_times;
	int64_t start_ns, end_ns; /* may lie outside of the trace */
	uint64_t n_samples; /* with times: of the process */
	uint64_t n_outside, n_unplaced; /* of these: before or after the trace, on no goroutine */
} gs_timeline_overlay;

/*
 * Something of a damaged trace is missing here, and nobody knows what happened: goroutines are in phase UNKNOWN, procs stand still, and
 * what was open ends where it was last seen.
 */
typedef struct gs_timeline_gap {
	int64_t start_ns, end_ns;
	uint64_t from_at, until_at, lost_bytes; /* of the file */
	uint64_t first_generation, last_generation; /* by the file's numbers; last < first: not known which */
	gs_str why; /* of the document's arena */
} gs_timeline_gap;

typedef struct gs_timeline {
	int64_t duration_ns;
	unsigned format_minor; /* N of "go 1.N trace": of the trace format, which Go 1.24 for one did not change */
	unsigned n_generations;
	uint64_t n_events;  /* of the trace, all kinds */
	uint64_t n_transitions;

	const uint32_t *reasons; /* string ids, [0] empty */
	uint32_t n_reasons;

	gs_timeline_chunk *chunks; /* in order of time, no overlap */
	gs_timeline_piece *pieces; /* by chunk */
	gs_timeline_goroutine *goroutines;
	uint32_t *goroutines_by_id; /* indexes, in order of id */
	gs_timeline_proc *procs;
	gs_timeline_thread *threads;
	gs_timeline_proc_change *proc_changes;
	gs_timeline_range *ranges;   /* by start, as all below */
	gs_timeline_task *tasks;
	gs_timeline_region *regions;
	gs_timeline_log *logs;
	gs_timeline_label *labels;
	gs_timeline_cpu_sample *cpu_samples;
	uint32_t n_chunks, n_pieces, n_goroutines, n_procs, n_threads, n_proc_changes, n_ranges, n_tasks, n_regions, n_logs,
		n_labels, n_cpu_samples;
	gs_timeline_metric heap_bytes, heap_goal_bytes, gomaxprocs;
	gs_timeline_clock *clocks;
	uint32_t n_clocks;
	gs_timeline_memory *memory_events;
	uint32_t n_memory_events;
	/* Of time 0 by CLOCK_MONOTONIC, where the trace's clock is that (Linux, Go 1.22 and later); else GS_NO_TIME. */
	int64_t start_monotonic_ns;
	gs_timeline_overlay *overlays;
	uint32_t n_overlays;

	/* What was lost of a damaged trace: a sentence for people, and how much; empty for a whole one. */
	gs_str damage;
	bool is_cut; /* only because the file ends inside its last generation: it is still being written, or was cut */
	uint64_t lost_bytes;
	uint32_t lost_generations; /* of which nothing could be shown */
	const gs_timeline_gap *gaps; /* in order of time; damage at the end of the file is none */
	uint32_t n_gaps;
	int64_t good_until_ns, lost_until_ns; /* the last event; what the lost ones reach to at least, GS_NO_TIME unknown */
} gs_timeline;

/* The index of the goroutine that the runtime calls `id`; GS_NO_INDEX. */
uint32_t gs_timeline_goroutine_of(const gs_timeline *t, uint64_t id);

/*
 * Walk what one goroutine did: intervals in order of time, without gaps, from `start_ns` of the goroutine (phase UNKNOWN until
 * its first transition is seen) to its end or the trace's.
 */
typedef struct gs_interval {
	int64_t start_ns, end_ns;
	gs_phase phase;
	uint8_t reason;
	uint32_t stack;
	uint16_t proc, thread;
	uint32_t peer;
	uint32_t chunk, transition; /* where it began; chunk GS_NO_INDEX for an interval before any transition */
	bool is_open; /* the trace ended before it did, or a gap began */
	bool is_cut; /* its beginning was not seen: before the trace, or in a gap */
	bool is_more; /* a system call goes on, now without its proc */
} gs_interval;

typedef struct gs_interval_walk {
	const gs_timeline *timeline;
	uint32_t goroutine;
	uint32_t piece, at; /* next transition to look at */
	gs_phase before;
	bool is_done, is_before_first;
} gs_interval_walk;

gs_interval_walk gs_intervals_of(const gs_timeline *t, uint32_t goroutine);
/* The same from the interval that holds `time_ns` (the first one when that is earlier). Costs a search. */
gs_interval_walk gs_intervals_from(const gs_timeline *t, uint32_t goroutine, int64_t time_ns);
/* False at the end. */
bool gs_interval_next(gs_interval_walk *w, gs_interval *out);

/* The piece that transition `i` of a chunk belongs to. Costs a binary search over the chunk's pieces. */
const gs_timeline_piece *gs_timeline_piece_at(const gs_timeline *t, uint32_t chunk, uint32_t i);
/* Its goroutine. */
uint32_t gs_timeline_goroutine_at(const gs_timeline *t, uint32_t chunk, uint32_t i);
/* The interval that transition `i` of a chunk begins; for the runs of lanes. */
gs_interval gs_timeline_interval_at(const gs_timeline *t, uint32_t chunk, uint32_t i);

/* The chunk that holds `time_ns`, the first when that is earlier. There must be one. */
uint32_t gs_timeline_chunk_at(const gs_timeline *t, int64_t time_ns);

/* "running", "waiting"... */
const char *gs_phase_name(gs_phase phase);

/* Time on another clock, by the nearest clock readings; false when nothing tells. */
bool gs_timeline_from_monotonic(const gs_timeline *t, uint64_t monotonic_ns, int64_t *time_ns);
bool gs_timeline_from_wall(const gs_timeline *t, int64_t wall_ns, int64_t *time_ns);

#endif
