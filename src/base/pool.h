/*
 * gs_pool_run: one job split over threads. fn(ctx, i) runs once for each i in [0, n), in any order on up to
 * `threads` threads (0: one per CPU that we may use); returns when all are done.
 */
#ifndef GS_BASE_POOL_H
#define GS_BASE_POOL_H

#include <stddef.h>

unsigned gs_cpu_count(void);
void gs_pool_run(unsigned threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);

#endif
