#include "format/perfscript/perfscript.h"

#include "base/scan.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static inline gs_str skip(gs_str s, size_t n)
{
	return n ? (gs_str){ s.p + n, s.n - n } : s;
}

static gs_str trim_left(gs_str s)
{
	size_t n = 0;

	while (n < s.n && is_blank(s.p[n]))
		n++;
	return skip(s, n);
}

static gs_str trim_right(gs_str s)
{
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The last word of *s, cut off with the blanks before it. */
static gs_str cut_last_word(gs_str *s)
{
	gs_str word;
	size_t i;

	*s = trim_right(*s);
	i = s->n;
	while (i && !is_blank(s->p[i - 1]))
		i--;
	word = skip(*s, i);
	s->n = i;
	*s = trim_right(*s);
	return word;
}

/* `1234.567890:` as a word of its own. *from and *to bracket the number without the colon. */
static bool find_time(gs_str s, size_t *from, size_t *to)
{
	for (const char *at = s.p, *end = s.p + s.n; at < end; at++) {
		const char *dot, *start;

		at = memchr(at, ':', (size_t)(end - at));
		if (!at)
			return false;
		dot = at;
		while (dot > s.p && is_digit(dot[-1]))
			dot--;
		if (at - dot < 3 || at - dot > 9 || dot == s.p || dot[-1] != '.')
			continue;
		start = --dot;
		while (start > s.p && is_digit(start[-1]))
			start--;
		if (start == dot || start == s.p || !is_blank(start[-1]))
			continue;
		*from = (size_t)(start - s.p);
		*to = (size_t)(at - s.p);
		return true;
	}
	return false;
}

/* Digits of a word that is short enough not to overflow. */
static inline bool short_number(gs_str s, int64_t *out)
{
	int64_t v = 0;

	if (!s.n || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	*out = v;
	return true;
}

/* find_time saw digits, a point and 3 to 9 digits. */
static int64_t parse_time(gs_str s)
{
	static const int64_t scale[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };
	size_t point = s.n - 1;
	int64_t seconds, fraction;

	while (s.p[point] != '.')
		point--;
	if (point > 9 || !short_number((gs_str){ s.p, point }, &seconds) ||
	    !short_number((gs_str){ s.p + point + 1, s.n - point - 1 }, &fraction))
		return -1;
	return seconds * 1000000000 + fraction * scale[s.n - point - 1 - 3];
}

/* "12/34", "34", "-1" */
static bool parse_ids(gs_str word, gs_perfscript_event *e)
{
	gs_str first, second;
	bool both;
	int64_t a, b;

	if (!word.n || (!is_digit(word.p[0]) && word.p[0] != '-'))
		return false;
	if (short_number(word, &a)) {
		e->tid = a;
		return true;
	}
	both = gs_str_cut(word, '/', &first, &second);
	if (!gs_str_i64(first, &a))
		return false;
	if (!both) {
		e->tid = a;
		return true;
	}
	if (!gs_str_i64(second, &b))
		return false;
	e->pid = a;
	e->tid = b;
	return true;
}

/* `comm  12/34 [001] flags`, from the right: a comm may hold anything, blanks and digits too. */
static bool parse_left(gs_str s, gs_perfscript_event *e)
{
	for (unsigned words = 0; words < 5; words++) {
		gs_str word = cut_last_word(&s);
		int64_t cpu;

		if (!word.n)
			return false;
		if (word.n > 2 && word.p[0] == '[' && word.p[word.n - 1] == ']' && e->cpu < 0 &&
		    short_number((gs_str){ word.p + 1, word.n - 2 }, &cpu) && cpu <= INT32_MAX) {
			e->cpu = cpu;
			continue;
		}
		if (parse_ids(word, e)) {
			/* `12/ 34`: perf pads the tid */
			if (s.n && s.p[s.n - 1] == '/' && e->pid < 0) {
				gs_str pid;

				s.n--;
				pid = cut_last_word(&s);
				if (!gs_str_i64(pid, &e->pid))
					return false;
			}
			e->comm = s;
			return true;
		}
	}
	return false;
}

/* `   250000 cpu-clock:u:  ...` */
static void parse_right(gs_str s, gs_perfscript_event *e)
{
	gs_str word;
	int64_t period;

	s = trim_left(s);
	for (unsigned words = 0; words < 2 && s.n; words++) {
		size_t n = 0;

		while (n < s.n && !is_blank(s.p[n]))
			n++;
		word = gs_str_slice(s, 0, n);
		if (word.n > 1 && word.p[word.n - 1] == ':') {
			e->event = gs_str_slice(word, 0, word.n - 1);
			e->details = gs_str_trim(gs_str_skip(s, n));
			return;
		}
		if (e->period >= 0 || !short_number(word, &period))
			break;
		e->period = period;
		s = trim_left(gs_str_skip(s, n));
	}
	e->details = gs_str_trim(s);
}

/* Without a time the comm ends at the first number that stands alone. */
static bool split_at_ids(gs_str s, size_t *end)
{
	for (size_t i = 1; i < s.n; i++) {
		size_t n = i;

		if (!is_blank(s.p[i - 1]) || !is_digit(s.p[i]))
			continue;
		while (n < s.n && (is_digit(s.p[n]) || s.p[n] == '/'))
			n++;
		if (n < s.n && !is_blank(s.p[n]))
			continue;
		/* the padding of `12/34   `, then the cpu */
		while (n < s.n && is_blank(s.p[n]))
			n++;
		if (n < s.n && s.p[n] == '[') {
			size_t close = gs_str_find_char(gs_str_skip(s, n), ']');

			if (close != SIZE_MAX)
				n += close + 1;
		}
		*end = n;
		return true;
	}
	return false;
}

static bool parse_header(gs_str line, gs_perfscript_event *e)
{
	size_t from, to;

	*e = (gs_perfscript_event){ .time_ns = -1, .period = -1, .pid = -1, .tid = -1, .cpu = -1 };
	line = trim_left(line);
	if (find_time(line, &from, &to)) {
		e->time_ns = parse_time(gs_str_slice(line, from, to));
		if (!parse_left(gs_str_slice(line, 0, from), e))
			return false;
		parse_right(gs_str_skip(line, to + 1), e);
		return true;
	}
	if (!split_at_ids(line, &to) || !parse_left(gs_str_slice(line, 0, to), e))
		return false;
	parse_right(gs_str_skip(line, to), e);
	return e->event.n != 0;
}

/* A frame that lost its indentation on the way (pasted text): a long address, and a dso at the end. */
static bool is_bare_frame(const char *p, const char *nl)
{
	size_t n = 0;

	while (p + n < nl && n < 17 && is_hex(p[n]))
		n++;
	return n >= 8 && n <= 16 && p + n < nl && p[n] == ' ' && nl[-1] == ')';
}

/* Lines of frames up to a blank line or the next header. */
static gs_str take_stack(gs_str *rest, bool is_indented_header)
{
	const char *p = rest->p, *end = rest->p + rest->n;
	gs_str stack = { rest->p, 0 };

	while (p < end && *p != '\n') {
		const char *nl = is_indented_header || !is_blank(*p) ?
					 memchr(p, '\n', (size_t)(end - p)) :
					 gs_scan_unindented(p, end, GS_SCAN_BEST);
		size_t from, to;

		if (!nl)
			nl = end;
		if (!is_blank(*p) && !is_bare_frame(p, nl))
			break;
		/* Headers without stacks are right-aligned and then look like frames. */
		if (is_indented_header && find_time((gs_str){ p, (size_t)(nl - p) }, &from, &to))
			break;
		p = nl < end ? nl + 1 : end;
	}
	stack.n = (size_t)(p - rest->p);
	*rest = gs_str_skip(*rest, stack.n);
	return stack;
}

bool gs_perfscript_next(gs_perfscript *s, gs_perfscript_event *out)
{
	gs_str line;

	while (gs_str_line(&s->rest, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		if (!parse_header(line, out)) {
			s->n_skipped += trim_left(line).n != 0;
			continue;
		}
		out->at = (uint64_t)(line.p - s->text.p);
		if (gs_str_starts(out->details, GS_S("PERF_RECORD_")))
			continue;
		out->stack = take_stack(&s->rest, is_blank(line.p[0]));
		return true;
	}
	return false;
}

bool gs_perfscript_is(gs_str head)
{
	gs_perfscript s = gs_perfscript_of(head);
	gs_perfscript_event e;
	gs_perfscript_frame f;
	gs_str text;

	if (gs_str_starts(head, GS_S("# ========\n# captured on")))
		return true;
	for (unsigned i = 0; i < 50 && gs_perfscript_next(&s, &e) && s.n_skipped < 20; i++) {
		gs_str stack = e.stack;

		/* The last frame's line may be cut off by the end of `head`. */
		if (e.event.n && gs_perfscript_frame_text(&stack, &text) &&
		    gs_perfscript_frame_parse(text, &f) && f.ip)
			return true;
		if (e.event.n && e.time_ns >= 0 && gs_perfscript_frame_parse(e.details, &f) &&
		    f.ip && f.dso.n)
			return true;
	}
	return false;
}

bool gs_perfscript_frame_text(gs_str *stack, gs_str *text)
{
	const char *end = stack->p + stack->n, *nl;

	if (!stack->n)
		return false;
	nl = memchr(stack->p, '\n', stack->n);
	if (!nl)
		nl = end;
	else if (gs_perfscript_is_source_line(nl + 1, end)) {
		nl = memchr(nl + 1, '\n', (size_t)(end - nl - 1));
		if (!nl)
			nl = end;
	}
	*text = (gs_str){ stack->p, (size_t)(nl - stack->p) };
	*stack = nl < end ? (gs_str){ nl + 1, (size_t)(end - nl - 1) } : (gs_str){ end, 0 };
	return true;
}

/* Index of the parenthesis that opens the group at the end of s, or SIZE_MAX. */
static size_t find_group(gs_str s)
{
	size_t depth = 0;

	if (!s.n || s.p[s.n - 1] != ')')
		return SIZE_MAX;
	for (size_t i = s.n; i-- > 0;) {
		if (s.p[i] == ')')
			depth++;
		else if (s.p[i] == '(' && --depth == 0)
			return i && is_blank(s.p[i - 1]) ? i : SIZE_MAX;
	}
	for (size_t i = s.n - 1; i > 0; i--)
		if (s.p[i] == '(' && is_blank(s.p[i - 1]))
			return i;
	return SIZE_MAX;
}

static bool cut_offset(gs_str *s, uint64_t *offset)
{
	size_t plus = gs_str_rfind_char(*s, '+');

	if (plus == SIZE_MAX || plus == 0 || !gs_str_starts(gs_str_skip(*s, plus), GS_S("+0x")) ||
	    !gs_str_u64(gs_str_skip(*s, plus + 1), 0, offset))
		return false;
	s->n = plus;
	return true;
}

static bool is_kernel_dso(gs_str dso, uint64_t ip)
{
	if (dso.n && dso.p[0] == '[')
		return !gs_str_eq(dso, GS_S("[unknown]")) && !gs_str_eq(dso, GS_S("[vdso]")) &&
		       !gs_str_eq(dso, GS_S("[vsyscall]")) && !gs_str_eq(dso, GS_S("[heap]")) &&
		       !gs_str_starts(dso, GS_S("[stack")) && !gs_str_starts(dso, GS_S("[anon"));
	if (gs_str_ends(dso, GS_S("vmlinux")) || gs_str_ends(dso, GS_S(".ko")) ||
	    gs_str_has(dso, GS_S("/vmlinux-")) || gs_str_has(dso, GS_S(".ko.")))
		return true;
	return ip >= (uint64_t)0xffff << 48;
}

static void parse_source(gs_str s, gs_perfscript_frame *f)
{
	size_t colon;

	s = gs_str_trim(s);
	colon = gs_str_rfind_char(s, ':');
	/* `libc.so[1f2e]` names no source */
	if (colon != SIZE_MAX && gs_str_u64(gs_str_skip(s, colon + 1), 10, &f->line))
		f->file = gs_str_slice(s, 0, colon);
}

bool gs_perfscript_frame_parse(gs_str text, gs_perfscript_frame *out)
{
	gs_str s, source;
	size_t n = 0, group;

	*out = (gs_perfscript_frame){ 0 };
	if (gs_str_cut(text, '\n', &s, &source))
		parse_source(source, out);
	s = gs_str_trim(s);
	if (!s.n)
		return false;
	while (n < s.n && is_hex(s.p[n]))
		n++;
	if (n && n <= 16 && (n == s.n || is_blank(s.p[n]))) {
		gs_str_u64(gs_str_slice(s, 0, n), 16, &out->ip);
		s = trim_left(gs_str_skip(s, n));
	}
	group = find_group(s);
	if (group != SIZE_MAX) {
		out->dso = gs_str_slice(s, group + 1, s.n - 1);
		s = trim_right(gs_str_slice(s, 0, group));
		if (gs_str_eq(out->dso, GS_S("inlined"))) {
			out->is_inlined = true;
			out->dso = (gs_str){ 0 };
		} else {
			cut_offset(&out->dso, &out->dso_offset);
		}
	}
	out->has_offset = cut_offset(&s, &out->offset);
	out->symbol = s;
	out->is_kernel = !out->is_inlined && is_kernel_dso(out->dso, out->ip);
	return out->ip || out->symbol.n;
}

gs_str gs_perfscript_header(gs_str text, const char *key)
{
	gs_str line, name = gs_str_of(key);

	while (gs_str_line(&text, &line) && (!line.n || line.p[0] == '#')) {
		gs_str s = trim_left(gs_str_skip(line, 1));

		if (!gs_str_starts(s, name))
			continue;
		s = trim_left(gs_str_skip(s, name.n));
		if (s.n && s.p[0] == ':')
			return gs_str_trim(gs_str_skip(s, 1));
	}
	return (gs_str){ 0 };
}
