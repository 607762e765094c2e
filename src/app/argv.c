#include "app/argv.h"

#include <limits.h>

#include "app/endpoint_args.h"

#include "base/banned.h"

static const gs_arg input_args[] = {
	{ "part", GS_ARG_STRING, .help = "of a capture, the part to look at: cpu, heap, ...; default: cpu, or what fits", .unit = "name" },
	{ "overlay", GS_ARG_STRING, .help = "over an execution trace: a profile of the same process taken meanwhile, such as perf.data", .unit = "file" },
	{ "duration", GS_ARG_DURATION, .help = "of a URL or PID, how long to record it first; default: 30s", .unit = "time" },
	{ 0 },
};
const gs_arg_group gs_args_input = { "Input", input_args };

static const gs_arg output_args[] = {
	{ "format", GS_ARG_STRING, .help = "result format; default: by the name after -o, else the first one", .unit = "format" },
	{ "output", GS_ARG_STRING, .help = "write to this file instead of the terminal", .unit = "file", .short_name = 'o' },
	{ "color", GS_ARG_ENUM, "auto", "auto always never", .help = "colours in text; NO_COLOR is obeyed" },
	{ "quiet", GS_ARG_BOOL, .help = "no progress and no notes on standard error", .short_name = 'q' },
	{ 0 },
};
const gs_arg_group gs_args_output = { "Output", output_args };

static const gs_arg help_arg = { "help", GS_ARG_BOOL, .help = "this text", .short_name = 'h' };

static const gs_arg *own_arg(const gs_op *op, gs_str name)
{
	for (const gs_arg *a = output_args; op->formats && a->name; a++)
		if (gs_str_eq(name, gs_str_of(a->name)))
			return a;
	for (const gs_arg *a = gs_args_endpoint.args; op->input == GS_INPUT_DOCUMENTS && a->name; a++)
		if (gs_str_eq(name, gs_str_of(a->name)))
			return a;
	for (const gs_arg *a = input_args; op->input == GS_INPUT_DOCUMENTS && a->name; a++)
		if (gs_str_eq(name, gs_str_of(a->name)))
			return a;
	return gs_str_eq(name, GS_S("help")) ? &help_arg : NULL;
}

static const gs_arg *by_name(const gs_op *op, gs_str name)
{
	const gs_arg *a = gs_op_find_arg(op, name);

	return a ? a : own_arg(op, name);
}

static const gs_arg *by_letter(const gs_op *op, char c)
{
	const gs_arg *a;

	for (unsigned i = 0; (a = gs_op_arg_at(op, i)); i++)
		if (a->short_name == c)
			return a;
	for (a = output_args; op->formats && a->name; a++)
		if (a->short_name == c)
			return a;
	for (a = gs_args_endpoint.args; op->input == GS_INPUT_DOCUMENTS && a->name; a++)
		if (a->short_name == c)
			return a;
	return c == 'h' ? &help_arg : NULL;
}

static bool is_false(gs_str s)
{
	return gs_str_eq(s, GS_S("0")) || gs_str_eq(s, GS_S("false")) || gs_str_eq(s, GS_S("no"));
}

static bool is_endpoint_arg(const gs_arg *wanted)
{
	for (const gs_arg *a = gs_args_endpoint.args; a->name; a++)
		if (a == wanted)
			return true;
	return false;
}

static bool take(gs_argv *out, const gs_op *op, const gs_arg *a, gs_str value, gs_err *err)
{
	if (a == &help_arg) {
		out->wants_help = !is_false(value);
	} else if (a == &input_args[0]) {
		out->part = value;
	} else if (a == &input_args[1]) {
		out->overlay = value;
	} else if (a == &input_args[2]) {
		if (!gs_duration_read(value, &out->duration_ns) || out->duration_ns < 1000000)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       "%s: --duration must be a duration such as 30s or 500ms, not \"%.*s\"", op->name, GS_FMT(value));
	} else if (op->input == GS_INPUT_DOCUMENTS && is_endpoint_arg(a)) {
		out->endpoint[out->n_endpoint++] = (gs_op_pair){
			gs_str_of(a->name), a->kind != GS_ARG_BOOL ? value : is_false(value) ? GS_S("0") : GS_S("1") };
	} else if (a == &output_args[0]) {
		if (!gs_op_has_format(op, value))
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s has no format \"%.*s\", it has: %s", op->name,
				       GS_FMT(value), op->formats);
		out->format = value;
	} else if (a == &output_args[1]) {
		if (!value.n)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: --output needs a file name", op->name);
		out->output = value.p; /* a word of argv or its tail: ends with NUL */
	} else if (a == &output_args[2]) {
		if (gs_str_eq(value, GS_S("always")))
			out->color = GS_COLOR_ALWAYS;
		else if (gs_str_eq(value, GS_S("never")))
			out->color = GS_COLOR_NEVER;
		else if (gs_str_eq(value, GS_S("auto")))
			out->color = GS_COLOR_AUTO;
		else
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
				       "%s: --color must be auto, always or never, not \"%.*s\"", op->name, GS_FMT(value));
	} else if (a == &output_args[3]) {
		out->is_quiet = !is_false(value);
	} else {
		out->pairs[out->n_pairs++] = (gs_op_pair){ gs_str_of(a->name), value };
	}
	return true;
}

