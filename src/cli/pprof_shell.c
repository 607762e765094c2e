/* The shell of `gospect pprof`: commands and name=value, one a line. */
#include "cli/pprof.h"

#include <termios.h>
#include <unistd.h>

#include "base/banned.h"

enum { MAX_LINE = 65536, MAX_HISTORY = 500, MAX_TOKENS = 256 };

typedef struct shell {
	gs_pprof *p;
	gs_str history[MAX_HISTORY];
	unsigned n_history;
	bool is_terminal;
} shell;

/* Everything that is not a report is for the person, not for the pipe. */
static void say(gs_str text)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 24);
	gs_buf_str(&b, text);
	if (!gs_str_ends(text, GS_S("\n")))
		gs_buf_c(&b, '\n');
	gs_fd_write(STDERR_FILENO, gs_buf_view(&b), NULL);
}

static void put(gs_str s)
{
	gs_fd_write(STDERR_FILENO, s, NULL);
}

/* A line from the keyboard with cursor keys, history and completion; the terminal is raw meanwhile. */
typedef struct editor {
	shell *s;
	char text[MAX_LINE];
	size_t n, at;
	unsigned history; /* position in the history, n_history: the new line */
} editor;

static void redraw(const editor *e)
{
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, MAX_LINE + 100);
	gs_buf_z(&b, "\r\x1b[K(pprof) ");
	gs_buf_add(&b, e->text, e->n);
	if (e->at < e->n)
		gs_buf_f(&b, "\x1b[%zuD", e->n - e->at);
	put(gs_buf_view(&b));
}

static void set_text(editor *e, gs_str s)
{
	e->n = s.n < MAX_LINE ? s.n : MAX_LINE;
	if (e->n)
		memcpy(e->text, s.p, e->n);
	e->at = e->n;
}

static void move_history(editor *e, int by)
{
	if ((by < 0 && e->history == 0) || (by > 0 && e->history == e->s->n_history))
		return;
	e->history = (unsigned)((int)e->history + by);
	set_text(e, e->history < e->s->n_history ? e->s->history[e->history] : (gs_str){ 0 });
}

/* The only name that begins (commands, options) or contains (functions) the word. */
static gs_str complete_word(const shell *s, gs_str word, bool is_function)
{
	const gs_profile *q = s->p->doc->profile;
	gs_str found = { 0 };
	unsigned n = 0;

	for (uint32_t i = 1; is_function && i < q->n_functions && word.n; i++) {
		gs_str name = gs_profile_str(q, q->functions[i].name);

		if (gs_str_has(name, word) && !gs_str_eq(name, found)) {
			found = name;
			n++;
		}
	}
	for (const gs_pprof_report *r = gs_pprof_reports; !is_function && r->name; r++)
		if (gs_str_starts(gs_str_of(r->name), word)) {
			found = gs_str_of(r->name);
			n++;
		}
	for (const gs_pprof_option *o = gs_pprof_options; !is_function && o->name; o++)
		if (gs_str_starts(gs_str_of(o->name), word)) {
			found = gs_str_of(o->name);
			n++;
		}
	return n == 1 ? found : (gs_str){ 0 };
}

static void complete(editor *e)
{
	gs_str line = { e->text, e->n }, word, found;
	size_t space = gs_str_rfind_char(line, ' ');
	size_t from = space == SIZE_MAX ? 0 : space + 1;
	gs_str copy;

	if (e->at != e->n)
		return;
	if (from < e->n && e->text[from] == '-' && from)
		from++;
	word = gs_str_skip(line, from);
	found = complete_word(e->s, word, from != 0);
	if (!found.n || from + found.n >= MAX_LINE)
		return;
	copy = found;
	memmove(e->text + from, copy.p, copy.n);
	e->n = e->at = from + copy.n;
}

static void erase(editor *e, size_t from, size_t to)
{
	memmove(e->text + from, e->text + to, e->n - to);
	e->n -= to - from;
	e->at = from;
}

