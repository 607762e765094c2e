#include "app/help.h"

#include "app/argv.h"
#include "app/endpoint_args.h"

#include "base/banned.h"

const char *gs_help_operands(const gs_op *op)
{
	if (op->operands)
		return op->operands;
	switch (op->input) {
	case GS_INPUT_NONE:
		return "";
	case GS_INPUT_DOCUMENTS:
		return "FILE|CAPTURE|URL|PID...";
	case GS_INPUT_HEAPS:
		return "CORE";
	case GS_INPUT_PATHS:
		return "FILE...";
	}
	return "";
}

const gs_arg_group *gs_help_group_at(const gs_op *op, unsigned i)
{
	unsigned n = 0;

	for (; op->groups && op->groups[n]; n++)
		if (n == i)
			return op->groups[n];
	if (op->input == GS_INPUT_DOCUMENTS && i == n)
		return &gs_args_input;
	if (op->input == GS_INPUT_DOCUMENTS && i == n + 1)
		return &gs_args_endpoint;
	n += op->input == GS_INPUT_DOCUMENTS ? 2 : 0;
	return i == n && op->formats ? &gs_args_output : NULL;
}

static void words(gs_buf *out, gs_str paragraph, unsigned indent, unsigned width, unsigned at)
{
	gs_str rest = paragraph, word;
	bool first = true;

	while (gs_word_next(&rest, &word)) {
		if (!first && at + 1 + word.n > width) {
			gs_buf_c(out, '\n');
			gs_buf_fill(out, ' ', indent);
			at = indent;
		} else if (!first) {
			gs_buf_c(out, ' ');
			at++;
		}
		gs_buf_str(out, word);
		at += (unsigned)word.n;
		first = false;
	}
}

void gs_help_wrap(gs_buf *out, gs_str s, unsigned indent, unsigned width)
{
	GS_AUTO(buf) joined = { 0 };
	gs_str line;
	bool more = true;

	gs_buf_init(&joined, 65536);
	while (more) {
		more = gs_str_line(&s, &line);
		bool is_verbatim = more && gs_str_starts(line, GS_S("  "));

		if (more && line.n && !is_verbatim) {
			if (joined.n)
				gs_buf_c(&joined, ' ');
			gs_buf_str(&joined, line);
			continue;
		}
		if (joined.n) {
			gs_buf_fill(out, ' ', indent);
			words(out, gs_buf_view(&joined), indent, width, indent);
			gs_buf_c(out, '\n');
			joined.n = 0;
		}
		if (is_verbatim) {
			gs_buf_fill(out, ' ', indent);
			gs_buf_str(out, line);
		}
		if (more)
			gs_buf_c(out, '\n');
	}
}

static void arg_synopsis(gs_buf *out, const gs_arg *a)
{
	if (a->short_name)
		gs_buf_f(out, "-%c, ", a->short_name);
	gs_buf_f(out, "--%s", a->name);
	if (a->kind == GS_ARG_BOOL)
		return;
	gs_buf_c(out, ' ');
	if (a->unit) {
		gs_buf_z(out, a->unit);
		return;
	}
	switch (a->kind) {
	case GS_ARG_INT:
	case GS_ARG_FLOAT:
		gs_buf_z(out, "number");
		break;
	case GS_ARG_REGEX:
		gs_buf_z(out, "regex");
		break;
	case GS_ARG_DURATION:
		gs_buf_z(out, "duration");
		break;
	case GS_ARG_ENUM:
		gs_buf_z(out, "word");
		break;
	case GS_ARG_BOOL:
	case GS_ARG_STRING:
	case GS_ARG_LIST:
		gs_buf_z(out, "text");
		break;
	}
}

