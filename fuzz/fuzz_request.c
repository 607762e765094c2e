/*
 * A request target ("/api/top?n=5") as the page's server takes it, down to the answer about a small document; or, when the first
 * byte is a newline, a command line with a word on each line, down to bound arguments.
 */
#include "app/argv.h"
#include "service/http/api.h"
#include "service/http/query.h"

#include "../tests/unit/timeline_make.h"
#include "fuzz.h"

#include "base/banned.h"

static gs_session *session;

/* An execution trace of a few microseconds. */
static gs_document *make_trace(void)
{
	const make_shape shape = { .goroutines = 5, .per_goroutine = 200, .chunks = 2, .procs = 2, .mean_ns = 50, .seed = 3 };
	gs_arena *mem = gs_arena_create(64 << 20);
	gs_document *d = gs_new(mem, gs_document, 1);

	*d = (gs_document){ .mem = mem, .kind = GS_DOCUMENT_TRACE, .name = GS_S("small.trace"), .path = GS_S("small.trace"),
			    .format = GS_S("gotrace") };
	d->timeline = make_timeline(mem, &d->profile, &shape);
	return d;
}

static void open_session(void)
{
	static const char text[] = "main.main;main.work;runtime.mallocgc 7\nmain.main;main.work;main.work;fmt.Println 5\n"
				   "main.main;net/http.(*conn).serve 2\n";
	gs_load_options o = { .format = "folded" };
	gs_err err = { 0 };
	gs_document *d;

	session = gs_session_create();
	for (int i = 0; i < 2; i++) {
		d = gs_load_bytes(gs_str_of(text), GS_S("small.folded"), &o, NULL, &err);
		if (!d || !gs_session_add(session, d))
			abort();
	}
	if (!gs_session_add(session, make_trace()))
		abort();
}

static void take_words(gs_str s)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	char **argv = gs_new(mem, char *, 256);
	gs_op_call call = { .mem = mem };
	gs_argv a;
	gs_err err = { 0 };
	gs_str line;
	int argc = 0;
	size_t i = 0;

	if (!gs_str_line(&s, &line))
		return;
	call.op = gs_op_find(line);
	if (!call.op)
		call.op = gs_ops[0];
	while (argc < 255 && gs_str_line(&s, &line))
		argv[argc++] = gs_cstr(mem, line);
	if (!gs_argv_read(mem, call.op, argc, argv, &a, &err)) {
		if (err.code != GS_ERR_USAGE)
			abort();
		return;
	}
	/* Every word is an option, a value, the dashes, or a path: nothing is lost or made up. */
	if (a.n_paths > (unsigned)argc)
		abort();
	if (gs_op_bind(&call, a.pairs, a.n_pairs, &err))
		while (gs_op_arg_at(call.op, (unsigned)i))
			gs_call_str(&call, gs_op_arg_at(call.op, (unsigned)i++)->name);
}

static void take_target(gs_str target)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	gs_err err = { 0 };
	gs_op_pair *pairs;
	unsigned n;
	gs_str path;
	gs_answer a;
	const gs_op *op;

	if (!gs_query_read(mem, target, &path, &pairs, &n, &err) || !gs_str_starts(path, GS_S("/api/")))
		return;
	op = gs_op_find(gs_str_skip(path, 5));
	if (op && op->input == GS_INPUT_NONE)
		return; /* looks at this machine, not at its arguments */
	gs_api_get(session, path, pairs, n, &a);
	if (a.status < 200 || a.status > 599)
		abort();
	gs_answer_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_str s = { (const char *)data, size };

	if (!session)
		open_session();
	if (s.n && s.p[0] == '\n')
		take_words(gs_str_skip(s, 1));
	else
		take_target(s);
	return 0;
}
