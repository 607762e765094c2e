#include "cli/command.h"

#include "app/endpoint_args.h"
#include "app/config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/live.h"
#include "app/version.h"

#include "base/banned.h"

/* An answer may be large (a merged profile), but not endless. */
#define MAX_ANSWER_BYTES ((size_t)8 << 30)
#define CALL_BUDGET_BYTES ((uint64_t)32 << 30)

static bool wants_color(const gs_argv *a, bool is_terminal)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (a->color != GS_COLOR_AUTO)
		return a->color == GS_COLOR_ALWAYS;
	return is_terminal && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* -o flame.svg means --format svg where the row has it. */
static gs_str format_of_name(const gs_op *op, const char *output)
{
	static const struct {
		const char *suffix, *format;
	} known[] = {
		{ ".pb.gz", "pprof" },	       { ".pprof", "pprof" },	{ ".prof", "pprof" }, { ".pb", "proto" },
		{ ".speedscope.json", "speedscope" }, { ".txt", "text" }, { ".md", "markdown" }, { ".folded", "folded" },
		{ ".callgrind", "callgrind" },
	};
	gs_str name = gs_str_of(output);
	size_t dot = gs_str_rfind_char(name, '.'), slash = gs_str_rfind_char(name, '/');

	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (gs_str_ends(name, gs_str_of(known[i].suffix)) && gs_op_has_format(op, gs_str_of(known[i].format)))
			return gs_str_of(known[i].format);
	if (dot != SIZE_MAX && (slash == SIZE_MAX || dot > slash) && gs_op_has_format(op, gs_str_skip(name, dot + 1)))
		return gs_str_skip(name, dot + 1);
	return (gs_str){ 0 };
}

static void choose_format(gs_op_call *call, const gs_argv *a)
{
	gs_str rest = gs_str_of(call->op->formats), first = { 0 }, f = a->format;

	gs_word_next(&rest, &first);
	if (!f.n && a->output)
		f = format_of_name(call->op, a->output);
	call->format = gs_cstr(call->mem, f.n ? f : first);
}

static bool is_binary(gs_str s)
{
	return memchr(s.p ? s.p : "", 0, s.n < 4096 ? s.n : 4096) != NULL;
}

/* Whoever reads our output may stop when he has seen enough (head, less): that is no failure of ours. */
static void die_of_broken_pipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

static bool write_pieces(const gs_str *pieces, size_t n, gs_err *err)
{
	errno = 0;
	if (gs_fd_write_pieces(STDOUT_FILENO, pieces, n, err))
		return true;
	if (errno == EPIPE)
		die_of_broken_pipe();
	return false;
}

static bool deliver(const gs_op_call *call, const gs_argv *a, gs_err *err)
{
	gs_str answer = gs_buf_view(call->out);

	if (call->out->bad)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the answer is larger than memory allows");
	if (a->output) {
		if (gs_file_write(a->output, answer, err))
			return true;
		err->code = GS_ERR_IO; /* no such folder: the input was not at fault */
		return false;
	}
	if (call->is_terminal && is_binary(answer))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s is binary and would upset the terminal: use -o FILE",
			       call->format);
	errno = 0;
	if (gs_fd_write(STDOUT_FILENO, answer, err))
		return true;
	if (errno == EPIPE)
		die_of_broken_pipe();
	return false;
}

/* Of a running program, what the question is about. */
static gs_str parts_to_record(const gs_op *op, const gs_argv *a)
{
	if (a->part.n || op->takes_parts)
		return a->part;
	if (op->part)
		return gs_str_of(op->part);
	/* A CPU profile taken meanwhile puts its samples into the trace. */
	return op->needs_kinds == 1u << GS_DOCUMENT_TRACE ? GS_S("trace,cpu") : GS_S("cpu");
}

/* What a trace lacks concerns every answer about it; info says it by itself. */
static void warn_of_damage(const gs_op *op, const gs_document *d)
{
	for (uint32_t i = 0; d->kind == GS_DOCUMENT_TRACE && d->profile && strcmp(op->name, "info") != 0 && i < d->profile->n_warnings; i++)
		gs_cli_note("gospect: %.*s: %.*s", GS_FMT(d->name), GS_FMT(gs_profile_str(d->profile, d->profile->warnings[i])));
}

