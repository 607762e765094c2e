/* Looking for places in large texts, with what the processor has for it. */
#ifndef GS_BASE_SCAN_H
#define GS_BASE_SCAN_H

#include "base/str.h"

/* Every way finds the same: tests compare them. Those that the machine does not have are the next simpler one. */
typedef enum gs_scan_way {
	GS_SCAN_PLAIN,
	GS_SCAN_SSE2,
	GS_SCAN_AVX2,
	GS_SCAN_BEST = GS_SCAN_AVX2,
} gs_scan_way;

/* The first newline from `p` on that no blank or tab follows (one at the end of the text too); `end` when there is none. */
const char *gs_scan_unindented(const char *p, const char *end, gs_scan_way way);

#endif
