#include "analysis/names.h"

gs_str gs_name_package(gs_str name)
{
	size_t end = name.n, slash = SIZE_MAX, dot;
	gs_str tail;

	/* Type arguments hold paths of their own. */
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '[' || name.p[i] == '(' || name.p[i] == ' ') {
			end = i;
			break;
		}
	slash = gs_str_rfind_char(gs_str_slice(name, 0, end), '/');
	tail = gs_str_slice(name, slash == SIZE_MAX ? 0 : slash + 1, name.n);
	dot = gs_str_find_char(tail, '.');
	if (dot == SIZE_MAX || dot == 0)
		return gs_str_slice(name, 0, 0);
	return gs_str_slice(name, 0, name.n - tail.n + dot);
}

bool gs_name_is_runtime(gs_str name)
{
	return gs_str_starts(name, GS_S("runtime.")) || gs_str_starts(name, GS_S("runtime/internal/")) ||
	       gs_str_starts(name, GS_S("internal/runtime/"));
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static size_t skip_word(gs_str s, size_t at, bool dollar)
{
	while (at < s.n && (is_word(s.p[at]) || (dollar && s.p[at] == '$')))
		at++;
	return at;
}

/* "/v2" and up in front of '/' or '.': the first one goes. */
static gs_str drop_version(gs_arena *mem, gs_str s)
{
	for (size_t i = 0; i + 2 < s.n; i++) {
		size_t end = i + 2;
		char first;

		if (s.p[i] != '/' || s.p[i + 1] != 'v')
			continue;
		while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9')
			end++;
		first = s.p[i + 2];
		if (end == i + 2 || end >= s.n || (s.p[end] != '/' && s.p[end] != '.') || first == '0' ||
		    (first == '1' && end == i + 3))
			continue;
		/* A newline stops the pattern that this stands for. */
		if (memchr(s.p, '\n', s.n))
			return s;
		return gs_strf(mem, "%.*s%.*s", (int)i, s.p, (int)(s.n - end), s.p + end);
	}
	return s;
}

/* One or more "[\w-.]+/" and then a name with a dot that is not its first character. */
static bool short_go(gs_str s, gs_str *out)
{
	size_t start = 0, at = 0;
	gs_str rest;
	size_t dot;

	while (at < s.n && (is_word(s.p[at]) || s.p[at] == '-' || s.p[at] == '.' || s.p[at] == '/')) {
		if (s.p[at] == '/') {
			if (at == start)
				break;
			start = at + 1;
		}
		at++;
	}
	/* The pattern is greedy but gives back: the last slash after which a name follows wins. */
	while (start > 0) {
		rest = gs_str_skip(s, start);
		dot = gs_str_find_char(rest, '.');
		if (dot != SIZE_MAX && dot > 0 && dot + 1 < rest.n && rest.p[dot + 1] != '\n') {
			size_t line = gs_str_find_char(gs_str_skip(rest, dot + 1), '\n');

			*out = line == SIZE_MAX ? rest : gs_str_slice(rest, 0, dot + 1 + line);
			return true;
		}
		start--;
		while (start > 0 && s.p[start - 1] != '/')
			start--;
	}
	return false;
}

/* Packages, a class, a method: "java.lang.Thread.run(...)" is "Thread.run". */
static bool short_java(gs_str s, gs_str *out)
{
	size_t at = 0, start, dot, end;

	while (at < s.n && is_lower(s.p[at])) {
		size_t word = skip_word(s, at + 1, false);

		if (word >= s.n || s.p[word] != '.')
			return false;
		at = word + 1;
	}
	start = at;
	if (at >= s.n || !is_upper(s.p[at]))
		return false;
	dot = skip_word(s, at + 1, true);
	if (dot >= s.n || s.p[dot] != '.')
		return false;
	at = dot + 1;
	if (gs_str_starts(gs_str_skip(s, at), GS_S("<init>"))) {
		end = at + 6;
	} else {
		if (at >= s.n || !is_lower(s.p[at]))
			return false;
		end = skip_word(s, at + 1, true);
	}
	if (end < s.n && s.p[end] != '(')
		return false;
	*out = gs_str_slice(s, start, end);
	return true;
}

/* Namespaces, a class, a method: "a::b::Class::method<T>" is "Class::method<T>". */
static bool short_cpp(gs_str s, gs_str *out)
{
	size_t starts[64], n = 0, at = 0;

	while (n < 64 && at < s.n && (is_word(s.p[at]) && !(s.p[at] >= '0' && s.p[at] <= '9'))) {
		size_t word = skip_word(s, at + 1, false);

		if (!gs_str_starts(gs_str_skip(s, word), GS_S("::")))
			break;
		at = word + 2;
		starts[n++] = at;
	}
	/* The class is as late as possible. */
	while (n > 0) {
		size_t from = starts[--n], i = from, word;

		while (i < s.n && s.p[i] == '_')
			i++;
		if (i >= s.n || !is_upper(s.p[i]))
			continue;
		word = skip_word(s, i + 1, false);
		if (!gs_str_starts(gs_str_skip(s, word), GS_S("::")))
			continue;
		i = word + 2;
		if (i < s.n && s.p[i] == '~')
			i++;
		if (i >= s.n || !is_word(s.p[i]) || (s.p[i] >= '0' && s.p[i] <= '9'))
			continue;
		i = skip_word(s, i + 1, false);
		if (i < s.n && s.p[i] == '<') {
			size_t close = gs_str_rfind_char(s, '>');

			if (close != SIZE_MAX && close > i)
				i = close + 1;
		}
		*out = gs_str_slice(s, from, i);
		return true;
	}
	return false;
}

gs_str gs_name_short(gs_arena *mem, gs_str name)
{
	gs_str s = name, out;

	if (gs_str_starts(s, GS_S("(anonymous namespace)::")))
		s = gs_str_skip(s, 23);
	s = drop_version(mem, s);
	if (short_go(s, &out) || short_java(s, &out) || short_cpp(s, &out))
		return out;
	return s;
}

gs_str gs_path_base(gs_str path)
{
	size_t slash;

	if (path.n == 0)
		return GS_S(".");
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	slash = gs_str_rfind_char(path, '/');
	if (slash != SIZE_MAX)
		path = gs_str_skip(path, slash + 1);
	return path.n ? path : GS_S("/");
}

static bool is_clean(gs_str p)
{
	size_t start = 0;

	if (p.n == 0 || (p.n > 1 && p.p[p.n - 1] == '/'))
		return false;
	for (size_t i = 0; i <= p.n; i++) {
		size_t n;

		if (i < p.n && p.p[i] != '/')
			continue;
		n = i - start;
		if ((n == 0 && i != 0 && p.n > 1) || (n == 1 && p.p[start] == '.' && p.n > 1) ||
		    (n == 2 && p.p[start] == '.' && p.p[start + 1] == '.'))
			return false;
		start = i + 1;
	}
	return true;
}

gs_str gs_path_clean(gs_arena *mem, gs_str path)
{
	bool rooted = path.n && path.p[0] == '/';
	char *out;
	size_t n = 0, floor, at = 0;

	if (is_clean(path))
		return path;
	if (path.n == 0)
		return GS_S(".");
	out = gs_new(mem, char, path.n + 1);
	if (rooted)
		out[n++] = '/';
	floor = n;
	while (at < path.n) {
		size_t end = at;

		while (end < path.n && path.p[end] != '/')
			end++;
		if (end - at == 0 || (end - at == 1 && path.p[at] == '.')) {
			at = end + 1;
			continue;
		}
		if (end - at == 2 && path.p[at] == '.' && path.p[at + 1] == '.') {
			if (n > floor) {
				n--;
				while (n > floor && out[n] != '/')
					n--;
			} else if (!rooted) {
				if (n)
					out[n++] = '/';
				out[n++] = '.';
				out[n++] = '.';
				floor = n;
			}
			at = end + 1;
			continue;
		}
		if (n && out[n - 1] != '/')
			out[n++] = '/';
		memcpy(out + n, path.p + at, end - at);
		n += end - at;
		at = end + 1;
	}
	if (n == 0)
		return GS_S(".");
	return (gs_str){ out, n };
}
