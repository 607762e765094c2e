#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/arena.h"

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

unsigned gs_pool_workers(unsigned threads, size_t n)
{
	if (!threads)
		threads = gs_cpu_count();
	if (threads > n)
		threads = n ? (unsigned)n : 1;
	return threads < MAX_THREADS ? threads : MAX_THREADS;
}

/* Runs worker(arg) on that many threads, the caller's own among them; a thread that cannot be had only means less company. */
static void run_on(unsigned threads, void *(*worker)(void *arg), void *arg)
{
	pthread_t tids[MAX_THREADS];
	unsigned started = 0;

	while (started + 1 < threads && pthread_create(&tids[started], NULL, worker, arg) == 0)
		started++;
	worker(arg);
	for (unsigned i = 0; i < started; i++)
		pthread_join(tids[i], NULL);
}

void gs_pool_run(unsigned threads, size_t n, void (*fn)(void *ctx, size_t i), void *ctx)
{
	job j = { .n = n, .fn = fn, .ctx = ctx };

	run_on(gs_pool_workers(threads, n), work, &j);
}

typedef struct line {
	size_t n;
	void (*prepare)(void *ctx, unsigned worker, size_t i);
	void (*take)(void *ctx, unsigned worker, size_t i);
	void *ctx;
	atomic_size_t next;
	atomic_uint n_workers;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	size_t turn; /* whose take may run */
} line;

static void *work_in_line(void *arg)
{
	line *l = arg;
	unsigned worker = atomic_fetch_add(&l->n_workers, 1);
	size_t i;

	while ((i = atomic_fetch_add(&l->next, 1)) < l->n) {
		l->prepare(l->ctx, worker, i);
		pthread_mutex_lock(&l->lock);
		while (l->turn != i)
			pthread_cond_wait(&l->moved, &l->lock);
		pthread_mutex_unlock(&l->lock);
		l->take(l->ctx, worker, i); /* nobody else's turn until we say so */
		pthread_mutex_lock(&l->lock);
		l->turn++;
		pthread_cond_broadcast(&l->moved);
		pthread_mutex_unlock(&l->lock);
	}
	return NULL;
}

void gs_pool_run_ordered(unsigned threads, size_t n, void (*prepare)(void *ctx, unsigned worker, size_t i),
			 void (*take)(void *ctx, unsigned worker, size_t i), void *ctx)
{
	line l = { .n = n,
		   .prepare = prepare,
		   .take = take,
		   .ctx = ctx,
		   .lock = PTHREAD_MUTEX_INITIALIZER,
		   .moved = PTHREAD_COND_INITIALIZER };

	run_on(gs_pool_workers(threads, n), work_in_line, &l);
	pthread_cond_destroy(&l.moved);
	pthread_mutex_destroy(&l.lock);
}

typedef struct queue {
	size_t n, next, turn; /* next to be prepared, next to be taken */
	unsigned slots, n_workers;
	bool *is_ready; /* by slot */
	bool is_taking;
	void (*prepare)(void *ctx, unsigned worker, unsigned slot, size_t i);
	void (*take)(void *ctx, unsigned slot, size_t i);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t moved;
} queue;

/* The queue is locked before and after. */
static void take_next(queue *q)
{
	size_t i = q->turn;
	unsigned slot = (unsigned)(i % q->slots);

	q->is_taking = true;
	pthread_mutex_unlock(&q->lock);
	q->take(q->ctx, slot, i);
	pthread_mutex_lock(&q->lock);
	q->is_taking = q->is_ready[slot] = false;
	q->turn++;
}

static void prepare_next(queue *q, unsigned worker)
{
	size_t i = q->next++;
	unsigned slot = (unsigned)(i % q->slots);

	pthread_mutex_unlock(&q->lock);
	q->prepare(q->ctx, worker, slot, i);
	pthread_mutex_lock(&q->lock);
	q->is_ready[slot] = true;
}

static void *work_ahead(void *arg)
{
	queue *q = arg;
	unsigned worker;

	pthread_mutex_lock(&q->lock);
	worker = q->n_workers++;
	while (q->turn < q->n) {
		/* Taking comes first: only one can do it, and others wait for it. */
		if (!q->is_taking && q->is_ready[q->turn % q->slots]) {
			take_next(q);
		} else if (q->next < q->n && q->next - q->turn < q->slots) {
			prepare_next(q, worker);
		} else {
			pthread_cond_wait(&q->moved, &q->lock);
			continue;
		}
		pthread_cond_broadcast(&q->moved);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

void gs_pool_run_ahead(unsigned threads, unsigned slots, size_t n,
		       void (*prepare)(void *ctx, unsigned worker, unsigned slot, size_t i),
		       void (*take)(void *ctx, unsigned slot, size_t i), void *ctx)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	queue q = { .n = n,
		    .slots = slots,
		    .is_ready = gs_new(mem, bool, slots),
		    .prepare = prepare,
		    .take = take,
		    .ctx = ctx,
		    .lock = PTHREAD_MUTEX_INITIALIZER,
		    .moved = PTHREAD_COND_INITIALIZER };

	run_on(gs_pool_workers(threads, n), work_ahead, &q);
	pthread_cond_destroy(&q.moved);
	pthread_mutex_destroy(&q.lock);
}