static bool open_one(const gs_op_call *call, const gs_argv *a, gs_str source, gs_documents *out, gs_err *err)
{
	GS_AUTO(buf) notes = { 0 };
	gs_open_options o = { .duration_ns = a->duration_ns, .only = parts_to_record(call->op, a), .overlay = a->overlay };
	gs_str rest, line, binary = gs_op_find_arg(call->op, GS_S("binary")) ? gs_call_str(call, "binary") : (gs_str){ 0 };

	unsigned before = out->n;

	o.load.executable = binary.n ? gs_cstr(call->mem, binary) : NULL;
	o.load.only_goroutines = gs_str_eq(o.only, GS_S("goroutines"));
	o.load.for_profile = call->op->wants_profile && call->op->wants_profile(call);
	gs_buf_init(&notes, 65536);
	if (!gs_endpoint_auth_of(call->mem, a->endpoint, a->n_endpoint, &o.auth, err) || !gs_open_source(source, &o, call->progress, out, &notes, err))
		return false;
	for (unsigned i = before; i < out->n; i++)
		warn_of_damage(call->op, out->list[i]);
	rest = gs_buf_view(&notes);
	while (gs_str_line(&rest, &line))
		gs_cli_note("gospect: left out %.*s", GS_FMT(line));
	return true;
}

static bool is_input(gs_arena *mem, gs_str word)
{
	return gs_live_is(word) || access(gs_cstr(mem, word), F_OK) == 0;
}

/* "gospect list FILE PATTERN", or as grep has it, "gospect list PATTERN FILE". */
static void take_pattern(gs_arena *mem, const gs_op *op, gs_argv *a)
{
	unsigned at;

	if (!op->pattern_arg || a->n_paths < 2)
		return;
	for (unsigned i = 0; i < a->n_pairs; i++)
		if (gs_str_eq(a->pairs[i].name, gs_str_of(op->pattern_arg)))
			return;
	at = is_input(mem, a->paths[a->n_paths - 1]) && !is_input(mem, a->paths[0]) ? 0 : a->n_paths - 1;
	a->pairs[a->n_pairs++] = (gs_op_pair){ gs_str_of(op->pattern_arg), a->paths[at] };
	a->n_paths--;
	memmove(a->paths + at, a->paths + at + 1, (a->n_paths - at) * sizeof(*a->paths));
}

/* "gospect diff BEFORE AFTER" */
static void take_before(const gs_op *op, gs_argv *a)
{
	if (!op->takes_before_after || a->n_paths != 2)
		return;
	for (unsigned i = 0; i < a->n_pairs; i++)
		if (gs_str_ends(a->pairs[i].name, GS_S("base")))
			return;
	a->pairs[a->n_pairs++] = (gs_op_pair){ GS_S("diff-base"), a->paths[0] };
	a->paths[0] = a->paths[1];
	a->n_paths = 1;
}

static bool open_bases(gs_op_call *call, const gs_argv *a, const char *name, gs_documents *out, gs_err *err)
{
	unsigned n = 0;
	const gs_str *list = gs_op_find_arg(call->op, gs_str_of(name)) ? gs_call_list(call, name, &n) : NULL;

	for (unsigned i = 0; i < n; i++) {
		unsigned from = out->n;

		if (!open_one(call, a, list[i], out, err) ||
		    !gs_documents_choose(out, from, (gs_str){ 0 }, gs_str_of(call->op->part), call->op->needs_kinds, err))
			return false;
	}
	return true;
}

static bool open_inputs(gs_op_call *call, const gs_argv *a, gs_documents *docs, gs_documents *bases, gs_err *err)
{
	if (!a->n_paths)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs an input: gospect %s %s (- is standard input)",
			       call->op->name, call->op->name, gs_help_operands(call->op));
	for (unsigned i = 0; i < a->n_paths; i++) {
		unsigned from = docs->n;

		if (!open_one(call, a, a->paths[i], docs, err))
			return false;
		if ((!call->op->takes_parts || a->part.n) &&
		    !gs_documents_choose(docs, from, a->part, gs_str_of(call->op->part), call->op->needs_kinds, err))
			return false;
	}
	if (!open_bases(call, a, "base", bases, err))
		return false;
	if (bases->n == 0) {
		if (!open_bases(call, a, "diff-base", bases, err))
			return false;
		call->is_diff_base = bases->n > 0;
	} else if (gs_call_is_set(call, "diff-base")) {
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: give --base or --diff-base, not both", call->op->name);
	}
	call->docs = (const gs_document *const *)docs->list;
	call->n_docs = docs->n;
	call->bases = (const gs_document *const *)bases->list;
	call->n_bases = bases->n;
	return true;
}

