#include "service/http/api.h"

#include <limits.h>

#include <jansson.h>

#include "app/editor.h"
#include "app/live.h"
#include "app/snapshot.h"
#include "app/version.h"
#include "service/http/jobs.h"

#include "base/library.h"
#include "base/banned.h"

#define MAX_ANSWER_BYTES ((size_t)2 << 30)
#define CALL_BUDGET_BYTES ((uint64_t)16 << 30)

enum { MAX_DOCS = 512 }; /* as many as a trend takes */

void gs_answer_release(gs_answer *a)
{
	gs_buf_release(&a->body);
}

static unsigned status_of(gs_errc code)
{
	switch (code) {
	case GS_ERR_NONE:
		return 200;
	case GS_ERR_USAGE:
	case GS_ERR_FORMAT:
	case GS_ERR_LIMIT:
		return 400;
	case GS_ERR_DENIED:
		return 403;
	case GS_ERR_MISSING:
		return 404;
	case GS_ERR_IO:
	case GS_ERR_UNSUPPORTED:
	case GS_ERR_STOPPED:
		break;
	}
	return 500;
}

void gs_answer_error(gs_answer *a, const gs_err *err)
{
	gs_json j;

	gs_buf_release(&a->body);
	gs_buf_init(&a->body, 65536);
	a->status = status_of(err->code);
	a->mime = "application/json";
	a->file_name[0] = 0;
	a->is_final = false;
	j = gs_json_to(&a->body);
	gs_json_object(&j);
	gs_json_key(&j, "error");
	gs_json_object(&j);
	gs_json_kstr(&j, "code", gs_str_of(gs_errc_name(err->code)));
	gs_json_kstr(&j, "text", gs_str_of(err->text));
	gs_json_key(&j, "at");
	if (err->at == GS_ERR_NOWHERE)
		gs_json_null(&j);
	else
		gs_json_u64(&j, err->at);
	gs_json_object_end(&j);
	gs_json_object_end(&j);
}

static const struct {
	const char *format, *mime, *suffix;
} kinds[] = {
	{ "json", "application/json", ".json" },
	{ "frames", "application/octet-stream", ".frames" },
	{ "text", "text/plain; charset=utf-8", ".txt" },
	{ "csv", "text/csv; charset=utf-8", ".csv" },
	{ "svg", "image/svg+xml", ".svg" },
	{ "png", "image/png", ".png" },
	{ "folded", "text/plain; charset=utf-8", ".folded" },
	{ "pprof", "application/octet-stream", ".pb.gz" },
	{ "speedscope", "application/json", ".speedscope.json" },
	{ "callgrind", "text/plain; charset=utf-8", ".callgrind" },
	{ "dot", "text/plain; charset=utf-8", ".dot" },
};

static void set_kind(gs_answer *a, const gs_op_call *call, bool wants_file)
{
	const char *suffix = "";

	a->mime = call->op->mime ? call->op->mime : "application/octet-stream";
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].format, call->format) == 0) {
			a->mime = call->op->mime ? call->op->mime : kinds[i].mime;
			suffix = kinds[i].suffix;
		}
	/* A page made from somebody's profile is not to be run as ours. */
	if (strncmp(a->mime, "text/html", 9) == 0)
		wants_file = true;
	if (!wants_file)
		return;
	snprintf(a->file_name, sizeof(a->file_name), "%.*s-%s%s",
		 GS_FMT(gs_str_slice(call->n_docs ? gs_document_part(call->docs[0]) : GS_S("gospect"), 0, 80)), call->op->name,
		 suffix);
	for (char *c = a->file_name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("._-", *c)))
			*c = '_';
}

