#include "app/moments.h"

#include <time.h>

#include "base/clock.h"
#include "base/banned.h"

void gs_sleep_until(int64_t when_ns, const gs_progress *progress)
{
	while (gs_now_ns() < when_ns && !gs_progress_should_stop(progress)) {
		int64_t left = when_ns - gs_now_ns();
		struct timespec t = { .tv_nsec = left < 100000000 ? left > 0 ? left : 0 : 100000000 };

		nanosleep(&t, NULL);
	}
}
