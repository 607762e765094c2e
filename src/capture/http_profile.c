#include "capture/http_profile.h"

#include <ctype.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "format/gotrace/gotrace.h"

#include "base/banned.h"

enum { MAX_NAMES = 64, MAX_ROUNDS = 16 };
/* What a program may still have to write of a trace that it was asked to end. */
#define TRACE_REST_BYTES ((uint64_t)16 << 20)
#define SECOND_NS 1000000000ll
/*
 * The program stands still while it writes the stacks of all goroutines (into buffers of 1, 2, 4, ... MiB until one is large enough): a second for
 * 50,000. That is taken once, at the end; the copy from the start, which is only for programs that end before, is for fewer ones.
 */
enum { FEW_GOROUTINES = 5000 };

/* What to ask for, and how it went so far. */
typedef struct job {
	gs_str name;	 /* last path element: "profile", "heap" */
	gs_str url;	 /* without seconds= */
	gs_part part;
	int64_t seconds; /* > 0: ask for that long */
	bool is_delta;	 /* seconds= means a difference, and the profile without is a way out */
	bool is_bytes;	 /* no pprof: a text, an execution trace */
	uint64_t max_bytes; /* of a trace: it is asked to end there; 0: never */
	bool is_again;	 /* this round runs it */
	bool is_settled; /* in this round */
	bool is_last;	 /* not before the timed ones are over: what it is like at the end */
	int64_t due_ns;	 /* CLOCK_MONOTONIC; until then it is the duration asked for that passes */
	int fd;		 /* -1: not under way */
	struct fetch *of;
} job;

typedef struct fetch {
	gs_arena *mem;
	gs_folder *folder;
	const gs_http_profile_options *o;
	job *jobs;
	uint32_t n;
	uint64_t n_goroutines; /* 0: not known */
} fetch;

bool gs_only_has(gs_str only, gs_str kind)
{
	gs_str word;

	if (only.n == 0)
		return true;
	while (only.n) {
		(void)gs_str_cut(only, ',', &word, &only);
		word = gs_str_trim(word);
		if (gs_str_eq(word, kind) || (gs_str_eq(word, GS_S("profile")) && gs_str_eq(kind, GS_S("cpu"))))
			return true;
	}
	return false;
}

static job *add(fetch *f, gs_str name, gs_str kind, const char *file)
{
	job *j = &f->jobs[f->n++];

	*j = (job){ .name = name, .fd = -1, .is_again = true };
	j->part = (gs_part){ .file = gs_str_dup(f->mem, gs_str_of(file)), .kind = kind };
	j->url = gs_strf(f->mem, "%.*s%.*s", GS_FMT(f->o->target->base), GS_FMT(name));
	return j;
}

static gs_str full_url(const fetch *f, const job *j)
{
	char sep = gs_str_find_char(j->url, '?') == SIZE_MAX ? '?' : '&';

	return j->seconds > 0 ? gs_strf(f->mem, "%.*s%cseconds=%lld", GS_FMT(j->url), sep, (long long)j->seconds) : j->url;
}

static bool is_listed(const gs_str *names, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (gs_str_eq(names[i], gs_str_of(name)))
			return true;
	return false;
}

/*
 * Heap and goroutines once more at the end: the later one is what people look at (a heap profile tells of the last completed
 * collection), the earlier one shows what grew, and stands in for it when the program does not live to the end.
 */
static void plan_before_and_after(fetch *f)
{
	static const struct {
		const char *name, *kind, *file;
	} before[] = {
		{ "heap", "heap-start", "heap-start.pprof" },
		{ "goroutine", "goroutine-start", "goroutine-start.pprof" },
		{ "goroutines", "goroutines-start", "goroutines-start.txt" },
	};
	bool has_timed = false;
	uint32_t n = f->n;

	for (uint32_t i = 0; i < n; i++)
		has_timed |= f->jobs[i].seconds > 1 && f->jobs[i].is_again;
	for (uint32_t i = 0; i < n && has_timed; i++) {
		f->jobs[i].is_last = f->jobs[i].seconds == 0;
		for (size_t k = 0; k < sizeof(before) / sizeof(before[0]); k++) {
			job *j;

			if (!f->jobs[i].is_again || !gs_str_eq(f->jobs[i].part.kind, gs_str_of(before[k].name)) ||
			    (f->jobs[i].is_bytes && f->n_goroutines > FEW_GOROUTINES))
				continue;
			j = add(f, f->jobs[i].name, gs_str_of(before[k].kind), before[k].file);
			j->is_bytes = f->jobs[i].is_bytes;
		}
	}
}

