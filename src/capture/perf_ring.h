/* One memory-mapped ring of the kernel (perf_event_open(2), "MMAP layout"). Private to perf.c. */
#ifndef GS_CAPTURE_PERF_RING_H
#define GS_CAPTURE_PERF_RING_H

#include "capture/perf_records.h"

typedef struct gs_perf_ring {
	int cpu;
	int fd; /* the event that it is mapped from; whoever opened it closes it */
	struct perf_event_mmap_page *page;
	const char *data;
	uint64_t size; /* of data: a power of two */
} gs_perf_ring;

/* Map at most `pages` pages of data, fewer when the lock limit says so. False with errno. */
bool gs_perf_ring_map(gs_perf_ring *r, int fd, int cpu, unsigned pages);
void gs_perf_ring_unmap(gs_perf_ring *r);
/* Hand all that is there to the sink. True when there was anything. */
bool gs_perf_ring_drain(gs_perf_ring *r, gs_perf_sink *sink);

#endif
