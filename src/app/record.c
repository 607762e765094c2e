#include "app/record.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "app/version.h"
#include "base/clock.h"
#include "capture/evidence.h"
#include "base/banned.h"

#define SECOND_NS 1000000000ll
enum { MAX_PARTS = 200 };

struct gs_record {
	gs_arena *mem; /* of start() and the main thread */
	gs_record_options o;
	gs_record_target target;
	gs_folder folder;
	gs_capture_info info;
	gs_part parts[MAX_PARTS];
	gs_perf *perf;
	int perf_fd;
	uint32_t perf_part, cpu_part; /* indexes in parts; UINT32_MAX: none */
	gs_record_command command;
	int64_t begin_ns;
	gs_buf threads; /* see gs_evidence_threads */
	pthread_t thread;
	bool has_thread;

	/* The endpoint's profiles, fetched by a second thread with its own memory. */
	gs_arena *http_mem;
	gs_part *http_parts;
	uint32_t n_http_parts;
	gs_err http_err;
	bool http_ok;

	_Atomic bool should_stop;
	_Atomic bool is_sampled; /* perf's part of the time is over: the endpoint's progress is told */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	gs_record_status status; /* under the lock */
	bool is_over;
};

static void say(gs_record *r, double done, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(gs_record *r, double done, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&r->lock);
	r->status.done = done;
	va_start(ap, fmt);
	vsnprintf(r->status.message, sizeof(r->status.message), fmt, ap);
	va_end(ap);
	pthread_mutex_unlock(&r->lock);
}

