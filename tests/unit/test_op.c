#include "app/argv.h"
#include "app/common_args.h"
#include "app/help.h"
#include "tap.h"

#include <limits.h>

static const gs_arg own_args[] = {
	{ "n", GS_ARG_INT, "20", .unit = "rows", .help = "rows to show", .short_name = 'n' },
	{ "sort", GS_ARG_ENUM, "flat", "flat cum name", .help = "order", .short_name = 'S' },
	{ "min", GS_ARG_FLOAT, "0.5", .help = "least share" },
	{ "wait", GS_ARG_DURATION, "30s", .help = "how long", .short_name = 'w' },
	{ "all", GS_ARG_BOOL, .help = "everything", .short_name = 'a' },
	{ "cum", GS_ARG_BOOL, "1", .help = "cumulative | <b>", .short_name = 'c' },
	{ 0 },
};
static const gs_arg_group own = { "Rows", own_args };

static bool run_nothing(gs_op_call *call, gs_err *err)
{
	(void)call;
	(void)err;
	return true;
}

static const gs_op op = {
	.name = "sample",
	.summary = "a row for tests",
	.help = "One paragraph\nof two lines.\n\n  gospect sample x\n\nAnother.",
	.input = GS_INPUT_DOCUMENTS,
	.groups = (const gs_arg_group *const[]){ &own, GS_ARGS_PROFILE, NULL },
	.formats = "text json svg",
	.run = run_nothing,
};

/* Split, then bind: what the command line does. */
static bool read_words(gs_arena *mem, const char *line, gs_argv *a, gs_op_call *call, gs_err *err)
{
	gs_str rest = gs_str_of(line), word;
	char **argv = gs_new(mem, char *, 64);
	int argc = 0;

	while (gs_word_next(&rest, &word))
		argv[argc++] = gs_cstr(mem, word);
	*err = (gs_err){ 0 };
	*call = (gs_op_call){ .op = &op, .mem = mem };
	return gs_argv_read(mem, &op, argc, argv, a, err) && gs_op_bind(call, a->pairs, a->n_pairs, err);
}

TEST(words_become_values)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call;
	gs_argv a;
	gs_err err;
	unsigned n;
	const gs_str *list;

	CHECK(read_words(mem, "x.pprof -n5 --sort=cum --min .25 -w 1m30s -a --no-cum --focus main\\. y.pprof", &a, &call, &err));
	CHECK_INT(a.n_paths, 2);
	CHECK_STR(a.paths[1], GS_S("y.pprof"));
	CHECK_INT(gs_call_int(&call, "n"), 5);
	CHECK_STR(gs_call_str(&call, "sort"), GS_S("cum"));
	CHECK(gs_call_float(&call, "min") == 0.25);
	CHECK_INT(gs_call_int(&call, "wait"), 90000000000);
	CHECK(gs_call_bool(&call, "all") && !gs_call_bool(&call, "cum"));
	CHECK(gs_call_regex(&call, "focus") && gs_re_match(gs_call_regex(&call, "focus"), GS_S("main.x")));
	CHECK(!gs_call_regex(&call, "ignore"));

	CHECK(read_words(mem, "--transform invert --transform=focus-function:a:b=c -transform x -n=7 -ac", &a, &call, &err));
	list = gs_call_list(&call, "transform", &n);
	CHECK_INT(n, 3);
	CHECK_STR(list[1], GS_S("focus-function:a:b=c"));
	CHECK_INT(gs_call_int(&call, "n"), 7);
	CHECK(gs_call_bool(&call, "all"));
}

TEST(defaults_stand_until_something_is_given)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call;
	gs_argv a;
	gs_err err;

	CHECK(read_words(mem, "", &a, &call, &err));
	CHECK_INT(gs_call_int(&call, "n"), 20);
	CHECK(!gs_call_is_set(&call, "n") && gs_call_bool(&call, "cum"));
	CHECK_INT(gs_call_int(&call, "wait"), 30000000000);
	CHECK(read_words(mem, "-n 20", &a, &call, &err));
	CHECK(gs_call_is_set(&call, "n"));
}

TEST(hands_that_know_go_are_understood)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call;
	gs_argv a;
	gs_err err;

	CHECK(read_words(mem, "-sample_index=alloc_space -focus hot -no-cum f", &a, &call, &err));
	CHECK_STR(gs_call_str(&call, "sample-index"), GS_S("alloc_space"));
	CHECK_STR(gs_call_str(&call, "focus"), GS_S("hot"));
	CHECK(!gs_call_bool(&call, "cum"));
	CHECK_INT(a.n_paths, 1);
}

TEST(two_dashes_end_the_options)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call;
	gs_argv a;
	gs_err err;

	CHECK(read_words(mem, "-n 3 - -- ./prog -n 4 --sort", &a, &call, &err));
	CHECK_INT(a.dashes_at, 1);
	CHECK_INT(a.n_paths, 5);
	CHECK_STR(a.paths[0], GS_S("-"));
	CHECK_STR(a.paths[4], GS_S("--sort"));
	CHECK(read_words(mem, "x", &a, &call, &err) && a.dashes_at == UINT_MAX);
}

static bool refused(const char *line, const char *why)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call;
	gs_argv a;
	gs_err err;

	if (read_words(mem, line, &a, &call, &err) || err.code != GS_ERR_USAGE)
		return false;
	if (strstr(err.text, why))
		return true;
	tap_check_str(gs_str_of(err.text), gs_str_of(why), line, __FILE__, __LINE__);
	return false;
}

