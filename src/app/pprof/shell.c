/* The shell of `gospect pprof`: commands and name=value, one a line. */
#include <stdarg.h>

#include "app/pprof/pprof.h"

#include "base/banned.h"

enum { MAX_TOKENS = 256 };

typedef struct shell {
	gs_pprofcmd *p;
} shell;

void gs_pprofcmd_note(gs_pprofcmd *p, const char *fmt, ...)
{
	GS_AUTO(buf) b = { 0 };
	va_list ap;

	gs_buf_init(&b, 1 << 24);
	va_start(ap, fmt);
	gs_buf_vf(&b, fmt, ap);
	va_end(ap);
	p->ui->note(p->ui->ctx, gs_buf_view(&b));
}

/* Everything that is not a report is for the person, not for the pipe. */
static void say(shell *s, gs_str text)
{
	if (gs_str_ends(text, GS_S("\n")))
		text.n--;
	s->p->ui->note(s->p->ui->ctx, text);
}

gs_str gs_pprofcmd_complete(const gs_pprofcmd *p, gs_str word, bool is_function)
{
	const gs_profile *q = p->doc->profile;
	gs_str found = { 0 };
	unsigned n = 0;

	for (uint32_t i = 1; is_function && i < q->n_functions && word.n; i++) {
		gs_str name = gs_profile_str(q, q->functions[i].name);

		if (gs_str_has(name, word) && !gs_str_eq(name, found)) {
			found = name;
			n++;
		}
	}
	for (const gs_pprofcmd_report *r = gs_pprofcmd_reports; !is_function && r->name; r++)
		if (gs_str_starts(gs_str_of(r->name), word)) {
			found = gs_str_of(r->name);
			n++;
		}
	for (const gs_pprofcmd_option *o = gs_pprofcmd_options; !is_function && o->name; o++)
		if (gs_str_starts(gs_str_of(o->name), word)) {
			found = gs_str_of(o->name);
			n++;
		}
	return n == 1 ? found : (gs_str){ 0 };
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static unsigned split_words(gs_str line, gs_str *words)
{
	unsigned n = 0;

	for (size_t i = 0; i < line.n && n < MAX_TOKENS;) {
		size_t from = i;

		if (is_space(line.p[i])) {
			i++;
			continue;
		}
		while (i < line.n && !is_space(line.p[i]))
			i++;
		words[n++] = gs_str_slice(line, from, i);
	}
	return n;
}

static int compare_strings(const void *a, const void *b)
{
	return gs_str_cmp(*(const gs_str *)a, *(const gs_str *)b);
}

static void put_types(const gs_profile *q, gs_buf *b)
{
	for (uint32_t t = 0; t < q->n_types; t++)
		gs_buf_f(b, "%s%.*s", t ? " | " : "", GS_FMT(gs_profile_str(q, q->types[t].type)));
}

static void list_options(shell *s)
{
	const gs_profile *q = s->p->doc->profile;
	gs_str lines[64];
	unsigned n = 0;
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	for (const gs_pprofcmd_option *o = gs_pprofcmd_options; o->name; o++) {
		GS_AUTO(buf) value = { 0 };
		GS_AUTO(buf) comment = { 0 };
		bool is_index = strcmp(o->name, "sample_index") == 0;

		if (strcmp(o->name, "source_path") == 0)
			continue;
		gs_buf_init(&value, 1 << 16);
		gs_buf_init(&comment, 1 << 16);
		gs_pprofcmd_config_get(&s->p->config, o, &value);
		if (o->choices) {
			gs_str rest = gs_str_of(o->choices), one;

			gs_buf_z(&comment, "//: [");
			while (rest.n) {
				gs_str_cut(rest, ',', &one, &rest);
				gs_buf_f(&comment, "%.*s%s", GS_FMT(one), rest.n ? " | " : "]");
			}
			if (!value.n)
				gs_buf_z(&value, "(default)");
		} else if (is_index) {
			if (!value.n && q->n_types)
				gs_buf_str(&value, gs_profile_str(q, q->types[q->n_types - 1].type));
			gs_buf_z(&comment, "//: [");
			put_types(q, &comment);
			gs_buf_c(&comment, ']');
		} else if (strcmp(o->name, "nodecount") == 0 && s->p->config.query.node_count == -1) {
			gs_buf_z(&comment, "//: default");
		} else if (!value.n) {
			gs_buf_z(&value, "\"\"");
		}
		b.n = 0;
		gs_buf_f(&b, "  %-25s = %-20.*s %.*s", o->name, GS_FMT(gs_buf_view(&value)),
			 GS_FMT(gs_buf_view(&comment)));
		lines[n++] = gs_str_dup(s->p->mem, gs_buf_view(&b));
	}
	qsort(lines, n, sizeof(*lines), compare_strings);
	b.n = 0;
	for (unsigned i = 0; i < n; i++)
		gs_buf_f(&b, "%.*s\n", GS_FMT(lines[i]));
	say(s, gs_buf_view(&b));
}

static void help(shell *s, gs_str what)
{
	const gs_pprofcmd_report *r = gs_pprofcmd_report_find(what);
	gs_str choice;
	const gs_pprofcmd_option *o = gs_pprofcmd_option_find(what, &choice);
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	if (!what.n) {
		gs_pprofcmd_usage(&b, false);
		gs_buf_z(&b, "\n  :   Clear focus/ignore/hide/tagfocus/tagignore\n\n"
			     "  type \"help <cmd|option>\" for more information\n");
	} else if (r) {
		gs_str rest = gs_str_of(r->usage), line;

		gs_buf_f(&b, "%s\n", r->summary);
		if (rest.n)
			gs_buf_z(&b, "  Usage:\n");
		while (gs_str_line(&rest, &line))
			gs_buf_f(&b, "    %.*s\n", GS_FMT(line));
		gs_buf_c(&b, '\n');
	} else if (o) {
		gs_buf_f(&b, "%s\n", choice.n ? gs_pprofcmd_choice_help(choice) : o->help);
	} else {
		gs_buf_f(&b, "Unknown command: %.*s", GS_FMT(what));
	}
	say(s, gs_buf_view(&b));
}

/* name=value; true when the line was one. */
static bool assign(shell *s, gs_str line)
{
	gs_str name, value, choice;
	bool has_value = gs_str_cut(line, '=', &name, &value);
	const gs_pprofcmd_option *o;
	gs_err err = { 0 };
	size_t comment;
	uint32_t type;

	name = gs_str_trim(name);
	o = gs_pprofcmd_option_find(name, &choice);
	if (!o)
		return false;
	while ((comment = gs_str_find(value, GS_S("//:"))) != SIZE_MAX)
		value = gs_str_slice(value, 0, comment);
	value = gs_str_trim(value);
	if (!has_value && !choice.n && o->kind != GS_PPROFCMD_BOOL) {
		gs_pprofcmd_note(s->p, "please specify a value, e.g. %.*s=<val>", GS_FMT(name));
		return true;
	}
	if (strcmp(o->name, "sample_index") == 0) {
		const gs_profile *q = s->p->doc->profile;

		if (!gs_sample_index(q, value, &type, &err)) {
			gs_pprofcmd_note(s->p, "%s", err.text);
			return true;
		}
		value = gs_profile_str(q, q->types[type].type);
	}
	if (choice.n) {
		if (has_value && value.n && value.p[0] != 't' && value.p[0] != 'T' && value.p[0] != '1') {
			gs_pprofcmd_note(s->p, "unknown config field \"%.*s\"", GS_FMT(name));
			return true;
		}
		/* Go's ParseBool does not take the empty text; a bare name is how people choose. */
		value = choice;
	}
	if (!gs_pprofcmd_config_set(&s->p->config, o, gs_str_dup(s->p->mem, value), &err))
		gs_pprofcmd_note(s->p, "%s", err.text);
	return true;
}

static gs_str join_regex(gs_arena *mem, gs_str a, gs_str b)
{
	return a.n && b.n ? gs_strf(mem, "%.*s|%.*s", GS_FMT(a), GS_FMT(b)) : a.n ? a : b;
}

/* "top10 focus -ignore >file" */
static bool run_command(shell *s, gs_str *words, unsigned n, gs_err *err)
{
	gs_pprofcmd_config c = s->p->config;
	gs_str name = words[0], focus = { 0 }, ignore = { 0 }, param = { 0 }, choice;
	const gs_pprofcmd_report *r = gs_pprofcmd_report_find(name);
	unsigned at = 1;
	bool is_tags;

	if (!r) {
		size_t digits = name.n;
		int64_t count;

		while (digits > 0 && name.p[digits - 1] >= '0' && name.p[digits - 1] <= '9')
			digits--;
		if (digits && digits < name.n && gs_str_i64(gs_str_skip(name, digits), &count)) {
			name = gs_str_slice(name, 0, digits);
			r = gs_pprofcmd_report_find(name);
			c.query.node_count = count;
		}
	}
	if (!r && gs_pprofcmd_option_find(name, &choice))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "did you mean: %.*s=%.*s", GS_FMT(name),
			       GS_FMT(n > 1 ? words[1] : GS_S("<val>")));
	if (!r)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "unrecognized command: \"%.*s\"", GS_FMT(name));
	if (r->has_param) {
		if (n < 2)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "command %.*s requires an argument",
				       GS_FMT(name));
		param = words[at++];
	}
	for (; at < n; at++) {
		gs_str w = words[at];
		int64_t count;

		if (gs_str_i64(w, &count) && count >= INT32_MIN && count <= INT32_MAX) {
			c.query.node_count = count;
		} else if (w.p[0] == '>') {
			c.output = gs_str_skip(w, 1);
			if (!c.output.n && ++at >= n)
				return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "unexpected end of line after >");
			if (!c.output.n)
				c.output = words[at];
		} else if (gs_str_eq(w, GS_S("-cum")) || gs_str_eq(w, GS_S("--cum"))) {
			c.query.cum_sort = true;
		} else if (w.p[0] == '-') {
			ignore = join_regex(s->p->mem, ignore, gs_str_skip(w, 1));
		} else {
			focus = join_regex(s->p->mem, focus, w);
		}
	}
	is_tags = r->kind == GS_REPORT_TAGS;
	if (focus.n)
		*(is_tags ? &c.query.tagfocus : &c.query.focus) = focus;
	if (ignore.n)
		*(is_tags ? &c.query.tagignore : &c.query.ignore) = ignore;
	if (c.query.node_count == -1 && r->kind == GS_REPORT_TOP)
		c.query.node_count = 10;
	return gs_pprofcmd_generate(s->p, r, param, &c, err);
}

