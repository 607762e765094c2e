/* Looking at something again and again: --every 10s --for 1m. */
#ifndef GS_APP_MOMENTS_H
#define GS_APP_MOMENTS_H

#include <stdint.h>

#include "base/progress.h"

/* Returns early when it is to stop. */
void gs_sleep_until(int64_t when_ns, const gs_progress *progress);

#endif