/* Reading standard input while it is the keyboard looks like hanging. */
static void warn_of_keyboard(const gs_argv *a)
{
	for (unsigned i = 0; i < a->n_paths; i++)
		if (gs_str_eq(a->paths[i], GS_S("-")) && isatty(STDIN_FILENO))
			gs_cli_note("gospect: reading from the terminal; end with Ctrl-D");
}

static volatile sig_atomic_t was_interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	was_interrupted = 1;
}

static bool should_stop(void *ctx)
{
	(void)ctx;
	return was_interrupted;
}

/* While a program is recorded, the first Ctrl-C keeps what was taken and goes on with it; the second ends us. */
static void watch_interrupts(const gs_op *op, const gs_argv *a, gs_cli_progress *progress)
{
	struct sigaction act = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };

	for (unsigned i = 0; i < a->n_paths; i++)
		if (gs_live_is(a->paths[i])) {
			sigaction(SIGINT, &act, NULL);
			progress->progress.should_stop = should_stop;
			if (progress->is_on && !op->part && !gs_op_find_arg(op, GS_S("every"))) /* these look once, or now and then */
				gs_cli_note("gospect: recording %.*s; Ctrl-C ends that early and keeps what there is", GS_FMT(a->paths[i]));
			return;
		}
}

/* Defaults of one's own, in front of what stands on the command line, which wins. */
static bool take_config(gs_op_call *call, gs_argv *a, gs_err *err)
{
	const char *path = gs_config_path(call->mem);
	GS_AUTO(file) f = { 0 };
	gs_op_pair *mine, *all;
	unsigned n;
	gs_err why = { 0 };

	if (!path)
		return true;
	/* A home that is not ours to read, as after `sudo -u` or setpriv, has no defaults for us; one that was named is meant. */
	if (!gs_file_read(path, 1 << 20, &f, &why))
		return why.code == GS_ERR_MISSING || (why.code == GS_ERR_DENIED && !gs_config_is_named()) ? true : (*err = why, false);
	if (!gs_config_pairs(call->mem, f.bytes, path, call->op, gs_cli_manual().commands, &mine, &n, err))
		return false;
	all = gs_new(call->mem, gs_op_pair, n + a->n_pairs);
	for (unsigned i = 0; i < n; i++)
		all[i] = mine[i];
	for (unsigned i = 0; i < a->n_pairs; i++)
		all[n + i] = a->pairs[i];
	a->pairs = all;
	a->n_pairs += n;
	return true;
}

