#include "app/config.h"
#include "base/buf.h"
#include "tap.h"

static gs_str pairs_of(gs_arena *mem, const char *text, const char *op, gs_buf *out, gs_err *err)
{
	gs_op_pair *pairs;
	unsigned n;

	if (!gs_config_pairs(mem, gs_str_of(text), "config", gs_op_find(gs_str_of(op)), NULL, &pairs, &n, err))
		return gs_str_of(err->text);
	for (unsigned i = 0; i < n; i++)
		gs_buf_f(out, "%s%.*s=%.*s", i ? " " : "", GS_FMT(pairs[i].name), GS_FMT(pairs[i].value));
	return gs_buf_view(out);
}

static void check(const char *text, const char *op, const char *want)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	GS_AUTO(buf) out = { .max = 4096 };
	gs_err err = { 0 };

	CHECK_STR(pairs_of(mem, text, op, &out, &err), gs_str_of(want));
}

TEST(lines_are_for_one_operation)
{
	check("top.n = 20 # rows\n\n  flame.title=x = y\ntop.sort = cum\r\n", "top", "limit=20 sort=cum"); /* n: what limit was called */
	check("top.n = 20\nflame.title = x = y", "flame", "title=x = y");
	check("# nothing\n", "top", "");
	check("", "top", "");
}

TEST(what_makes_no_sense_names_its_line)
{
	check("top.n = 2\ntop.size = 3\n", "flame", "config, line 2: that operation has no option \"size\"");
	check("tap.n = 2\n", "top", "config, line 1: there is no operation \"tap\"");
	check("top\n", "top", "config, line 1: OPERATION.OPTION = value is wanted, not \"top\"");
}

TEST(too_many_lines_are_refused)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 22);
	GS_AUTO(buf) text = { .max = 1 << 20 }, out = { .max = 1 << 20 };
	gs_err err = { 0 };

	for (int i = 0; i < 1001; i++)
		gs_buf_z(&text, "top.n = 1\n");
	gs_buf_c(&text, 0);
	pairs_of(mem, text.p, "top", &out, &err);
	CHECK_INT(err.code, GS_ERR_LIMIT);
}
