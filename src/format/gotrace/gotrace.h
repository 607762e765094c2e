/*
 * Go execution traces, version 2 (Go 1.22 and later): bytes to events in a consistent order.
 *
 * The stream is a run of generations of about a second, each with its own strings, stacks and clock. Within one, every thread (M)
 * wrote its events in order; the order between threads follows from sequence numbers and scheduler state, and timestamps only
 * break ties. Source: internal/trace of the Go tree (generation.go, order.go, tracev2/events.go); docs/formats/gotrace.md.
 *
 * Nothing is copied: strings and batches are slices of the input. Memory is bounded by the generation being read.
 */
#ifndef GS_FORMAT_GOTRACE_GOTRACE_H
#define GS_FORMAT_GOTRACE_GOTRACE_H

#include "base/arena.h"
#include "base/err.h"

#define GS_GOTRACE_NONE UINT64_MAX /* no goroutine, proc, thread or task */
/* Version 1: events that no proc did (timers, the network poller, returns from system calls, the collector) carry a proc of these
 * few ids, as Go's own reader numbers them. */
#define GS_GOTRACE_IS_FAKE_P(p) ((p) - 1000000 < 8)

/* code of the wire format, id, name, names of the arguments behind the timestamp, how many; then by index + 1 the stack of the
 * event, the stack of a new goroutine (0: none), and a bit for each argument that is a string id */
#define GS_GOTRACE_EVENTS(X) \
	X(9, PROCS_CHANGE, "ProcsChange", "procs_value stack", 2, 2, 0, 0) \
	X(10, PROC_START, "ProcStart", "p p_seq", 2, 0, 0, 0) \
	X(11, PROC_STOP, "ProcStop", "", 0, 0, 0, 0) \
	X(12, PROC_STEAL, "ProcSteal", "p p_seq m", 3, 0, 0, 0) \
	X(13, PROC_STATUS, "ProcStatus", "p pstatus", 2, 0, 0, 0) \
	X(14, GO_CREATE, "GoCreate", "new_g new_stack stack", 3, 3, 2, 0) \
	X(15, GO_CREATE_SYSCALL, "GoCreateSyscall", "new_g", 1, 0, 0, 0) \
	X(16, GO_START, "GoStart", "g g_seq", 2, 0, 0, 0) \
	X(17, GO_DESTROY, "GoDestroy", "", 0, 0, 0, 0) \
	X(18, GO_DESTROY_SYSCALL, "GoDestroySyscall", "", 0, 0, 0, 0) \
	X(19, GO_STOP, "GoStop", "reason_string stack", 2, 2, 0, 1) \
	X(20, GO_BLOCK, "GoBlock", "reason_string stack", 2, 2, 0, 1) \
	X(21, GO_UNBLOCK, "GoUnblock", "g g_seq stack", 3, 3, 0, 0) \
	X(22, GO_SYSCALL_BEGIN, "GoSyscallBegin", "p_seq stack", 2, 2, 0, 0) \
	X(23, GO_SYSCALL_END, "GoSyscallEnd", "", 0, 0, 0, 0) \
	X(24, GO_SYSCALL_END_BLOCKED, "GoSyscallEndBlocked", "", 0, 0, 0, 0) \
	X(25, GO_STATUS, "GoStatus", "g m gstatus", 3, 0, 0, 0) \
	X(26, STW_BEGIN, "STWBegin", "kind_string stack", 2, 2, 0, 1) \
	X(27, STW_END, "STWEnd", "", 0, 0, 0, 0) \
	X(28, GC_ACTIVE, "GCActive", "gc_seq", 1, 0, 0, 0) \
	X(29, GC_BEGIN, "GCBegin", "gc_seq stack", 2, 2, 0, 0) \
	X(30, GC_END, "GCEnd", "gc_seq", 1, 0, 0, 0) \
	X(31, GC_SWEEP_ACTIVE, "GCSweepActive", "p", 1, 0, 0, 0) \
	X(32, GC_SWEEP_BEGIN, "GCSweepBegin", "stack", 1, 1, 0, 0) \
	X(33, GC_SWEEP_END, "GCSweepEnd", "swept_value reclaimed_value", 2, 0, 0, 0) \
	X(34, GC_MARK_ASSIST_ACTIVE, "GCMarkAssistActive", "g", 1, 0, 0, 0) \
	X(35, GC_MARK_ASSIST_BEGIN, "GCMarkAssistBegin", "stack", 1, 1, 0, 0) \
	X(36, GC_MARK_ASSIST_END, "GCMarkAssistEnd", "", 0, 0, 0, 0) \
	X(37, HEAP_ALLOC, "HeapAlloc", "heapalloc_value", 1, 0, 0, 0) \
	X(38, HEAP_GOAL, "HeapGoal", "heapgoal_value", 1, 0, 0, 0) \
	X(39, GO_LABEL, "GoLabel", "label_string", 1, 0, 0, 1) \
	X(40, USER_TASK_BEGIN, "UserTaskBegin", "task parent_task name_string stack", 4, 4, 0, 4) \
	X(41, USER_TASK_END, "UserTaskEnd", "task stack", 2, 2, 0, 0) \
	X(42, USER_REGION_BEGIN, "UserRegionBegin", "task name_string stack", 3, 3, 0, 2) \
	X(43, USER_REGION_END, "UserRegionEnd", "task name_string stack", 3, 3, 0, 2) \
	X(44, USER_LOG, "UserLog", "task key_string value_string stack", 4, 4, 0, 6) \
	X(45, GO_SWITCH, "GoSwitch", "g g_seq", 2, 0, 0, 0) \
	X(46, GO_SWITCH_DESTROY, "GoSwitchDestroy", "g g_seq", 2, 0, 0, 0) \
	X(47, GO_CREATE_BLOCKED, "GoCreateBlocked", "new_g new_stack stack", 3, 3, 2, 0) \
	X(48, GO_STATUS_STACK, "GoStatusStack", "g m gstatus stack", 4, 4, 0, 0) \
	X(128, SPAN, "Span", "id npages_value kindclass", 3, 0, 0, 0) \
	X(129, SPAN_ALLOC, "SpanAlloc", "id npages_value kindclass", 3, 0, 0, 0) \
	X(130, SPAN_FREE, "SpanFree", "id", 1, 0, 0, 0) \
	X(131, HEAP_OBJECT, "HeapObject", "id type", 2, 0, 0, 0) \
	X(132, HEAP_OBJECT_ALLOC, "HeapObjectAlloc", "id type", 2, 0, 0, 0) \
	X(133, HEAP_OBJECT_FREE, "HeapObjectFree", "id", 1, 0, 0, 0) \
	X(134, GOROUTINE_STACK, "GoroutineStack", "id order", 2, 0, 0, 0) \
	X(135, GOROUTINE_STACK_ALLOC, "GoroutineStackAlloc", "id order", 2, 0, 0, 0) \
	X(136, GOROUTINE_STACK_FREE, "GoroutineStackFree", "id", 1, 0, 0, 0)