TEST(mistakes_are_named)
{
	CHECK(refused("--focsu x", "did you mean --focus?"));
	CHECK(refused("--foc x", "did you mean --focus?"));
	CHECK(refused("--sample_indx 1", "did you mean --sample-index?"));
	CHECK(refused("--zebra", "unknown option --zebra"));
	CHECK(refused("-z", "unknown option -z"));
	CHECK(refused("-n", "needs a value"));
	CHECK(refused("--sort", "needs a value"));
	CHECK(refused("-n -3", "whole number"));
	CHECK(refused("-n 3x", "whole number"));
	CHECK(refused("--sort=flta", "did you mean \"flat\"?"));
	CHECK(refused("--sort=zzzzz", "flat, cum, name"));
	CHECK(refused("--focus (", "regular expression"));
	CHECK(refused("--wait soon", "duration"));
	CHECK(refused("--min many", "number"));
	CHECK(refused("--all=perhaps", "yes or no"));
	CHECK(refused("--format=pdf", "text json svg"));
	CHECK(refused("--no-focus", "unknown option"));
}

TEST(front_end_options_are_not_the_rows)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	gs_op_call call;
	gs_argv a;
	gs_err err;

	CHECK(read_words(mem, "x -o out.svg --format json --color=never -q --part heap", &a, &call, &err));
	CHECK_STR(gs_str_of(a.output), GS_S("out.svg"));
	CHECK_STR(a.format, GS_S("json"));
	CHECK(a.color == GS_COLOR_NEVER && a.is_quiet && !a.wants_help);
	CHECK_STR(a.part, GS_S("heap"));
	CHECK_INT(a.n_pairs, 0);
	CHECK(read_words(mem, "-h", &a, &call, &err) && a.wants_help);
}

TEST(durations)
{
	int64_t ns;

	CHECK(gs_duration_read(GS_S("10"), &ns) && ns == 10000000000);
	CHECK(gs_duration_read(GS_S("1h2m3.5s"), &ns) && ns == 3723500000000);
	CHECK(gs_duration_read(GS_S("250us"), &ns) && ns == 250000);
	CHECK(gs_duration_read(GS_S("250\xc2\xb5s"), &ns) && ns == 250000);
	CHECK(gs_duration_read(GS_S("0"), &ns) && ns == 0);
	CHECK(!gs_duration_read(GS_S(""), &ns) && !gs_duration_read(GS_S("s"), &ns));
	CHECK(!gs_duration_read(GS_S("-1s"), &ns) && !gs_duration_read(GS_S("1m5"), &ns));
	CHECK(!gs_duration_read(GS_S("99999999d"), &ns) && !gs_duration_read(GS_S("1.2.3s"), &ns));
}

TEST(near_words)
{
	static const gs_str words[] = { { "top", 3 }, { "tree", 4 }, { "traces", 6 }, { "flame", 5 }, { 0 } };

	CHECK_STR(gs_word_nearest(GS_S("tpo"), words), GS_S("top"));
	CHECK_STR(gs_word_nearest(GS_S("fl"), words), GS_S("flame"));
	CHECK_STR(gs_word_nearest(GS_S("trcaes"), words), GS_S("traces"));
	CHECK_INT(gs_word_nearest(GS_S("disassemble"), words).n, 0);
	CHECK_INT(gs_word_nearest(GS_S(""), words).n, 0);
}

TEST(help_says_all_there_is)
{
	GS_AUTO(buf) b = { 0 };
	gs_str text;

	gs_buf_init(&b, 1 << 20);
	gs_help_op(&b, &op, 80, false);
	text = gs_buf_view(&b);
	CHECK(gs_str_has(text, GS_S("One paragraph of two lines.\n\n  gospect sample x\n\nAnother.\n")));
	CHECK(gs_str_has(text, GS_S("  -n, --n rows                rows to show [20]\n")));
	CHECK(gs_str_has(text, GS_S("order (flat cum name) [flat]")));
	CHECK(gs_str_has(text, GS_S("(text json svg)")));
	CHECK(!gs_str_has(text, GS_S("\x1b")));
	while (text.n) {
		gs_str line;

		gs_str_line(&text, &line);
		CHECK(line.n <= 80);
	}
	b.n = 0;
	gs_help_markdown(&b, &op);
	CHECK(gs_str_has(gs_buf_view(&b), GS_S("| `-c, --cum` | cumulative \\| &lt;b> [on] |")));
	CHECK(gs_str_has(gs_buf_view(&b), GS_S("```\ngospect sample x\n```\n")));
}

TEST(rows_of_the_table_are_whole)
{
	for (const gs_op *const *row = gs_ops; *row; row++) {
		gs_op_call call = { .op = *row };
		GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
		gs_err err = { 0 };
		const gs_arg *a;
		bool short_seen[256] = { 0 };

		call.mem = mem;
		CHECK((*row)->name && (*row)->summary && (*row)->run && (*row)->formats);
		CHECK(gs_op_find(gs_str_of((*row)->name)) == *row);
		CHECK(!gs_str_ends(gs_str_of((*row)->summary), GS_S(".")));
		CHECK(gs_op_bind(&call, NULL, 0, &err)); /* asserts on defaults that are not valid */
		for (unsigned i = 0; (a = gs_op_arg_at(*row, i)); i++) {
			/* One thing has one name: how many rows. What it was called before leads there. */
			CHECK((a->short_name == 'n') == (strcmp(a->name, "limit") == 0));
			CHECK(a->short_name != 'n' || (gs_op_find_arg(*row, GS_S("n")) == a && gs_op_find_arg(*row, GS_S("top")) == a));
			CHECK(a->help != NULL);
			CHECK(gs_op_find_arg(*row, gs_str_of(a->name)) == a); /* no name twice */
			CHECK(!a->short_name || !short_seen[(unsigned char)a->short_name]);
			short_seen[(unsigned char)a->short_name] = a->short_name != 0;
			CHECK(a->kind != GS_ARG_ENUM || a->values);
		}
	}
}
