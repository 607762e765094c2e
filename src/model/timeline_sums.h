/*
 * gs_timeline_sums: time of goroutines added up as the samples of a profile: one sample for each stack, start function, state
 * and reason. The values that a sample has:
 *
 *   cpu_samples, cpu   CPU samples in the trace (there when a CPU profile ran as well), and the time they stand for
 *   running            on a CPU, by wall clock; counted for the stack that ended it, the only one that a trace has
 *   sched              runnable: waiting for a CPU; the stack that made it runnable
 *   network            waiting for the poller
 *   sync               channels, select, mutexes, wait groups, conditions
 *   syscall            in a system call
 *   wait               all waits: network, sync, sleep, GC and the rest
 *   off_cpu            sched, wait and syscall
 *   wall               all of it
 *
 * What has a beginning of its own has a count too (sched_count...).
 */
#ifndef GS_MODEL_TIMELINE_SUMS_H
#define GS_MODEL_TIMELINE_SUMS_H

#include "base/buf.h"
#include "model/timeline.h"

/* id, name, unit */
#define GS_TIME_VALUES(X) \
	X(CPU_SAMPLES, "cpu_samples", "count") \
	X(CPU, "cpu", "nanoseconds") \
	X(SCHED_COUNT, "sched_count", "count") \
	X(SCHED, "sched", "nanoseconds") \
	X(NETWORK_COUNT, "network_count", "count") \
	X(NETWORK, "network", "nanoseconds") \
	X(SYNC_COUNT, "sync_count", "count") \
	X(SYNC, "sync", "nanoseconds") \
	X(SYSCALL_COUNT, "syscall_count", "count") \
	X(SYSCALL, "syscall", "nanoseconds") \
	X(WAIT_COUNT, "wait_count", "count") \
	X(WAIT, "wait", "nanoseconds") \
	X(OFF_CPU, "off_cpu", "nanoseconds") \
	X(WALL, "wall", "nanoseconds") \
	X(RUNNING, "running", "nanoseconds")

typedef enum gs_time_value {
#define X(id, ...) GS_TIME_##id,
	GS_TIME_VALUES(X)
#undef X
	GS_N_TIME_VALUES,
} gs_time_value;

/* "sched", "nanoseconds"... */
const char *gs_time_value_name(gs_time_value v);
const char *gs_time_value_unit(gs_time_value v);

/* A wait is of these kinds by its reason, as go tool trace has it. */
bool gs_reason_is_network(gs_str reason);
bool gs_reason_is_sync(gs_str reason);

/* Values of one sample that `n` intervals of a state with `dur_ns` in all add to. */
void gs_time_values_add(int64_t values[GS_N_TIME_VALUES], gs_phase phase, bool is_network, bool is_sync, int64_t n,
			int64_t dur_ns);

typedef struct gs_sum_key {
	uint32_t name; /* of the goroutine; 0 unknown */
	uint8_t phase, reason;
} gs_sum_key;

typedef struct gs_sum_row {
	uint32_t key, node;
	int64_t n, dur_ns, cpu_samples, cpu_ns;
} gs_sum_row;

/* A row that was looked up lately. */
typedef struct gs_sum_recent {
	uint32_t name, node;
	uint32_t state; /* 1 << 16 | phase << 8 | reason; 0: nothing here */
	uint32_t row;
} gs_sum_recent;
enum { GS_SUM_RECENT_BITS = 11 };

typedef struct gs_timeline_sums {
	gs_map key_index; /* packed gs_sum_key -> index */
	gs_map row_index; /* key << 32 | node -> index */
	GS_VEC(gs_sum_key) keys;
	GS_VEC(gs_sum_row) rows;
	gs_sum_recent recent[1 << GS_SUM_RECENT_BITS];
	bool failed; /* memory is out */
} gs_timeline_sums;

/* All zero is empty. */
void gs_timeline_sums_release(gs_timeline_sums *s);
/* The only place where such a row can be among the recent ones. */
static inline gs_sum_recent *gs_timeline_sums_recent(gs_timeline_sums *s, uint32_t name, uint32_t state, uint32_t node)
{
	return &s->recent[(name * 0x9e3779b1u ^ node * 0x85ebca6bu ^ state * 0xc2b2ae35u) >> (32 - GS_SUM_RECENT_BITS)];
}

/* Inside gs_timeline_sums_row, which see: one that is not among the recent ones. */
gs_sum_row *gs_timeline_sums_find(gs_timeline_sums *s, gs_sum_key key, uint32_t node);

/* The row of a key and node, made if need be, until the next one is made. NULL: no memory. */
static inline gs_sum_row *gs_timeline_sums_row(gs_timeline_sums *s, gs_sum_key key, uint32_t node)
{
	uint32_t state = 1u << 16 | (uint32_t)key.phase << 8 | key.reason;
	const gs_sum_recent *r = gs_timeline_sums_recent(s, key.name, state, node);

	return r->name == key.name && r->node == node && r->state == state ? &s->rows.p[r->row] : gs_timeline_sums_find(s, key, node);
}

/* `n` intervals of `dur_ns` in all. */
static inline void gs_timeline_sums_add(gs_timeline_sums *s, gs_sum_key key, uint32_t node, int64_t n, int64_t dur_ns)
{
	gs_sum_row *row = gs_timeline_sums_row(s, key, node);

	if (row) {
		row->n += n;
		row->dur_ns += dur_ns;
	}
}

void gs_timeline_sums_add_cpu(gs_timeline_sums *s, gs_sum_key key, uint32_t node, int64_t cpu_ns); /* one sample */
/* Forget all CPU samples: better ones come. */
void gs_timeline_sums_drop_cpu(gs_timeline_sums *s);

/* Make the rows samples of the profile that is being built: types, labels and values. Reasons are strings of it. */
bool gs_timeline_sums_finish(gs_timeline_sums *s, gs_profile_builder *b, const uint32_t *reasons, uint32_t n_reasons);

/*
 * The trace's profile with other values: those of the rows in `s`, whose keys and stacks must be some of it (they are for any
 * part of the trace). Samples without a row have zeros. All else is shared with `p`. NULL when memory is out.
 */
gs_profile *gs_timeline_sums_profile(gs_arena *mem, const gs_timeline_sums *s, const gs_profile *p, const gs_timeline *t);

/* The same where stacks are not the trace's: `s` holds other nodes, and each of its rows becomes a sample. */
gs_profile *gs_timeline_sums_rows(gs_arena *mem, const gs_timeline_sums *s, const gs_profile *p, const gs_timeline *t);

/* Which label set of the trace's profile a key has: fill `sets` once, then ask. False: no memory. 0: none has it. */
bool gs_timeline_label_sets(gs_map *sets, const gs_profile *p, const gs_timeline *t);
uint32_t gs_timeline_label_set(const gs_map *sets, gs_sum_key key);

#endif