/* "3" or "1,2,3" as documents, which stay for as long as `mem`. */
static bool read_docs(gs_session *s, gs_arena *mem, gs_str list, const gs_document **docs, unsigned *n, gs_err *err)
{
	bool more = true;

	while (more) {
		gs_str word, rest;
		uint64_t id;

		more = gs_str_cut(list, ',', &word, &rest);
		list = rest;
		if (!gs_str_u64(word, 10, &id) || id > UINT_MAX)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "\"%.*s\" is no document number", GS_FMT(word));
		if (*n == MAX_DOCS)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "more than %d documents in one question", MAX_DOCS);
		docs[*n] = gs_session_get(s, mem, (unsigned)id);
		if (!docs[*n])
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no document %llu",
				       (unsigned long long)id);
		(*n)++;
	}
	return true;
}

static bool read_bases(gs_session *s, gs_op_call *call, const char *name, const gs_document **bases, gs_err *err)
{
	unsigned n = 0;
	const gs_str *list = gs_op_find_arg(call->op, gs_str_of(name)) ? gs_call_list(call, name, &n) : NULL;

	for (unsigned i = 0; i < n; i++)
		if (!read_docs(s, call->mem, list[i], bases, &call->n_bases, err))
			return false;
	return true;
}

/* Arguments of every question that are not the row's own. */
typedef struct outer {
	gs_op_pair *pairs; /* what is left for the row */
	unsigned n;
	gs_str format;
	bool wants_file;
} outer;

static bool takes_docs(const gs_op *op)
{
	return op->input == GS_INPUT_DOCUMENTS || op->input == GS_INPUT_HEAPS;
}

static bool read_outer(gs_session *s, gs_op_call *call, const gs_op_pair *pairs, unsigned n, const gs_document **docs,
		       outer *out, gs_err *err)
{
	out->pairs = gs_new(call->mem, gs_op_pair, n + 1);
	for (unsigned i = 0; i < n; i++) {
		gs_str name = pairs[i].name, value = pairs[i].value;

		if (gs_str_eq(name, GS_S("format"))) {
			out->format = value;
		} else if (gs_str_eq(name, GS_S("download"))) {
			out->wants_file = !gs_str_eq(value, GS_S("0"));
		} else if (gs_str_eq(name, GS_S("doc")) && takes_docs(call->op)) {
			if (!read_docs(s, call->mem, value, docs, &call->n_docs, err))
				return false;
		} else {
			out->pairs[out->n++] = pairs[i];
		}
	}
	if (out->format.n && !gs_op_has_format(call->op, out->format))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s has no format \"%.*s\", it has: %s", call->op->name,
			       GS_FMT(out->format), call->op->formats);
	if (!out->format.n && gs_op_has_format(call->op, GS_S("json"))) {
		out->format = GS_S("json");
	} else if (!out->format.n) {
		gs_str rest = gs_str_of(call->op->formats);

		gs_word_next(&rest, &out->format);
	}
	return true;
}

static bool check_docs(gs_session *s, gs_op_call *call, const gs_document **docs, gs_err *err)
{
	if (!call->n_docs) {
		docs[0] = gs_session_first(s, call->mem);
		if (!docs[0])
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no document is open");
		call->n_docs = 1;
	}
	for (unsigned i = 0; i < call->n_docs; i++)
		if (call->op->needs_kinds && !(call->op->needs_kinds >> docs[i]->kind & 1))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%.*s is %.*s, %s is about %.*s (doc=N names another document)",
				       GS_FMT(docs[i]->name), GS_FMT(gs_document_kinds_text(call->mem, 1u << docs[i]->kind)), call->op->name,
				       GS_FMT(gs_document_kinds_text(call->mem, call->op->needs_kinds)));
	return true;
}

static bool run_op(gs_session *s, const gs_op *op, gs_arena *mem, const gs_op_pair *pairs, unsigned n, gs_answer *out,
		   gs_err *err)
{
	const gs_document *docs[MAX_DOCS], *bases[MAX_DOCS];
	gs_op_call call = { .op = op, .mem = mem, .docs = docs, .bases = bases, .out = &out->body, .dashes_at = UINT_MAX,
			    .views = gs_session_views(s) };
	outer o = { 0 };

	if (!read_outer(s, &call, pairs, n, docs, &o, err) || !gs_op_bind(&call, o.pairs, o.n, err))
		return false;
	if (takes_docs(op) && !check_docs(s, &call, docs, err))
		return false;
	if (!read_bases(s, &call, "base", bases, err))
		return false;
	if (!call.n_bases) {
		if (!read_bases(s, &call, "diff-base", bases, err))
			return false;
		call.is_diff_base = call.n_bases > 0;
	}
	call.format = gs_cstr(mem, o.format);
	if (!op->run(&call, err))
		return false;
	if (out->body.bad)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "the answer is larger than memory allows");
	set_kind(out, &call, o.wants_file);
	out->is_final = takes_docs(op);
	return true;
}