/* What the help says after the row's own words: choices, default, repetition. */
static void arg_text(gs_buf *out, const gs_op *op, const gs_arg *a)
{
	gs_buf_z(out, a->help);
	if (a == gs_args_output.args && op->formats)
		gs_buf_f(out, " (%s)", op->formats);
	if (a->values)
		gs_buf_f(out, " (%s)", a->values);
	if (a->kind == GS_ARG_LIST)
		gs_buf_z(out, "; may be given several times");
	if (a->def && a->def[0] && !(a->kind == GS_ARG_BOOL && strcmp(a->def, "0") == 0))
		gs_buf_f(out, " [%s]", a->kind == GS_ARG_BOOL ? "on" : a->def);
}

static void heading(gs_buf *out, const char *text, bool use_color)
{
	gs_buf_f(out, use_color ? "\n\x1b[1m%s\x1b[0m\n" : "\n%s\n", text);
}

void gs_help_op(gs_buf *out, const gs_op *op, unsigned width, bool use_color)
{
	enum { TEXT_AT = 30 };
	const gs_arg_group *g;

	if (width < 40)
		width = 40;
	else if (width > 110)
		width = 110;
	gs_buf_f(out, "gospect %s: %s\n", op->name, op->summary);
	heading(out, "Usage", use_color);
	gs_buf_f(out, "  gospect %s [options] %s\n", op->name, gs_help_operands(op));
	if (op->help) {
		gs_buf_c(out, '\n');
		gs_help_wrap(out, gs_str_of(op->help), 0, width);
	}
	for (unsigned i = 0; (g = gs_help_group_at(op, i)); i++) {
		heading(out, g->title, use_color);
		for (const gs_arg *a = g->args; a->name; a++) {
			GS_AUTO(buf) left = { 0 };
			GS_AUTO(buf) right = { 0 };

			gs_buf_init(&left, 4096);
			gs_buf_init(&right, 4096);
			if (!a->short_name)
				gs_buf_z(&left, "    ");
			arg_synopsis(&left, a);
			arg_text(&right, op, a);
			gs_buf_f(out, "  %.*s", GS_FMT(gs_buf_view(&left)));
			if (left.n + 3 > TEXT_AT) {
				gs_buf_c(out, '\n');
				gs_buf_fill(out, ' ', TEXT_AT);
			} else {
				gs_buf_fill(out, ' ', TEXT_AT - 2 - left.n);
			}
			words(out, gs_buf_view(&right), TEXT_AT, width, TEXT_AT);
			gs_buf_c(out, '\n');
		}
	}
}

/* NULL: the row is not the first of a chapter. */
static const char *chapter_at(const gs_manual *m, const gs_op *op)
{
	const gs_op_chapter *c = m->chapters;

	while (c->title && c->first != op)
		c++;
	return c->title;
}

static void rows(gs_buf *out, const gs_manual *m, const gs_op *const *list)
{
	for (; *list; list++) {
		const char *title = chapter_at(m, *list);

		if (title)
			gs_buf_f(out, "\n%s\n", title);
		gs_buf_f(out, "  %-15s %s\n", (*list)->name, (*list)->summary);
	}
}

void gs_help_overview(gs_buf *out, const gs_manual *m)
{
	gs_buf_z(out, "gospect: why is this Go program slow, stuck or growing?\n\n"
		      "Usage\n"
		      "  gospect COMMAND [options] FILE|CAPTURE|URL|PID...\n"
		      "  gospect FILE|CAPTURE|URL|PID...                      opens it in the browser: gospect ui\n\n"
		      "Start here\n");
	rows(out, m, m->commands);
	rows(out, m, m->ops);
	gs_buf_z(out, "\ngospect COMMAND --help tells more.\n"
		      "Exit status: 0 done; 1 the answer is \"no\"; 2 wrong usage; 3 bad input; 4 environment.\n");
}

/* Markdown */

static void markdown_text(gs_buf *out, gs_str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '<')
			gs_buf_z(out, "&lt;");
		else if (s.p[i] == '|')
			gs_buf_z(out, "\\|");
		else
			gs_buf_c(out, s.p[i]);
	}
}

