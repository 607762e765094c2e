#include "base/demangle.h"

#ifdef GS_HAS_DEMANGLER
#include <libiberty/demangle.h>
#include <setjmp.h>
#endif

#include "base/banned.h"

enum { MAX_NAME = 1024, MAX_TEXT = 8192 };

bool gs_is_mangled(gs_str name)
{
	return gs_str_starts(name, GS_S("_Z")) || gs_str_starts(name, GS_S("_R"));
}

#ifdef GS_HAS_DEMANGLER

bool gs_has_demangler(void)
{
	return true;
}

/* ---- the library ---- */

typedef struct sink {
	gs_buf *out;
	char name[MAX_NAME + 1];
	jmp_buf too_long;
} sink;

/*
 * Back references make a name of a kilobyte into one of any length, and the library has no way to say "enough". Its C++ printer holds
 * nothing but its stack, and is left by a jump.
 */
static void take(const char *p, size_t n, void *ctx)
{
	sink *s = ctx;

	if (s->out->n + n > MAX_TEXT)
		longjmp(s->too_long, 1);
	gs_buf_add(s->out, p, n);
}

/* Its Rust printer may hold memory; but it reads the name while it prints, and gives up where that makes no sense any more. */
static void take_rust(const char *p, size_t n, void *ctx)
{
	sink *s = ctx;

	if (s->out->n + n > MAX_TEXT) {
		memset(s->name, '!', strlen(s->name));
		s->out->bad = true;
	}
	gs_buf_add(s->out, p, n);
}

static bool from_rust(sink *s)
{
	return rust_demangle_callback(s->name, DMGL_RUST, take_rust, s) && s->out->n && !s->out->bad;
}

static bool from_cpp(sink *s, int options)
{
	if (setjmp(s->too_long))
		return false;
	return cplus_demangle_v3_callback(s->name, options, take, s) && s->out->n && !s->out->bad;
}

/* ---- shorter ---- */

/* A name as text: functions that a local one lies in come with their parameters, whatever the library is told. */
typedef struct scan {
	gs_str in;
	size_t at;
	gs_buf *out;
	bool has_templates;
	size_t start; /* in `out`: what comes before is no part of the name */
} scan;

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

/* How long the name of an operator at `at` is, up to its parameters or template arguments; 0: none begins there. */
static size_t operator_at(gs_str s, size_t at)
{
	static const char *const marks[] = { "()", "[]", "->*", "->", "<=>", "<<=", ">>=", "<<", ">>", "<=", ">=", "<", ">" };
	gs_str rest = gs_str_skip(s, at);

	if (!gs_str_starts(rest, GS_S("operator")) || (at && is_letter(s.p[at - 1])) || (rest.n > 8 && is_letter(rest.p[8])))
		return 0;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (gs_str_starts(gs_str_skip(rest, 8), gs_str_of(marks[i])))
			return 8 + strlen(marks[i]);
	return 8;
}

/* Behind the bracket that closes the one at `at`; 0: there is none. Signs inside of (...) are no angle brackets. */
static size_t group_end(gs_str s, size_t at)
{
	static const char brackets[] = "()<>{}[]";
	char open = s.p[at], close = strchr(brackets, open)[1];
	size_t depth = 0, round = 0, n;

	for (size_t i = at; i < s.n; i++) {
		if ((n = operator_at(s, i)) != 0) {
			i += n - 1;
			continue;
		}
		if (open == '<' && s.p[i] == '(')
			round++;
		else if (open == '<' && s.p[i] == ')' && round)
			round--;
		else if (round || (s.p[i] == '>' && s.p[i - 1] == '-'))
			continue;
		else if (s.p[i] == open)
			depth++;
		else if (s.p[i] == close && --depth == 0)
			return i + 1;
	}
	return 0;
}

static void copy(scan *c, size_t n)
{
	gs_buf_str(c->out, gs_str_slice(c->in, c->at, c->at + n));
	c->at += n;
}

/* "operator unsigned long": the type ends where its parameters would begin. */
static void copy_operator(scan *c, size_t n)
{
	gs_str rest;

	copy(c, n);
	rest = gs_str_skip(c->in, c->at);
	if (n != 8 || rest.n == 0 || (rest.p[0] != ' ' && rest.p[0] != '"'))
		return;
	for (size_t end; c->at < c->in.n && c->in.p[c->at] != '(' && c->in.p[c->at] != '{';) {
		end = c->in.p[c->at] == '<' ? group_end(c->in, c->at) : 0;
		if (end && !c->has_templates)
			c->at = end;
		else
			copy(c, end ? end - c->at : 1);
	}
}

