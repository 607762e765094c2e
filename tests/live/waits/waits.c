// One thread in each kind of wait that a stop may interrupt. Says "up PID"; at SIGTERM it gives every wait time to end once more (stops in a row begin a wait
// anew), and says what ended with EINTR, and how often each wait ended as it should.
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20, PATIENCE_MS = 10000 };

static int waits_epoll(void)
{
	static int fd;
	struct epoll_event e;

	if (!fd)
		fd = epoll_create1(0);
	return epoll_wait(fd, &e, 1, WAIT_MS);
}

static int waits_poll(void)
{
	return poll(NULL, 0, WAIT_MS);
}

static int waits_select(void)
{
	return select(0, NULL, NULL, NULL, &(struct timeval){ .tv_usec = WAIT_MS * 1000 });
}

static int waits_sleep(void)
{
	return nanosleep(&(struct timespec){ .tv_nsec = WAIT_MS * 1000000 }, NULL);
}

static int waits_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigtimedwait(&set, NULL, &(struct timespec){ .tv_nsec = WAIT_MS * 1000000 });
}

static int waits_receive(void)
{
	static int pair[2];
	char byte;

	if (!pair[0]) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
			abort();
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_usec = WAIT_MS * 1000 }, sizeof(struct timeval));
	}
	return (int)recv(pair[0], &byte, 1, 0);
}

static int waits_semaphore(void)
{
	static sem_t sem;
	static int is_ready;
	struct timespec until;

	if (!is_ready)
		is_ready = sem_init(&sem, 0, 0) == 0;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return sem_timedwait(&sem, &until);
}

static struct wait {
	const char *name;
	int (*once)(void);
	atomic_long ended, interrupted;
} waits[] = {
	{ .name = "epoll_wait", .once = waits_epoll },	 { .name = "poll", .once = waits_poll },
	{ .name = "select", .once = waits_select },	 { .name = "nanosleep", .once = waits_sleep },
	{ .name = "sigtimedwait", .once = waits_signal }, { .name = "recv", .once = waits_receive },
	{ .name = "sem_timedwait", .once = waits_semaphore },
};
enum { N_WAITS = sizeof(waits) / sizeof(waits[0]) };

static bool all_have_ended(void)
{
	for (int i = 0; i < N_WAITS; i++)
		if (atomic_load(&waits[i].ended) == 0)
			return false;
	return true;
}

static void *keep_waiting(void *arg)
{
	struct wait *w = arg;

	for (;;) {
		errno = 0;
		if (w->once() < 0 && errno == EINTR)
			w->interrupted++;
		else
			w->ended++;
	}
	return NULL;
}

int main(void)
{
	pthread_t t;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < N_WAITS; i++)
		if (pthread_create(&t, NULL, keep_waiting, &waits[i]) != 0)
			return 1;
	printf("up %d\n", (int)getpid());
	fflush(stdout);
	sigdelset(&set, SIGUSR1);
	sigwait(&set, &sig);
	for (int waited_ms = 0; waited_ms < PATIENCE_MS && !all_have_ended(); waited_ms += WAIT_MS)
		nanosleep(&(struct timespec){ .tv_nsec = WAIT_MS * 1000000 }, NULL);
	for (int i = 0; i < N_WAITS; i++)
		printf("%s %ld %ld\n", waits[i].name, atomic_load(&waits[i].ended), atomic_load(&waits[i].interrupted));
	return 0;
}