static void markdown_help(gs_buf *out, gs_str s)
{
	gs_str line;
	bool in_code = false;

	while (gs_str_line(&s, &line)) {
		bool is_verbatim = gs_str_starts(line, GS_S("  "));

		if (is_verbatim != in_code && (is_verbatim || line.n)) {
			gs_buf_z(out, "```\n");
			in_code = is_verbatim;
		}
		if (is_verbatim) {
			gs_buf_str(out, gs_str_skip(line, 2));
		} else if (line.n || !in_code) {
			markdown_text(out, line);
		}
		if (!(in_code && !is_verbatim))
			gs_buf_c(out, '\n');
	}
	if (in_code)
		gs_buf_z(out, "```\n");
}

void gs_help_markdown(gs_buf *out, const gs_op *op)
{
	const gs_arg_group *g;

	gs_buf_f(out, "# gospect %s\n\n%s.\n\n```\ngospect %s [options] %s\n```\n", op->name, op->summary, op->name,
		 gs_help_operands(op));
	if (op->help) {
		gs_buf_c(out, '\n');
		markdown_help(out, gs_str_of(op->help));
	}
	for (unsigned i = 0; (g = gs_help_group_at(op, i)); i++) {
		gs_buf_f(out, "\n## %s\n\n| option | meaning |\n|---|---|\n", g->title);
		for (const gs_arg *a = g->args; a->name; a++) {
			GS_AUTO(buf) text = { 0 };

			gs_buf_init(&text, 4096);
			gs_buf_z(out, "| `");
			arg_synopsis(out, a);
			gs_buf_z(out, "` | ");
			arg_text(&text, op, a);
			markdown_text(out, gs_buf_view(&text));
			gs_buf_z(out, " |\n");
		}
	}
	if (op->run)
		gs_buf_f(out, "\nThe same question over HTTP: `GET /api/%s` with the same arguments (see [the API](../api.md)).\n",
			 op->name);
	gs_buf_z(out, "\n<!-- printed by `gospect help --format markdown` from the operation table: change the table, not this page -->\n");
}

void gs_help_markdown_index(gs_buf *out, const gs_manual *m)
{
	gs_buf_z(out, "# Commands\n\n| command | what for |\n|---|---|\n");
	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m->ops : m->commands; *op; op++) {
			const char *title = chapter_at(m, *op);

			if (title)
				gs_buf_f(out, "\n## %s\n\n| command | what for |\n|---|---|\n", title);
			gs_buf_f(out, "| [%s](%s.md) | ", (*op)->name, (*op)->name);
			markdown_text(out, gs_str_of((*op)->summary));
			gs_buf_z(out, " |\n");
		}
	gs_buf_z(out, "\nExit status: 0 done; 1 the answer is \"no\"; 2 wrong usage; 3 bad input; 4 environment.\n\n"
		      "<!-- printed by `gospect help --format markdown` from the operation table: change the table, not this page -->\n");
}

/* Manual page */

static void roff(gs_buf *out, gs_str s)
{
	bool at_start = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (at_start && (c == '.' || c == '\''))
			gs_buf_z(out, "\\&");
		if (c == '\\')
			gs_buf_z(out, "\\e");
		else if (c == '-')
			gs_buf_z(out, "\\-");
		else
			gs_buf_c(out, c);
		at_start = c == '\n';
	}
}

static void man_help(gs_buf *out, gs_str s)
{
	gs_str line;
	bool in_code = false;

	while (gs_str_line(&s, &line)) {
		bool is_verbatim = gs_str_starts(line, GS_S("  "));

		if (is_verbatim != in_code) {
			gs_buf_z(out, is_verbatim ? ".PP\n.nf\n" : ".fi\n");
			in_code = is_verbatim;
		}
		if (!line.n) {
			gs_buf_z(out, ".PP\n");
			continue;
		}
		roff(out, is_verbatim ? gs_str_skip(line, 2) : line);
		gs_buf_c(out, '\n');
	}
	if (in_code)
		gs_buf_z(out, ".fi\n");
}

