#include "cli/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/detached.h"
#include "app/endpoint_args.h"
#include "app/live.h"
#include "cli/spool.h"
#include "service/http/server.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "duration", GS_ARG_DURATION, .unit = "time", .help = "of a URL or PID, how long to record it first; default: 30s" },
	{ "binary", GS_ARG_STRING, .unit = "file", .short_name = 'e', .help = "the program that a core is of; default: where the core says it was" },
	{ "overlay", GS_ARG_STRING, .unit = "file", .help = "over the execution trace among the inputs: a profile of the same process taken meanwhile" },
	{ "follow", GS_ARG_BOOL, .help = "files that are still being written: the page shows what comes, a generation of a trace at a time" },
	{ "no-browser", GS_ARG_BOOL, .help = "print the link only" },
	{ "listen", GS_ARG_STRING, .unit = "address",
	  .help = "HOST:PORT or PORT to listen on; default: this machine only, a free port" },
	{ "tls-cert", GS_ARG_STRING, .unit = "file", .help = "certificate (PEM) to serve HTTPS with" },
	{ "tls-key", GS_ARG_STRING, .unit = "file", .help = "its key (PEM)" },
	{ "host", GS_ARG_LIST, .unit = "name", .help = "answer to this host name as well" },
	{ "timeout", GS_ARG_DURATION, "10s", .help = "cut off a request that has not arrived after this time" },
	{ "ui-dir", GS_ARG_STRING, .unit = "folder", .help = "serve the page from this folder instead of the one built in" },
	{ 0 },
};
static const gs_arg_group group = { "Server", args };

static const gs_op ui_op = {
	.name = "ui",
	.summary = "look at profiles, traces and heaps in the browser",
	.help = "Opens the inputs, serves the page on this machine only and opens the browser. The link lets one browser in, once; press\n"
		"Enter for another link and Ctrl-C to end. Without an input the page offers the Go processes of this machine to record.\n"
		"\n"
		"  gospect ui cpu.pprof heap.pprof\n"
		"  gospect cpu.pprof                      the same: what is no command is opened\n"
		"  gospect ui capture-2026-01-31/\n"
		"  gospect ui --follow trace.out          a trace that is still being written\n"
		"  curl -s 'http://localhost:6060/debug/pprof/trace?seconds=60' | gospect ui -    the same down a pipe\n"
		"  gospect ui shop.core                   a heap: what gospect snapshot, gcore or dlv dump wrote\n"
		"  gospect ui http://localhost:6060       recorded first, for 30 s; the capture stays in the current folder\n"
		"\n"
		"From another machine: ssh -L 8080:127.0.0.1:8080 server gospect ui --listen 8080 --no-browser FILE. Listening on anything\n"
		"but this machine needs --tls-cert and --tls-key.\n",
	.operands = "[FILE|CAPTURE|CORE|URL|PID]...",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, &gs_args_endpoint, NULL },
};

static bool open_browser(const char *url)
{
	if (!getenv("DISPLAY") && !getenv("WAYLAND_DISPLAY"))
		return false;
	return gs_spawn_detached((const char *const[]){ "xdg-open", url, NULL }, NULL);
}

static bool say_link(gs_http_server *server, bool wants_browser, gs_err *err)
{
	GS_AUTO(buf) url = { 0 };
	GS_AUTO(buf) line = { 0 };

	gs_buf_init(&url, 1024);
	gs_buf_init(&line, 2048);
	if (!gs_http_link(server, &url, err))
		return false;
	gs_buf_c(&url, 0);
	gs_buf_f(&line, "%s\n", url.p);
	if (!gs_fd_write(STDOUT_FILENO, gs_buf_view(&line), err))
		return false;
	if (wants_browser && !open_browser(url.p))
		gs_cli_note("gospect: open this link in a browser (there is no display to open one on)");
	return true;
}

