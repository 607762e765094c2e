/*
 * The pieces of work of a trace that one asks about: tasks, regions, HTTP requests, goroutines. Each has a name, a goroutine that
 * answers for it, a start and an end.
 *
 * HTTP requests need no annotation: between two waits for the next request, a goroutine of net/http's server (1.x) works on one; of
 * HTTP/2 each request has a goroutine. Their name is the handler's, seen in any stack on the way.
 */
#ifndef GS_ANALYSIS_TRACE_INSTANCES_H
#define GS_ANALYSIS_TRACE_INSTANCES_H

#include "base/err.h"
#include "base/re.h"
#include "model/timeline.h"

typedef enum gs_instance_kind {
	GS_INSTANCE_AUTO, /* the first of these that the trace has any of */
	GS_INSTANCE_TASK,
	GS_INSTANCE_REGION,
	GS_INSTANCE_REQUEST,
	GS_INSTANCE_GOROUTINE,
} gs_instance_kind;

typedef struct gs_trace_instance {
	int64_t start_ns, end_ns;
	uint32_t goroutine;
	gs_str name;
	uint32_t index; /* of the task or region; GS_NO_INDEX for the others */
	bool is_cut;	/* began before the trace or was not over at its end */
} gs_trace_instance;

typedef struct gs_trace_instances {
	gs_instance_kind kind; /* never AUTO */
	gs_trace_instance *list; /* longest first */
	uint32_t n;
	int64_t total_ns;
} gs_trace_instances;

typedef struct gs_instance_query {
	gs_instance_kind kind;
	const gs_re *name;	/* NULL: any */
	bool has_goroutine;
	uint64_t goroutine;	/* runtime id */
	int64_t start_ns, end_ns; /* only what overlaps [start, end); it is cut to that. Both 0: the whole trace */
} gs_instance_query;

const char *gs_instance_kind_name(gs_instance_kind kind); /* "task" ... */

/* GS_ERR_MISSING when there is none, with what the trace has instead. */
gs_trace_instances *gs_trace_instances_find(gs_arena *mem, const gs_timeline *t, const gs_profile *p, const gs_instance_query *q,
					    gs_err *err);

#endif
