#include "app/pprof/pprof.h"

#include <termios.h>
#include <unistd.h>

#include "cli/command.h"

#include "base/banned.h"

static const gs_op pprof_op = {
	.name = "pprof",
	.summary = "the command line of go tool pprof: same reports, same text",
	.help = "Takes the flags, reports and sources of go tool pprof, prints the same text, and opens its shell when no report is\n"
		"asked for. Without the prefix the reports are commands of their own with better defaults: gospect top, tree, list...\n"
		"\n"
		"  gospect pprof -top cpu.pprof\n"
		"  gospect pprof -list 'main\\.handle' ./server cpu.pprof\n"
		"  gospect pprof -top -diff_base before.pprof after.pprof\n"
		"  gospect pprof -seconds 10 http://localhost:6060/debug/pprof/profile\n"
		"  gospect pprof -http=: cpu.pprof\n"
		"\n"
		"gospect pprof -help lists all flags.\n",
	.operands = "[FLAG]... [BINARY] SOURCE...",
	.input = GS_INPUT_PATHS,
};

static void write_help(gs_buf *out)
{
	gs_buf_z(out, "usage:\n\n"
		      "A report as text or in a file:\n\n   gospect pprof <format> [options] [binary] <source> ...\n\n"
		      "A shell for many reports on one profile:\n\n   gospect pprof [options] [binary] <source> ...\n\n"
		      "The page in the browser:\n\n   gospect pprof -http [host]:[port] [options] [binary] <source> ...\n\nDetails:\n");
	gs_pprofcmd_usage(out, true);
	gs_buf_z(out, "\n\n  Source options:\n"
		      "    -seconds              Duration for time-based profile collection\n"
		      "    -timeout              Timeout in seconds for profile collection\n"
		      "    -buildid              Override build id for main binary\n"
		      "    -add_comment          Free-form annotation to add to the profile\n"
		      "    -diff_base source     Source of base profile for comparison\n"
		      "    -base source          Source of base profile for profile subtraction\n"
		      "    -symbolize=           Names of addresses; several are joined by colons\n"
		      "      none                  Leave the profile as it is\n"
		      "      local, fastlocal, remote  Taken alike: names come from binaries on this machine\n"
		      "      force                 Make readable names anew where the profile has some\n"
		      "      demangle=STYLE        How C++ and Rust names are shown: none (as the linker has them), templates (C++ with\n"
		      "                            template arguments), full (with parameters too), default (neither)\n"
		      "    source                A profile in any format that gospect reads, a capture folder, or a URL\n"
		      "    binary                Local path of the binary for symbolization\n"
		      "\n  Misc options:\n"
		      "   -http              Open the page at host:port; both may be left out\n"
		      "   -no_browser        Print the link only\n"
		      "   -tools             Accepted; no other program is needed\n"
		      "   -tls_cert, -tls_key, -tls_ca\n"
		      "                      Client certificate, its key, and who signed the server's, as PEM files\n"
		      "\n  Legacy convenience options:\n"
		      "   -inuse_space -inuse_objects -alloc_space -alloc_objects\n"
		      "   -total_delay -contentions -mean_delay\n"
		      "\n  Environment Variables:\n"
		      "   PPROF_TMPDIR       Location for saved profiles (default $HOME/pprof)\n"
		      "   PPROF_BINARY_PATH  Search path for local binary files (default $HOME/pprof/binaries)\n");
}

