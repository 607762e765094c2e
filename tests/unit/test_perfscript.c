#include "base/file.h"
#include "format/perfscript/perfscript.h"
#include "tap.h"

static gs_perfscript_event header(const char *line)
{
	gs_perfscript s = gs_perfscript_of(gs_str_of(line));
	gs_perfscript_event e = { 0 };

	CHECK(gs_perfscript_next(&s, &e));
	return e;
}

TEST(headers)
{
	gs_perfscript_event e = header("java 24636/25607 [000] 4794564.109216: 1 cycles:u: \n");

	CHECK_STR(e.comm, GS_S("java"));
	CHECK_INT(e.pid, 24636);
	CHECK_INT(e.tid, 25607);
	CHECK_INT(e.cpu, 0);
	CHECK(e.time_ns == 4794564109216000);
	CHECK_INT(e.period, 1);
	CHECK_STR(e.event, GS_S("cycles:u"));

	e = header("V8 WorkerThread 3 25607 94564.109216123: 104345 cpu/event=0x3c,umask=0x0/: \n");
	CHECK_STR(e.comm, GS_S("V8 WorkerThread 3"));
	CHECK_INT(e.pid, -1);
	CHECK_INT(e.tid, 25607);
	CHECK(e.time_ns == 94564109216123);
	CHECK_STR(e.event, GS_S("cpu/event=0x3c,umask=0x0/"));

	e = header("swapper     0/0     [003]  5076.836336: cpu-clock: \n");
	CHECK_INT(e.cpu, 3);
	CHECK_INT(e.period, -1);
	CHECK_STR(e.event, GS_S("cpu-clock"));

	e = header("a:b 1.5: 12/ 34 [001] 10.000001:     250000 cpu-clock:u: ffff hi (x)\n");
	CHECK_STR(e.comm, GS_S("a:b 1.5:"));
	CHECK_INT(e.pid, 12);
	CHECK_INT(e.tid, 34);
	CHECK_STR(e.details, GS_S("ffff hi (x)"));

	e = header("redis-server 1234 cycles: \n");
	CHECK_STR(e.comm, GS_S("redis-server"));
	CHECK_INT(e.tid, 1234);
	CHECK(e.time_ns == -1);
	CHECK_STR(e.event, GS_S("cycles"));

	e = header(":-1    -1 [002] 10.000001: 1 sched:sched_switch: prev_comm=a prev_pid=1\n");
	CHECK_INT(e.tid, -1);
	CHECK_STR(e.event, GS_S("sched:sched_switch"));
	CHECK_STR(e.details, GS_S("prev_comm=a prev_pid=1"));
}

static void frame(const char *text, uint64_t ip, const char *symbol, uint64_t offset,
		  const char *dso)
{
	gs_perfscript_frame f;

	CHECK(gs_perfscript_frame_parse(gs_str_of(text), &f));
	CHECK_INT(f.ip, ip);
	CHECK_STR(f.symbol, gs_str_of(symbol));
	CHECK_INT(f.offset, offset);
	CHECK_STR(f.dso, gs_str_of(dso));
}

TEST(frames)
{
	gs_perfscript_frame f;

	frame("\t    7f53389994d0 [unknown] ([unknown])", 0x7f53389994d0, "[unknown]", 0,
	      "[unknown]");
	frame("          5e00dd main.(*T).run+0x1c (/srv/app)", 0x5e00dd, "main.(*T).run", 0x1c,
	      "/srv/app");
	frame("\tffffffff8103ce3b native_safe_halt ([kernel.kallsyms])", 0xffffffff8103ce3b,
	      "native_safe_halt", 0, "[kernel.kallsyms]");
	frame("  40 std::function<void (int)>::operator()(int) const+0x10 (/a b/x (deleted))", 0x40,
	      "std::function<void (int)>::operator()(int) const", 0x10, "/a b/x (deleted)");
	frame("      40 f+0x1 (/bin/x+0x1f2)", 0x40, "f", 1, "/bin/x");
	frame("      40 f+0x1", 0x40, "f", 1, "");
	frame("      40", 0x40, "", 0, "");
	frame("      40 operator+ (/x)", 0x40, "operator+", 0, "/x");
	CHECK(gs_perfscript_frame_parse(GS_S("   5e00dd main.f (inlined)"), &f) && f.is_inlined &&
	      !f.dso.n);
	CHECK(gs_perfscript_frame_parse(GS_S("\tffffffffc0 sock ([nf_conntrack])"), &f) &&
	      f.is_kernel);
	CHECK(gs_perfscript_frame_parse(GS_S("\t7ff0 gettime ([vdso])"), &f) && !f.is_kernel);
	CHECK(!gs_perfscript_frame_parse(GS_S("  "), &f));
}