static void put_session(gs_session *s, gs_buf *out)
{
	gs_json j = gs_json_to(out);

	gs_json_object(&j);
	gs_json_kstr(&j, "version", gs_str_of(gs_version()));
	gs_json_key(&j, "documents");
	gs_session_documents_json(s, &j);
	gs_json_key(&j, "follow");
	gs_session_follow_json(s, &j);
	gs_json_key(&j, "editors");
	gs_editors_json(&j);
	gs_json_kbool(&j, "can_record", true);
	gs_json_object_end(&j);
}

/* GET /api/jobs?id=1, or all of them */
static bool put_jobs(gs_session *s, const gs_op_pair *pairs, unsigned n, gs_buf *out, gs_err *err)
{
	uint64_t id = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!gs_str_eq(pairs[i].name, GS_S("id")))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "jobs has no argument \"%.*s\"", GS_FMT(pairs[i].name));
		if (!gs_str_u64(pairs[i].value, 10, &id) || id < 1 || id > UINT_MAX)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "\"%.*s\" is no job number", GS_FMT(pairs[i].value));
	}
	return gs_jobs_json(gs_session_jobs(s), (unsigned)id, out, err);
}

/* GET /api/snapshot-plan?pid=1: what a snapshot would be, and what is in its way */
static bool put_snapshot_plan(gs_arena *mem, const gs_op_pair *pairs, unsigned n, gs_buf *out, gs_err *err)
{
	gs_err obstacle = { .at = GS_ERR_NOWHERE };
	gs_json j = gs_json_to(out);
	gs_snapshot_plan plan;
	uint64_t pid;

	if (n != 1 || !gs_str_eq(pairs[0].name, GS_S("pid")) || !gs_str_u64(pairs[0].value, 10, &pid) || pid < 1 || pid > INT_MAX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "snapshot-plan needs pid, the number of a process");
	if (!gs_snapshot_plan_make(mem, (int32_t)pid, (gs_snapshot_ask){ 0 }, &plan, err))
		return false;
	gs_json_object(&j);
	gs_json_ku64(&j, "pid", pid);
	gs_json_kstr(&j, "how", gs_str_of(gs_snapshot_way_name(plan.way)));
	gs_json_kstr(&j, "why", plan.why);
	gs_json_ki64(&j, "predicted_pause_ns", plan.pause_ns);
	gs_json_ku64(&j, "memory_bytes", plan.anon_bytes);
	gs_json_key(&j, "obstacle");
	if (gs_snapshot_may((int32_t)pid, &obstacle) && gs_snapshot_has_room(&plan, NULL, &obstacle))
		gs_json_null(&j);
	else
		gs_json_str(&j, gs_str_of(obstacle.text));
	gs_json_object_end(&j);
	return true;
}

static void begin(gs_answer *out)
{
	*out = (gs_answer){ .status = 200, .mime = "application/json" };
	gs_buf_init(&out->body, MAX_ANSWER_BYTES);
}

/* "heap/find" is heap-find, as "heap find" is in the terminal. */
static const gs_op *find_op(gs_arena *mem, gs_str name)
{
	char *joined = gs_cstr(mem, name);

	for (char *c = joined; *c; c++)
		if (*c == '/')
			*c = '-';
	return gs_op_find(gs_str_of(joined));
}