static bool run_line(shell *s, gs_str line)
{
	gs_str words[MAX_TOKENS];
	unsigned n;
	gs_err err = { 0 };

	if (assign(s, line))
		return true;
	n = split_words(line, words);
	if (n == 0)
		return true;
	if (gs_str_eq(words[0], GS_S("o")) || gs_str_eq(words[0], GS_S("options")))
		list_options(s);
	else if (gs_str_eq(words[0], GS_S("exit")) || gs_str_eq(words[0], GS_S("quit")) || gs_str_eq(words[0], GS_S("q")))
		return false;
	else if (gs_str_eq(words[0], GS_S("help")))
		help(s, n > 1 ? words[1] : (gs_str){ 0 });
	else if (!run_command(s, words, n, &err))
		gs_pprofcmd_note(s->p, "%s", err.text);
	return true;
}

/* ":" clears the filters; a sample type's name chooses it, with total_ and mean_ in front. */
static bool run_shortcut(shell *s, gs_str line)
{
	static const char *const filters[] = { "focus=", "ignore=", "hide=", "tagfocus=", "tagignore=" };
	const gs_profile *q = s->p->doc->profile;

	line = gs_str_trim(line);
	if (gs_str_eq(line, GS_S(":"))) {
		for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
			assign(s, gs_str_of(filters[i]));
		return true;
	}
	for (uint32_t t = 0; t < q->n_types; t++) {
		gs_str type = gs_profile_str(q, q->types[t].type);
		bool total = gs_str_starts(line, GS_S("total_")) && gs_str_eq(gs_str_skip(line, 6), type);
		bool mean = gs_str_starts(line, GS_S("mean_")) && gs_str_eq(gs_str_skip(line, 5), type);

		if (!total && !mean && !gs_str_eq(line, type))
			continue;
		if (total || mean)
			s->p->config.query.mean = mean;
		s->p->config.query.sample_index = type;
		return true;
	}
	return false;
}

