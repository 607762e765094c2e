#include "format/gotext/quoted.h"

#include "base/buf.h"
#include "base/json.h"

/* `n` digits at the front of s, all of them in the base. */
static bool digits(gs_str s, size_t n, unsigned base, uint32_t *out)
{
	uint64_t v = 0, d;

	for (size_t i = 0; i < n; i++) {
		if (!gs_str_u64(gs_str_slice(s, i, i + 1), base, &d))
			return false;
		v = v * base + d;
	}
	*out = (uint32_t)v;
	return true;
}

/* Take the escape after a backslash off *s. */
static bool unescape(gs_str *s, gs_buf *out)
{
	static const char from[] = "abfnrtv\\'\"/", to[] = "\a\b\f\n\r\t\v\\'\"/";
	char c = s->n ? s->p[0] : 0;
	const char *at = c ? strchr(from, c) : NULL;
	size_t n = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
	uint32_t v;

	if (at) {
		gs_buf_c(out, to[at - from]);
		*s = gs_str_skip(*s, 1);
		return true;
	}
	if (n) {
		if (!digits(gs_str_skip(*s, 1), n, 16, &v))
			return false;
		if (c == 'x')
			gs_buf_c(out, (char)v);
		else
			gs_utf8_put(out, v > 0x10ffff ? 0xfffd : v);
		*s = gs_str_skip(*s, 1 + n);
		return true;
	}
	if (!digits(*s, 3, 8, &v) || v > 255)
		return false;
	gs_buf_c(out, (char)v);
	*s = gs_str_skip(*s, 3);
	return true;
}

bool gs_quoted_take(gs_arena *mem, gs_str *rest, gs_str *out)
{
	GS_AUTO(buf) text = { .max = rest->n * 3 };
	gs_str s = *rest;
	size_t plain = 1;
	char *copy;

	if (s.n < 2 || s.p[0] != '"')
		return false;
	while (plain < s.n && s.p[plain] != '"' && s.p[plain] != '\\')
		plain++;
	if (plain == s.n)
		return false;
	if (s.p[plain] == '"') {
		*out = gs_str_slice(s, 1, plain);
		*rest = gs_str_skip(s, plain + 1);
		return true;
	}
	s = gs_str_skip(s, 1);
	for (;;) {
		char c = s.n ? s.p[0] : '\n';

		s = gs_str_skip(s, 1);
		if (c == '"')
			break;
		if (c == '\n' || (c == '\\' && !unescape(&s, &text)))
			return false;
		if (c != '\\')
			gs_buf_c(&text, c);
	}
	copy = text.bad ? NULL : gs_try_new(mem, char, text.n + 1);
	if (!copy)
		return false;
	if (text.n)
		memcpy(copy, text.p, text.n);
	*out = (gs_str){ copy, text.n };
	*rest = s;
	return true;
}

static void skip_spaces(gs_str *s)
{
	while (s->n && s->p[0] == ' ')
		*s = gs_str_skip(*s, 1);
}

/* A quoted string, or the bare word that Go 1.27 prints when nothing needs quoting. */
static bool take_word(gs_arena *mem, gs_str *s, gs_str *out)
{
	size_t n = 0;

	skip_spaces(s);
	if (s->n && s->p[0] == '"')
		return gs_quoted_take(mem, s, out);
	while (n < s->n && !memchr(":,{}\"\\\n ", s->p[n], 8))
		n++;
	*out = gs_str_slice(*s, 0, n);
	*s = gs_str_skip(*s, n);
	return true;
}

size_t gs_quoted_labels(gs_arena *mem, gs_str *rest, gs_text_label *labels, size_t max)
{
	gs_str s = *rest;
	size_t n = 0;

	if (!s.n || s.p[0] != '{')
		return SIZE_MAX;
	s = gs_str_skip(s, 1);
	skip_spaces(&s);
	while (s.n && s.p[0] != '}') {
		gs_text_label l;

		if (!take_word(mem, &s, &l.key) || !s.n || s.p[0] != ':')
			return SIZE_MAX;
		s = gs_str_skip(s, 1);
		if (!take_word(mem, &s, &l.value))
			return SIZE_MAX;
		if (n < max)
			labels[n++] = l;
		skip_spaces(&s);
		if (s.n && s.p[0] == ',')
			s = gs_str_skip(s, 1);
		else if (!s.n || s.p[0] != '}')
			return SIZE_MAX;
		skip_spaces(&s);
	}
	if (!s.n)
		return SIZE_MAX;
	*rest = gs_str_skip(s, 1);
	return n;
}
