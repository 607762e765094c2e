#include "cli/command.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/banned.h"

/* Inputs name files and functions: nothing of theirs may steer the terminal. */
static void put_visible(gs_buf *out, gs_str s)
{
	while (s.n) {
		uint32_t c = gs_utf8_next(&s);

		if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0))
			gs_buf_f(out, "\\x%02x", c);
		else
			gs_utf8_put(out, c);
	}
}

static void put_line(gs_str s)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 65536);
	put_visible(&b, s);
	gs_buf_c(&b, '\n');
	gs_fd_write(STDERR_FILENO, gs_buf_view(&b), NULL);
}

void gs_cli_complain(const gs_err *err)
{
	char text[sizeof(err->text) + 20];

	snprintf(text, sizeof(text), "gospect: %s", err->text);
	put_line(gs_str_of(text));
}

void gs_cli_note(const char *fmt, ...)
{
	GS_AUTO(buf) b = { 0 };
	va_list ap;

	gs_buf_init(&b, 16384);
	va_start(ap, fmt);
	gs_buf_vf(&b, fmt, ap);
	va_end(ap);
	put_line(gs_buf_view(&b));
}

static pthread_mutex_t draw_lock = PTHREAD_MUTEX_INITIALIZER;

static void report(void *ctx, double done, const char *text)
{
	enum { FIRST_NS = 300000000, EVERY_NS = 80000000 };
	gs_cli_progress *p = ctx;
	int64_t now = gs_now_ns();
	struct winsize w;
	unsigned width = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 10 ? w.ws_col : 80;
	GS_AUTO(buf) line = { 0 };
	GS_AUTO(buf) safe = { 0 };

	pthread_mutex_lock(&draw_lock);
	if (!p->is_on || now - p->started_ns < FIRST_NS || now - p->drawn_ns < EVERY_NS) {
		pthread_mutex_unlock(&draw_lock);
		return;
	}
	p->drawn_ns = now;
	p->is_shown = true;
	gs_buf_init(&line, 4096);
	gs_buf_init(&safe, 8192);
	if (done >= 0)
		gs_buf_f(&line, "%3d %%  ", (int)(done > 1 ? 100 : done * 100));
	gs_buf_z(&line, text ? text : "");
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '\n')
			line.p[i] = ' ';
	gs_buf_z(&safe, "\r\x1b[K");
	put_visible(&safe, gs_str_slice(gs_buf_view(&line), 0, width - 1));
	gs_fd_write(STDERR_FILENO, gs_buf_view(&safe), NULL);
	pthread_mutex_unlock(&draw_lock);
}

void gs_cli_progress_init(gs_cli_progress *p, bool is_quiet)
{
	*p = (gs_cli_progress){ .started_ns = gs_now_ns(), .is_on = !is_quiet && isatty(STDERR_FILENO) };
	p->progress = (gs_progress){ .report = report, .ctx = p };
}

void gs_cli_progress_end(gs_cli_progress *p)
{
	pthread_mutex_lock(&draw_lock);
	if (p->is_shown)
		gs_fd_write(STDERR_FILENO, GS_S("\r\x1b[K"), NULL);
	p->is_on = p->is_shown = false;
	pthread_mutex_unlock(&draw_lock);
}