static void note(gs_record *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(gs_record *r, const char *fmt, ...)
{
	GS_AUTO(buf) b = { 0 };
	va_list ap;

	gs_buf_init(&b, 4096);
	va_start(ap, fmt);
	gs_buf_vf(&b, fmt, ap);
	va_end(ap);
	if (r->info.n_notes < sizeof(r->info.notes) / sizeof(r->info.notes[0]))
		r->info.notes[r->info.n_notes++] = gs_str_dup(r->mem, gs_buf_view(&b));
}

static uint32_t add_part(gs_record *r, gs_part part)
{
	if (r->info.n_parts == MAX_PARTS)
		return UINT32_MAX;
	r->parts[r->info.n_parts] = part;
	return r->info.n_parts++;
}

static bool should_stop(void *ctx)
{
	gs_record *r = ctx;

	return r->should_stop;
}

static void on_progress(void *ctx, double done, const char *text)
{
	gs_record *r = ctx;
	int64_t spent = gs_now_ns() - r->begin_ns, total = r->info.asked_duration_ns;

	if (r->should_stop)
		say(r, -1, "ending the recording of %.*s%s%s", GS_FMT(r->target.title), text[0] ? ": " : "", text);
	else if (total)
		say(r, done >= 0 ? done : (double)spent / (double)total, "recording %.*s: %lld s of %lld s%s%s", GS_FMT(r->target.title),
		    (long long)(spent < total ? spent / SECOND_NS : total / SECOND_NS), (long long)((total + SECOND_NS - 1) / SECOND_NS),
		    text[0] ? ", " : "", text);
	else
		say(r, -1, "recording %.*s: %lld s%s%s", GS_FMT(r->target.title), (long long)(spent / SECOND_NS), text[0] ? ", " : "", text);
}

static void on_http_progress(void *ctx, double done, const char *text)
{
	gs_record *r = ctx;
	bool is_over = r->info.asked_duration_ns && gs_now_ns() - r->begin_ns > r->info.asked_duration_ns;

	if (is_over && text[0] && !r->should_stop)
		say(r, -1, "recorded %.*s: %s", GS_FMT(r->target.title), text);
	else if (!r->perf || (r->is_sampled && text[0])) /* else perf's own progress says more */
		on_progress(ctx, done, text);
}

static void *http_main(void *ctx)
{
	gs_record *r = ctx;
	gs_progress progress = { on_http_progress, should_stop, r };
	gs_http_profile_options o = {
		.target = r->target.endpoint,
		.auth = &r->o.auth,
		.duration_ns = r->info.asked_duration_ns,
		.only = r->o.only,
		.trace_ns = r->o.trace_ns ? r->o.trace_ns : 5 * SECOND_NS,
		.trace_max_bytes = r->o.trace_max_bytes ? r->o.trace_max_bytes : 64 << 20,
		.is_delta = !r->o.is_cumulative,
		.cpu_file = r->perf ? "cpu-go.pprof" : NULL,
		.progress = &progress,
	};

	r->http_ok = gs_http_profile_fetch(r->http_mem, &r->folder, &o, &r->http_parts, &r->n_http_parts, &r->http_err);
	return NULL;
}

static void write_info(gs_record *r)
{
	gs_err err;

	if (!gs_capture_info_write(&r->folder, &r->info, &err))
		note(r, "%s", err.text);
}

/* Nothing was taken: leave no folder that looks as if. */
static void drop_folder(gs_record *r)
{
	if (r->folder.fd < 0)
		return;
	gs_folder_empty(&r->folder);
	if (r->folder.is_made)
		(void)rmdir(r->folder.path); /* stays when others put files there */
}

/* At the start and at the end: those that ended before, and those that came. */
static void look_at_threads(gs_record *r)
{
	for (uint32_t i = 0; i < r->target.n_processes; i++)
		gs_evidence_threads(&r->target.processes[i].pid, 1, &r->threads);
}

static void finish_perf(gs_record *r)
{
	const gs_perf_facts *f = gs_perf_look(r->perf);
	gs_part *data = &r->parts[r->perf_part], *cpu = &r->parts[r->cpu_part];
	gs_err err = { .at = GS_ERR_NOWHERE };
	int fd = r->perf_fd;

	r->perf_fd = -1;
	if (!gs_perf_finish(r->perf, &err)) {
		data->state = cpu->state = GS_PART_FAILED;
		data->error = cpu->error = gs_str_dup(r->mem, gs_str_of(err.text));
		close(fd);
		return;
	}
	close(fd);
	data->state = GS_PART_DONE;
	data->size_bytes = f->size_bytes;
	data->duration_ns = r->info.duration_ns;
	data->how = gs_strf(r->mem, "%s at %u Hz, %llu samples%s", f->event, r->info.frequency_hz, (unsigned long long)f->n_samples,
			    f->has_kernel ? "" : ", without the kernel");
	if (f->n_lost)
		note(r, "%llu samples were lost: the machine was too busy to take them all", (unsigned long long)f->n_lost);
	if (f->n_throttled)
		note(r, "the kernel throttled the sampling %llu times: choose a lower frequency", (unsigned long long)f->n_throttled);
	if (!f->has_kernel && !r->o.user_only && f->why_no_kernel)
		note(r, "no kernel stacks: %s", f->why_no_kernel);
	r->info.is_disk_full = f->is_full;
	if (f->is_full)
		note(r, "the disk is full: the recording ends where it was");
	if (r->o.hardware && strcmp(f->event, "cycles") != 0)
		note(r, "no cycle counter here: sampled by the CPU clock");
	if (f->n_samples == 0 && r->target.n_processes == 1 && gs_process_is_stopped(&r->target.processes[0]))
		note(r, "no samples: the process is stopped (SIGSTOP, or by a debugger); kill -CONT %d lets it go on", r->target.processes[0].pid);
	else if (f->n_samples == 0 && f->scope == GS_PERF_SCOPE_TASKS)
		note(r, "no samples: no thread used %u ms of CPU time; a higher --frequency sees shorter ones", 1000 / r->info.frequency_hz);
	else if (f->n_samples == 0)
		note(r, "no samples: it used next to no CPU time while it was recorded");
	if (!gs_evidence_kernel(&r->folder, f, &err))
		note(r, "%s", err.text);
	look_at_threads(r);
	if (r->threads.n && !gs_folder_write(&r->folder, "threads.txt", gs_buf_view(&r->threads), &err))
		note(r, "%s", err.text);
	say(r, -1, "reading symbols");
	cpu->duration_ns = r->info.duration_ns;
	if (!gs_record_convert(&r->folder, f, r->target.n_processes ? r->target.processes : NULL, "cpu.pprof", cpu, r->mem, &err)) {
		cpu->state = GS_PART_FAILED;
		cpu->error = gs_str_dup(r->mem, gs_str_of(err.text));
	}
}

static void take_http_parts(gs_record *r)
{
	bool has_cpu = r->perf != NULL, is_gone = r->perf && gs_perf_look(r->perf)->target_ended;

	for (uint32_t i = 0; i < r->n_http_parts; i++) {
		if (is_gone && r->http_parts[i].state == GS_PART_FAILED)
			r->http_parts[i].error = GS_S("the program ended before it was complete");
		add_part(r, r->http_parts[i]);
	}
	if (!r->http_ok) {
		gs_part whole = { .file = has_cpu ? GS_S("cpu-go.pprof") : GS_S("cpu.pprof"),
				  .kind = GS_S("endpoint"),
				  .how = r->target.endpoint->base,
				  .state = GS_PART_FAILED,
				  .error = gs_str_dup(r->mem, gs_str_of(r->http_err.text)) };

		if (r->n_http_parts == 0)
			add_part(r, whole);
	}
}

static const char *why_ended(const gs_record *r)
{
	const gs_perf_facts *f = r->perf ? gs_perf_look(r->perf) : NULL;

	if (f && f->is_full)
		return "the disk was full";
	if (f && f->target_ended)
		return "the target ended";
	return r->should_stop ? "stopped" : "the time was over";
}

static void over(gs_record *r, bool ok, const gs_err *err)
{
	pthread_mutex_lock(&r->lock);
	r->status.state = ok ? GS_RECORD_DONE : GS_RECORD_FAILED;
	r->status.was_stopped = r->should_stop;
	r->status.done = 1;
	if (!ok)
		r->status.err = *err;
	r->is_over = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}

/* The command's process as it is once exec went through. */
static void learn_command(gs_record *r)
{
	gs_process *p = gs_new(r->mem, gs_process, 1);

	if (gs_process_look(r->mem, r->command.pid, p, NULL)) {
		r->target.processes = p;
		r->target.n_processes = 1;
		r->info.process = p;
	}
}

static void *main_thread(void *ctx)
{
	gs_record *r = ctx;
	gs_progress progress = { on_progress, should_stop, r };
	gs_err err = { .at = GS_ERR_NOWHERE };
	pthread_t http;
	bool has_http = false, any = false, ok = true;

	r->begin_ns = gs_now_ns();
	if (r->target.endpoint)
		has_http = pthread_create(&http, NULL, http_main, r) == 0;
	if (r->perf && !gs_perf_run(r->perf, r->o.command && !r->o.duration_ns ? 0 : r->info.asked_duration_ns, &progress, &err))
		note(r, "%s", err.text);
	r->info.duration_ns = gs_now_ns() - r->begin_ns;
	if (r->perf && gs_perf_look(r->perf)->target_ended)
		r->should_stop = true; /* nothing more will come from its endpoint */
	r->is_sampled = true;
	if (r->perf) /* while the endpoint still answers */
		finish_perf(r);
	if (has_http)
		pthread_join(http, NULL);
	if (!r->perf)
		r->info.duration_ns = gs_now_ns() - r->begin_ns;
	r->info.ended = gs_str_of(why_ended(r));
	if (r->target.endpoint)
		take_http_parts(r);
	for (uint32_t i = 0; i < r->info.n_parts; i++)
		any |= r->parts[i].state == GS_PART_DONE;
	if (!any) {
		ok = false;
		err = r->http_err;
		if (!r->target.endpoint || err.code == GS_ERR_NONE)
			gs_fail(&err, GS_ERR_IO, GS_ERR_NOWHERE, "%.*s",
				GS_FMT(r->info.n_parts ? r->parts[0].error : GS_S("nothing was recorded")));
	}
	r->info.state = ok ? GS_S("done") : GS_S("failed");
	if (ok)
		write_info(r);
	else
		drop_folder(r);
	over(r, ok, &err);
	return NULL;
}

/* Can and should perf events be used? False only when the recording cannot be. */
static bool begin_perf(gs_record *r, gs_err *err)
{
	gs_perf_options o = {
		.frequency_hz = r->info.frequency_hz,
		.follows_children = r->o.follows_children || r->o.command,
		.on_exec = r->o.command != NULL,
		.user_only = r->o.user_only,
		.hardware = r->o.hardware,
		.scope = r->o.scope,
		.version = gs_str_of(gs_version()),
		.command = r->o.words,
		.n_command = r->o.n_words,
	};
	int32_t *pids = gs_new(r->mem, int32_t, r->target.n_processes + 1);
	gs_err why = { .at = GS_ERR_NOWHERE };

	for (uint32_t i = 0; i < r->target.n_processes; i++)
		pids[o.n_pids++] = r->target.processes[i].pid;
	if (r->o.command)
		pids[o.n_pids++] = r->command.pid;
	o.pids = pids;
	r->perf_fd = gs_folder_stream(&r->folder, "perf.data", err);
	if (r->perf_fd < 0)
		return false;
	o.fd = r->perf_fd;
	r->perf = gs_perf_open(&o, &why);
	if (!r->perf) {
		close(r->perf_fd);
		(void)unlinkat(r->folder.fd, "perf.data", 0);
		r->perf_fd = -1;
		if (!r->target.endpoint) {
			*err = why;
			return false;
		}
		add_part(r, (gs_part){ .file = GS_S("perf.data"),
				       .kind = GS_S("perf"),
				       .how = GS_S("perf events"),
				       .state = GS_PART_FAILED,
				       .error = gs_str_dup(r->mem, gs_str_of(why.text)) });
		return true;
	}
	r->perf_part = add_part(r, (gs_part){ .file = GS_S("perf.data"), .kind = GS_S("perf"), .how = GS_S("perf events") });
	r->cpu_part = add_part(r, (gs_part){ .file = GS_S("cpu.pprof"), .kind = GS_S("cpu"), .how = GS_S("perf events") });
	gs_buf_init(&r->threads, 1 << 20);
	look_at_threads(r);
	if (!r->o.command && !gs_evidence_maps(&r->folder, pids, o.n_pids, &why))
		note(r, "%s", why.text);
	return true;
}

/* A process that may have an endpoint and cannot or does not say so? */
static bool note_silence(gs_record *r)
{
	if (r->o.no_endpoint || r->target.endpoint)
		return false;
	for (uint32_t i = 0; i < r->target.n_processes; i++) {
		const gs_process *p = &r->target.processes[i];

		if (!p->info.is_go || !gs_process_silence(p).n)
			continue;
		if (p->is_stopped)
			note(r, "nothing from an endpoint: process %d is stopped (SIGSTOP, or by a debugger) and cannot answer; kill -CONT %d lets it go on", p->pid, p->pid);
		else
			note(r, "nothing from an endpoint: %u of the sockets that process %d listens on did not answer in time", p->n_silent, p->pid);
		return true;
	}
	return false;
}

static bool begin(gs_record *r, gs_err *err)
{
	gs_process *local = gs_new(r->mem, gs_process, 1);
	bool wants_cpu = gs_only_has(r->o.only, GS_S("cpu"));
	bool may_perf = !r->o.no_perf && wants_cpu && (r->o.command || r->target.n_processes);

	if (note_silence(r) && !may_perf)
		return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "%.*s", GS_FMT(r->info.notes[0]));
	if (!may_perf && !r->target.endpoint)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s has no pprof endpoint, which is where all but the CPU profile comes from", GS_FMT(r->target.title));
	if (!gs_folder_create(r->o.output, r->target.name, r->o.replace, &r->folder, err))
		return false;
	gs_capture_clock_now(&r->info.clock);
	r->begin_ns = gs_now_ns();
	if (r->target.endpoint && !r->target.n_processes && gs_process_of_endpoint(r->mem, r->target.endpoint, local))
		r->info.process = local;
	if (r->o.command && !gs_record_command_prepare(r->o.command, &r->command, err))
		return false;
	if (may_perf && !begin_perf(r, err))
		return false;
	if (r->o.command) {
		if (!gs_record_command_go(&r->command, r->o.command[0], err))
			return false;
		learn_command(r);
	}
	write_info(r);
	return true;
}