static bool greet(shell *s, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(UINT64_MAX);
	GS_AUTO(buf) b = { 0 };
	gs_report r;

	gs_buf_init(&b, 1 << 20);
	if (!gs_report_init(&r, mem, s->p->doc->profile, &s->p->config.query, GS_REPORT_TOP, (gs_str){ 0 }, err))
		return false;
	gs_report_profile_labels(&r, &b);
	if (r.view->total == 0 && s->p->doc->profile->n_types > 1)
		gs_buf_z(&b, "No samples were found with the default sample value type.\n"
			     "Try \"sample_index\" command to analyze different sample values.\n");
	gs_buf_z(&b, "Entering interactive mode (type \"help\" for commands, \"o\" for options)");
	say(s, gs_buf_view(&b));
	return true;
}

bool gs_pprofcmd_shell(gs_pprofcmd *p, gs_err *err)
{
	shell *s = gs_new(p->mem, shell, 1);
	gs_str line;

	s->p = p;
	p->is_shell = true;
	p->config.query.compact_labels = true;
	if (!greet(s, err))
		return false;
	while (p->ui->read_line(p->ui->ctx, &line)) {
		line = gs_str_dup(p->mem, gs_str_trim(line));
		if (!run_shortcut(s, line) && !run_line(s, line))
			return true;
	}
	return true;
}