typedef enum gs_gotrace_type {
	GS_GOTRACE_CPU_SAMPLE = 7, /* args[0] is its stack */
#define X(code, id, ...) GS_GOTRACE_##id = (code),
	GS_GOTRACE_EVENTS(X)
#undef X
} gs_gotrace_type;

typedef struct gs_gotrace_spec {
	const char *name; /* NULL: no event of the timed stream */
	const char *args; /* names, separated by blanks */
	uint8_t n_args;
	uint8_t stack, new_stack; /* index + 1 of the argument that is a stack id; 0: none */
	uint8_t strings;	  /* bit i: argument i is a string id */
} gs_gotrace_spec;

const gs_gotrace_spec *gs_gotrace_spec_of(unsigned type);

/* States as viewers know them. */
typedef enum gs_go_state {
	GS_GO_UNDETERMINED,
	GS_GO_NOT_EXIST,
	GS_GO_RUNNABLE,
	GS_GO_RUNNING,
	GS_GO_WAITING,
	GS_GO_SYSCALL,
} gs_go_state;

typedef enum gs_proc_state {
	GS_PROC_UNDETERMINED,
	GS_PROC_NOT_EXIST,
	GS_PROC_RUNNING, /* a proc in a syscall counts as running */
	GS_PROC_IDLE,
} gs_proc_state;

typedef struct gs_gotrace_event {
	uint8_t type; /* gs_gotrace_type */
	/* A number for the goroutine whose state changes, the same for all of its events in a generation, from 1 with few gaps. Version 1,
	 * and other events: it says nothing or 0. */
	uint32_t place;
	int64_t time_ns; /* the trace's clock; strictly rising over the whole trace */
	uint64_t m, p, g; /* who it happened on, before it took effect; GS_GOTRACE_NONE */
	uint64_t args[4];
	/* What ordering found out: status events and ProcSteal carry the state before and after; UserTaskBegin without a parent has
	 * GS_GOTRACE_NONE in args[1]. */
	uint8_t from_state, to_state;
	uint32_t g_place; /* as `place`, of g; of events whose goroutine the order did not change */
	uint64_t task_parent; /* UserTaskEnd: parent of the task, GS_GOTRACE_NONE */
	/* UserTaskEnd: the task's name, STWEnd: the kind of stop. They may have begun in an earlier generation; empty when unknown.
	 * A slice of the trace's bytes. */
	gs_str name;
} gs_gotrace_event;

