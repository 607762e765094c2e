/*
 * gs_pool_run: one job split over threads. fn(ctx, i) runs once for each i in [0, n), in any order on up to
 * `threads` threads (0: one per CPU that we may use); returns when all are done.
 */
#ifndef GS_BASE_POOL_H
#define GS_BASE_POOL_H

#include <stddef.h>

unsigned gs_cpu_count(void);
void gs_pool_run(unsigned threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx);

/*
 * A pipeline: prepare(ctx, worker, i) runs anywhere and at any time, take(ctx, worker, i) behind it on the same thread, one at a
 * time and in the order of i. At most as many items are in between as there are workers. `worker` is below gs_pool_workers
 * of the same numbers: for buffers of one's own.
 */
unsigned gs_pool_workers(unsigned threads, size_t n);
void gs_pool_run_ordered(unsigned threads, size_t n, void (*prepare)(void *ctx, unsigned worker, size_t i),
			 void (*take)(void *ctx, unsigned worker, size_t i), void *ctx);

/*
 * As gs_pool_run_ordered, with `slots` items in between: where taking some items takes longer than preparing them, and others
 * less, nobody waits. An item's buffers are those of its slot, i % slots; `worker` is below gs_pool_workers(threads, n), and
 * prepares its items in their order. take runs on any thread, one at a time; what prepare wrote to the slot is seen by it.
 */
void gs_pool_run_ahead(unsigned threads, unsigned slots, size_t n,
		       void (*prepare)(void *ctx, unsigned worker, unsigned slot, size_t i),
		       void (*take)(void *ctx, unsigned slot, size_t i), void *ctx);

#endif