/* Until Ctrl-C or SIGTERM. Enter at the terminal gives another link. */
static bool serve(gs_http_server *server, int signals, gs_err *err)
{
	bool is_asked = isatty(STDIN_FILENO);
	struct pollfd fds[2] = { { .fd = signals, .events = POLLIN }, { .fd = is_asked ? STDIN_FILENO : -1, .events = POLLIN } };

	for (;;) {
		char keys[256];

		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return gs_fail_errno(err, errno, "wait for", "signals");
		}
		if (fds[0].revents)
			return true;
		if (fds[1].revents) {
			ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

			if (n <= 0)
				fds[1].fd = -1; /* the terminal is gone; the page stays */
			else if (!say_link(server, false, err))
				return false;
		}
	}
}

static const char *text_or_null(gs_op_call *call, const char *name)
{
	return gs_call_is_set(call, name) ? gs_cstr(call->mem, gs_call_str(call, name)) : NULL;
}

/* What is still being written: it is followed. */
static bool open_growing(gs_op_call *call, gs_str *path, gs_open_options *o, gs_err *err)
{
	const char *input = gs_cstr(call->mem, *path);
	struct stat st = { 0 };

	if (strcmp(input, "-") == 0 && !gs_spool_is_for(input))
		return true; /* a file or nothing: all there is */
	o->load.is_growing = true;
	if (gs_spool_is_for(input)) {
		o->load.name = strcmp(input, "-") == 0 ? GS_S("standard input") : gs_str_skip(*path, gs_str_rfind_char(*path, '/') + 1);
		if (!gs_spool_start(call->mem, input, path, err))
			return false;
	} else if (gs_live_is(*path) || (stat(input, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--follow is for files and pipes, and %s is neither", input);
	}
	return S_ISDIR(st.st_mode) || gs_spool_wait(gs_cstr(call->mem, *path), call->progress, err);
}

static bool open_all(gs_op_call *call, gs_session *session, gs_err *err)
{
	for (unsigned i = 0; i < call->n_paths; i++) {
		unsigned ids[1], n;
		gs_open_options o = { .duration_ns = gs_call_int(call, "duration"), .keeps_capture = true,
				      .overlay_if_trace = call->n_paths > 1, .overlay = gs_call_str(call, "overlay"),
				      .load.executable = text_or_null(call, "binary") };
		GS_AUTO(buf) notes = { 0 };
		gs_str rest, line, path = call->paths[i];

		gs_buf_init(&notes, 65536);
		if ((gs_call_bool(call, "follow") || gs_spool_is_for(gs_cstr(call->mem, path))) && !open_growing(call, &path, &o, err))
			return false;
		if (!gs_endpoint_auth(call, &o.auth, err) || !gs_session_open(session, path, &o, call->progress, ids, 1, &n, &notes, err))
			return false;
		rest = gs_buf_view(&notes);
		while (gs_str_line(&rest, &line))
			gs_cli_note("gospect: left out %.*s", GS_FMT(line));
	}
	return true;
}

static int run(gs_op_call *call, gs_err *err)
{
	gs_session *session = gs_session_create();
	gs_http_options o = {
		.listen = text_or_null(call, "listen"),
		.tls_cert_file = text_or_null(call, "tls-cert"),
		.tls_key_file = text_or_null(call, "tls-key"),
		.ui_dir = text_or_null(call, "ui-dir"),
		.request_timeout_ns = gs_call_int(call, "timeout"),
	};
	gs_http_server *server = NULL;
	sigset_t set;
	GS_AUTO(fd) signals = -1;
	bool ok = open_all(call, session, err);

	o.hosts = gs_call_list(call, "host", &o.n_hosts);
	if (ok) {
		/* Before the server's threads exist, so that they inherit the mask. */
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigaddset(&set, SIGTERM);
		sigaddset(&set, SIGHUP);
		sigprocmask(SIG_BLOCK, &set, NULL);
		signals = signalfd(-1, &set, SFD_CLOEXEC);
		server = gs_http_start(session, &o, err);
		ok = server && say_link(server, !gs_call_bool(call, "no-browser"), err) && serve(server, signals, err);
	}
	gs_http_stop(server);
	gs_session_free(session);
	return ok ? 0 : gs_err_exit_status(err);
}

extern const gs_command gs_command_ui;
const gs_command gs_command_ui = { .op = &ui_op, .records_inputs = true, .run = run };
