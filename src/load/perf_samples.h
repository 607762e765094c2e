/*
 * What perf.data and perf script have in common: events in any number become sample types, and each sample carries its
 * thread, CPU and time as columns and comm, pid, tid and event as labels. Samples wait here until all events are known.
 */
#ifndef GS_LOAD_PERF_SAMPLES_H
#define GS_LOAD_PERF_SAMPLES_H

#include "base/buf.h"
#include "model/profile.h"

typedef struct gs_perf_event {
	gs_str name; /* "cycles:u"; borrowed until finish */
	bool has_period, is_used;
} gs_perf_event;

typedef struct gs_perf_sample {
	int64_t time_ns;       /* -1 unknown */
	int64_t period;	       /* -1 unknown */
	uint32_t node, comm;   /* comm: string id */
	int32_t pid, tid, cpu; /* -1 unknown */
	uint32_t event;
} gs_perf_sample;

/* What many samples have in common. */
typedef struct gs_perf_source {
	int32_t pid, tid, cpu;
	uint32_t comm, event;
} gs_perf_source;

typedef struct gs_perf_row {
	int64_t time_ns, period;
	uint32_t node, source;
} gs_perf_row;

enum { GS_PERF_SOURCES_OF_LATE = 1024 };

typedef struct gs_perf_samples {
	GS_VEC(gs_perf_event) events;
	GS_VEC(gs_perf_source) sources; /* seldom some are equal */
	GS_VEC(gs_perf_row) rows;
	uint32_t late[GS_PERF_SOURCES_OF_LATE]; /* source + 1 */
} gs_perf_samples;

void gs_perf_samples_release(gs_perf_samples *s);
/* Index of the event, new or known. UINT32_MAX when there are too many or memory is out. */
uint32_t gs_perf_samples_event(gs_perf_samples *s, gs_str name);
/* False when memory is out. */
bool gs_perf_samples_new_source(gs_perf_samples *s, const gs_perf_source *source, uint32_t *late);

static inline bool gs_perf_samples_add(gs_perf_samples *s, gs_perf_sample sample)
{
	gs_perf_source source = { sample.pid, sample.tid, sample.cpu, sample.comm, sample.event };
	uint32_t *late = &s->late[((uint32_t)sample.tid * 31 + (uint32_t)sample.cpu * 131 + sample.comm * 7 + sample.event) %
				  GS_PERF_SOURCES_OF_LATE];
	const gs_perf_source *known = *late ? &s->sources.p[*late - 1] : NULL;
	gs_perf_row *row;

	if ((!known || known->tid != source.tid || known->pid != source.pid || known->cpu != source.cpu ||
	     known->comm != source.comm || known->event != source.event) &&
	    !gs_perf_samples_new_source(s, &source, late))
		return false;
	row = gs_vec_push(&s->rows, INT32_MAX);
	if (!row)
		return false;
	*row = (gs_perf_row){ sample.time_ns, sample.period, sample.node, *late - 1 };
	s->events.p[sample.event].has_period |= sample.period >= 0;
	return true;
}

/*
 * Set the types of the builder's profile and give it all samples. `nodes`: what to put for each number in the samples' node; NULL:
 * itself. False when memory is out.
 */
bool gs_perf_samples_finish(gs_perf_samples *s, gs_profile_builder *b, const uint32_t *nodes, unsigned threads);

#endif