static bool unknown(const gs_op *op, gs_str name, gs_err *err)
{
	gs_str names[220], near;
	const gs_arg *a;
	unsigned n = 0;

	for (unsigned i = 0; n < 200 && (a = gs_op_arg_at(op, i)); i++)
		names[n++] = gs_str_of(a->name);
	for (a = output_args; op->formats && a->name; a++)
		names[n++] = gs_str_of(a->name);
	names[n] = (gs_str){ 0 };
	near = gs_word_nearest(name, names);
	if (near.n)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: unknown option --%.*s, did you mean --%.*s?", op->name,
			       GS_FMT(name), GS_FMT(near));
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: unknown option --%.*s (see gospect %s --help)", op->name,
		       GS_FMT(name), op->name);
}

static bool needs_value(const gs_op *op, const gs_arg *a, gs_err *err)
{
	return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: --%s needs a value: %s", op->name, a->name, a->help);
}

/* --name, --name=value, --name value, --no-name. *i is moved over a value taken from the next word. */
static bool long_option(gs_argv *out, const gs_op *op, gs_str word, int argc, char *const *argv, int *i, gs_err *err)
{
	gs_str name, value;
	bool has_value = gs_str_cut(word, '=', &name, &value);
	const gs_arg *a = by_name(op, name);

	if (!a && !has_value && gs_str_starts(name, GS_S("no-"))) {
		a = by_name(op, gs_str_skip(name, 3));
		if (a && a->kind == GS_ARG_BOOL)
			return take(out, op, a, GS_S("0"), err);
		a = NULL;
	}
	if (!a)
		return unknown(op, name, err);
	if (!has_value && a->kind == GS_ARG_BOOL)
		return take(out, op, a, GS_S("1"), err);
	if (!has_value) {
		if (*i + 1 >= argc)
			return needs_value(op, a, err);
		value = gs_str_of(argv[++*i]);
	}
	return take(out, op, a, value, err);
}

static bool short_options(gs_argv *out, const gs_op *op, gs_str letters, int argc, char *const *argv, int *i, gs_err *err)
{
	while (letters.n) {
		const gs_arg *a = by_letter(op, letters.p[0]);

		if (!a)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "%s: unknown option -%.*s (see gospect %s --help)",
				       op->name, GS_FMT(letters), op->name);
		letters = gs_str_skip(letters, 1);
		if (a->kind == GS_ARG_BOOL) {
			if (!take(out, op, a, GS_S("1"), err))
				return false;
			continue;
		}
		if (letters.n && letters.p[0] == '=')
			letters = gs_str_skip(letters, 1);
		else if (!letters.n && *i + 1 >= argc)
			return needs_value(op, a, err);
		else if (!letters.n)
			letters = gs_str_of(argv[++*i]);
		return take(out, op, a, letters, err);
	}
	return true;
}

bool gs_argv_read(gs_arena *mem, const gs_op *op, int argc, char *const *argv, gs_argv *out, gs_err *err)
{
	size_t most = argc > 0 ? (size_t)argc : 0;

	/* A word gives at most as many pairs as it has letters: -abc. */
	for (int i = 0; i < argc; i++)
		most += strlen(argv[i]);
	*out = (gs_argv){ .dashes_at = UINT_MAX };
	out->pairs = gs_new(mem, gs_op_pair, most + 2); /* a front-end may turn an operand into one more */
	out->endpoint = gs_new(mem, gs_op_pair, most + 1);
	out->paths = gs_new(mem, gs_str, (size_t)(argc > 0 ? argc : 0) + 1);
	for (int i = 0; i < argc; i++) {
		gs_str word = gs_str_of(argv[i]), name, value;
		bool ok;

		if (out->dashes_at != UINT_MAX || word.n < 2 || word.p[0] != '-') {
			out->paths[out->n_paths++] = word; /* "-" alone is standard input */
			continue;
		}
		if (gs_str_eq(word, GS_S("--"))) {
			out->dashes_at = out->n_paths;
			continue;
		}
		gs_str_cut(gs_str_skip(word, 1), '=', &name, &value);
		if (word.p[1] == '-')
			ok = long_option(out, op, gs_str_skip(word, 2), argc, argv, &i, err);
		else if (name.n > 1 && (by_name(op, name) || (gs_str_starts(name, GS_S("no-")) && by_name(op, gs_str_skip(name, 3)))))
			ok = long_option(out, op, gs_str_skip(word, 1), argc, argv, &i, err);
		else
			ok = short_options(out, op, gs_str_skip(word, 1), argc, argv, &i, err);
		if (!ok)
			return false;
	}
	return true;
}
