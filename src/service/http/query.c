#include "service/http/query.h"

#include "base/banned.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool decode(gs_arena *mem, gs_str s, gs_str *out)
{
	char *p = gs_try_new(mem, char, s.n + 1);
	size_t n = 0;

	if (!p)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = -1, low = -1;

			if (s.n - i > 2) {
				high = hex(s.p[i + 1]);
				low = hex(s.p[i + 2]);
			}
			if (high < 0 || low < 0 || (high | low) == 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		p[n++] = c;
	}
	*out = (gs_str){ p, n };
	return true;
}

bool gs_query_read(gs_arena *mem, gs_str target, gs_str *path, gs_op_pair **pairs, unsigned *n, gs_err *err)
{
	gs_str query, item;
	bool more;

	*n = 0;
	*pairs = gs_new(mem, gs_op_pair, GS_QUERY_MAX_PAIRS);
	more = gs_str_cut(target, '?', path, &query);
	while (more) {
		gs_op_pair pair = { 0 };
		gs_str name, value, rest;

		more = gs_str_cut(query, '&', &item, &rest);
		query = rest;
		if (!item.n)
			continue;
		gs_str_cut(item, '=', &name, &value);
		if (*n == GS_QUERY_MAX_PAIRS)
			return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "more than %d arguments", GS_QUERY_MAX_PAIRS);
		if (!decode(mem, name, &pair.name) || !decode(mem, value, &pair.value))
			return gs_fail(err, GS_ERR_USAGE, (uint64_t)(item.p - target.p), "broken escape in \"%.*s\"",
				       GS_FMT(item));
		(*pairs)[(*n)++] = pair;
	}
	return true;
}
