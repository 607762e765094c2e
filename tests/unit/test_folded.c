#include "format/folded/folded.h"
#include "tap.h"

static unsigned rows(gs_str text, gs_folded_shape *shape, gs_folded_row *out, unsigned max)
{
	gs_str rest = text;
	gs_err err;
	unsigned n = 0;

	if (!gs_folded_look(text, shape, &err))
		return 0;
	while (n < max && gs_folded_next(text, &rest, shape, &out[n], &err))
		n++;
	return n;
}

TEST(plain_rows)
{
	gs_folded_shape s;
	gs_folded_row r[4];

	CHECK_INT(rows(GS_S("# comment\nmain;a b;c 12\r\n\nmain;(x);y\t3\n"), &s, r, 4), 2);
	CHECK_INT(s.columns, 1);
	CHECK_STR(r[0].stack, GS_S("main;a b;c"));
	CHECK_INT(r[0].counts[0], 12);
	CHECK_INT(r[1].counts[0], 3);
	CHECK_INT(r[1].at, 26);
}

TEST(two_columns_only_when_all_rows_have_them)
{
	gs_folded_shape s;
	gs_folded_row r[4];

	CHECK_INT(rows(GS_S("a;b 1 2\nc 3 4\n"), &s, r, 4), 2);
	CHECK_INT(s.columns, 2);
	CHECK_INT(r[1].counts[0], 3);
	CHECK_INT(r[1].counts[1], 4);
	CHECK_INT(rows(GS_S("a;thread 1 2\nc 4\n"), &s, r, 4), 2);
	CHECK_INT(s.columns, 1);
	CHECK_STR(r[0].stack, GS_S("a;thread 1"));
}

TEST(fractions)
{
	gs_folded_shape s;
	gs_folded_row r[4];

	CHECK_INT(rows(GS_S("a;b 1.5\na;c 2\na;d 0.25\n"), &s, r, 4), 3);
	CHECK_INT(s.decimals, 2);
	CHECK_INT(r[0].counts[0], 150);
	CHECK_INT(r[1].counts[0], 200);
	CHECK_INT(r[2].counts[0], 25);
	CHECK_INT(rows(GS_S("a;b -3\n"), &s, r, 4), 1);
	CHECK_INT(r[0].counts[0], -3);
}

TEST(broken_rows)
{
	gs_folded_shape s;
	gs_folded_row r;
	gs_str text = GS_S("a;b 1\nno count here\n"), rest;
	gs_err err;

	CHECK(!gs_folded_look(text, &s, &err));
	CHECK_INT(err.at, 6);
	CHECK(!gs_folded_look(GS_S(""), &s, &err));
	text = rest = GS_S("a;b 99999999999999999999\n");
	CHECK(gs_folded_look(text, &s, &err));
	CHECK(!gs_folded_next(text, &rest, &s, &r, &err));
	CHECK_INT(err.code, GS_ERR_FORMAT);
	CHECK(!gs_folded_is(GS_S("hello world\n")));
	CHECK(!gs_folded_is(GS_S("2026-01-02 started 12\n")));
	CHECK(gs_folded_is(GS_S("a;b 1\nc 2\nd;half a li")));
	CHECK(gs_folded_is(GS_S("a;b 1\nc 2\n")));
}

static void frame(const char *text, const char *name, const char *file, uint64_t line,
		  unsigned flags)
{
	gs_folded_frame f = gs_folded_frame_of(gs_str_of(text));

	CHECK_STR(f.name, gs_str_of(name));
	CHECK_STR(f.file, gs_str_of(file));
	CHECK_INT(f.line, line);
	CHECK_INT(f.flags, flags);
}

TEST(frames)
{
	frame("main.run", "main.run", "", 0, 0);
	frame("do_syscall_64_[k]", "do_syscall_64", "", 0, GS_FOLDED_KERNEL);
	frame("main.f_[i]", "main.f", "", 0, GS_FOLDED_INLINED);
	frame("main.run (main.go:12)", "main.run", "main.go", 12, 0);
	frame("main.(*T).run (/a b/main.go:12)_[i]", "main.(*T).run", "/a b/main.go", 12,
	      GS_FOLDED_INLINED);
	frame("main.(*T).run", "main.(*T).run", "", 0, 0);
	frame("main.run:/src/main.go:12", "main.run", "/src/main.go", 12, 0);
	frame("main.run /src/main.go:12", "main.run", "/src/main.go", 12, 0);
	frame("std::vector::at:12", "std::vector::at:12", "", 0, 0);
	frame("f(int)", "f(int)", "", 0, 0);
	frame("conn 10.0.0.1:80", "conn 10.0.0.1:80", "", 0, 0);
	frame("", "", "", 0, 0);
	frame("_[k]", "_[k]", "", 0, 0);
}