/* Parameters and what stands behind them. False: that was the name's end. */
static bool pass_parameters(scan *c)
{
	static const char *const behind[] = { " const", " volatile", " &&", " &" };
	size_t end = group_end(c->in, c->at), kept;

	if (!end)
		return false;
	c->at = kept = end;
	for (size_t i = 0; i < sizeof(behind) / sizeof(*behind);) {
		if (gs_str_starts(gs_str_skip(c->in, c->at), gs_str_of(behind[i]))) {
			c->at += strlen(behind[i]);
			i = 0;
		} else {
			i++;
		}
	}
	if (!gs_str_starts(gs_str_skip(c->in, c->at), GS_S("::")))
		return false;
	gs_buf_z(c->out, "()");
	gs_buf_str(c->out, gs_str_slice(c->in, kept, c->at));
	return true;
}

/* "non-virtual thunk to ": the words in front of a name that are no type. */
static size_t words_in_front(gs_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && (is_letter(s.p[i]) || s.p[i] == ' ' || s.p[i] == '-'); i++) {
		gs_str so_far = gs_str_slice(s, 0, i + 1);

		if (gs_str_ends(so_far, GS_S(" to ")) || gs_str_ends(so_far, GS_S(" for ")))
			n = i + 1;
	}
	return n;
}

/* False: no name was left, or the brackets do not match. */
static bool shorten(scan *c)
{
	static const gs_str anonymous = { "(anonymous namespace)", 21 };
	size_t n;

	copy(c, words_in_front(c->in));
	c->start = c->out->n;
	while (c->at < c->in.n) {
		gs_str rest = gs_str_skip(c->in, c->at);

		if ((n = operator_at(c->in, c->at)) != 0) {
			copy_operator(c, n);
			continue;
		}
		if (gs_str_starts(rest, anonymous)) {
			copy(c, anonymous.n);
			continue;
		}
		switch (rest.p[0]) {
		case '(':
			if (!pass_parameters(c))
				return c->out->n > c->start;
			break;
		case '<':
		case '{':
		case '[':
			n = group_end(c->in, c->at);
			if (!n)
				return false;
			if (rest.p[0] == '<' && !c->has_templates)
				c->at = n;
			else
				copy(c, n - c->at);
			break;
		case ' ': /* the type of a result */
			if (gs_str_starts(rest, GS_S(" [clone")))
				return c->out->n > c->start;
			if (gs_str_starts(rest, GS_S(" <"))) { /* of an operator's template */
				n = group_end(c->in, c->at + 1);
				if (!n)
					return false;
				if (c->has_templates)
					copy(c, n - c->at);
				c->at = n;
				break;
			}
			c->out->n = c->start;
			c->at++;
			break;
		default:
			copy(c, 1);
		}
	}
	return c->out->n > c->start;
}

/*
 * Generic arguments of Rust's newer names: what is in <...> behind a name or "::", not <T as Trait> and <T>::, which are paths themselves.
 * False: the brackets do not match.
 */
static bool empty_generics(gs_buf *out, gs_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		bool is_behind_name = i && (is_letter(text.p[i - 1]) || text.p[i - 1] == ':');
		size_t end;

		gs_buf_c(out, text.p[i]);
		if (text.p[i] != '<' || !is_behind_name || gs_str_ends(gs_str_slice(text, 0, i), GS_S("for")))
			continue;
		end = group_end(text, i);
		if (!end)
			return false;
		gs_buf_c(out, '>');
		i = end - 1;
	}
	return !out->bad;
}

bool gs_demangle(gs_buf *out, gs_str name, gs_demangle_style style)
{
	GS_AUTO(buf) text = { 0 };
	sink s;
	scan c;
	size_t clone;

	out->n = 0;
	if (!gs_is_mangled(name) || name.n > MAX_NAME || memchr(name.p, 0, name.n))
		return false;
	gs_buf_init(&text, MAX_TEXT);
	s.out = &text;
	memcpy(s.name, name.p, name.n);
	s.name[name.n] = 0;
	if (from_rust(&s)) {
		if (style == GS_DEMANGLE_SHORT && name.p[1] == 'R' && empty_generics(out, gs_buf_view(&text)))
			return true;
		out->n = 0;
		gs_buf_str(out, gs_buf_view(&text));
		return !out->bad;
	}
	if (name.p[1] != 'Z' || text.bad)
		return false;
	text.n = 0;
	if (!from_cpp(&s, style == GS_DEMANGLE_FULL ? DMGL_PARAMS | DMGL_ANSI : DMGL_NO_OPTS))
		return false;
	if (style == GS_DEMANGLE_FULL) {
		clone = gs_str_find(gs_buf_view(&text), GS_S(" [clone"));
		gs_buf_str(out, gs_str_slice(gs_buf_view(&text), 0, clone == SIZE_MAX || clone == 0 ? text.n : clone));
		return !out->bad;
	}
	c = (scan){ .in = gs_buf_view(&text), .out = out, .has_templates = style == GS_DEMANGLE_TEMPLATES };
	if (!shorten(&c)) {
		out->n = 0;
		gs_buf_str(out, gs_buf_view(&text));
	}
	return !out->bad;
}

#else

bool gs_has_demangler(void)
{
	return false;
}

bool gs_demangle(gs_buf *out, gs_str name, gs_demangle_style style)
{
	(void)name;
	(void)style;
	out->n = 0;
	return false;
}

#endif
