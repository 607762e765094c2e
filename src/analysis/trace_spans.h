/*
 * Tasks and regions that a program marked with runtime/trace: by name with latencies, one by one, and all that belongs to one task.
 */
#ifndef GS_ANALYSIS_TRACE_SPANS_H
#define GS_ANALYSIS_TRACE_SPANS_H

#include "analysis/latency.h"
#include "analysis/trace_stats.h"
#include "base/re.h"

/* A task or region. */
typedef struct gs_span_item {
	uint32_t index; /* in the timeline */
	int64_t start_ns, end_ns;
	bool is_cut; /* it began before the trace or was not over at its end */
	gs_time_split split; /* regions: what its goroutine did */
	int64_t gc_ns; /* tasks: how much of it a collection was marking */
	uint32_t n_goroutines, n_regions, n_logs, n_children; /* tasks */
} gs_span_item;

typedef struct gs_span_group {
	uint32_t name;
	uint32_t n_cut;
	gs_latency *latency; /* of those that are not cut */
	gs_time_split split; /* regions */
} gs_span_group;

typedef struct gs_trace_spans {
	bool is_task;
	gs_span_item *items; /* longest first */
	gs_span_group *groups; /* by total time */
	uint32_t n, n_groups;
} gs_trace_spans;

/* Regions of the selected goroutines, or tasks that these began, which overlap with the selected time and whose name matches (NULL:
 * any). `task`: regions of tasks whose name matches. They are whole, not cut to the selection. */
gs_trace_spans *gs_trace_regions(gs_arena *mem, const gs_trace_selection *s, const gs_re *name, const gs_re *task, gs_err *err);
gs_trace_spans *gs_trace_tasks(gs_arena *mem, const gs_trace_selection *s, const gs_re *name, gs_err *err);

/* What happened in one task and the tasks below it, in order of time. */
typedef enum gs_task_event_kind {
	GS_TASK_BEGIN,
	GS_TASK_END,
	GS_TASK_REGION_BEGIN,
	GS_TASK_REGION_END,
	GS_TASK_LOG,
} gs_task_event_kind;

typedef struct gs_task_event {
	int64_t time_ns;
	gs_task_event_kind kind;
	uint32_t index; /* of the task, region or log */
	uint32_t goroutine;
} gs_task_event;

/* GS_ERR_MISSING when the trace has no task of that id. */
gs_task_event *gs_trace_task_events(gs_arena *mem, const gs_timeline *t, uint64_t id, uint32_t *n, gs_err *err);

#endif
