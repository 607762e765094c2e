#include "service/http/watch.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/banned.h"

struct gs_watched {
	gs_watched *next, *prev;
	int fd;
	int64_t deadline_ns; /* 0: none */
};

struct gs_watch {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool is_ending;
	gs_watched head; /* a ring */
};

static void *run(void *arg)
{
	enum { LOOK_EVERY_NS = 250000000 };
	gs_watch *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->is_ending) {
		int64_t now = gs_now_ns(), wake_at = now + LOOK_EVERY_NS;
		struct timespec until = { wake_at / 1000000000, wake_at % 1000000000 };

		for (gs_watched *c = w->head.next; c != &w->head; c = c->next)
			if (c->deadline_ns && c->deadline_ns <= now) {
				shutdown(c->fd, SHUT_RDWR);
				c->deadline_ns = 0;
			}
		/* Nobody to look after: sleep until somebody comes. */
		if (w->head.next == &w->head)
			pthread_cond_wait(&w->wake, &w->lock);
		else
			pthread_cond_timedwait(&w->wake, &w->lock, &until);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

gs_watch *gs_watch_start(void)
{
	gs_watch *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	w->head.next = w->head.prev = &w->head;
	if (pthread_create(&w->thread, NULL, run, w) == 0)
		return w;
	free(w);
	return NULL;
}

void gs_watch_stop(gs_watch *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_ending = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

gs_watched *gs_watch_add(gs_watch *w, int fd, int64_t limit_ns)
{
	gs_watched *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_lock(&w->lock);
	*c = (gs_watched){ w->head.next, &w->head, fd, gs_now_ns() + limit_ns };
	c->next->prev = c;
	w->head.next = c;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return c;
}

void gs_watch_limit(gs_watch *w, gs_watched *c, int64_t limit_ns)
{
	pthread_mutex_lock(&w->lock);
	c->deadline_ns = limit_ns ? gs_now_ns() + limit_ns : 0;
	pthread_mutex_unlock(&w->lock);
}

void gs_watch_remove(gs_watch *w, gs_watched *c)
{
	pthread_mutex_lock(&w->lock);
	c->prev->next = c->next;
	c->next->prev = c->prev;
	pthread_mutex_unlock(&w->lock);
	free(c);
}
