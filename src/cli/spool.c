#include "cli/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/growth.h"
#include "base/file.h"
#include "cli/command.h"

#include "base/banned.h"

enum { LOOK_EVERY_US = 100000 };

typedef struct spool {
	int from, to;
} spool;

bool gs_spool_is_for(const char *input)
{
	struct stat st;

	return (strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(input, &st)) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

static void *run(void *ctx)
{
	spool *s = ctx;
	char bytes[65536];
	gs_err err = { 0 };
	ssize_t n;

	while ((n = read(s->from, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !gs_fd_write(s->to, (gs_str){ bytes, (size_t)n }, &err)) {
			gs_cli_note("gospect: the input is kept no further: %s", strerror(errno));
			break;
		}
	}
	(void)fcntl(s->to, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
	close(s->from);
	free(s);
	return NULL;
}

/* Signals are for the others. */
static bool start_thread(spool *s)
{
	sigset_t all, before;
	pthread_t thread;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&thread, NULL, run, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ok)
		pthread_detach(thread);
	return ok;
}

bool gs_spool_start(gs_arena *mem, const char *input, gs_str *path, gs_err *err)
{
	bool is_stdin = strcmp(input, "-") == 0;
	spool *s = malloc(sizeof(*s));

	if (!s)
		abort();
	s->from = is_stdin ? dup(STDIN_FILENO) : open(input, O_RDONLY | O_CLOEXEC);
	s->to = s->from >= 0 ? memfd_create("gospect", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
	if (s->to >= 0 && start_thread(s)) {
		*path = gs_strf(mem, "/proc/self/fd/%d", s->to);
		return true;
	}
	gs_fail_errno(err, errno, "read", is_stdin ? "standard input" : input);
	if (s->from >= 0)
		close(s->from);
	if (s->to >= 0)
		close(s->to);
	free(s);
	return false;
}

bool gs_spool_wait(const char *path, const gs_progress *progress, gs_err *err)
{
	gs_file_look now;

	for (;;) {
		if (!gs_file_look_at(path, &now, err))
			return false;
		if (gs_growth_can_begin(path, &now))
			return true;
		if (gs_progress_should_stop(progress))
			return gs_fail(err, GS_ERR_STOPPED, GS_ERR_NOWHERE, "stopped before anything could be read");
		gs_progress_report(progress, -1, "waiting for the first generation");
		usleep(LOOK_EVERY_US);
	}
}