static job *job_of(fetch *f, const char *kind)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (gs_str_eq(f->jobs[i].part.kind, gs_str_of(kind)))
			return &f->jobs[i];
	return NULL;
}

/* The end was not to be had: what was taken at the start has its place. */
static void promote(fetch *f)
{
	static const char *const kinds[][2] = { { "heap", "heap-start" }, { "goroutine", "goroutine-start" }, { "goroutines", "goroutines-start" } };

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		job *last = job_of(f, kinds[k][0]), *first = job_of(f, kinds[k][1]);
		gs_part *to, *from;

		if (!first || !last || first->part.state != GS_PART_DONE)
			continue;
		to = &last->part;
		from = &first->part;
		if (to->state != GS_PART_DONE && renameat(f->folder->fd, from->file.p, f->folder->fd, to->file.p) == 0) {
			to->state = GS_PART_DONE;
			to->size_bytes = from->size_bytes;
			to->error = (gs_str){ 0 };
			to->note = GS_S("at the start; the end was not to be had");
			*first = f->jobs[--f->n];
		} else if (to->state == GS_PART_DONE && first->is_bytes) { /* the text was only for this case */
			(void)unlinkat(f->folder->fd, from->file.p, 0);
			*first = f->jobs[--f->n];
		}
	}
}

/* The profiles that every Go program has or may have. */
static void plan_known(fetch *f, const gs_str *names, unsigned n_names, bool has_index, int64_t seconds)
{
	static const struct {
		const char *name, *kind, *file;
		bool is_delta, is_bytes, listed_only;
	} known[] = {
		{ "profile", "cpu", "cpu.pprof", false, false, false },
		{ "heap", "heap", "heap.pprof", false, false, false },
		{ "allocs", "allocs", "allocs.pprof", true, false, false },
		{ "block", "block", "block.pprof", true, false, false },
		{ "mutex", "mutex", "mutex.pprof", true, false, false },
		{ "goroutine", "goroutine", "goroutine.pprof", false, false, false },
		{ "goroutine?debug=2", "goroutines", "goroutines.txt", false, true, false },
		{ "threadcreate", "threadcreate", "threadcreate.pprof", false, false, false },
		{ "goroutineleak", "goroutineleak", "goroutineleak.pprof", false, false, true },
		{ "trace", "trace", "trace.out", false, true, false },
	};
	int64_t trace_s = f->o->trace_ns > 0 ? (f->o->trace_ns + SECOND_NS / 2) / SECOND_NS : 5;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		bool is_cpu = i == 0, is_trace = strcmp(known[i].kind, "trace") == 0;
		job *j;

		if (!gs_only_has(f->o->only, gs_str_of(known[i].kind)))
			continue;
		if (is_trace && f->o->trace_ns <= 0 && f->o->only.n == 0)
			continue;
		if (known[i].listed_only && !is_listed(names, n_names, known[i].name) && f->o->only.n == 0)
			continue;
		j = add(f, gs_str_of(known[i].name), gs_str_of(known[i].kind),
			is_cpu && f->o->cpu_file ? f->o->cpu_file : known[i].file);
		j->is_bytes = known[i].is_bytes;
		j->is_delta = known[i].is_delta && f->o->is_delta;
		if (is_cpu || j->is_delta)
			j->seconds = seconds;
		if (is_trace) {
			trace_s = trace_s < 1 ? 1 : trace_s;
			j->seconds = trace_s < seconds ? trace_s : seconds;
			j->max_bytes = f->o->trace_max_bytes;
		}
		if (has_index && !is_cpu && !j->is_bytes && !is_listed(names, n_names, known[i].name)) {
			j->part.state = GS_PART_FAILED;
			j->part.error = GS_S("this program has no such profile");
			j->is_again = false;
		}
	}
	/* Profiles of the program's own (pprof.NewProfile). */
	for (unsigned i = 0; i < n_names && f->n < MAX_NAMES; i++) {
		static const char *const others[] = { "cmdline", "symbol", "trace", "profile" };
		bool is_own = gs_only_has(f->o->only, names[i]);

		for (size_t k = 0; k < 4; k++)
			is_own &= !gs_str_eq(names[i], gs_str_of(others[k]));
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			is_own &= !gs_str_eq(names[i], gs_str_of(known[k].name));
		if (is_own) {
			gs_str file = gs_strf(f->mem, "%.*s.pprof", GS_FMT(names[i]));

			add(f, names[i], names[i], file.p);
		}
	}
}