static void escape_key(editor *e)
{
	char k[3] = { 0 };

	if (read(STDIN_FILENO, &k[0], 1) != 1 || (k[0] != '[' && k[0] != 'O') || read(STDIN_FILENO, &k[1], 1) != 1)
		return;
	if (k[1] >= '0' && k[1] <= '9' && read(STDIN_FILENO, &k[2], 1) != 1)
		return;
	if (k[1] == 'A')
		move_history(e, -1);
	else if (k[1] == 'B')
		move_history(e, 1);
	else if (k[1] == 'C')
		e->at += e->at < e->n;
	else if (k[1] == 'D')
		e->at -= e->at > 0;
	else if (k[1] == 'H' || k[1] == '1')
		e->at = 0;
	else if (k[1] == 'F' || k[1] == '4')
		e->at = e->n;
	else if (k[1] == '3' && e->at < e->n)
		erase(e, e->at, e->at + 1);
}

/* False at the end of the input. */
static bool edit_line(editor *e)
{
	e->n = e->at = 0;
	e->history = e->s->n_history;
	for (;;) {
		char c;

		redraw(e);
		if (read(STDIN_FILENO, &c, 1) != 1)
			return false;
		switch (c) {
		case '\r':
		case '\n':
			put(GS_S("\r\n"));
			return true;
		case 3: /* ^C */
			e->n = e->at = 0;
			put(GS_S("\r\n"));
			return true;
		case 4: /* ^D */
			if (e->n == 0) {
				put(GS_S("\r\n"));
				return false;
			}
			break;
		case 1:
			e->at = 0;
			break;
		case 5:
			e->at = e->n;
			break;
		case 11:
			e->n = e->at;
			break;
		case 21:
			erase(e, 0, e->at);
			break;
		case '\t':
			complete(e);
			break;
		case 27:
			escape_key(e);
			break;
		case 8:
		case 127:
			if (e->at)
				erase(e, e->at - 1, e->at);
			break;
		default:
			if ((unsigned char)c >= 32 && e->n < MAX_LINE) {
				memmove(e->text + e->at + 1, e->text + e->at, e->n - e->at);
				e->text[e->at++] = c;
				e->n++;
			}
		}
	}
}

static bool read_key_line(shell *s, gs_str *line)
{
	editor *e = gs_new(s->p->mem, editor, 1);
	struct termios before, raw;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &before))
		return false;
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	e->s = s;
	ok = edit_line(e);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	*line = gs_str_dup(s->p->mem, (gs_str){ e->text, e->n });
	if (ok && e->n && s->n_history < MAX_HISTORY)
		s->history[s->n_history++] = *line;
	return ok;
}

static bool read_pipe_line(shell *s, gs_str *line)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t n;

	gs_fd_write(STDOUT_FILENO, GS_S("(pprof) "), NULL);
	n = getline(&text, &cap, stdin);
	if (n > 0)
		*line = gs_str_dup(s->p->mem, (gs_str){ text, (size_t)n });
	free(text);
	return n > 0;
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
	for (const gs_pprof_option *o = gs_pprof_options; o->name; o++) {
		GS_AUTO(buf) value = { 0 };
		GS_AUTO(buf) comment = { 0 };
		bool is_index = strcmp(o->name, "sample_index") == 0;

		if (strcmp(o->name, "source_path") == 0)
			continue;
		gs_buf_init(&value, 1 << 16);
		gs_buf_init(&comment, 1 << 16);
		gs_pprof_config_get(&s->p->config, o, &value);
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
	say(gs_buf_view(&b));
}

static void help(gs_str what)
{
	const gs_pprof_report *r = gs_pprof_report_find(what);
	gs_str choice;
	const gs_pprof_option *o = gs_pprof_option_find(what, &choice);
	GS_AUTO(buf) b = { 0 };

	gs_buf_init(&b, 1 << 20);
	if (!what.n) {
		gs_pprof_usage(&b, false);
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
		gs_buf_f(&b, "%s\n", choice.n ? gs_pprof_choice_help(choice) : o->help);
	} else {
		gs_buf_f(&b, "Unknown command: %.*s", GS_FMT(what));
	}
	say(gs_buf_view(&b));
}

