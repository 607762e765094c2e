#include "base/buf.h"
#include "base/file.h"
#include "format/gotext/dump.h"
#include "format/gotext/logtext.h"
#include "tap.h"

TEST(quoted_strings)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_str rest = GS_S("\"plain\" x"), out;

	CHECK(gs_quoted_take(mem, &rest, &out));
	CHECK_STR(out, GS_S("plain"));
	CHECK_STR(rest, GS_S(" x"));
	rest = GS_S("\"a\\t\\\"\\x41\\u00e9\\U0001F600\\101\"");
	CHECK(gs_quoted_take(mem, &rest, &out));
	CHECK_STR(out, GS_S("a\t\"A\xc3\xa9\xf0\x9f\x98\x80"
			    "A"));
	CHECK_INT(rest.n, 0);
	rest = GS_S("\"open");
	CHECK(!gs_quoted_take(mem, &rest, &out));
	CHECK_INT(rest.n, 5);
	rest = GS_S("\"\\x4\"");
	CHECK(!gs_quoted_take(mem, &rest, &out));
}

TEST(label_lists)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_text_label l[4];
	gs_str rest = GS_S("{\"k\":\"v x\", \"odd \\\"key\\\"\":\"a, }b\"} tail");

	CHECK_INT(gs_quoted_labels(mem, &rest, l, 4), 2);
	CHECK_STR(l[0].key, GS_S("k"));
	CHECK_STR(l[0].value, GS_S("v x"));
	CHECK_STR(l[1].key, GS_S("odd \"key\""));
	CHECK_STR(l[1].value, GS_S("a, }b"));
	CHECK_STR(rest, GS_S(" tail"));
	rest = GS_S("{handler: /pay, tenant: \"a b\"}:");
	CHECK_INT(gs_quoted_labels(mem, &rest, l, 4), 2);
	CHECK_STR(l[0].value, GS_S("/pay"));
	CHECK_STR(l[1].value, GS_S("a b"));
	rest = GS_S("{}");
	CHECK_INT(gs_quoted_labels(mem, &rest, l, 4), 0);
	rest = GS_S("{a: b");
	CHECK(gs_quoted_labels(mem, &rest, l, 4) == SIZE_MAX);
}

static gs_dump parse(gs_arena *mem, gs_str text)
{
	gs_dump d;
	gs_err err;

	CHECK(gs_dump_is(text));
	CHECK(gs_dump_parse(mem, text, &d, &err));
	return d;
}

#define STACK                                                                                      \
	"goroutine 18 [chan receive (nil chan), 5 minutes, locked to thread]:\n"                   \
	"main.(*T[...]).run(0x1, {0x2?, ...})\n"                                                   \
	"\t/src dir/main.go:12 +0x1b fp=0xc1 sp=0xc0 pc=0x45d\n"                                   \
	"main.inner(...)\n"                                                                        \
	"\tC:/go/x.go:7\n"                                                                         \
	"created by main.main.func1 in goroutine 1\n"                                              \
	"\t/src dir/main.go:9 +0x2c\n"

static void check_stack(const gs_dump *d)
{
	const gs_dump_goroutine *g = d->goroutines;

	CHECK_INT(d->n_goroutines, 1);
	CHECK_INT(g->id, 18);
	CHECK_STR(g->state, GS_S("chan receive (nil chan)"));
	CHECK_INT(g->wait_minutes, 5);
	CHECK(g->is_locked && !g->is_leaked);
	CHECK_INT(g->n_frames, 2);
	CHECK_STR(d->frames[0].function, GS_S("main.(*T[...]).run"));
	CHECK_STR(d->frames[0].args, GS_S("0x1, {0x2?, ...}"));
	CHECK_STR(d->frames[0].file, GS_S("/src dir/main.go"));
	CHECK_INT(d->frames[0].line, 12);
	CHECK_INT(d->frames[0].entry_offset, 0x1b);
	CHECK_INT(d->frames[0].pc, 0x45d);
	CHECK(!d->frames[0].is_inlined && d->frames[1].is_inlined);
	CHECK_STR(d->frames[1].file, GS_S("C:/go/x.go"));
	CHECK_STR(g->creator.function, GS_S("main.main.func1"));
	CHECK_INT(g->creator.line, 9);
	CHECK_INT(g->creator_id, 1);
}