/* -http: our own page over the same sources. */
static int open_page(gs_pprofcmd *p, gs_err *err)
{
	char **argv = gs_new(p->mem, char *, p->n_sources + 16);
	unsigned n = 0;
	gs_str host, port;

	argv[n++] = gs_cstr(p->mem, GS_S("gospect"));
	argv[n++] = gs_cstr(p->mem, GS_S("ui"));
	if (gs_str_cut(p->http, ':', &host, &port) && port.n) {
		argv[n++] = gs_cstr(p->mem, GS_S("--listen"));
		argv[n++] = gs_cstr(p->mem, host.n && !gs_str_eq(host, GS_S("localhost")) ? p->http : port);
	}
	if (p->no_browser)
		argv[n++] = gs_cstr(p->mem, GS_S("--no-browser"));
	const struct {
		const char *option;
		gs_str file;
	} tls[] = { { "--ca", p->tls.ca_file }, { "--cert", p->tls.cert_file }, { "--key", p->tls.key_file } };

	for (size_t i = 0; i < sizeof(tls) / sizeof(tls[0]); i++)
		if (tls[i].file.n) {
			argv[n++] = gs_cstr(p->mem, gs_str_of(tls[i].option));
			argv[n++] = gs_cstr(p->mem, tls[i].file);
		}
	for (unsigned i = 0; i < p->n_sources; i++)
		argv[n++] = gs_cstr(p->mem, p->sources[i]);
	execv("/proc/self/exe", argv);
	gs_fail(err, GS_ERR_UNSUPPORTED, GS_ERR_NOWHERE, "cannot start gospect ui");
	return 4;
}

enum { MAX_LINE = 65536, MAX_HISTORY = 500 };

typedef struct shell {
	gs_pprofcmd *p;
	gs_str history[MAX_HISTORY];
	unsigned n_history;
	bool is_terminal;
} shell;

static void put(gs_str s)
{
	gs_fd_write(STDERR_FILENO, s, NULL);
}

/* A line from the keyboard with cursor keys, history and completion; the terminal is raw meanwhile. */
typedef struct editor {
	shell *s;
	char text[MAX_LINE];
	size_t n, at;
	unsigned history; /* position in the history, n_history: the new line */
} editor;

static void redraw(const editor *e)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, MAX_LINE + 100);
	gs_buf_z(&b, "\r\x1b[K(pprof) ");
	gs_buf_add(&b, e->text, e->n);
	if (e->at < e->n)
		gs_buf_f(&b, "\x1b[%zuD", e->n - e->at);
	put(gs_buf_view(&b));
}

static void set_text(editor *e, gs_str s)
{
	e->n = s.n < MAX_LINE ? s.n : MAX_LINE;
	if (e->n)
		memcpy(e->text, s.p, e->n);
	e->at = e->n;
}

static void move_history(editor *e, int by)
{
	if ((by < 0 && e->history == 0) || (by > 0 && e->history == e->s->n_history))
		return;
	e->history = (unsigned)((int)e->history + by);
	set_text(e, e->history < e->s->n_history ? e->s->history[e->history] : (gs_str){ 0 });
}

static void complete(editor *e)
{
	gs_str line = { e->text, e->n }, word, found;
	size_t space = gs_str_rfind_char(line, ' ');
	size_t from = space == SIZE_MAX ? 0 : space + 1;
	gs_str copy;

	if (e->at != e->n)
		return;
	if (from < e->n && e->text[from] == '-' && from)
		from++;
	word = gs_str_skip(line, from);
	found = gs_pprofcmd_complete(e->s->p, word, from != 0);
	if (!found.n || from + found.n >= MAX_LINE)
		return;
	copy = found;
	memmove(e->text + from, copy.p, copy.n);
	e->n = e->at = from + copy.n;
}

static void erase(editor *e, size_t from, size_t to)
{
	memmove(e->text + from, e->text + to, e->n - to);
	e->n -= to - from;
	e->at = from;
}

static void escape_key(editor *e)
{
	char k[3] = { 0 };

	if (read(STDIN_FILENO, &k[0], 1) != 1 || (k[0] != '[' && k[0] != 'O') || read(STDIN_FILENO, &k[1], 1) != 1)
		return;
	if (k[1] >= '0' && k[1] <= '9' && read(STDIN_FILENO, &k[2], 1) != 1)
		return;
	if (k[1] == 'A')
		move_history(e, -1);
	else if (k[1] == 'B')
		move_history(e, 1);
	else if (k[1] == 'C')
		e->at += e->at < e->n;
	else if (k[1] == 'D')
		e->at -= e->at > 0;
	else if (k[1] == 'H' || k[1] == '1')
		e->at = 0;
	else if (k[1] == 'F' || k[1] == '4')
		e->at = e->n;
	else if (k[1] == '3' && e->at < e->n)
		erase(e, e->at, e->at + 1);
}

