/* gospect record: the terminal's side of app/record.h: progress, Ctrl-C, the summary. */
#include "cli/command.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/endpoint_args.h"
#include "app/record.h"

#include "base/banned.h"

static const gs_arg args[] = {
	{ "duration", GS_ARG_DURATION, .unit = "time", .short_name = 'd',
	  .help = "how long; default: 30s, for a command until it ends" },
	{ "frequency", GS_ARG_INT, "99", .unit = "Hz", .short_name = 'F', .help = "samples for each second of CPU time" },
	{ "pid", GS_ARG_INT, .unit = "pid", .short_name = 'p', .help = "the process, as its number alone says too" },
	{ "only", GS_ARG_STRING, .unit = "list",
	  .help = "only these, with commas: cpu, trace, heap, allocs, block, mutex, goroutine, goroutines, threadcreate, goroutineleak, or a name of the program's own" },
	{ "trace", GS_ARG_DURATION, "5s", .unit = "time",
	  .help = "take the execution trace of the first so many seconds too, where there is an endpoint; 0: none" },
	{ "trace-max-bytes", GS_ARG_INT, "67108864", .unit = "bytes", .help = "end the trace at this size; what the program still holds comes on top" },
	{ "trace-max-events", GS_ARG_INT, "0", .unit = "events", .help = "end the trace after about so many events (5 bytes each); 0: only by size" },
	{ "output", GS_ARG_STRING, .unit = "folder", .short_name = 'o', .help = "folder to make; default: gospect-NAME-DATE-TIME" },
	{ "force", GS_ARG_BOOL, .help = "replace an earlier capture in that folder" },
	{ "cumulative", GS_ARG_BOOL, .help = "allocs, block and mutex since the start of the program, not only over the duration" },
	{ "perf", GS_ARG_BOOL, "1", .help = "sample with perf events (a process of this machine or a command)" },
	{ "endpoint", GS_ARG_BOOL, "1", .help = "ask the process's own pprof endpoint too, if it has one" },
	{ "children", GS_ARG_BOOL, .help = "record the process's new child processes too; for a command that is so anyway" },
	{ "user-only", GS_ARG_BOOL, .help = "no kernel stacks" },
	{ "event", GS_ARG_ENUM, "cpu-clock", "cpu-clock cycles", .help = "what to sample by: CPU time, or the cycle counter of the CPU" },
	{ "scope", GS_ARG_ENUM, "auto", "auto threads cpus",
	  .help = "attach to each thread, or to each CPU and keep what is the target's; auto: cpus where it is allowed" },
	{ "format", GS_ARG_ENUM, "text", "text json", .help = "of the summary" },
	{ "quiet", GS_ARG_BOOL, .short_name = 'q', .help = "no progress" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

static const gs_op record_op = {
	.name = "record",
	.summary = "record a running program, or one that is started for it",
	.help = "Makes a capture folder of standard files: perf.data and a symbolised cpu.pprof from perf events, and heap, allocs, block,\n"
		"mutex, goroutine and thread profiles and an execution trace from the program's pprof endpoint. A process needs no endpoint, no symbols and no\n"
		"restart; if it has an endpoint, gospect finds it and uses both.\n"
		"\n"
		"  gospect record 4242                         a process\n"
		"  gospect record shop                         by its name, or a container's id or name\n"
		"  gospect record localhost:6060               all profiles of an endpoint\n"
		"  gospect record http://host/debug/pprof/heap one profile\n"
		"  gospect record unix:/run/app.sock\n"
		"  gospect record -- ./prog args               start it and record from its first instruction\n"
		"\n"
		"Ctrl-C ends the recording and keeps what was taken; a second one aborts. With a command, Ctrl-C reaches the command, and\n"
		"its exit status is ours. If perf events are not allowed here, gospect doctor says how to allow them.\n",
	.operands = "PID|NAME|CONTAINER|URL  or  -- COMMAND [ARGUMENT]...",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, &gs_args_endpoint, NULL },
};

/* Of large traces of services: docs/formats/gotrace.md. */
enum { TRACE_EVENT_BYTES = 5 };

static volatile sig_atomic_t n_interrupts, n_to_forward;
static volatile sig_atomic_t forward_signal;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	n_interrupts++;
	/* The terminal sends Ctrl-C to the command as well; what somebody sent to us alone is to be passed on. */
	if (info->si_code != SI_KERNEL) {
		forward_signal = sig;
		n_to_forward++;
	}
}

static void catch_signals(void)
{
	struct sigaction a = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigemptyset(&a.sa_mask);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGHUP, &a, NULL);
}

static bool check_only(gs_str only, gs_err *err)
{
	gs_str word;

	while (only.n) {
		(void)gs_str_cut(only, ',', &word, &only);
		word = gs_str_trim(word);
		for (size_t i = 0; i < word.n; i++)
			if (word.p[i] <= ' ' || word.p[i] == '/' || word.p[i] == '?')
				return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record: --only takes names with commas, as in cpu,heap");
	}
	return true;
}

