#include "load/perf_ahead.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"

#include "base/banned.h"

enum { SLOTS = 8 };

typedef struct ahead {
	gs_perfdata *d;
	const gs_digest_key *key;
	bool (*take)(void *ctx, const gs_perf_batch *batch);
	void *ctx;
	gs_err err;
	gs_perf_batch *slots;
	bool has_thread; /* without one, batches are taken as they get full */
	/* Numbers of batches since the beginning; the reader fills number `ready`. */
	uint64_t ready, taken;
	bool is_at_end;	 /* of reading */
	atomic_bool is_stopped; /* nothing more is taken */
	pthread_mutex_t lock;
	pthread_cond_t moved;
} ahead;

/* ---- the reader's side ---- */

/* The batch goes out; returns when there is room for another, or `all` have been taken. */
static void put_out(ahead *a, bool all)
{
	gs_perf_batch *b = &a->slots[a->ready % SLOTS];

	if (!a->has_thread) {
		if (b->n && !a->is_stopped)
			a->is_stopped = !a->take(a->ctx, b);
	} else {
		pthread_mutex_lock(&a->lock);
		a->ready += b->n != 0;
		pthread_cond_broadcast(&a->moved);
		while (a->ready - a->taken >= (all ? 1 : SLOTS) && !a->is_stopped)
			pthread_cond_wait(&a->moved, &a->lock);
		pthread_mutex_unlock(&a->lock);
	}
	b = &a->slots[a->ready % SLOTS];
	b->n = b->n_records = 0;
}

static void before_change(void *ctx)
{
	put_out(ctx, true);
}

static void add(ahead *a, gs_perf_batch *b, const gs_perfdata_record *r)
{
	bool is_plain = r->kind == GS_PERFDATA_SAMPLE && r->chain.n && !r->stack.n && !r->branches.n;

	b->at = r->at;
	b->list[b->n++] = (gs_perf_arrival){ .record = is_plain ? NULL : &b->records[b->n_records],
					     .digest = is_plain ? gs_digest_of(a->key, r->chain) : (gs_digest){ 0 },
					     .chain = r->chain,
					     .time_ns = r->time_ns,
					     .period = r->period,
					     .ip = r->ip,
					     .pid = r->pid,
					     .tid = r->tid,
					     .cpu = r->cpu,
					     .attr = r->attr,
					     .misc = r->misc };
	if (!is_plain)
		b->records[b->n_records++] = *r;
}

static void *read_all(void *arg)
{
	ahead *a = arg;
	gs_perfdata_record r;

	/* In gs_perfdata_next the batch may go out and another take its place. */
	while (!a->is_stopped && gs_perfdata_next(a->d, &r, &a->err)) {
		gs_perf_batch *b = &a->slots[a->ready % SLOTS];

		add(a, b, &r);
		if (b->n == GS_PERF_BATCH)
			put_out(a, false);
	}
	put_out(a, true);
	pthread_mutex_lock(&a->lock);
	a->is_at_end = true;
	pthread_cond_broadcast(&a->moved);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* ---- the caller's side ---- */

static void take_all(ahead *a)
{
	bool ok = true;

	pthread_mutex_lock(&a->lock);
	while (ok) {
		while (a->ready == a->taken && !a->is_at_end)
			pthread_cond_wait(&a->moved, &a->lock);
		if (a->ready == a->taken)
			break;
		pthread_mutex_unlock(&a->lock);
		ok = a->take(a->ctx, &a->slots[a->taken % SLOTS]);
		pthread_mutex_lock(&a->lock);
		a->taken++;
		if (!ok)
			a->is_stopped = true;
		pthread_cond_broadcast(&a->moved);
	}
	pthread_mutex_unlock(&a->lock);
}

bool gs_perf_ahead_run(gs_perfdata *d, const gs_digest_key *key, unsigned threads, bool (*take)(void *ctx, const gs_perf_batch *batch),
		       void *ctx, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	ahead a = { .d = d,
		    .key = key,
		    .take = take,
		    .ctx = ctx,
		    .slots = gs_try_new(mem, gs_perf_batch, SLOTS),
		    .lock = PTHREAD_MUTEX_INITIALIZER,
		    .moved = PTHREAD_COND_INITIALIZER };
	pthread_t reader;

	if (!a.slots)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no memory to read perf.data with");
	d->before_change = before_change;
	d->before_change_ctx = &a;
	a.has_thread = gs_pool_workers(threads, 2) > 1;
	if (a.has_thread && pthread_create(&reader, NULL, read_all, &a) == 0) {
		take_all(&a);
		pthread_join(reader, NULL);
	} else {
		a.has_thread = false;
		read_all(&a);
	}
	d->before_change = NULL;
	pthread_cond_destroy(&a.moved);
	pthread_mutex_destroy(&a.lock);
	if (a.err.code && err)
		*err = a.err;
	return a.err.code == GS_ERR_NONE;
}
