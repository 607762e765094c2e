/* gospect snapshot: the terminal's side of app/snapshot.h. */
#include "cli/command.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "app/snapshot.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "output", GS_ARG_STRING, .unit = "file", .short_name = 'o', .help = "the core to write; default: PID.core" },
	{ "zstd", GS_ARG_BOOL, .help = "packed with zstd (gospect reads it so; gdb and Delve want it unpacked)" },
	{ "how", GS_ARG_ENUM, "auto", "auto precopy fork copy",
	  .help = "precopy: copy its memory while it runs, stop it for what it changed meanwhile; fork: stop it only for a copy-on-write child; copy: stop it while its memory is copied; auto: by size and by what it and the kernel allow" },
	{ "max-pause", GS_ARG_DURATION, "0", .help = "refuse when a longer pause than this is predicted; 0: no limit" },
	{ "format", GS_ARG_ENUM, "text", "text json", .help = "of the summary" },
	{ "quiet", GS_ARG_BOOL, .short_name = 'q', .help = "no progress" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static const gs_op snapshot_op = {
	.name = "snapshot",
	.summary = "write the memory of a running process as an ELF core",
	.help = "The process pauses for milliseconds, gets no signal and goes on; the pause is printed. Delve and gdb open the core:\n"
		"\n"
		"  gospect snapshot 4242 -o shop.core\n"
		"  dlv core /path/to/shop shop.core\n"
		"\n"
		"How: the memory is copied while the process runs, then again what it changed meanwhile; for the last few megabytes it stands still\n"
		"(precopy, Linux 6.7). Otherwise all threads are stopped, one of them that sleeps makes a copy-on-write child, all go on, and the\n"
		"child is read and ended (fork). Where neither is possible (a seccomp filter, no sleeping thread, not amd64) the process stands still\n"
		"while its memory is copied. A core holds every secret of the process: the file is for its owner only.\n",
	.operands = "PID|NAME|CONTAINER",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
};

static void text(gs_buf *out, const char *path, const gs_snapshot_file *f)
{
	const gs_snapshot_report *r = &f->report;

	gs_buf_f(out, "%s  %.1f MB, %.1f MB on disk, %u threads\n", path, (double)f->size.core_bytes / 1e6, (double)f->size.disk_bytes / 1e6,
		 f->n_threads);
	gs_buf_f(out, "  pause %.2f ms (predicted %.2f ms), by %s: %.*s", (double)r->pause_ns / 1e6, (double)r->plan.pause_ns / 1e6,
		 gs_snapshot_way_name(r->way), GS_FMT(r->way == r->plan.way ? r->plan.why : r->note));
	if (r->lent_ns)
		gs_buf_f(out, "; one thread alone %.2f ms", (double)r->lent_ns / 1e6);
	gs_buf_c(out, '\n');
	if (r->note.n && r->way == r->plan.way)
		gs_buf_f(out, "  note: %.*s\n", GS_FMT(r->note));
	if (f->incomplete.n)
		gs_buf_f(out, "  %.*s\n", GS_FMT(f->incomplete));
}

static void json(gs_buf *out, const char *path, const gs_snapshot_file *f)
{
	const gs_snapshot_report *r = &f->report;
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_kstr(&j, "file", gs_str_of(path));
	gs_json_kstr(&j, "process", f->title);
	gs_json_ku64(&j, "size_bytes", f->size.core_bytes);
	gs_json_ku64(&j, "disk_bytes", f->size.disk_bytes);
	gs_json_ku64(&j, "copied_bytes", r->copied_bytes);
	gs_json_ku64(&j, "threads", f->n_threads);
	gs_json_kstr(&j, "planned", gs_str_of(gs_snapshot_way_name(r->plan.way)));
	gs_json_kstr(&j, "why", r->plan.why);
	gs_json_kstr(&j, "how", gs_str_of(gs_snapshot_way_name(r->way)));
	gs_json_ki64(&j, "predicted_pause_ns", r->plan.pause_ns);
	gs_json_ki64(&j, "pause_ns", r->pause_ns);
	gs_json_ki64(&j, "lent_ns", r->lent_ns);
	gs_json_ki64(&j, "total_ns", r->total_ns);
	gs_json_kstr(&j, "note", r->note);
	gs_json_kstr(&j, "incomplete", f->incomplete);
	gs_json_object_end(&j);
	gs_buf_c(out, '\n');
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

/* Ctrl-C and its like end the work in good order: the second one at once. Should memory run out, we go and not the process that is looked at. */
static void prepare_for_trouble(gs_cli_progress *progress)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &act, NULL);
	progress->progress.should_stop = should_stop;
	if (fd < 0)
		return;
	if (write(fd, "1000", 4) < 0) {
		/* it stays as it was */
	}
	close(fd);
}

static int run(gs_op_call *call, gs_err *err)
{
	gs_str how = gs_call_str(call, "how");
	gs_snapshot_ask ask = { .max_pause_ns = gs_call_int(call, "max-pause") };
	gs_cli_progress progress;
	gs_snapshot_file f;
	const char *path;
	bool ok;

	if (call->n_paths != 1) {
		gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "snapshot: one process: gospect snapshot PID -o FILE.core");
		return 2;
	}
	path = gs_call_is_set(call, "output") ? gs_cstr(call->mem, gs_call_str(call, "output")) :
						gs_cstr(call->mem, gs_strf(call->mem, "%.*s.core", GS_FMT(call->paths[0])));
	gs_cli_progress_init(&progress, gs_call_bool(call, "quiet"));
	prepare_for_trouble(&progress);
	for (unsigned way = GS_SNAPSHOT_AUTO; way <= GS_SNAPSHOT_PRECOPY; way++)
		if (gs_str_eq(how, gs_str_of(gs_snapshot_way_name(way))))
			ask.way = way;
	ok = gs_snapshot_to_core(call->mem, call->paths[0], ask, path, gs_call_bool(call, "zstd"), &progress.progress, &f, err);
	gs_cli_progress_end(&progress);
	if (!ok)
		return gs_err_exit_status(err);
	if (gs_str_eq(gs_call_str(call, "format"), GS_S("json")))
		json(call->out, path, &f);
	else
		text(call->out, path, &f);
	return 0;
}

const gs_command gs_command_snapshot = { .op = &snapshot_op, .run = run };