TEST(stacks_and_source_lines)
{
	gs_perfscript s =
		gs_perfscript_of(GS_S("# ========\n# captured on    : today\n# hostname : h\n#\n"
				      "a.out 35081 252436.005167:     667783 cycles: \n"
				      "\t          408ebb f+0x8b (/a.out)\n"
				      "  dist.h:300\n"
				      "\t          4069f5 main+0x935 (/a.out)\n"
				      "  libc-2.33.so[27b25]\n"
				      "\n"
				      "b 1 1.000000: 2 cycles: \n\n"
				      "garbage\n"
				      "c 1 1.000000: 3 cycles: \n\t  1 g (/x)\n"));
	gs_perfscript_event e;
	gs_perfscript_frame f;
	gs_str text;

	CHECK(gs_perfscript_is(s.text));
	CHECK_STR(gs_perfscript_header(s.text, "hostname"), GS_S("h"));
	CHECK(gs_perfscript_next(&s, &e));
	CHECK(gs_perfscript_frame_text(&e.stack, &text) && gs_perfscript_frame_parse(text, &f));
	CHECK_STR(f.file, GS_S("dist.h"));
	CHECK_INT(f.line, 300);
	CHECK(gs_perfscript_frame_text(&e.stack, &text) && gs_perfscript_frame_parse(text, &f));
	CHECK_STR(f.symbol, GS_S("main"));
	CHECK_INT(f.file.n, 0);
	CHECK(!gs_perfscript_frame_text(&e.stack, &text));
	CHECK(gs_perfscript_next(&s, &e));
	CHECK_STR(e.comm, GS_S("b"));
	CHECK_INT(e.stack.n, 0);
	CHECK(gs_perfscript_next(&s, &e));
	CHECK_STR(e.comm, GS_S("c"));
	CHECK_INT(s.n_skipped, 1);
	CHECK(gs_perfscript_frame_text(&e.stack, &text) && gs_perfscript_frame_parse(text, &f));
	CHECK_INT(f.ip, 1);
	CHECK(!gs_perfscript_next(&s, &e));
}

TEST(right_aligned_lines_without_stacks)
{
	gs_perfscript s = gs_perfscript_of(GS_S(
		"              cc  2131 [001] 10.000001:     250000 cpu-clock:u:  7f01 f (/x)\n"
		"            bash  2132 [001] 10.000002:     250000 cpu-clock:u:  7f02 g (/y)\n"));
	gs_perfscript_event e;

	CHECK(gs_perfscript_is(s.text));
	CHECK(gs_perfscript_next(&s, &e));
	CHECK_STR(e.details, GS_S("7f01 f (/x)"));
	CHECK_INT(e.stack.n, 0);
	CHECK(gs_perfscript_next(&s, &e));
	CHECK_STR(e.comm, GS_S("bash"));
}

TEST(a_real_recording)
{
	GS_AUTO(file) file = { 0 };
	gs_err err;
	gs_perfscript s;
	gs_perfscript_event e;
	gs_perfscript_frame f;
	gs_str text;
	unsigned events = 0, frames = 0, broken = 0;

	CHECK(gs_file_open(tap_data("data/go1.26/perf.script.txt"), 1 << 20, &file, &err));
	CHECK(gs_perfscript_is(gs_str_slice(file.bytes, 0, 4096)));
	s = gs_perfscript_of(file.bytes);
	while (gs_perfscript_next(&s, &e)) {
		events++;
		broken += e.tid <= 0 || e.time_ns <= 0 || !e.event.n || e.period <= 0;
		while (gs_perfscript_frame_text(&e.stack, &text)) {
			frames++;
			broken += !gs_perfscript_frame_parse(text, &f) || !f.ip || !f.symbol.n;
		}
	}
	CHECK(events > 50);
	CHECK(frames > 5 * events);
	CHECK_INT(broken, 0);
	CHECK_INT(s.n_skipped, 0);
	CHECK(!gs_perfscript_is(GS_S("hello world\nwhat 12 is: this\n")));
}
