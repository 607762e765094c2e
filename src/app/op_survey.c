/* gospect survey: many execution traces, a row each. */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "analysis/trace_frames.h"
#include "analysis/trace_survey.h"
#include "app/trace_args.h"
#include "base/file.h"
#include "load/load.h"
#include "present/printable.h"

#include "base/banned.h"

enum { MAX_FILES = 100000, MAX_DEPTH = 8 };

static const gs_arg args[] = {
	{ "sort", GS_ARG_ENUM, "name", "name requests stw sched", .help = "by file, or the slowest first: p99 of requests, stops of the world, scheduler" },
	{ 0 },
};
static const gs_arg_group group = { "Table", args };

typedef struct row {
	gs_str path;
	gs_trace_survey s;
	gs_str wait;  /* place */
	gs_str why;   /* of the wait */
	gs_str error; /* instead of all */
} row;

typedef struct survey {
	gs_op_call *call;
	GS_VEC(gs_str) files;
	GS_VEC(row) rows;
	bool failed;
} survey;

static int by_name(const void *a, const void *b)
{
	return gs_str_cmp(*(const gs_str *)a, *(const gs_str *)b);
}

static void add_file(survey *v, gs_str path)
{
	gs_str *to = gs_vec_push(&v->files, MAX_FILES);

	if (to)
		*to = path;
	v->failed = v->failed || !to;
}

/* Files below a folder; what is none of ours is passed over when it is opened. */
static void add_folder(survey *v, gs_str path, unsigned depth)
{
	DIR *dir = depth < MAX_DEPTH ? opendir(path.p) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL) {
		gs_str child = gs_strf(v->call->mem, "%.*s/%s", GS_FMT(path), e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' || lstat(child.p, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode))
			add_folder(v, child, depth + 1);
		else if (S_ISREG(st.st_mode))
			add_file(v, child);
	}
	if (dir)
		closedir(dir);
}

static bool look(survey *v, gs_str path, bool is_named, gs_err *err)
{
	gs_load_options options = { .keep_path_name = true };
	gs_arena *mem = v->call->mem;
	GS_AUTO(buf) text = { .max = 4096 };
	GS_AUTO(document) *d = gs_load_file(path.p, &options, v->call->progress, err);
	row *r;

	if (d ? !d->timeline : !is_named && err->code == GS_ERR_FORMAT)
		return !d || !is_named || gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is no execution trace", GS_FMT(path));
	r = gs_vec_push(&v->rows, MAX_FILES);
	if (!r)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for the rows");
	r->path = path;
	if (!d) {
		if (err->code == GS_ERR_STOPPED)
			return false;
		r->error = gs_str_dup(mem, gs_str_of(err->text));
		v->call->exit_status = 1;
		return true;
	}
	if (!gs_trace_survey_build(d->timeline, d->profile, &r->s, err))
		return false;
	if (r->s.wait_node) {
		gs_trace_source src = { d->timeline, d->profile, path };

		gs_trace_put_place(&text, &src, r->s.wait_node);
		r->wait = gs_str_dup(mem, gs_buf_view(&text));
		r->why = gs_str_dup(mem, gs_profile_str(d->profile, d->timeline->reasons[r->s.wait_reason]));
	}
	return true;
}

#define SLOWEST_FIRST(name, field)                                                                          \
	static int name(const void *a, const void *b)                                                       \
	{                                                                                                   \
		const row *x = a, *y = b;                                                                   \
		return x->s.field != y->s.field ? (x->s.field > y->s.field ? -1 : 1) : gs_str_cmp(x->path, y->path); \
	}
SLOWEST_FIRST(by_requests, request_p99_ns)
SLOWEST_FIRST(by_stops, stw_max_ns)
SLOWEST_FIRST(by_sched, sched_p99_ns)

static void sort_rows(survey *v)
{
	gs_str by = gs_call_str(v->call, "sort");

	if (v->rows.n && !gs_str_eq(by, GS_S("name")))
		qsort(v->rows.p, v->rows.n, sizeof(row),
		      gs_str_eq(by, GS_S("requests")) ? by_requests : gs_str_eq(by, GS_S("stw")) ? by_stops : by_sched);
}