gs_record *gs_record_start(const gs_record_options *options, gs_err *err)
{
	gs_record *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory");
		return NULL;
	}
	r->mem = gs_arena_create(1ull << 32);
	r->http_mem = gs_arena_create(1ull << 32);
	r->o = *options;
	r->folder.fd = -1;
	r->perf_fd = -1;
	r->command = (gs_record_command){ .go_fd = -1, .fail_fd = -1 };
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	r->info = (gs_capture_info){ .version = gs_str_of(gs_version()),
				     .state = GS_S("recording"),
				     .asked_duration_ns = options->duration_ns ? options->duration_ns :
							  options->command     ? 0 :
										 30 * SECOND_NS,
				     .frequency_hz = options->frequency_hz ? options->frequency_hz : 99,
				     .only = options->only,
				     .parts = r->parts };
	if (!gs_record_find_target(r->mem, options, &r->target, err))
		goto fail;
	r->info.source_kind = r->target.kind;
	r->info.source = r->target.text;
	r->info.process = r->target.processes;
	r->info.n_processes = r->target.n_processes;
	if (!begin(r, err))
		goto fail;
	rc = pthread_create(&r->thread, NULL, main_thread, r);
	if (rc) {
		gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "cannot start a thread: %s", strerror(rc));
		goto fail;
	}
	r->has_thread = true;
	return r;
