/* A program that is recorded from its first instruction: forked, held before exec until the events are on it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/record.h"
#include "base/file.h"
#include "base/banned.h"

static void __attribute__((noreturn)) child(char *const *argv, int go, int fail)
{
	char byte;
	ssize_t n;
	int e;

	/* What we ignore (SIGPIPE) must not be inherited by the program. */
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	do
		n = read(go, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127);
	execvp(argv[0], argv);
	e = errno;
	(void)!write(fail, &e, sizeof(e));
	_exit(e == ENOENT ? 127 : 126);
}

bool gs_record_command_prepare(char *const *argv, gs_record_command *out, gs_err *err)
{
	int go[2], fail[2];
	pid_t pid;

	*out = (gs_record_command){ .go_fd = -1, .fail_fd = -1 };
	if (pipe2(go, O_CLOEXEC))
		return gs_fail_errno(err, errno, "make a pipe for", argv[0]);
	if (pipe2(fail, O_CLOEXEC)) {
		int e = errno;

		close(go[0]);
		close(go[1]);
		return gs_fail_errno(err, e, "make a pipe for", argv[0]);
	}
	pid = fork();
	if (pid == 0)
		child(argv, go[0], fail[1]);
	close(go[0]);
	close(fail[1]);
	if (pid < 0) {
		int e = errno;

		close(go[1]);
		close(fail[0]);
		return gs_fail_errno(err, e, "start", argv[0]);
	}
	*out = (gs_record_command){ pid, go[1], fail[0] };
	return true;
}

bool gs_record_command_go(gs_record_command *c, const char *name, gs_err *err)
{
	int e = 0;
	ssize_t n;

	(void)!write(c->go_fd, "g", 1);
	close(c->go_fd);
	c->go_fd = -1;
	do
		n = read(c->fail_fd, &e, sizeof(e)); /* end of file: exec closed it, the program runs */
	while (n < 0 && errno == EINTR);
	close(c->fail_fd);
	c->fail_fd = -1;
	if (n != sizeof(e))
		return true;
	(void)waitpid(c->pid, NULL, 0);
	c->pid = 0;
	return gs_fail_errno(err, e, "run", name);
}

void gs_record_command_drop(gs_record_command *c)
{
	if (c->go_fd >= 0)
		close(c->go_fd); /* it reads end of file and exits */
	if (c->fail_fd >= 0)
		close(c->fail_fd);
	if (c->pid > 0)
		(void)waitpid(c->pid, NULL, 0);
	*c = (gs_record_command){ .go_fd = -1, .fail_fd = -1 };
}