static gs_str query_value(gs_str url, gs_str key)
{
	gs_str path, query, pair, k, v;

	(void)gs_str_cut(url, '?', &path, &query);
	while (query.n) {
		(void)gs_str_cut(query, '&', &pair, &query);
		(void)gs_str_cut(pair, '=', &k, &v);
		if (gs_str_eq(k, key))
			return v;
	}
	return (gs_str){ 0 };
}

/* The address names one profile: that one and no other, as it stands. */
static void plan_single(fetch *f, int64_t seconds)
{
	const gs_http_target *t = f->o->target;
	gs_str debug = query_value(t->single, GS_S("debug")), kind = t->kind, file;
	bool is_cpu = gs_str_eq(kind, GS_S("profile")), is_text = debug.n && !gs_str_eq(debug, GS_S("0"));
	uint64_t n;
	char safe[72];
	size_t len = 0;
	job *j;

	if (is_cpu)
		kind = GS_S("cpu");
	else if (gs_str_eq(kind, GS_S("goroutine")) && gs_str_eq(debug, GS_S("2")))
		kind = GS_S("goroutines");
	for (size_t i = 0; i < kind.n && len < 60; i++)
		if (isalnum((unsigned char)kind.p[i]) || kind.p[i] == '_')
			safe[len++] = kind.p[i];
	safe[len] = '\0';
	file = gs_strf(f->mem, "%s%s", len ? safe : "profile",
		       gs_str_eq(kind, GS_S("trace")) ? ".out" : is_text ? ".txt" : ".pprof");
	j = add(f, t->kind, kind.n ? kind : GS_S("profile"), is_cpu && f->o->cpu_file ? f->o->cpu_file : file.p);
	j->url = t->single;
	j->is_bytes = is_text || gs_str_eq(kind, GS_S("trace"));
	if (gs_str_u64(query_value(t->single, GS_S("seconds")), 10, &n) && n < 86400)
		j->part.duration_ns = (int64_t)n * SECOND_NS;
	else if (is_cpu)
		j->seconds = seconds;
}

static gs_str first_line(gs_str body)
{
	gs_str line = { 0 };

	body = gs_str_trim(body);
	(void)gs_str_line(&body, &line);
	return gs_str_slice(line, 0, 300);
}

