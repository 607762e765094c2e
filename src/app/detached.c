#include "app/detached.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#include "base/banned.h"

bool gs_program_exists(const char *name)
{
	gs_str rest = gs_str_of(getenv("PATH")), dir;
	char path[4096];
	bool more = rest.n > 0;

	while (more) {
		gs_str left;

		more = gs_str_cut(rest, ':', &dir, &left);
		rest = left;
		if (dir.n && snprintf(path, sizeof(path), "%.*s/%s", GS_FMT(dir), name) < (int)sizeof(path) && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* In the grandchild: nothing of ours but the words. Only calls that are safe behind a fork of a program with threads. */
_Noreturn static void become(const char *const *argv, int tell)
{
	union {
		const char *const *in;
		char *const *out;
	} words = { argv };
	int null = open("/dev/null", O_RDWR), e;
	sigset_t none;

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], words.out);
	e = errno;
	if (write(tell, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

bool gs_spawn_detached(const char *const *argv, gs_err *err)
{
	int tell[2], e = 0, status;
	ssize_t n;
	pid_t pid;

	if (pipe2(tell, O_CLOEXEC))
		return gs_fail_errno(err, errno, "start", argv[0]);
	pid = fork();
	if (pid == 0) {
		setsid();
		pid = fork();
		if (pid == 0)
			become(argv, tell[1]);
		_exit(pid < 0);
	}
	close(tell[1]);
	if (pid < 0) {
		e = errno;
		close(tell[0]);
		return gs_fail_errno(err, e, "start", argv[0]);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* The pipe closes when the program runs; else it says why not. */
	do
		n = read(tell[0], &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	close(tell[0]);
	return n != sizeof(e) || gs_fail_errno(err, e, "start", argv[0]);
}
