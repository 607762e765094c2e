#include "format/folded/folded.h"

enum { MAX_DECIMALS = 6 };

/* The last word of *s when it is a number; it and the blanks before it are cut off. Digits after the point in *decimals. */
static bool cut_number(gs_str *s, gs_str *number, unsigned *decimals)
{
	size_t i = s->n, point = SIZE_MAX;

	while (i && ((s->p[i - 1] >= '0' && s->p[i - 1] <= '9') ||
		     (s->p[i - 1] == '.' && point == SIZE_MAX))) {
		i--;
		if (s->p[i] == '.')
			point = i;
	}
	if (i < s->n && i && s->p[i - 1] == '-')
		i--;
	if (i == s->n || (point != SIZE_MAX && s->n - i == 1) ||
	    (i && s->p[i - 1] != ' ' && s->p[i - 1] != '\t'))
		return false;
	if (s->p[i] == '-' && s->n - i == 1)
		return false;
	*number = gs_str_slice(*s, i, s->n);
	*decimals = point == SIZE_MAX ?
			    0 :
			    (unsigned)(s->n - point - 1 > MAX_DECIMALS ? MAX_DECIMALS :
									 s->n - point - 1);
	while (i && (s->p[i - 1] == ' ' || s->p[i - 1] == '\t'))
		i--;
	s->n = i;
	return true;
}

/* The number times 10^decimals; further digits are dropped. */
static bool scale(gs_str s, unsigned decimals, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-', after = false;
	unsigned left = decimals;
	int64_t v = 0;

	for (size_t i = negative; i < s.n; i++) {
		if (s.p[i] == '.') {
			after = true;
			continue;
		}
		if (after && !left)
			break;
		left -= after;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s.p[i] - '0', &v))
			return false;
	}
	for (; left; left--)
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	*out = negative ? -v : v;
	return true;
}

/* The next line that is not blank and no comment. */
static bool take_row(gs_str *rest, gs_str *line)
{
	while (gs_str_line(rest, line)) {
		while (line->n && (line->p[line->n - 1] == ' ' || line->p[line->n - 1] == '\t'))
			line->n--;
		if (line->n && line->p[0] != '#')
			return true;
	}
	return false;
}

bool gs_folded_look(gs_str text, gs_folded_shape *out, gs_err *err)
{
	gs_str rest = text, line, number;
	unsigned decimals;

	*out = (gs_folded_shape){ .columns = 2 };
	while (take_row(&rest, &line)) {
		uint64_t at = (uint64_t)(line.p - text.p);

		if (!cut_number(&line, &number, &decimals))
			return gs_fail(err, GS_ERR_FORMAT, at,
				       "no count at the end of the line: \"%.*s\"",
				       GS_FMT(gs_str_slice(line, 0, 80)));
		if (decimals > out->decimals)
			out->decimals = decimals;
		out->n_rows++;
		if (out->columns == 2 && line.n && cut_number(&line, &number, &decimals) &&
		    line.n) {
			if (decimals > out->decimals)
				out->decimals = decimals;
		} else {
			out->columns = 1;
		}
	}
	if (!out->n_rows)
		return gs_fail(err, GS_ERR_FORMAT, 0, "no folded stack in this text");
	return true;
}

bool gs_folded_is(gs_str head)
{
	gs_str line, number;
	unsigned decimals, rows = 0, with_frames = 0;

	for (; rows < 50 && gs_str_has(head, GS_S("\n")) && take_row(&head, &line); rows++) {
		if (!cut_number(&line, &number, &decimals))
			return false;
		with_frames += gs_str_has(line, GS_S(";"));
	}
	if (!rows && take_row(&head, &line)) /* one line without its end */
		return cut_number(&line, &number, &decimals) && gs_str_has(line, GS_S(";"));
	return rows && with_frames;
}

bool gs_folded_next(gs_str text, gs_str *rest, const gs_folded_shape *shape, gs_folded_row *out,
		    gs_err *err)
{
	gs_str line, number[2];
	unsigned decimals;

	if (err)
		*err = (gs_err){ 0 };
	if (!take_row(rest, &line))
		return false;
	out->at = (uint64_t)(line.p - text.p);
	out->counts[1] = 0;
	for (unsigned c = shape->columns; c-- > 0;)
		if (!cut_number(&line, &number[c], &decimals) ||
		    !scale(number[c], shape->decimals, &out->counts[c]))
			return gs_fail(err, GS_ERR_FORMAT, out->at,
				       "a count does not fit: \"%.*s\"",
				       GS_FMT(gs_str_slice(line, 0, 80)));
	out->stack = line;
	return true;
}

/* `file.go:12`: a name with an extension, a colon, digits. */
static bool take_place(gs_str s, gs_folded_frame *f)
{
	size_t colon = gs_str_rfind_char(s, ':'), dot;
	uint64_t line;

	if (colon == SIZE_MAX || !gs_str_u64(gs_str_skip(s, colon + 1), 10, &line))
		return false;
	dot = gs_str_rfind_char(gs_str_slice(s, 0, colon), '.');
	if (dot == SIZE_MAX || dot + 1 >= colon || (s.p[dot + 1] | 0x20) < 'a' ||
	    (s.p[dot + 1] | 0x20) > 'z')
		return false;
	f->file = gs_str_slice(s, 0, colon);
	f->line = line;
	return true;
}

gs_folded_frame gs_folded_frame_of(gs_str text)
{
	gs_folded_frame f = { .name = text };
	size_t at;

	if (text.n > 4 && text.p[text.n - 1] == ']' && text.p[text.n - 3] == '[' &&
	    text.p[text.n - 4] == '_') {
		static const char marks[] = "kijw";
		const char *mark = text.p[text.n - 2] ? strchr(marks, text.p[text.n - 2]) : NULL;

		if (mark) {
			f.flags = 1u << (mark - marks);
			f.name.n -= 4;
		}
	}
	if (!f.name.n || f.name.p[f.name.n - 1] < '0')
		at = f.name.n && f.name.p[f.name.n - 1] == ')' ? gs_str_rfind_char(f.name, '(') :
								 SIZE_MAX;
	else
		at = SIZE_MAX;
	/* `main.run (main.go:12)` */
	if (at != SIZE_MAX && at > 1 && f.name.p[at - 1] == ' ') {
		if (take_place(gs_str_slice(f.name, at + 1, f.name.n - 1), &f))
			f.name.n = at - 1;
		return f;
	}
	/* `main.run:main.go:12`, or with a blank between name and place */
	if (f.name.n && f.name.p[f.name.n - 1] >= '0' && f.name.p[f.name.n - 1] <= '9') {
		gs_str head = gs_str_slice(f.name, 0, gs_str_rfind_char(f.name, ':'));
		size_t cut = head.n < f.name.n ? gs_str_rfind_char(head, ' ') : SIZE_MAX;

		if (cut == SIZE_MAX && head.n < f.name.n)
			cut = gs_str_rfind_char(head, ':');
		if (cut != SIZE_MAX && cut && take_place(gs_str_skip(f.name, cut + 1), &f))
			f.name.n = cut;
	}
	return f;
}