static void failed(fetch *f, job *j, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void failed(fetch *f, job *j, const char *fmt, ...)
{
	GS_AUTO(buf) b = { 0 };
	va_list ap;

	gs_buf_init(&b, 4096);
	va_start(ap, fmt);
	gs_buf_vf(&b, fmt, ap);
	va_end(ap);
	j->part.state = GS_PART_FAILED;
	j->part.error = gs_str_dup(f->mem, gs_buf_view(&b));
}

/* Why an answer is not 200; may order another round instead. */
static void refused(fetch *f, job *j, const gs_http_request *r)
{
	gs_str said = first_line(gs_buf_view(&r->body));

	if (j->seconds > 1 && gs_str_has(said, GS_S("WriteTimeout"))) {
		if (j->is_delta) {
			j->seconds = 0;
			j->part.note = GS_S("since the program's start: its server's WriteTimeout is shorter than the recording");
		} else {
			j->seconds = (j->seconds + 1) / 2;
			j->part.note = GS_S("shorter than asked: the server's WriteTimeout allows no more");
		}
		j->is_again = true;
	} else if (gs_str_has(said, GS_S("already in use"))) {
		failed(f, j, "somebody else is taking a CPU profile of this program right now; try again when that is over");
	} else if (j->is_delta && r->is_finished_early) {
		j->seconds = 0;
		j->part.note = GS_S("since the program's start: stopped before the difference was complete");
		j->is_again = true;
	} else if (r->status == 404) {
		failed(f, j, "this program has no such profile");
	} else if (r->status == 401 || r->status == 403) {
		failed(f, j, "the server asks for authorization (HTTP %ld); give --bearer, -H, or user:password@ in the address", r->status);
	} else {
		failed(f, j, "HTTP %ld: %.*s", r->status, GS_FMT(said.n ? said : GS_S("no text")));
	}
}

/* Not a web page or a login form? */
static bool looks_right(const fetch *f, const job *j, gs_err *err)
{
	unsigned char head[64] = { 0 };
	ssize_t n = pread(j->fd, head, sizeof(head), 0);

	(void)f;
	if (n <= 0)
		return gs_fail(err, GS_ERR_FORMAT, 0, "the answer is empty");
	if (head[0] == '<')
		return gs_fail(err, GS_ERR_FORMAT, 0, "the answer is a web page, not a profile");
	if (!j->is_bytes && n >= 2 && !(head[0] == 0x1f && head[1] == 0x8b) && !(head[0] == 0x28 && head[1] == 0xb5) &&
	    head[0] != 0x0a && isprint(head[0]) && isprint(head[1]))
		return gs_fail(err, GS_ERR_FORMAT, 0, "the answer is no profile; it begins with \"%.20s\"", (const char *)head);
	return true;
}

/* Of a trace that was cut. */
static bool holds_generation(int fd)
{
	GS_AUTO(file) file = { 0 };
	char path[40];
	gs_err err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return gs_file_open(path, UINT64_MAX, &file, &err) && gs_gotrace_holds_generation(file.bytes);
}

static void keep(fetch *f, job *j, const gs_http_request *r, const char *name)
{
	gs_err err;
	int fd = j->fd;

	j->fd = -1;
	if (!gs_folder_commit(f->folder, name, fd, &err)) {
		failed(f, j, "%s", err.text);
		return;
	}
	j->part.state = GS_PART_DONE;
	j->part.size_bytes = r->n_bytes;
	if (j->seconds)
		j->part.duration_ns = j->seconds * SECOND_NS;
	if (r->is_finished_early && j->max_bytes && r->n_bytes >= j->max_bytes)
		j->part.note = gs_strf(f->mem, "ended at the limit of %llu bytes", (unsigned long long)j->max_bytes);
	else if (r->is_finished_early && !j->part.note.n)
		j->part.note = GS_S("stopped early");
}

static void settle(fetch *f, job *j, gs_http_request *r)
{
	gs_err err = { .at = GS_ERR_NOWHERE };
	char name[300];

	j->is_again = false;
	j->is_settled = true;
	snprintf(name, sizeof(name), "%.*s", GS_FMT(j->part.file));
	if (r->err.code == GS_ERR_STOPPED && j->is_delta && j->seconds) {
		j->seconds = 0;
		j->part.note = GS_S("since the program's start: stopped before the difference was complete");
		j->is_again = true;
	} else if (r->err.code == GS_ERR_LIMIT && j->max_bytes && r->n_bytes) {
		bool is_readable = holds_generation(j->fd);

		keep(f, j, r, name);
		if (j->part.state == GS_PART_DONE)
			j->part.note = gs_strf(f->mem, "cut at %llu bytes, as the program went on beyond the limit of %llu%s",
					       (unsigned long long)r->n_bytes, (unsigned long long)j->max_bytes,
					       is_readable ? "" : ": its first generation is incomplete, without names and stacks; a higher "
								  "--trace-max-bytes keeps it");
	} else if (r->err.code != GS_ERR_NONE) {
		failed(f, j, "%s", r->err.text);
	} else if (r->status != 200) {
		refused(f, j, r);
	} else if (!looks_right(f, j, &err)) {
		failed(f, j, "%s", err.text);
	} else {
		keep(f, j, r, name);
	}
	if (j->fd >= 0)
		gs_folder_discard(f->folder, name, j->fd);
	j->fd = -1;
}

/* As soon as it is there: what is complete stays, whatever happens to the others. */
static void on_end(gs_http_request *r)
{
	job *j = r->ctx;

	settle(j->of, j, r);
}

/* What there is to wait for though the time is over. */
static void tell(void *ctx, double done, const char *text)
{
	const fetch *f = ctx;
	int64_t now = gs_now_ns();
	unsigned n = 0;
	GS_AUTO(buf) out = { 0 };

	(void)text;
	gs_buf_init(&out, 4096);
	for (uint32_t i = f->n; i-- > 0;) { /* the slow ones first */
		const job *j = &f->jobs[i];

		if (j->fd < 0 || now < j->due_ns || ++n > 3)
			continue;
		gs_buf_f(&out, "%s%.*s", n == 1 ? "waiting for " : ", ", GS_FMT(j->part.file));
		if (f->n_goroutines > FEW_GOROUTINES && gs_str_eq(j->part.kind, GS_S("goroutines")))
			gs_buf_f(&out, " (%llu goroutines)", (unsigned long long)f->n_goroutines);
	}
	if (n > 3)
		gs_buf_f(&out, " and %u more", n - 3);
	gs_buf_c(&out, '\0');
	gs_progress_report(f->o->progress, done, out.bad ? "" : out.p);
}

static bool should_stop(void *ctx)
{
	const fetch *f = ctx;

	return gs_progress_should_stop(f->o->progress);
}

static uint64_t trace_bound(uint64_t finish_at)
{
	return finish_at > UINT64_MAX / 4 ? UINT64_MAX : finish_at * 2 + TRACE_REST_BYTES;
}

/* `may_stop`: the caller's wish to stop counts, as it has not been met yet. */
static void run_round(fetch *f, bool may_stop)
{
	gs_progress progress = { tell, may_stop ? should_stop : NULL, f };
	gs_http_request *r = gs_new(f->mem, gs_http_request, f->n);
	job **of = gs_new(f->mem, job *, f->n);
	size_t n = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		job *j = &f->jobs[i];
		gs_err err;
		char name[300];
		int64_t covers = j->seconds ? j->seconds * SECOND_NS : j->part.duration_ns;

		if (!j->is_again || j->is_last)
			continue;
		snprintf(name, sizeof(name), "%.*s", GS_FMT(j->part.file));
		j->fd = gs_folder_begin(f->folder, name, &err);
		if (j->fd < 0) {
			failed(f, j, "%s", err.text);
			j->is_again = false;
			continue;
		}
		j->part.how = full_url(f, j);
		j->is_settled = false;
		j->of = f;
		r[n] = (gs_http_request){ .to = f->o->target,
					  .url = j->part.how,
					  .fd = j->fd,
					  .on_end = on_end,
					  .ctx = j,
					  .is_timed = covers > 0,
					  .timeout_ns = covers + (covers ? 30 : 60) * SECOND_NS,
					  .finish_at_bytes = j->max_bytes,
					  .max_bytes = j->max_bytes    ? trace_bound(j->max_bytes) :
						       f->o->max_bytes ? f->o->max_bytes :
									 1ull << 30 };
		j->due_ns = gs_now_ns() + covers;
		of[n++] = j;
	}
	gs_http_run(r, n, MAX_NAMES, f->o->auth, 10 * SECOND_NS, &progress);
	for (size_t i = 0; i < n; i++) {
		if (!of[i]->is_settled)
			settle(f, of[i], &r[i]);
		gs_buf_release(&r[i].body);
	}
}