fail:
	drop_folder(r);
	gs_record_command_drop(&r->command);
	gs_record_free(r);
	return NULL;
}

void gs_record_poll(gs_record *r, gs_record_status *out)
{
	pthread_mutex_lock(&r->lock);
	*out = r->status;
	pthread_mutex_unlock(&r->lock);
}

void gs_record_stop(gs_record *r)
{
	r->should_stop = true;
}

bool gs_record_wait(gs_record *r, int64_t timeout_ns)
{
	struct timespec until;
	int64_t at = gs_now_ns() + timeout_ns;
	bool is_over;

	until.tv_sec = (time_t)(at / SECOND_NS);
	until.tv_nsec = (long)(at % SECOND_NS);
	pthread_mutex_lock(&r->lock);
	while (!r->is_over && pthread_cond_timedwait(&r->changed, &r->lock, &until) == 0)
		;
	is_over = r->is_over;
	pthread_mutex_unlock(&r->lock);
	return is_over;
}

const gs_capture_info *gs_record_result(gs_record *r)
{
	return &r->info;
}

const char *gs_record_folder(const gs_record *r)
{
	return r->folder.path;
}

int32_t gs_record_command_pid(const gs_record *r)
{
	return r->command.pid;
}

void gs_record_free(gs_record *r)
{
	if (!r)
		return;
	if (r->has_thread) {
		gs_record_stop(r);
		pthread_join(r->thread, NULL);
	}
	gs_perf_close(r->perf);
	gs_buf_release(&r->threads);
	if (r->perf_fd >= 0)
		close(r->perf_fd);
	gs_folder_close(&r->folder);
	gs_arena_free(r->mem);
	gs_arena_free(r->http_mem);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}
