#include "format/gotext/logtext.h"

#include "base/buf.h"
#include "format/gotext/quoted.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_same_shape(gs_str a, gs_str b)
{
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] && !(is_digit(a.p[i]) && is_digit(b.p[i])))
			return false;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t gs_log_prefix(gs_str model, gs_str line)
{
	size_t words = 0, at = 0;
	char last;

	if (!model.n)
		return 0;
	if (line.n >= model.n && is_same_shape(model, line))
		return model.n;
	/* A line that is nothing but the prefix may have lost its trailing blanks. */
	while (model.n && is_blank(model.p[model.n - 1]) && line.n < model.n)
		model.n--;
	if (line.n == model.n && is_same_shape(model, line))
		return line.n;
	/* Time stamps of varying length: as many words, the last one ending alike. */
	if (!model.n || !is_blank(model.p[model.n - 1]))
		return SIZE_MAX;
	for (size_t i = 0; i < model.n; i++)
		words += is_blank(model.p[i]);
	last = model.p[model.n - 1];
	for (; words && at < line.n; at++)
		words -= is_blank(line.p[at]);
	if (words || line.p[at - 1] != last || (is_digit(model.p[0]) != is_digit(line.p[0])))
		return SIZE_MAX;
	return at;
}

/* Where an escaped traceback starts in a line of JSON: `goroutine 12 [...]:\n` with the two characters backslash and n. */
static size_t find_escaped(gs_str line)
{
	size_t from = 0;

	for (;;) {
		size_t at = gs_str_find(gs_str_skip(line, from), GS_S("goroutine "));
		gs_str head;

		if (at == SIZE_MAX)
			return SIZE_MAX;
		at += from;
		head = gs_str_slice(line, at, at + 4096);
		head = gs_str_slice(head, 0, gs_str_find_char(head, '\n'));
		if (head.n > 10 && is_digit(head.p[10]) && gs_str_has(head, GS_S(":\\n")))
			return at;
		from = at + 10;
	}
}

/* Unescape one level of the JSON string around `at`. */
static void put_escaped(gs_buf *out, gs_arena *scratch, gs_str line, size_t at)
{
	size_t end = at;
	gs_str rest, value;
	char *quoted;

	while (at && (line.p[at - 1] != '"' || (at > 1 && line.p[at - 2] == '\\')))
		at--;
	while (end < line.n && line.p[end] != '"')
		end += line.p[end] == '\\' ? 2 : 1;
	if (end > line.n)
		end = line.n;
	quoted = gs_try_new(scratch, char, end - at + 2);
	if (!quoted) {
		out->bad = true;
		return;
	}
	quoted[0] = '"';
	memcpy(quoted + 1, line.p + at, end - at);
	quoted[end - at + 1] = '"';
	rest = (gs_str){ quoted, end - at + 2 };
	if (gs_quoted_take(scratch, &rest, &value))
		gs_buf_str(out, value);
	gs_buf_c(out, '\n');
}

bool gs_log_plain(gs_arena *mem, gs_str text, gs_str *out, gs_err *err)
{
	bool is_docker = gs_str_starts(gs_str_trim(gs_str_slice(text, 0, 64)), GS_S("{\"log\":\""));
	GS_AUTO(buf) plain = { .max = text.n + 1 };
	gs_str rest = text, line;
	char *copy;

	*out = text;
	if (!is_docker && find_escaped(text) == SIZE_MAX)
		return true;
	GS_AUTO(arena) *scratch = gs_arena_create(gs_arena_budget_bytes(mem));
	while (gs_str_line(&rest, &line)) {
		size_t at;
		gs_str value, after;

		if (is_docker && gs_str_starts(line, GS_S("{\"log\":\""))) {
			after = gs_str_skip(line, 7);
			if (gs_quoted_take(scratch, &after, &value)) {
				gs_buf_str(&plain, value);
				continue;
			}
		}
		at = find_escaped(line);
		if (at != SIZE_MAX) {
			put_escaped(&plain, scratch, line, at);
			continue;
		}
		gs_buf_str(&plain, line);
		if (rest.n)
			gs_buf_c(&plain, '\n');
	}
	copy = plain.bad ? NULL : gs_try_new(mem, char, plain.n + 1);
	if (!copy)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "the log is larger than the memory allowed for it");
	if (plain.n)
		memcpy(copy, plain.p, plain.n);
	*out = (gs_str){ copy, plain.n };
	return true;
}