void gs_api_get(gs_session *s, gs_str path, const gs_op_pair *pairs, unsigned n, gs_answer *out)
{
	GS_AUTO(arena) *mem = gs_arena_create(CALL_BUDGET_BYTES);
	gs_str name = gs_str_skip(path, 5);
	const gs_op *op;
	gs_err err = { .at = GS_ERR_NOWHERE };

	begin(out);
	if (gs_str_eq(name, GS_S("session"))) {
		put_session(s, &out->body);
		return;
	}
	if (gs_str_eq(name, GS_S("jobs"))) {
		if (!put_jobs(s, pairs, n, &out->body, &err))
			gs_answer_error(out, &err);
		return;
	}
	if (gs_str_eq(name, GS_S("snapshot-plan"))) {
		if (!put_snapshot_plan(mem, pairs, n, &out->body, &err))
			gs_answer_error(out, &err);
		return;
	}
	op = find_op(mem, name);
	if (!op || op->input == GS_INPUT_PATHS)
		gs_fail(&err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no operation \"%.*s\"", GS_FMT(name));
	else
		run_op(s, op, mem, pairs, n, out, &err);
	if (err.code != GS_ERR_NONE)
		gs_answer_error(out, &err);
}

static bool read_id(const json_t *value, unsigned *id, gs_err *err)
{
	json_int_t n = json_integer_value(value);

	*id = n >= 1 && n <= UINT_MAX ? (unsigned)n : 0;
	return *id || gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no such document");
}

static bool open_again(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	bool follows = json_is_true(json_object_get(body, "follow"));
	gs_json j = gs_json_to(out);
	gs_again a;
	unsigned id;

	if (!read_id(json_object_get(body, "again"), &id, err) || !gs_session_again(s, id, follows, &a, err))
		return false;
	gs_json_object(&j);
	gs_json_key(&j, "documents");
	gs_json_array(&j);
	if (a.is_replaced)
		gs_json_u64(&j, id);
	gs_json_array_end(&j);
	gs_json_ku64(&j, "file_bytes", a.file_bytes);
	gs_json_kbool(&j, "is_over", a.is_over);
	gs_json_object_end(&j);
	return true;
}

static bool post_open(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	const char *path = json_string_value(json_object_get(body, "path"));
	unsigned ids[MAX_DOCS], n = 0;
	gs_open_options o = { .overlay = gs_str_of(json_string_value(json_object_get(body, "overlay"))) };
	gs_json j = gs_json_to(out);

	if (json_object_get(body, "again"))
		return open_again(s, body, out, err);
	if (!path || !*path || strcmp(path, "-") == 0) /* standard input is the terminal's */
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "open needs {\"path\":\"...\"}");
	if (gs_live_is(gs_str_of(path)))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s is a running program: record it", path);
	if (!gs_session_open(s, gs_str_of(path), &o, NULL, ids, MAX_DOCS, &n, NULL, err))
		return false;
	gs_json_object(&j);
	gs_json_key(&j, "documents");
	gs_json_array(&j);
	for (unsigned i = 0; i < n; i++)
		gs_json_u64(&j, ids[i]);
	gs_json_array_end(&j);
	gs_json_object_end(&j);
	return true;
}

static bool post_close(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	unsigned id;

	if (!read_id(json_object_get(body, "doc"), &id, err) || !gs_session_close(s, id, err))
		return false;
	gs_buf_z(out, "{}");
	return true;
}

static bool post_record(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	const json_t *pid = json_object_get(body, "pid");
	const char *url = json_string_value(json_object_get(body, "url")), *only = json_string_value(json_object_get(body, "only"));
	json_int_t duration = json_integer_value(json_object_get(body, "duration_ns"));
	json_int_t frequency = json_integer_value(json_object_get(body, "frequency"));
	gs_json j = gs_json_to(out);
	gs_job_request q = { .duration_ns = duration, .frequency_hz = (uint32_t)frequency };
	char number[24];
	unsigned id;

	if (!json_is_integer(pid) == !url)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "record needs {\"pid\":1} or {\"url\":\"...\"}");
	if (duration < 0 || duration > 86400000000000 || frequency < 0 || frequency > 100000)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "duration_ns is at most a day and frequency at most 100000");
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(pid));
	q.target = url ? gs_str_of(url) : gs_str_of(number);
	q.only = gs_str_of(only);
	if (!gs_jobs_start(gs_session_jobs(s), &q, &id, err))
		return false;
	gs_json_object(&j);
	gs_json_ku64(&j, "job", id);
	gs_json_object_end(&j);
	return true;
}