/* name=value; true when the line was one. */
static bool assign(shell *s, gs_str line)
{
	gs_str name, value, choice;
	bool has_value = gs_str_cut(line, '=', &name, &value);
	const gs_pprof_option *o;
	gs_err err = { 0 };
	size_t comment;
	uint32_t type;

	name = gs_str_trim(name);
	o = gs_pprof_option_find(name, &choice);
	if (!o)
		return false;
	while ((comment = gs_str_find(value, GS_S("//:"))) != SIZE_MAX)
		value = gs_str_slice(value, 0, comment);
	value = gs_str_trim(value);
	if (!has_value && !choice.n && o->kind != GS_PPROF_BOOL) {
		gs_cli_note("please specify a value, e.g. %.*s=<val>", GS_FMT(name));
		return true;
	}
	if (strcmp(o->name, "sample_index") == 0) {
		const gs_profile *q = s->p->doc->profile;

		if (!gs_sample_index(q, value, &type, &err)) {
			gs_cli_note("%s", err.text);
			return true;
		}
		value = gs_profile_str(q, q->types[type].type);
	}
	if (choice.n) {
		if (has_value && value.n && value.p[0] != 't' && value.p[0] != 'T' && value.p[0] != '1') {
			gs_cli_note("unknown config field \"%.*s\"", GS_FMT(name));
			return true;
		}
		/* Go's ParseBool does not take the empty text; a bare name is how people choose. */
		value = choice;
	}
	if (!gs_pprof_config_set(&s->p->config, o, gs_str_dup(s->p->mem, value), &err))
		gs_cli_note("%s", err.text);
	return true;
}

static gs_str join_regex(gs_arena *mem, gs_str a, gs_str b)
{
	return a.n && b.n ? gs_strf(mem, "%.*s|%.*s", GS_FMT(a), GS_FMT(b)) : a.n ? a : b;
}

/* "top10 focus -ignore >file" */
static bool run_command(shell *s, gs_str *words, unsigned n, gs_err *err)
{
	gs_pprof_config c = s->p->config;
	gs_str name = words[0], focus = { 0 }, ignore = { 0 }, param = { 0 }, choice;
	const gs_pprof_report *r = gs_pprof_report_find(name);
	unsigned at = 1;
	bool is_tags;

	if (!r) {
		size_t digits = name.n;
		int64_t count;

		while (digits > 0 && name.p[digits - 1] >= '0' && name.p[digits - 1] <= '9')
			digits--;
		if (digits && digits < name.n && gs_str_i64(gs_str_skip(name, digits), &count)) {
			name = gs_str_slice(name, 0, digits);
			r = gs_pprof_report_find(name);
			c.query.node_count = count;
		}
	}
	if (!r && gs_pprof_option_find(name, &choice))
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
	return gs_pprof_generate(s->p, r, param, &c, err);
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
		help(n > 1 ? words[1] : (gs_str){ 0 });
	else if (!run_command(s, words, n, &err))
		gs_cli_note("%s", err.text);
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
	say(gs_buf_view(&b));
	return true;
}

bool gs_pprof_shell(gs_pprof *p, gs_err *err)
{
	shell *s = gs_new(p->mem, shell, 1);
	const char *term = getenv("TERM");
	gs_str line;

	s->p = p;
	p->is_shell = true;
	s->is_terminal = isatty(STDIN_FILENO) && term && *term && strcmp(term, "dumb");
	p->config.query.compact_labels = true;
	if (!greet(s, err))
		return false;
	while (s->is_terminal ? read_key_line(s, &line) : read_pipe_line(s, &line))
		if (!run_shortcut(s, line) && !run_line(s, gs_str_trim(line)))
			return true;
	return true;
}