/* Look at the index: which profiles are there? False: there is no use in going on. */
static bool ask_index(fetch *f, gs_str *names, unsigned *n_names, bool *has_index, uint64_t *n_goroutines, gs_err *err)
{
	const gs_http_target *t = f->o->target;
	gs_http_request r = { .to = t, .url = t->base, .timeout_ns = 10 * SECOND_NS, .max_bytes = 1 << 20, .fd = -1 };
	bool ok = true;

	*n_names = 0;
	gs_http_run(&r, 1, 1, f->o->auth, 0, f->o->progress);
	*has_index = r.err.code == GS_ERR_NONE && r.status == 200 &&
		     gs_pprof_index_parse(gs_str_dup(f->mem, gs_buf_view(&r.body)), names, MAX_NAMES / 2, n_names);
	*n_goroutines = *has_index ? gs_pprof_index_goroutines(gs_buf_view(&r.body)) : 0;
	if (r.err.code != GS_ERR_NONE) {
		*err = r.err;
		ok = false;
	} else if (r.status == 400 && gs_str_has(gs_buf_view(&r.body), GS_S("HTTPS server"))) {
		ok = gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s speaks TLS: use https://, or https+insecure:// for a certificate that is not trusted",
			     GS_FMT(t->host));
	} else if (r.status == 401 || r.status == 403) {
		ok = gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE,
			     "%.*s asks for authorization (HTTP %ld); give --bearer, -H, or user:password@ in the address", GS_FMT(t->host), r.status);
	}
	gs_buf_release(&r.body);
	return ok;
}

