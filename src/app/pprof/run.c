/* One report of `gospect pprof`: made, maybe drawn by Graphviz, and put where it belongs. */
#include "app/pprof/pprof.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gzip.h"
#include "present/pprof_write.h"

#include "base/banned.h"

#define MAX_REPORT_BYTES ((size_t)16 << 30)

/* `input` through a program's standard input and output. */
static bool filter(char *const *argv, gs_str input, gs_buf *out, gs_err *err)
{
	int in[2], back[2], status = 0;
	posix_spawn_file_actions_t files;
	struct pollfd fds[2];
	size_t sent = 0;
	pid_t pid;
	int rc;

	if (pipe2(in, O_CLOEXEC))
		return gs_fail_errno(err, errno, "cannot make a pipe to", argv[0]);
	if (pipe2(back, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return gs_fail_errno(err, errno, "cannot make a pipe to", argv[0]);
	}
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in[0], 0);
	posix_spawn_file_actions_adddup2(&files, back[1], 1);
	rc = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(in[0]);
	close(back[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fds[0] = (struct pollfd){ back[0], POLLIN, 0 };
	fds[1] = (struct pollfd){ rc ? -1 : in[1], POLLOUT, 0 };
	while (rc == 0) {
		ssize_t n;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents) {
			n = write(in[1], input.p + sent, input.n - sent);
			if (n > 0)
				sent += (size_t)n;
			if ((n < 0 && errno != EAGAIN && errno != EINTR) || sent == input.n) {
				close(in[1]);
				in[1] = fds[1].fd = -1;
			}
		}
		if (fds[0].revents) {
			if (!gs_buf_reserve(out, 65536))
				break;
			n = read(back[0], out->p + out->n, 65536);
			if (n == 0 || (n < 0 && errno != EINTR))
				break;
			if (n > 0)
				out->n += (size_t)n;
		}
	}
	if (in[1] >= 0)
		close(in[1]);
	close(back[0]);
	if (rc) {
		errno = rc;
		return gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE,
			       "failed to execute %s: %s. Graphviz draws these pictures; a flame graph needs no other program: "
			       "gospect flame -o out.svg FILE",
			       argv[0], strerror(rc));
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 || gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "%s failed with status %d", argv[0],
				      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static bool draw(gs_arena *mem, const char *format, gs_buf *text, gs_err *err)
{
	char *argv[] = { (char[]){ "dot" }, gs_cstr(mem, gs_strf(mem, "-T%s", format)), NULL };
	gs_buf picture;
	bool ok;

	gs_buf_init(&picture, MAX_REPORT_BYTES);
	ok = filter(argv, gs_buf_view(text), &picture, err);
	gs_buf_release(text);
	*text = picture;
	return ok;
}

/* Show a file with the first of the programs that starts. */
static bool view(gs_pprofcmd *p, gs_arena *mem, const gs_pprofcmd_report *r, gs_str bytes, gs_err *err)
{
	const char *name, *browser = getenv("BROWSER");
	gs_str list = strcmp(r->viewers, "browser") ? gs_str_of(r->viewers) :
						      GS_S("chrome,google-chrome,chromium,firefox,sensible-browser,xdg-open");
	int fd = gs_pprofcmd_temp_file(mem, "/tmp", "pprof", r->suffix, &name, err), status;
	bool ok = false;

	if (fd < 0)
		return false;
	ok = gs_fd_write(fd, bytes, err);
	close(fd);
	if (!ok)
		return false;
	if (browser && *browser && strcmp(r->viewers, "browser") == 0)
		list = gs_strf(mem, "%s,%.*s", browser, GS_FMT(list));
	ok = false;
	while (list.n && !ok) {
		gs_str program;
		char *argv[3];
		pid_t pid;

		gs_str_cut(list, ',', &program, &list);
		argv[0] = gs_cstr(mem, program);
		argv[1] = gs_cstr(mem, gs_str_of(name));
		argv[2] = NULL;
		ok = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0;
		if (ok && !p->is_shell) {
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			sleep(1); /* it may be a wrapper that has only just told the real program */
			unlink(name);
		}
	}
	return ok || gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "no program to show %s with: looked for %s", name,
			     r->viewers);
}

static void tell(gs_pprofcmd *p, const gs_report *r)
{
	const gs_selection *sel = r->view->profiles[0].selection;
	const gs_label_units *u = r->units;

	for (uint32_t i = 0; i < u->n; i++)
		if (u->list[i].other.n)
			gs_pprofcmd_note(p, "For tag %.*s used unit %.*s, also encountered unit(s) %.*s",
				    GS_FMT(gs_profile_str(r->profile, u->list[i].key)), GS_FMT(u->list[i].unit),
				    GS_FMT(u->list[i].other));
	for (unsigned i = 0; i < sel->n_ranges; i++)
		gs_pprofcmd_note(p, "%s:Interpreted '%.*s' as range, not regexp", sel->range_option[i],
			    GS_FMT(sel->range_text[i]));
	for (unsigned i = 0; i < sel->n_unmatched; i++)
		gs_pprofcmd_note(p, "%s expression matched no samples", sel->unmatched[i]);
}

static bool make(gs_pprofcmd *p, gs_arena *mem, const gs_pprofcmd_report *report, gs_str param, const gs_query *q, gs_buf *out,
		 gs_err *err)
{
	gs_report r;
	gs_report_code code;
	gs_report_sources sources;

	if (!gs_report_init(&r, mem, p->doc->profile, q, report->kind, param, err))
		return false;
	tell(p, &r);
	if (r.kind == GS_REPORT_PROTO || r.kind == GS_REPORT_TOPPROTO) {
		gs_profile *answer = gs_report_profile(&r, err);
		GS_AUTO(buf) bytes = { 0 };

		gs_buf_init(&bytes, MAX_REPORT_BYTES);
		if (!answer)
			return false;
		gs_pprof_write(&bytes, answer, NULL);
		gs_gzip(out, gs_buf_view(&bytes), 6);
		return !(bytes.bad || out->bad) ||
		       gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the profile is larger than its budget");
	}
	gs_pprofcmd_code_init(p, mem, q, &code, &sources);
	r.sources = &sources;
	if (code.symbols)
		r.code = &code;
	return gs_report_write(&r, out, err) && (!report->dot || draw(mem, report->dot, out, err));
}

bool gs_pprofcmd_generate(gs_pprofcmd *p, const gs_pprofcmd_report *report, gs_str param, const gs_pprofcmd_config *c, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	GS_AUTO(buf) out = { 0 };

	gs_buf_init(&out, MAX_REPORT_BYTES);
	if (!make(p, mem, report, param, &c->query, &out, err))
		return false;
	if (c->output.n) {
		gs_pprofcmd_note(p, "Generating report in %.*s", GS_FMT(c->output));
		return gs_file_write(gs_cstr(mem, c->output), gs_buf_view(&out), err);
	}
	if (report->viewers)
		return view(p, mem, report, gs_buf_view(&out), err);
	if (report->suffix && (p->is_shell || p->ui->is_output_terminal)) {
		const char *name;
		int fd = gs_pprofcmd_temp_file(mem, "", "profile", report->suffix, &name, err);
		bool ok = fd >= 0 && gs_fd_write(fd, gs_buf_view(&out), err);

		if (fd >= 0)
			close(fd);
		if (ok)
			gs_pprofcmd_note(p, "Generating report in %s", name);
		return ok;
	}
	return p->ui->write(p->ui->ctx, gs_buf_view(&out), err);
}
