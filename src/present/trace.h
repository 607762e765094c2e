/*
 * Answers about execution traces as text and JSON (docs/api.md). Text is safe for a terminal.
 */
#ifndef GS_PRESENT_TRACE_H
#define GS_PRESENT_TRACE_H

#include "analysis/trace_contention.h"
#include "analysis/trace_path.h"
#include "analysis/trace_sched.h"
#include "analysis/trace_why.h"
#include "base/buf.h"
#include "base/json.h"

typedef struct gs_trace_source {
	const gs_timeline *timeline;
	const gs_profile *profile;
	gs_str path; /* as the user gave it, for commands to go on with */
} gs_trace_source;

/* `limit` rows of each table; 0: all. */
void gs_why_text(gs_arena *mem, const gs_why *w, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_why_json(gs_arena *mem, const gs_why *w, const gs_trace_source *src, uint32_t limit, gs_buf *out);

/* `what`: the instance it belongs to. Steps shorter than `min_ns` are summed up in the text. */
void gs_path_text(gs_arena *mem, const gs_path *p, const gs_trace_instance *what, const gs_trace_source *src, int64_t min_ns,
		  gs_buf *out);
void gs_path_json(gs_arena *mem, const gs_path *p, const gs_trace_instance *what, const gs_trace_source *src, int64_t min_ns, gs_buf *out);

void gs_sched_text(gs_arena *mem, const gs_sched *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_sched_json(gs_arena *mem, const gs_sched *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_stops_text(gs_arena *mem, const gs_stops *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_stops_json(gs_arena *mem, const gs_stops *s, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_contention_text(const gs_contention *c, const gs_trace_source *src, uint32_t limit, gs_buf *out);
void gs_contention_json(const gs_contention *c, const gs_trace_source *src, uint32_t limit, gs_buf *out);

/* ---- for the files of this folder ---- */

/* "perf.data, 0.010000s to 3.000000s: 121 samples, 3 on no goroutine"; names are not made safe. */
void gs_overlay_text(gs_buf *out, const gs_profile *p, const gs_timeline_overlay *o);
/* "overlays":[…] as docs/api.md has it. */
void gs_overlays_json(gs_json *j, const gs_profile *p, const gs_timeline *t);
/* "gaps", where there are any. */
void gs_gaps_json(gs_json *j, const gs_timeline *t);

/* "waiting: sync", "running", "runnable". */
void gs_trace_put_phase(gs_buf *out, const gs_trace_source *src, gs_phase phase, uint8_t reason);
/* "main.(*Store).Get store.go:34"; "?" for the root. */
void gs_trace_put_place(gs_buf *out, const gs_trace_source *src, uint32_t node);
/* " at main.f x.go:7", or in words why the trace does not say where; `is_older`: it began before the trace, or in a gap. */
void gs_trace_put_at(gs_buf *out, const gs_trace_source *src, uint32_t node, bool is_older);
/* {"name":…,"file":…,"line":…} or null. */
void gs_trace_place_json(gs_json *j, const gs_trace_source *src, uint32_t node);
/* {"count":…,"total_ns":…,"p50_ns":…,"p90_ns":…,"p99_ns":…,"max_ns":…} */
void gs_trace_latency_json(gs_json *j, const gs_latency *l);
/* The same as columns: count, total, p50, p90, p99, max; the heading is GS_LATENCY_HEADING. */
void gs_trace_put_latency(gs_buf *out, const gs_latency *l);
#define GS_LATENCY_HEADING "   count      total        p50        p90        p99        max"
/* "main.worker", "?" when the trace does not say. */
void gs_trace_put_name(gs_buf *out, const gs_trace_source *src, uint32_t name);
/* A duration, right-aligned in `width`; 0: as it is. */
void gs_trace_put_ns(gs_buf *out, int64_t ns, unsigned width);
/* "1.234567s" since the trace's start: as --time takes it. */
void gs_trace_put_time(gs_buf *out, int64_t ns);

#endif