typedef struct gs_gotrace_frame {
	uint64_t pc;
	gs_str function, file;
	uint64_t line;
} gs_gotrace_frame;

typedef struct gs_gotrace_generation gs_gotrace_generation;

/* False: no such id. Id 0 is the empty string and the empty stack. */
bool gs_gotrace_string(const gs_gotrace_generation *g, uint64_t id, gs_str *out);
/* Leaf first. */
bool gs_gotrace_stack(const gs_gotrace_generation *g, uint64_t id, const gs_gotrace_frame **frames, uint32_t *n);

/* Between two generations that could be read something could not: nothing is known of what happened meanwhile. */
typedef struct gs_gotrace_gap {
	uint64_t from_at, until_at; /* bytes of the file: the first that is damaged, and where the generation behind begins */
	uint64_t lost_bytes; /* of these; others were read all the same */
	uint64_t first_generation, last_generation; /* that lack something, as the file numbers them; last < first: not known */
	int64_t from_ns, until_ns; /* the last event before, and where the generation behind begins */
	gs_err why;
} gs_gotrace_gap;

/*
 * What is missing in front of the generation; NULL: nothing, or all that came before it. Behind a gap events tell the states of goroutines
 * and procs anew, as at the beginning of a trace.
 */
const gs_gotrace_gap *gs_gotrace_gap_before(const gs_gotrace_generation *g);

/* The trace's clock counts what CLOCK_MONOTONIC does: since Go 1.22 on Linux, in units of 64 ns. */
bool gs_gotrace_clock_is_monotonic(const gs_gotrace_generation *g);

typedef struct gs_gotrace_sync {
	unsigned n; /* counts from 1 */
	int64_t time_ns;
	bool has_clock; /* Go 1.25 and later: clocks read together */
	int64_t clock_trace_ns;
	uint64_t clock_mono_ns;
	int64_t clock_wall_s;
	uint64_t clock_wall_ns;
} gs_gotrace_sync;

typedef struct gs_gotrace_sink {
	void *ctx;
	/* Before the events of each generation, and once at the end with g NULL. */
	bool (*sync)(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_sync *sync, gs_err *err);
	bool (*event)(void *ctx, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err);
} gs_gotrace_sink;

/*
 * The AllocFree experiment: a generation lists the types that its HeapObject events name, and the trace's first one what ids count
 * from: the address of a span is min_heap_address + id * page_bytes, and so on. NULL: there is none.
 */
typedef struct gs_gotrace_memory_info {
	uint64_t min_heap_address, page_bytes, object_align_bytes, stack_align_bytes;
} gs_gotrace_memory_info;
typedef struct gs_gotrace_go_type {
	uint64_t id, address, size_bytes, pointer_bytes;
	gs_str name;
} gs_gotrace_go_type;
const gs_gotrace_memory_info *gs_gotrace_memory_info_of(const gs_gotrace_generation *g);
const gs_gotrace_go_type *gs_gotrace_go_type_of(const gs_gotrace_generation *g, uint64_t id);

#define GS_GOTRACE_NO_TIME INT64_MIN

typedef struct gs_gotrace_report {
	unsigned version;     /* N of "go 1.N trace" */
	unsigned generations; /* complete ones */
	uint64_t events;
	/* Damage, the first of it. What came before it was delivered, and generations behind it that prove to be whole or begin as they
	 * should: each with its gap. */
	bool is_damaged;
	gs_err damage;
	bool is_cut; /* the file ends inside the last generation, which nothing else is wrong with: it is still being written, or was cut */
	unsigned gaps;
	/* Not delivered: bytes of the file, and whole generations among them. Events are there until good_until_ns; those behind it that
	 * are not reach to lost_until_ns at least, as far as their batches tell (else GS_GOTRACE_NO_TIME). */
	uint64_t lost_bytes;
	unsigned lost_generations;
	uint64_t lost_from_at; /* from here to the end of the file nothing was delivered, or little; 0: its end is whole */
	gs_err end_damage; /* why */
	int64_t good_until_ns, lost_until_ns;
	uint64_t clamped_times; /* version 1: events whose time ran backwards, and were moved to the one before */
	int64_t end_ns; /* time of the last sync */
} gs_gotrace_report;

enum { GS_GOTRACE_HEADER_BYTES = 16 };

/* The bytes begin like a Go execution trace of any version; *version is N of "go 1.N trace". */
bool gs_gotrace_probe(gs_str bytes, unsigned *version);