static void put_text(const survey *v, gs_buf *out)
{
	gs_buf_z(out, "  duration format goroutines running  queued  sched p99    sched max     gc    stw max  requests   p50        p99  file; where it waited most\n");
	for (size_t i = 0; i < v->rows.n; i++) {
		const row *r = &v->rows.p[i];
		const gs_trace_survey *s = &r->s;

		if (r->error.n) {
			gs_buf_fill(out, ' ', 10);
			gs_printable(out, r->path);
			gs_buf_z(out, ": ");
			gs_printable(out, r->error);
			gs_buf_c(out, '\n');
			continue;
		}
		gs_trace_put_ns(out, s->duration_ns, 10);
		gs_buf_f(out, "   1.%-2u %10" PRIu32 " %7.2f %7.2f", s->format_minor, s->goroutines, s->running, s->waiting_for_proc);
		gs_trace_put_ns(out, s->sched_p99_ns, 11);
		gs_trace_put_ns(out, s->sched_max_ns, 13);
		gs_buf_f(out, " %5.1f%%", 100 * s->gc_share);
		gs_trace_put_ns(out, s->stw_max_ns, 11);
		gs_buf_f(out, " %9" PRIu32, s->requests);
		gs_trace_put_ns(out, s->request_p50_ns, 10);
		gs_trace_put_ns(out, s->request_p99_ns, 11);
		gs_buf_z(out, "  ");
		gs_printable(out, r->path);
		if (r->wait.n) {
			gs_buf_z(out, "; ");
			gs_printable(out, r->why);
			gs_buf_z(out, " at ");
			gs_buf_str(out, r->wait);
			gs_buf_c(out, ' ');
			gs_trace_put_ns(out, s->wait_ns, 0);
			gs_buf_z(out, s->is_convoy ? ", a convoy" : "");
		}
		gs_buf_z(out, s->is_damaged ? "; damaged\n" : "\n");
	}
	gs_buf_f(out, "%zu traces\n", v->rows.n);
}

static void put_json(const survey *v, gs_buf *out)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_array(j);
	for (size_t i = 0; i < v->rows.n; i++) {
		const row *r = &v->rows.p[i];
		const gs_trace_survey *s = &r->s;

		gs_json_object(j);
		gs_json_kstr(j, "path", r->path);
		if (r->error.n) {
			gs_json_kstr(j, "error", r->error);
			gs_json_object_end(j);
			continue;
		}
		gs_json_ki64(j, "duration_ns", s->duration_ns);
		gs_json_ku64(j, "format_minor", s->format_minor);
		gs_json_ku64(j, "goroutines", s->goroutines);
		gs_json_kf64(j, "running", s->running);
		gs_json_kf64(j, "waiting_for_proc", s->waiting_for_proc);
		gs_json_ki64(j, "sched_p99_ns", s->sched_p99_ns);
		gs_json_ki64(j, "sched_max_ns", s->sched_max_ns);
		gs_json_kf64(j, "gc_share", s->gc_share);
		gs_json_ki64(j, "stw_total_ns", s->stw_total_ns);
		gs_json_ki64(j, "stw_max_ns", s->stw_max_ns);
		gs_json_ku64(j, "requests", s->requests);
		gs_json_ki64(j, "request_p50_ns", s->request_p50_ns);
		gs_json_ki64(j, "request_p99_ns", s->request_p99_ns);
		gs_json_kstr(j, "wait_at", r->wait);
		gs_json_kstr(j, "wait_reason", r->why);
		gs_json_ki64(j, "wait_ns", s->wait_ns);
		gs_json_kbool(j, "is_convoy", s->is_convoy);
		gs_json_kbool(j, "is_damaged", s->is_damaged);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_buf_c(out, '\n');
}

static bool run(gs_op_call *call, gs_err *err)
{
	survey v = { .call = call };
	bool ok = call->n_paths || gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "survey: which traces?");

	for (unsigned i = 0; ok && i < call->n_paths; i++) {
		gs_str path = gs_str_dup(call->mem, call->paths[i]);
		size_t from = v.files.n;
		struct stat st;
		bool is_folder = stat(path.p, &st) == 0 && S_ISDIR(st.st_mode);

		if (is_folder)
			add_folder(&v, path, 0);
		else
			add_file(&v, path);
		if (is_folder && v.files.n > from)
			qsort(v.files.p + from, v.files.n - from, sizeof(gs_str), by_name);
		for (size_t k = from; ok && k < v.files.n; k++) {
			char text[200];

			snprintf(text, sizeof(text), "%.*s", GS_FMT(gs_str_slice(v.files.p[k], 0, 150)));
			gs_progress_report(call->progress, -1, text);
			ok = look(&v, v.files.p[k], !is_folder, err);
		}
		if (ok && v.failed)
			ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "more than %d files", MAX_FILES);
	}
	if (ok && !v.rows.n)
		ok = gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no execution trace there");
	if (ok) {
		sort_rows(&v);
		if (strcmp(call->format, "json") == 0)
			put_json(&v, call->out);
		else
			put_text(&v, call->out);
	}
	gs_vec_release(&v.files);
	gs_vec_release(&v.rows);
	return ok;
}

const gs_op gs_op_survey = {
	.name = "survey",
	.summary = "many execution traces, a row each",
	.help = "Takes files and folders (all below them). A row says how busy the program was (goroutines running and queued for a processor, on\n"
		"average), scheduler latency, the collector's share, the longest stop of the world, HTTP requests, and the place where its\n"
		"goroutines waited most for each other. `format` is the version of the trace format: Go 1.24 still writes that of 1.23.\n"
		"Exit status 1 when a trace cannot be read.\n"
		"\n"
		"  gospect survey traces/\n"
		"  gospect survey --sort requests pod-*/trace.out\n",
	.operands = "FILE|FOLDER...",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "text json",
	.run = run,
	.is_slow = true,
};