static bool read_options(gs_op_call *call, gs_record_options *o, gs_err *err)
{
	gs_str scope = gs_call_str(call, "scope");
	unsigned n_before = call->dashes_at < call->n_paths ? call->dashes_at : call->n_paths;
	int64_t hz = gs_call_int(call, "frequency");
	gs_str *words = gs_new(call->mem, gs_str, call->n_paths + 2);

	if (call->dashes_at < call->n_paths) {
		char **argv = gs_new(call->mem, char *, call->n_paths - call->dashes_at + 1);

		if (n_before)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record: a target (%.*s) or a command, not both",
				       GS_FMT(call->paths[0]));
		for (unsigned i = call->dashes_at; i < call->n_paths; i++)
			argv[i - call->dashes_at] = gs_cstr(call->mem, call->paths[i]);
		o->command = argv;
	} else if (n_before > 1) {
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record: one target at a time; a command stands behind --: gospect record -- %.*s ...",
			       GS_FMT(call->paths[0]));
	} else if (n_before) {
		o->target = call->paths[0];
	}
	if (gs_call_is_set(call, "pid")) {
		if (o->command || n_before)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record: --pid, a target or a command: one of them");
		o->target = gs_strf(call->mem, "%lld", (long long)gs_call_int(call, "pid"));
	}
	if (hz < 1 || hz > 100000)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record: --frequency must be 1 to 100000");
	o->frequency_hz = (uint32_t)hz;
	o->duration_ns = gs_call_is_set(call, "duration") ? gs_call_int(call, "duration") : 0;
	if (gs_call_is_set(call, "duration") && (o->duration_ns < 1000000 || o->duration_ns > 86400000000000ll))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record: --duration must be between 1ms and 24h");
	o->trace_ns = gs_call_int(call, "trace");
	o->trace_max_bytes = (uint64_t)gs_call_int(call, "trace-max-bytes");
	if (o->trace_ns == 0)
		o->trace_ns = -1;
	if (gs_call_int(call, "trace-max-events") > 0 &&
	    (uint64_t)gs_call_int(call, "trace-max-events") < o->trace_max_bytes / TRACE_EVENT_BYTES)
		o->trace_max_bytes = (uint64_t)gs_call_int(call, "trace-max-events") * TRACE_EVENT_BYTES;
	o->only = gs_call_str(call, "only");
	o->output = gs_call_is_set(call, "output") ? gs_cstr(call->mem, gs_call_str(call, "output")) : NULL;
	o->replace = gs_call_bool(call, "force");
	o->is_cumulative = gs_call_bool(call, "cumulative");
	o->no_perf = !gs_call_bool(call, "perf");
	o->no_endpoint = !gs_call_bool(call, "endpoint");
	o->follows_children = gs_call_bool(call, "children");
	o->user_only = gs_call_bool(call, "user-only");
	o->hardware = gs_str_eq(gs_call_str(call, "event"), GS_S("cycles"));
	o->scope = gs_str_eq(scope, GS_S("threads")) ? GS_PERF_SCOPE_TASKS :
		   gs_str_eq(scope, GS_S("cpus"))    ? GS_PERF_SCOPE_CPUS :
						       GS_PERF_SCOPE_AUTO;
	words[o->n_words++] = GS_S("gospect");
	words[o->n_words++] = GS_S("record");
	for (unsigned i = 0; o->command && i < call->n_paths; i++)
		words[o->n_words++] = call->paths[i];
	o->words = words;
	return check_only(o->only, err) && gs_endpoint_auth(call, &o->auth, err);
}

static gs_str size_text(gs_arena *mem, uint64_t bytes)
{
	return bytes < 10000	? gs_strf(mem, "%llu B", (unsigned long long)bytes) :
	       bytes < 10000000 ? gs_strf(mem, "%llu kB", (unsigned long long)(bytes / 1000)) :
				  gs_strf(mem, "%llu MB", (unsigned long long)(bytes / 1000000));
}

/* Names in it come from the program that was recorded. */
static void put_safe(gs_buf *out, gs_str s)
{
	while (s.n) {
		uint32_t c = gs_utf8_next(&s);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			gs_buf_c(out, '?');
		else
			gs_utf8_put(out, c);
	}
}