/* The first generation is whole: it can be read with its strings and stacks. Before Go 1.22 that is the whole file, and the answer no. */
bool gs_gotrace_holds_generation(gs_str bytes);
/* How many of the bytes that begin with a generation of "go 1.N trace", N at least 22, are whole ones in this sense. */
uint64_t gs_gotrace_whole_in(gs_str batches, unsigned version);

/*
 * Read a whole trace. Calls go out in order from this thread; slices in them live as long as `bytes`, tables until the next sync.
 * False with GS_ERR_FORMAT when nothing at all could be read, GS_ERR_UNSUPPORTED for Go 1.5 and 1.6, GS_ERR_LIMIT, or what a callback
 * failed with. A damaged trace of which anything could be read is true, with report->is_damaged.
 */
bool gs_gotrace_read(gs_str bytes, const gs_gotrace_sink *sink, gs_gotrace_report *report, gs_err *err);

/*
 * The same with several threads: generations are decoded and ordered side by side, each into a context of its own, and then
 * stitched one after the other in the order of the file. A generation says again what it needs to know of goroutines, procs and
 * threads, so nearly everything about its events is right at once. What is not, because it depends on the generation before, the
 * stitch tells:
 *   - times: those of a generation rise strictly from its own sync on, but may lie before the end of the generation before. Event
 *     i truly has gs_gotrace_stitched_time(): only a few events at the beginning differ;
 *   - corrections, a few for each thread: who a thread's first status events happened on, states of procs before them, names of
 *     tasks and kinds of stops that began earlier.
 * After these, the events are equal to those of gs_gotrace_read. In particular a goroutine's first status in any generation but
 * the first has from_state equal to to_state and to the state that it had at the end of the generation before.
 */
typedef struct gs_gotrace_correction {
	uint64_t event;	      /* number within its generation, from 0 */
	gs_gotrace_event now; /* all of it; but its time_ns says nothing */
} gs_gotrace_correction;

typedef struct gs_gotrace_stitch {
	uint32_t index;	       /* of the generation, from 0 */
	gs_gotrace_sync sync;  /* before its first event */
	uint64_t events;       /* that were delivered */
	int64_t end_ns;	       /* true time of the last one, or of the sync */
	const gs_gotrace_correction *corrections; /* by event */
	size_t n_corrections;
	uint32_t n_later; /* complete generations that follow */
	bool is_whole; /* every goroutine that there is was told of */
	gs_str bytes; /* of the generation; may be read again for names of tasks and kinds of stops that are still open */
} gs_gotrace_stitch;

/* When event number `event` of the generation happened that was delivered with time_ns. */
static inline int64_t gs_gotrace_stitched_time(const gs_gotrace_stitch *s, uint64_t event, int64_t time_ns)
{
	int64_t earliest = s->sync.time_ns + 1 + (int64_t)event;

	return time_ns < earliest ? earliest : time_ns;
}

typedef struct gs_gotrace_parallel_sink {
	void *ctx;
	/* Generation `index` begins: *events is what its calls will get. From any thread, several generations at once; at most as
	 * many as there are threads are between begin and stitch. */
	bool (*begin)(void *ctx, uint32_t index, const gs_gotrace_generation *g, void **events, gs_err *err);
	/* In order, from one thread. */
	bool (*event)(void *events, const gs_gotrace_generation *g, const gs_gotrace_event *e, gs_err *err);
	/*
	 * Before stitch: the true time of the event before this generation. False: times that change by it cannot be mended any
	 * more, and the generation is read again. From one thread; NULL: always true.
	 */
	bool (*fits)(void *events, int64_t before_ns);
	/* Forget them: reading ended before this generation, or it is begun again (a generation that contradicts the one before it,
	 * or is damaged, is read a second time knowing that one's end). From any thread; stitch is not called for these. */
	void (*discard)(void *ctx, void *events);
	/* All of it was delivered. One at a time, in order of index; g's tables end with this call. `events` is the sink's to free,
	 * also when it fails. */
	bool (*stitch)(void *ctx, void *events, const gs_gotrace_generation *g, const gs_gotrace_stitch *s, gs_err *err);
	/* `bytes` are a mapped file: what was read may go back to the system, and is read again when it is looked at after all. */
	bool is_reread;
} gs_gotrace_parallel_sink;

/* threads: 0 for one on each CPU. Answers and report as gs_gotrace_read; a failing callback ends it. */
bool gs_gotrace_read_parallel(gs_str bytes, unsigned threads, const gs_gotrace_parallel_sink *sink, gs_gotrace_report *report,
			      gs_err *err);

#endif
