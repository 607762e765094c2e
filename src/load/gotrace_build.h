/*
 * From the rows of generations, one after the other, to the timeline and profile of a document. gotrace_build.c makes chunks of
 * transitions, gotrace_side.c everything else, gotrace_stacks.c stacks and names.
 */
#ifndef GS_LOAD_GOTRACE_BUILD_H
#define GS_LOAD_GOTRACE_BUILD_H

#include "load/gotrace_rows.h"
#include "model/document.h"
#include "model/timeline_sums.h"

/* What a goroutine is in between chunks. */
typedef struct gs_trace_g_state {
	int64_t since_ns;
	uint32_t stack;
	uint8_t phase, reason;
	uint16_t syscall_thread;
	uint32_t region; /* innermost open one + 1; 0: none */
	uint32_t stw, assist; /* open ranges + 1 */
} gs_trace_g_state;

typedef struct gs_trace_p_state {
	uint32_t in_syscall; /* goroutine; GS_NO_INDEX */
	uint32_t sweep; /* open range + 1 */
	bool is_running, is_known;
} gs_trace_p_state;

typedef struct gs_trace_metric_columns {
	GS_VEC(int64_t) time_ns;
	GS_VEC(uint64_t) value;
} gs_trace_metric_columns;

/* What ids of a generation are in the profile, by id, + 1; 0: not looked up yet. */
typedef GS_VEC(uint32_t) gs_trace_ids;

typedef struct gs_trace_build {
	gs_arena *mem;
	gs_profile_builder *b;
	gs_timeline *t;
	int64_t start_ns; /* of the trace, by its clock */
	bool has_start;
	gs_id_runs g_index, task_index; /* index + 1 */
	gs_map p_index, m_index, location_index;
	GS_VEC(gs_timeline_goroutine) goroutines;
	GS_VEC(uint32_t) state_of; /* by goroutine: place in g_states, + 1; 0: it has ended */
	GS_VEC(gs_trace_g_state) g_states;
	GS_VEC(uint32_t) free_states; /* places */
	GS_VEC(gs_timeline_proc) procs;
	GS_VEC(gs_trace_p_state) p_states;
	GS_VEC(gs_timeline_thread) threads;
	GS_VEC(gs_timeline_chunk) chunks;
	GS_VEC(gs_timeline_piece) pieces;
	GS_VEC(gs_timeline_proc_change) proc_changes;
	GS_VEC(gs_timeline_range) ranges;
	GS_VEC(gs_timeline_task) tasks;
	GS_VEC(gs_timeline_region) regions;
	GS_VEC(gs_timeline_log) logs;
	GS_VEC(gs_timeline_label) labels;
	GS_VEC(gs_timeline_cpu_sample) cpu_samples;
	GS_VEC(gs_timeline_clock) clocks;
	GS_VEC(gs_timeline_memory) memory_events;
	gs_map span_objects; /* page -> bytes of each object in its span */
	gs_gotrace_memory_info memory; /* all zero: not known */
	GS_VEC(uint32_t) reasons; /* string ids; [0] none */
	gs_trace_metric_columns heap, goal, procs_max;
	uint8_t forever; /* reason; 0: not seen yet */
	uint32_t gc; /* open range + 1 */
	GS_VEC(gs_timeline_gap) gaps;
	int64_t known_since_ns; /* nothing is known of what came before: the trace's beginning, or the end of the last gap */
	uint32_t n_told; /* goroutines of `rows` that the generation behind a gap tells of; those behind them were known before */
	gs_timeline_sums sums;
	const gs_document *const *overlays; /* to be laid over it at the end, see gotrace_overlay.c */
	unsigned n_overlays;
	bool must_overlay; /* or fail; else it is a warning */
	bool is_monotonic; /* every generation's clock was */
	/* Of the generation at hand. */
	const gs_gotrace_generation *g;
	gs_trace_rows *rows;
	uint32_t *g_of, *node_of; /* by index in rows */
	uint16_t *p_of, *m_of;
	uint8_t *reason_of;
	gs_trace_ids string_ids, stack_nodes;
} gs_trace_build;

bool gs_trace_build_init(gs_trace_build *b, gs_document *doc, gs_err *err);
void gs_trace_build_release(gs_trace_build *b);
/* The next generation. */
bool gs_trace_build_add(gs_trace_build *b, gs_trace_rows *rows, const gs_gotrace_generation *g, const gs_gotrace_stitch *s,
			gs_err *err);
/* All of them were added: fill doc->timeline and doc->profile. */
bool gs_trace_build_finish(gs_trace_build *b, gs_document *doc, const gs_gotrace_report *report, gs_err *err);

/* ---- for the files of gotrace_build only; GS_NO_INDEX or GS_NO_ID: none, or memory is out ---- */

enum { GS_TRACE_MAX_ROWS = INT32_MAX };

uint32_t gs_trace_goroutine(gs_trace_build *b, uint64_t id, int64_t now_ns);
/* Of a goroutine that gs_trace_goroutine gave in this generation. Others may have none: NULL. */
gs_trace_g_state *gs_trace_state(gs_trace_build *b, uint32_t goroutine);
uint16_t gs_trace_proc(gs_trace_build *b, uint64_t id);
uint16_t gs_trace_thread(gs_trace_build *b, uint64_t id);

/* Before anything of a generation is added. */
bool gs_trace_build_begin(gs_trace_build *b, const gs_gotrace_generation *g, const gs_gotrace_stitch *s);
/* A reason to wait by its string: index in `reasons`. */
uint8_t gs_trace_reason(gs_trace_build *b, uint64_t id);
/* String of the generation as a string of the profile. */
uint32_t gs_trace_string(gs_trace_build *b, uint64_t id);
/* Stack of the generation as a node of the profile. */
uint32_t gs_trace_stack(gs_trace_build *b, uint64_t id);
/* Name of a goroutine by one of its stacks, and the node of that frame alone. */
bool gs_trace_entry(gs_trace_build *b, uint64_t stack, uint32_t *name, uint32_t *node);

/*
 * A generation behind a gap (gotrace_gap.c): first, before ids are mapped, all that was known ends. Then what goroutines do from the
 * beginning of the gap on: `unknown` is to become a chunk of its own, and rows->statuses tell of its end.
 */
bool gs_trace_gap_begin(gs_trace_build *b, const gs_gotrace_gap *gap, const gs_gotrace_stitch *s);
bool gs_trace_gap_transitions(gs_trace_build *b, const gs_gotrace_gap *gap, const gs_gotrace_stitch *s, gs_trace_chunks *unknown);

/* Once the timeline has its gaps: what is lost, as a sentence and in numbers. */
void gs_trace_tell_damage(gs_trace_build *b, const gs_gotrace_report *report);

/* Everything of the generation that is no transition. */
bool gs_trace_build_side(gs_trace_build *b, const gs_gotrace_stitch *s);
/* Its memory events. */
bool gs_trace_build_memory(gs_trace_build *b, const gs_gotrace_stitch *s);
/* Ends of what is still open, and order by start. */
bool gs_trace_side_finish(gs_trace_build *b);

/* The timeline has its lists, the profile is still open: lay b->overlays over it. */
bool gs_trace_overlay(gs_trace_build *b, gs_err *err);

#endif
