#include "app/moments.h"

#include <time.h>

#include "base/banned.h"

int64_t gs_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void gs_sleep_until(int64_t when_ns, const gs_progress *progress)
{
	while (gs_now_ns() < when_ns && !gs_progress_should_stop(progress)) {
		int64_t left = when_ns - gs_now_ns();
		struct timespec t = { .tv_nsec = left < 100000000 ? left > 0 ? left : 0 : 100000000 };

		nanosleep(&t, NULL);
	}
}