bool gs_http_profile_fetch(gs_arena *mem, gs_folder *folder, const gs_http_profile_options *options, gs_part **parts,
			   uint32_t *n_parts, gs_err *err)
{
	fetch f = { .mem = mem, .folder = folder, .o = options, .jobs = gs_new(mem, job, 2 * MAX_NAMES) };
	gs_str names[MAX_NAMES];
	unsigned n_names = 0;
	bool has_index = false;
	int64_t seconds = options->duration_ns < SECOND_NS ? 1 : (options->duration_ns + SECOND_NS / 2) / SECOND_NS;
	uint32_t n_done = 0, last_failed = UINT32_MAX;

	*n_parts = 0;
	if (options->target->single.n) {
		plan_single(&f, seconds);
	} else {
		if (!ask_index(&f, names, &n_names, &has_index, &f.n_goroutines, err))
			return false;
		plan_known(&f, names, n_names, has_index, seconds);
		plan_before_and_after(&f);
	}
	if (f.n == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s has none of the profiles asked for (%.*s)",
			       GS_FMT(options->target->host), GS_FMT(options->only));
	for (int round = 0; round < MAX_ROUNDS; round++) {
		bool more = false;

		/* What a stop leaves to do is quick and is still wanted. */
		run_round(&f, !gs_progress_should_stop(options->progress));
		for (uint32_t i = 0; i < f.n; i++)
			more |= f.jobs[i].is_again && !f.jobs[i].is_last;
		for (uint32_t i = 0; i < f.n && !more; i++) /* the time is over: now the rest */
			f.jobs[i].is_last = false;
		for (uint32_t i = 0; i < f.n; i++)
			more |= f.jobs[i].is_again;
		if (!more)
			break;
	}
	promote(&f);
	*parts = gs_new(mem, gs_part, f.n);
	*n_parts = f.n;
	for (uint32_t i = 0; i < f.n; i++) {
		(*parts)[i] = f.jobs[i].part;
		n_done += f.jobs[i].part.state == GS_PART_DONE;
		if (f.jobs[i].part.state == GS_PART_FAILED)
			last_failed = i;
	}
	if (n_done)
		return true;
	if (f.n == 1 && last_failed != UINT32_MAX)
		return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "%.*s: %.*s", GS_FMT(f.jobs[0].part.how), GS_FMT(f.jobs[0].part.error));
	if (!has_index)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
			       "%.*s is no pprof endpoint: import _ \"net/http/pprof\" into the program, or give its PID, which needs no endpoint",
			       GS_FMT(options->target->base));
	return gs_fail(err, GS_ERR_IO, GS_ERR_NOWHERE, "no profile could be taken from %.*s: %.*s", GS_FMT(options->target->base),
		       GS_FMT(f.jobs[f.n - 1].part.error));
}