static int run_row(const gs_op *op, const gs_command *command, int argc, char **argv)
{
	GS_AUTO(arena) *mem = gs_arena_create(CALL_BUDGET_BYTES);
	GS_AUTO(documents) docs = { 0 };
	GS_AUTO(documents) bases = { 0 };
	GS_AUTO(buf) out = { 0 };
	gs_op_call call = { .op = op, .mem = mem, .out = &out, .dashes_at = UINT_MAX };
	gs_cli_progress progress;
	gs_argv a;
	gs_err err = { 0 };
	struct winsize w;
	bool ok;
	int status = 0;

	gs_buf_init(&out, MAX_ANSWER_BYTES);
	gs_cli_progress_init(&progress, true);
	if (!gs_argv_read(mem, op, argc, argv, &a, &err)) {
		gs_cli_complain(&err);
		return gs_err_exit_status(&err);
	}
	take_pattern(mem, op, &a);
	take_before(op, &a);
	call.is_terminal = !a.output && isatty(STDOUT_FILENO);
	call.use_color = wants_color(&a, call.is_terminal);
	if (call.is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		call.width = w.ws_col;
	if (op->formats)
		choose_format(&call, &a);
	call.paths = a.paths;
	call.n_paths = a.n_paths;
	call.dashes_at = a.dashes_at;
	if (a.wants_help) {
		gs_help_op(&out, op, call.width ? call.width : 100, call.use_color);
		ok = deliver(&call, &(gs_argv){ 0 }, &err);
		if (!ok)
			gs_cli_complain(&err);
		return ok ? 0 : 4;
	}
	gs_cli_progress_init(&progress, a.is_quiet || (!command && !op->is_slow && op->input == GS_INPUT_NONE));
	call.progress = &progress.progress;
	if (!a.output)
		call.write = write_pieces;
	warn_of_keyboard(&a);
	if (op->input == GS_INPUT_DOCUMENTS || (command && command->records_inputs) || gs_op_find_arg(op, GS_S("every")))
		watch_interrupts(op, &a, &progress);
	ok = take_config(&call, &a, &err) && gs_op_bind(&call, a.pairs, a.n_pairs, &err);
	if (ok && op->input == GS_INPUT_DOCUMENTS)
		ok = open_inputs(&call, &a, &docs, &bases, &err);
	else if (ok && op->input == GS_INPUT_NONE && a.n_paths)
		ok = gs_fail(&err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s takes no input, but there is \"%.*s\"", op->name,
			     GS_FMT(a.paths[0]));
	if (ok && command) {
		status = command->run(&call, &err);
		ok = err.code == GS_ERR_NONE;
	} else if (ok) {
		ok = op->run(&call, &err);
		status = call.exit_status;
	}
	gs_cli_progress_end(&progress);
	if (ok && (out.n || out.bad || a.output))
		ok = deliver(&call, &a, &err);
	if (!ok) {
		gs_cli_complain(&err);
		return status ? status : gs_err_exit_status(&err);
	}
	return status;
}

/* "heap" alone: the commands that begin so. False: none does. */
static bool complain_of_group(const char *name)
{
	GS_AUTO(buf) list = { 0 };
	gs_str word = gs_str_of(name);
	gs_err err = { 0 };
	unsigned n = 0;

	gs_buf_init(&list, 400);
	for (const gs_op *const *op = gs_cli_manual().ops; *op; op++) {
		gs_str other = gs_str_of((*op)->name);

		if (gs_str_starts(other, word) && other.n > word.n + 1 && other.p[word.n] == '-')
			gs_buf_f(&list, "%s%s", n++ ? ", " : "", other.p + word.n + 1);
	}
	if (n < 2)
		return false;
	gs_fail(&err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s needs one more word: %.*s (gospect help says what each does)", name,
		(int)list.n, list.p);
	gs_cli_complain(&err);
	return true;
}

static int unknown_command(const char *name)
{
	gs_manual m = gs_cli_manual();
	gs_str names[128], near;
	unsigned n = 0;
	gs_err err = { 0 };

	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m.ops : m.commands; *op && n < 127; op++)
			names[n++] = gs_str_of((*op)->name);
	names[n] = (gs_str){ 0 };
	near = gs_word_nearest(gs_str_of(name), names);
	if (near.n)
		gs_fail(&err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no command \"%s\": did you mean \"%.*s\"?", name,
			GS_FMT(near));
	else
		gs_fail(&err, GS_ERR_USAGE, GS_ERR_NOWHERE, "there is no command and no file \"%s\" (gospect help lists the commands)", name);
	gs_cli_complain(&err);
	return 2;
}

static int say_version(void)
{
	gs_err err = { 0 };
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 100);
	gs_buf_f(&b, "gospect %s\n", gs_version());
	return gs_fd_write(STDOUT_FILENO, gs_buf_view(&b), &err) ? 0 : 4;
}

/*
 * Descriptors 0 to 2 must be somebody's, or the first file that we open takes their place. An answer that has nowhere to go is an
 * error: the place of a closed standard output refuses to be written.
 */
static void ensure_standard_fds(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(4);
}

/* NULL: there is none. */
static const gs_command *command_find(const char *name)
{
	for (const gs_command *const *c = gs_commands; *c; c++)
		if (strcmp(name, (*c)->op->name) == 0)
			return *c;
	return NULL;
}

static int run_command(const gs_command *c, int argc, char **argv)
{
	gs_err err = { 0 };
	int status;

	if (!c->run_words)
		return run_row(c->op, c, argc, argv);
	status = c->run_words(argc, argv, &err);
	if (err.code != GS_ERR_NONE)
		gs_cli_complain(&err);
	return status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "help";
	const gs_command *command;
	const gs_op *op;

	ensure_standard_fds();
	/* Big blocks go back to the system when they are freed. By itself malloc keeps ever bigger ones, in a heap full of holes. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0)
		return say_version();
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	command = command_find(name);
	if (command)
		return run_command(command, argc > 2 ? argc - 2 : 0, argv + 2);
	op = gs_op_find(gs_str_of(name));
	if (op)
		return run_row(op, NULL, argc - 2, argv + 2);
	if (argc > 2) { /* "heap summary" is heap-summary */
		char both[64];

		snprintf(both, sizeof(both), "%s-%s", name, argv[2]);
		op = gs_op_find(gs_str_of(both));
		if (op)
			return run_row(op, NULL, argc - 3, argv + 3);
	}
	if (gs_live_is(gs_str_of(name)) || access(name, F_OK) == 0)
		return run_command(command_find("ui"), argc - 1, argv + 1);
	return complain_of_group(name) ? 2 : unknown_command(name);
}
