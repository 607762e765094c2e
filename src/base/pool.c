#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/banned.h"

enum { MAX_THREADS = 64 };

unsigned gs_cpu_count(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > 0 ? (unsigned)n : 1;
}

typedef struct job {
	atomic_size_t next;
	size_t n;
	void (*fn)(void *ctx, size_t i);
	void *ctx;
} job;

static void *work(void *arg)
{
	job *j = arg;
	size_t i;

	while ((i = atomic_fetch_add(&j->next, 1)) < j->n)
		j->fn(j->ctx, i);
	return NULL;
}

void gs_pool_run(unsigned threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
	job j = { .n = n, .fn = fn, .ctx = ctx };
	pthread_t tids[MAX_THREADS];
	unsigned started = 0;

	if (!threads)
		threads = gs_cpu_count();
	if (threads > n)
		threads = (unsigned)n;
	if (threads > MAX_THREADS)
		threads = MAX_THREADS;
	/* The caller works too; a thread that cannot be had only means less company. */
	while (started + 1 < threads && pthread_create(&tids[started], NULL, work, &j) == 0)
		started++;
	work(&j);
	for (unsigned i = 0; i < started; i++)
		pthread_join(tids[i], NULL);
}
