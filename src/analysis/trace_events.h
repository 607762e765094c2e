/*
 * The events of a trace in order of time, put together again from the columns of the timeline.
 */
#ifndef GS_ANALYSIS_TRACE_EVENTS_H
#define GS_ANALYSIS_TRACE_EVENTS_H

#include "base/err.h"
#include "model/timeline.h"

typedef enum gs_trace_event_kind {
	GS_TRACE_EVENT_GOROUTINE, /* index: transition of the chunk */
	GS_TRACE_EVENT_PROC,	  /* below: index into the column of that name */
	GS_TRACE_EVENT_RANGE_BEGIN,
	GS_TRACE_EVENT_RANGE_END,
	GS_TRACE_EVENT_TASK_BEGIN,
	GS_TRACE_EVENT_TASK_END,
	GS_TRACE_EVENT_REGION_BEGIN,
	GS_TRACE_EVENT_REGION_END,
	GS_TRACE_EVENT_LOG,
	GS_TRACE_EVENT_SAMPLE,
	GS_TRACE_EVENT_HEAP,
	GS_TRACE_EVENT_HEAP_GOAL,
	GS_TRACE_EVENT_GOMAXPROCS,
	GS_TRACE_EVENT_MEMORY,
} gs_trace_event_kind;
enum { GS_N_TRACE_EVENT_KINDS = GS_TRACE_EVENT_MEMORY + 1 };

/* "goroutine", "proc", "range-begin" ... */
const char *gs_trace_event_kind_name(gs_trace_event_kind kind);

typedef struct gs_trace_event {
	int64_t time_ns;
	gs_trace_event_kind kind;
	uint32_t chunk, index; /* chunk: of GS_TRACE_EVENT_GOROUTINE only */
	uint32_t goroutine;    /* that it is about; GS_NO_INDEX */
	uint32_t other;	       /* GS_TRACE_EVENT_GOROUTINE: who woke or created it; GS_NO_INDEX */
	uint32_t stack;
} gs_trace_event;

typedef struct gs_trace_event_query {
	int64_t start_ns, end_ns;
	uint32_t goroutine; /* only what is about it or done by it; GS_NO_INDEX: all */
	uint32_t kinds;	    /* bits 1 << gs_trace_event_kind */
} gs_trace_event_query;

/* Calls fn for each until it returns false. False when memory is out. */
bool gs_trace_events_each(const gs_timeline *t, const gs_trace_event_query *q, bool (*fn)(void *ctx, const gs_trace_event *e),
			  void *ctx, gs_err *err);

#endif
