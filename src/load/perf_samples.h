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

typedef struct gs_perf_samples {
	GS_VEC(gs_perf_event) events;
	GS_VEC(gs_perf_sample) samples;
} gs_perf_samples;

void gs_perf_samples_release(gs_perf_samples *s);
/* Index of the event, new or known. UINT32_MAX when there are too many or memory is out. */
uint32_t gs_perf_samples_event(gs_perf_samples *s, gs_str name);
bool gs_perf_samples_add(gs_perf_samples *s, const gs_perf_sample *sample);
/* Set the types of the builder's profile and give it all samples. False when memory is out. */
bool gs_perf_samples_finish(gs_perf_samples *s, gs_profile_builder *b);

#endif