TEST(one_goroutine)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_dump d = parse(mem, GS_S("log line\npanic: boom\n\n" STACK "exit status 2\n"));

	check_stack(&d);
	CHECK_STR(d.header, GS_S("panic: boom"));
}

/* Every line of the text behind a prefix, %d a running number. */
static gs_str prefixed(gs_arena *mem, gs_str text, const char *before, unsigned step,
		       const char *after)
{
	GS_AUTO(buf) out = { .max = 1 << 20 };
	gs_str line;
	unsigned n = 1;

	for (; gs_str_line(&text, &line); n += step)
		gs_buf_f(&out, "%s%u%s%.*s\n", before, n, after, GS_FMT(line));
	return gs_str_dup(mem, gs_buf_view(&out));
}

TEST(logs)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_str text = GS_S("fatal error: x\n\n" STACK
			   "\ngoroutine 19 [running]:\nmain.b()\n\tb.go:1 +0x1\n");
	gs_str logs[3];

	logs[0] = prefixed(mem, text, "2026-01-02T03:04:05.", 1,
			   "Z "); /* kubectl: digits vary in number */
	logs[1] = prefixed(mem, text, "Jan 02 03:04:05 host prog[", 0, "]: ");
	logs[2] = prefixed(mem, text, "app_", 0, "  | ");
	for (int i = 0; i < 3; i++) {
		gs_dump d = parse(mem, logs[i]);

		CHECK_INT(d.n_goroutines, 2);
		d.n_goroutines = 1;
		check_stack(&d);
		CHECK(gs_str_has(d.header, GS_S("fatal error: x")));
	}
}

TEST(json_logs)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_dump d =
		parse(mem, GS_S("{\"log\":\"panic: a\\u003cb\\n\",\"stream\":\"stderr\"}\n"
				"{\"log\":\"\\n\",\"stream\":\"stderr\"}\n"
				"{\"log\":\"goroutine 7 [running]:\\n\",\"stream\":\"stderr\"}\n"
				"{\"log\":\"main.f({0x1, 0x2})\\n\",\"stream\":\"stderr\"}\n"
				"{\"log\":\"\\t/x/f.go:3 +0x4\\n\",\"stream\":\"stderr\"}\n"));

	CHECK_INT(d.n_goroutines, 1);
	CHECK_STR(d.header, GS_S("panic: a<b"));
	CHECK_INT(d.goroutines[0].n_frames, 1);
	CHECK_STR(d.frames[0].file, GS_S("/x/f.go"));
	d = parse(mem, GS_S("{\"level\":\"ERROR\",\"stack\":\"panic: q\\n\\ngoroutine 9 "
			    "[select]:\\nmain.g(...)\\n\\t/x/g.go:5\\n"
			    "main.h()\\n\\t/x/g.go:9 +0x2\\n\",\"id\":3}\n"));
	CHECK_INT(d.n_goroutines, 1);
	CHECK_INT(d.goroutines[0].n_frames, 2);
	CHECK_STR(d.goroutines[0].state, GS_S("select"));
	CHECK_STR(d.header, GS_S("panic: q"));
}