static void man_args(gs_buf *out, const gs_op *op, const gs_arg_group *g)
{
	gs_buf_f(out, ".PP\n%s:\n", g->title);
	for (const gs_arg *a = g->args; a->name; a++) {
		GS_AUTO(buf) text = { 0 };

		gs_buf_init(&text, 8192);
		gs_buf_z(out, ".TP\n.B ");
		arg_synopsis(&text, a);
		roff(out, gs_buf_view(&text));
		gs_buf_c(out, '\n');
		text.n = 0;
		arg_text(&text, op, a);
		roff(out, gs_buf_view(&text));
		gs_buf_c(out, '\n');
	}
}

/* A group that several rows share is printed once, behind the commands. */
static bool is_shared(const gs_manual *m, const gs_arg_group *g)
{
	unsigned users = 0;

	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m->ops : m->commands; *op; op++) {
			const gs_arg_group *other;

			for (unsigned i = 0; (other = gs_help_group_at(*op, i)); i++)
				users += other == g;
		}
	return users > 1;
}

static void man_shared(gs_buf *out, const gs_manual *m)
{
	const gs_arg_group *done[64], *g;
	unsigned n = 0;

	for (const gs_op *const *op = m->ops; *op; op++)
		for (unsigned i = 0; (g = gs_help_group_at(*op, i)); i++) {
			unsigned k = 0;

			while (k < n && done[k] != g)
				k++;
			if (k < n || n == 64 || !is_shared(m, g))
				continue;
			done[n++] = g;
			man_args(out, *op, g);
		}
}

void gs_help_man(gs_buf *out, const gs_manual *m)
{
	gs_buf_f(out,
		 ".\\\" printed by gospect help --format man from the operation table\n"
		 ".TH GOSPECT 1 \"\" \"gospect %s\" \"User Commands\"\n.SH NAME\n"
		 "gospect \\- why is this Go program slow, stuck or growing?\n"
		 ".SH SYNOPSIS\n.B gospect\n.I COMMAND\n[options] FILE|CAPTURE|URL|PID...\n.br\n.B gospect\nFILE|CAPTURE|URL|PID... (short for gospect ui)\n"
		 ".SH DESCRIPTION\nOne program that records and reads what Go and its tools know about a running or finished program:\n"
		 "CPU, heap, blocking and mutex profiles, goroutine dumps and perf recordings. It answers in the terminal, as a file,\n"
		 "or on a page in the browser.\n.SH COMMANDS\n",
		 m->version);
	for (unsigned part = 0; part < 2; part++)
		for (const gs_op *const *op = part ? m->ops : m->commands; *op; op++) {
			const gs_arg_group *g;

			gs_buf_f(out, ".SS \"gospect %s [options] %s\"\n", (*op)->name, gs_help_operands(*op));
			roff(out, gs_str_of((*op)->summary));
			gs_buf_z(out, ".\n");
			if ((*op)->help) {
				gs_buf_z(out, ".PP\n");
				man_help(out, gs_str_of((*op)->help));
			}
			for (unsigned i = 0; (g = gs_help_group_at(*op, i)); i++) {
				if (is_shared(m, g))
					gs_buf_f(out, ".PP\nTakes the options \\(lq%s\\(rq (see SHARED OPTIONS).\n", g->title);
				else
					man_args(out, *op, g);
			}
		}
	gs_buf_z(out, ".SH SHARED OPTIONS\n");
	man_shared(out, m);
	gs_buf_z(out, ".SH EXIT STATUS\n0 done; 1 the answer is \\(lqno\\(rq (a gate failed); 2 wrong usage; 3 bad input; 4 environment.\n"
		      ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nWhen set and not empty, text has no colours.\n"
		      ".TP\n.B VISUAL, EDITOR\nThe editor that the page opens source lines in, besides the ones it finds.\n"
		      ".SH SEE ALSO\n.BR perf (1)\n");
}
