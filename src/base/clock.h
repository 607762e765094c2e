/* Clocks, in nanoseconds. */
#ifndef GS_BASE_CLOCK_H
#define GS_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t gs_timespec_ns(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t gs_clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return gs_timespec_ns(t);
}

/* By a clock that nobody sets. */
static inline int64_t gs_now_ns(void)
{
	return gs_clock_ns(CLOCK_MONOTONIC);
}

#endif