TEST(headers_of_all_kinds)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_dump d = parse(
		mem, GS_S("goroutine 1 gp=0xc00 m=0 mp=0x5a4 [running, synctest bubble "
			  "4]:\nmain.a()\n\ta.go:1\n\n"
			  "goroutine 2 [chan receive (leaked) (scan)]:\nmain.a()\n\ta.go:1\n\n"
			  "goroutine 3 [select, 2 minutes labels:{\"k]\": \"v, "
			  "w\"}]:\nmain.a()\n\ta.go:1\n\n"
			  "goroutine 4 [select, 2 minutes] {k: \"v]:\"}:\nmain.a()\n\ta.go:1\n\n"
			  "goroutine 5 [running]:\n\tgoroutine running on other thread; stack "
			  "unavailable\n"
			  "created by main.x\n\ta.go:3 +0x1\n\n"
			  "goroutine 6 [running]:\nmain.deep()\n\ta.go:1\n...12 frames "
			  "elided...\nmain.main()\n\ta.go:2\n"
			  "created by main.y in goroutine 1\n\ta.go:3 +0x1\n[originating from "
			  "goroutine 1]:\nmain.z(...)\n\ta.go:9 +0x2\n\n"
			  "goroutine 8 [syscall]:\nnon-Go function at pc=0x7f01\nrun_c\n\tc.c:4 "
			  "pc=0x7f02\nmain.c()\n\ta.go:1\n"));

	CHECK_INT(d.n_goroutines, 7);
	CHECK_INT(d.n_noise, 0);
	CHECK_INT(d.goroutines[0].bubble, 4);
	CHECK(d.goroutines[1].is_leaked && d.goroutines[1].is_scanned);
	CHECK_STR(d.goroutines[1].state, GS_S("chan receive"));
	CHECK_INT(d.goroutines[2].wait_minutes, 2);
	CHECK_STR(d.labels[d.goroutines[2].first_label].key, GS_S("k]"));
	CHECK_STR(d.labels[d.goroutines[2].first_label].value, GS_S("v, w"));
	CHECK_INT(d.goroutines[3].wait_minutes, 2);
	CHECK_STR(d.labels[d.goroutines[3].first_label].value, GS_S("v]:"));
	CHECK(d.goroutines[4].is_unavailable && d.goroutines[4].n_frames == 0);
	CHECK_STR(d.goroutines[4].creator.function, GS_S("main.x"));
	CHECK_INT(d.goroutines[4].creator_id, 0);
	CHECK(d.goroutines[5].is_elided);
	CHECK_INT(d.goroutines[5].n_frames, 3);
	CHECK_INT(d.frames[d.goroutines[5].first_frame + 1].n_elided, 12);
	CHECK_INT(d.goroutines[6].n_frames, 3);
	CHECK_INT(d.frames[d.goroutines[6].first_frame].pc, 0x7f01);
	CHECK_STR(d.frames[d.goroutines[6].first_frame + 1].function, GS_S("run_c"));
}

/* The number of goroutines in a committed dump of a Go version, 0 when it did not parse. */
static uint32_t count(const char *name, uint32_t *waiting, uint32_t *leaked, uint32_t *labelled,
		      uint32_t *noise)
{
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	GS_AUTO(file) f = { 0 };
	gs_err err;
	gs_dump d;

	*waiting = *leaked = *labelled = *noise = 0;
	if (!gs_file_open(tap_data(name), 1 << 20, &f, &err) ||
	    !gs_dump_parse(mem, f.bytes, &d, &err))
		return 0;
	*noise = (uint32_t)d.n_noise;
	for (uint32_t i = 0; i < d.n_goroutines; i++) {
		*waiting += d.goroutines[i].wait_minutes == 1;
		*leaked += d.goroutines[i].is_leaked;
		*labelled += d.goroutines[i].n_labels != 0;
	}
	return d.n_goroutines;
}

TEST(every_go_version)
{
	static const char *const versions[] = { "1.19", "1.21", "1.22", "1.24", "1.26", "1.27" };
	uint32_t waiting, leaked, labelled, noise;
	char name[100];

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		snprintf(name, sizeof(name), "data/go%s/goroutine.waited.debug2.txt", versions[i]);
		CHECK_INT(count(name, &waiting, &leaked, &labelled, &noise), 28);
		CHECK(waiting > 15);
		CHECK_INT(noise, 0);
	}
	CHECK_INT(count("data/go1.26/goroutine.labels.debug2.txt", &waiting, &leaked, &labelled,
			&noise),
		  28);
	CHECK_INT(labelled, 3);
	CHECK_INT(count("data/go1.27/goroutine.labels.debug2.txt", &waiting, &leaked, &labelled,
			&noise),
		  28);
	CHECK_INT(labelled, 3);
	CHECK(count("data/go1.27/goroutineleak.debug2.txt", &waiting, &leaked, &labelled, &noise) &&
	      leaked > 3);
}

TEST(no_goroutine)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_dump d;
	gs_err err;

	CHECK(gs_dump_is(GS_S("goroutine 1 [select] {a: b, c: d, e: f}:\n")));
	CHECK(!gs_dump_is(GS_S("goroutine profile: total 12\n1 @ 0x1\n")));
	CHECK(!gs_dump_is(GS_S("created by x in goroutine 12\n")));
	CHECK(!gs_dump_parse(mem, GS_S("hello\n"), &d, &err));
	CHECK_INT(err.code, GS_ERR_FORMAT);
}

TEST(memory_budget)
{
	GS_AUTO(arena) *mem = gs_arena_create(200);
	gs_dump d;
	gs_err err;

	CHECK(!gs_dump_parse(mem, GS_S(STACK), &d, &err));
	CHECK_INT(err.code, GS_ERR_LIMIT);
}