static bool post_snapshot(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	const json_t *pid = json_object_get(body, "pid"), *limit = json_object_get(body, "max_pause_ns");
	gs_json j = gs_json_to(out);
	gs_job_request q = { .is_snapshot = true, .max_pause_ns = json_integer_value(limit) };
	char number[24];
	unsigned id;

	if (!json_is_integer(pid) || json_integer_value(pid) < 1 || json_integer_value(pid) > INT_MAX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "snapshot needs {\"pid\":1}");
	if (limit && (!json_is_integer(limit) || q.max_pause_ns < 0))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "max_pause_ns is a number of nanoseconds");
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(pid));
	q.target = gs_str_of(number);
	if (!gs_jobs_start(gs_session_jobs(s), &q, &id, err))
		return false;
	gs_json_object(&j);
	gs_json_ku64(&j, "job", id);
	gs_json_object_end(&j);
	return true;
}

static bool post_stop(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	json_int_t id = json_integer_value(json_object_get(body, "job"));

	if (id < 1 || id > UINT_MAX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "stop needs {\"job\":1}");
	return gs_jobs_stop(gs_session_jobs(s), (unsigned)id, err) && gs_jobs_json(gs_session_jobs(s), (unsigned)id, out, err);
}

static bool post_edit(gs_session *s, const json_t *body, gs_buf *out, gs_err *err)
{
	const char *file = json_string_value(json_object_get(body, "file"));
	json_int_t line = json_integer_value(json_object_get(body, "line"));
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	const gs_document *d;
	unsigned id;

	if (!read_id(json_object_get(body, "doc"), &id, err))
		return false;
	d = gs_session_get(s, mem, id);
	if (!d)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no document %u", id);
	if (!file || line < 0 || line > INT_MAX)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "edit needs {\"doc\":1,\"file\":\"...\",\"line\":1}");
	if (!gs_editor_open(d, gs_str_of(file), (uint32_t)line, gs_str_of(json_string_value(json_object_get(body, "editor"))), err))
		return false;
	gs_buf_z(out, "{}");
	return true;
}

void gs_api_post(gs_session *s, gs_str path, gs_str body, gs_answer *out)
{
	static const struct {
		const char *path;
		bool (*run)(gs_session *s, const json_t *body, gs_buf *out, gs_err *err);
	} actions[] = {
		{ "/api/open", post_open },
		{ "/api/close", post_close },
		{ "/api/record", post_record },
		{ "/api/snapshot", post_snapshot },
		{ "/api/stop", post_stop },
		{ "/api/edit", post_edit },
	};
	gs_err err = { .at = GS_ERR_NOWHERE };
	json_error_t why;
	json_t *json;
	unsigned i = 0;

	begin(out);
	while (i < sizeof(actions) / sizeof(*actions) && !gs_str_eq(path, gs_str_of(actions[i].path)))
		i++;
	if (i == sizeof(actions) / sizeof(*actions)) {
		gs_fail(&err, GS_ERR_MISSING, GS_ERR_NOWHERE, "there is no action \"%.*s\"", GS_FMT(path));
		gs_answer_error(out, &err);
		return;
	}
	if (!gs_library_load(GS_LIBRARY_JANSSON, &err)) {
		gs_answer_error(out, &err);
		return;
	}
	json = json_loadb(body.p ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(json))
		gs_fail(&err, GS_ERR_FORMAT, json ? 0 : (uint64_t)why.position, "the body is no JSON object: %s",
			json ? "it is something else" : why.text);
	else
		actions[i].run(s, json, &out->body, &err);
	json_decref(json);
	if (err.code != GS_ERR_NONE)
		gs_answer_error(out, &err);
}