static void summary(gs_op_call *call, gs_record *r)
{
	const gs_capture_info *info = gs_record_result(r);
	const char *folder = gs_record_folder(r);
	gs_buf *out = call->out;
	unsigned n_failed = 0;

	gs_buf_f(out, "%s  (%.1f s, %.*s)\n", folder, (double)info->duration_ns / 1e9, GS_FMT(info->ended));
	for (uint32_t i = 0; i < info->n_parts; i++) {
		const gs_part *p = &info->parts[i];

		if (p->state != GS_PART_DONE) {
			n_failed++;
			continue;
		}
		gs_buf_f(out, "  %-20.*s %8.*s", GS_FMT(p->file), GS_FMT(size_text(call->mem, p->size_bytes)));
		if (!gs_str_starts(p->how, GS_S("http"))) {
			gs_buf_z(out, "  ");
			put_safe(out, p->how);
		}
		if (p->note.n) {
			gs_buf_z(out, "  ");
			put_safe(out, p->note);
		}
		gs_buf_c(out, '\n');
	}
	for (uint32_t i = 0; i < info->n_parts && n_failed; i++)
		if (info->parts[i].state != GS_PART_DONE) {
			gs_buf_f(out, "  not taken: %.*s: ", GS_FMT(info->parts[i].file));
			put_safe(out, info->parts[i].error);
			gs_buf_c(out, '\n');
		}
	for (uint32_t i = 0; i < info->n_notes; i++) {
		gs_buf_z(out, "  note: ");
		put_safe(out, info->notes[i]);
		gs_buf_c(out, '\n');
	}
	gs_buf_f(out, "next: gospect top %s   or   gospect ui %s\n", folder, folder);
}

static bool json(gs_op_call *call, gs_record *r, gs_err *err)
{
	gs_str path = gs_strf(call->mem, "%s/capture.json", gs_record_folder(r)), text;
	GS_AUTO(file) f = { 0 };

	if (!gs_file_read(path.p, 64 << 20, &f, err))
		return false;
	text = gs_str_trim(f.bytes);
	gs_json j = gs_json_to(call->out);

	gs_json_object(&j);
	gs_json_kstr(&j, "folder", gs_str_of(gs_record_folder(r)));
	gs_json_key(&j, "capture");
	gs_json_null(&j);
	/* capture.json is JSON already: it takes the place of the null. */
	call->out->n -= 4;
	gs_buf_str(call->out, text);
	gs_json_object_end(&j);
	gs_buf_c(call->out, '\n');
	return true;
}

/* Signals of others for the command; a stop for us. Returns true at the second interruption. */
static bool handle_signals(gs_record *r, int32_t command, int *seen)
{
	int n = n_interrupts;

	if (n_to_forward && command > 0) {
		kill(command, forward_signal);
		n_to_forward = 0;
	}
	if (n == *seen)
		return false;
	*seen = n;
	if (n >= 2)
		return true;
	/* The command decides what an interruption means to it; its end ends the recording. */
	if (command <= 0)
		gs_record_stop(r);
	return false;
}

static int wait_for_command(int32_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(gs_op_call *call, gs_err *err)
{
	gs_record_options o = { 0 };
	bool is_quiet = gs_call_bool(call, "quiet"), is_tty = isatty(STDERR_FILENO), is_over = false, is_aborted = false;
	int seen = 0, status = 0;
	gs_record_status st;
	gs_cli_progress progress;
	gs_record *r;
	int32_t command;

	if (!read_options(call, &o, err))
		return 2;
	catch_signals();
	r = gs_record_start(&o, err);
	if (!r)
		return gs_err_exit_status(err);
	command = gs_record_command_pid(r);
	gs_cli_progress_init(&progress, is_quiet);
	if (!is_quiet && !is_tty)
		gs_cli_note("gospect: recording to %s", gs_record_folder(r));
	while (!is_over && !is_aborted) {
		is_over = gs_record_wait(r, 100000000);
		gs_record_poll(r, &st);
		gs_progress_report(&progress.progress, st.done, st.message);
		is_aborted = handle_signals(r, command, &seen);
	}
	gs_cli_progress_end(&progress);
	if (is_aborted && !command) {
		gs_cli_note("gospect: aborted; what was written is in %s", gs_record_folder(r));
		_exit(130);
	}
	if (is_aborted) { /* the command does not end: leave it alone, keep what there is */
		gs_record_stop(r);
		while (!gs_record_wait(r, 1000000000))
			;
		gs_record_poll(r, &st);
	}
	if (st.state == GS_RECORD_FAILED) {
		*err = st.err;
		status = gs_err_exit_status(err);
	} else if (strcmp(gs_call_str(call, "format").p, "json") == 0) {
		if (!json(call, r, err))
			status = gs_err_exit_status(err);
	} else {
		summary(call, r);
	}
	if (!status && gs_record_result(r)->is_disk_full)
		status = gs_err_exit_status(&(gs_err){ .code = GS_ERR_IO });
	if (command && is_aborted) {
		status = 130;
	} else if (command) {
		if (kill(command, 0) == 0 && waitpid(command, NULL, WNOHANG | WNOWAIT) == 0 && !is_quiet)
			gs_cli_note("gospect: recorded; waiting for the command to end");
		int ended = wait_for_command(command);

		status = status ? status : ended;
	}
	gs_record_free(r);
	return status;
}

extern const gs_command gs_command_record;
const gs_command gs_command_record = { .op = &record_op, .run = run };