/* False at the end of the input. */
static bool edit_line(editor *e)
{
	e->n = e->at = 0;
	e->history = e->s->n_history;
	for (;;) {
		char c;

		redraw(e);
		if (read(STDIN_FILENO, &c, 1) != 1)
			return false;
		switch (c) {
		case '\r':
		case '\n':
			put(GS_S("\r\n"));
			return true;
		case 3: /* ^C */
			e->n = e->at = 0;
			put(GS_S("\r\n"));
			return true;
		case 4: /* ^D */
			if (e->n == 0) {
				put(GS_S("\r\n"));
				return false;
			}
			break;
		case 1:
			e->at = 0;
			break;
		case 5:
			e->at = e->n;
			break;
		case 11:
			e->n = e->at;
			break;
		case 21:
			erase(e, 0, e->at);
			break;
		case '\t':
			complete(e);
			break;
		case 27:
			escape_key(e);
			break;
		case 8:
		case 127:
			if (e->at)
				erase(e, e->at - 1, e->at);
			break;
		default:
			if ((unsigned char)c >= 32 && e->n < MAX_LINE) {
				memmove(e->text + e->at + 1, e->text + e->at, e->n - e->at);
				e->text[e->at++] = c;
				e->n++;
			}
		}
	}
}

static bool read_key_line(shell *s, gs_str *line)
{
	editor *e = gs_new(s->p->mem, editor, 1);
	struct termios before, raw;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &before))
		return false;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	e->s = s;
	ok = edit_line(e);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	*line = gs_str_dup(s->p->mem, (gs_str){ e->text, e->n });
	if (ok && e->n && s->n_history < MAX_HISTORY)
		s->history[s->n_history++] = *line;
	return ok;
}

static bool read_pipe_line(shell *s, gs_str *line)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;

	gs_fd_write(STDOUT_FILENO, GS_S("(pprof) "), NULL);
	n = getline(&text, &cap, stdin);
	if (n > 0)
		*line = gs_str_dup(s->p->mem, (gs_str){ text, (size_t)n });
	free(text);
	return n > 0;
}

static void note(void *ctx, gs_str text)
{
	(void)ctx;
	gs_cli_note("%.*s", (int)(text.n > 1 << 20 ? 1 << 20 : text.n), text.p ? text.p : "");
}

static bool write_out(void *ctx, gs_str bytes, gs_err *err)
{
	(void)ctx;
	return gs_fd_write(STDOUT_FILENO, bytes, err);
}

static bool read_line(void *ctx, gs_str *line)
{
	shell *s = ctx;

	return s->is_terminal ? read_key_line(s, line) : read_pipe_line(s, line);
}

static int run(int argc, char **argv, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	gs_pprofcmd *p = gs_new(mem, gs_pprofcmd, 1);
	shell *s = gs_new(mem, shell, 1);
	const char *term = getenv("TERM");
	gs_pprofcmd_ui ui = { note, write_out, read_line, isatty(STDOUT_FILENO), s };
	bool wants_help, ok;

	s->p = p;
	s->is_terminal = isatty(STDIN_FILENO) && term && *term && strcmp(term, "dumb");
	p->mem = mem;
	p->ui = &ui;
	gs_pprofcmd_config_init(&p->config);
	if (!gs_pprofcmd_parse(p, argc, argv, &wants_help, err))
		return 2;
	if (wants_help) {
		GS_AUTO(buf) out = { 0 };

		gs_buf_init(&out, 1 << 20);
		write_help(&out);
		return gs_fd_write(STDOUT_FILENO, gs_buf_view(&out), err) ? 0 : 4;
	}
	if (p->http.n)
		return open_page(p, err);
	ok = gs_pprofcmd_fetch(p, err);
	if (ok && p->report)
		ok = gs_pprofcmd_generate(p, p->report, p->param, &p->config, err);
	else if (ok)
		ok = gs_pprofcmd_shell(p, err);
	gs_pprofcmd_release(p);
	return ok ? 0 : 2;
}

const gs_command gs_command_pprof = { .op = &pprof_op, .run_words = run };
