#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/banned.h"

uint32_t gs_utf8_next(gs_str *s)
{
	const unsigned char *p = (const unsigned char *)s->p;
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	unsigned more = p[0] < 0x80 ? 0 : p[0] < 0xc0 ? 9 : p[0] < 0xe0 ? 1 : p[0] < 0xf0 ? 2 : p[0] < 0xf8 ? 3 : 9;
	uint32_t c = p[0];

	if (more == 0) {
		*s = gs_str_skip(*s, 1);
		return c;
	}
	if (more == 9 || s->n <= more)
		goto broken;
	c &= 0x3fu >> more;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			goto broken;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		goto broken;
	*s = gs_str_skip(*s, more + 1);
	return c;
broken:
	*s = gs_str_skip(*s, 1);
	return 0xfffd;
}

void gs_utf8_put(gs_buf *out, uint32_t c)
{
	if (c < 0x80) {
		gs_buf_c(out, (char)c);
	} else if (c < 0x800) {
		gs_buf_c(out, (char)(0xc0 | c >> 6));
		gs_buf_c(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		gs_buf_c(out, (char)(0xe0 | c >> 12));
		gs_buf_c(out, (char)(0x80 | (c >> 6 & 0x3f)));
		gs_buf_c(out, (char)(0x80 | (c & 0x3f)));
	} else {
		gs_buf_c(out, (char)(0xf0 | c >> 18));
		gs_buf_c(out, (char)(0x80 | (c >> 12 & 0x3f)));
		gs_buf_c(out, (char)(0x80 | (c >> 6 & 0x3f)));
		gs_buf_c(out, (char)(0x80 | (c & 0x3f)));
	}
}

static void item(gs_json *j)
{
	uint64_t *word = &j->has_item[j->depth / 64], bit = (uint64_t)1 << j->depth % 64;

	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (*word & bit)
		gs_buf_c(j->out, ',');
	*word |= bit;
}

static void open_level(gs_json *j, char c)
{
	item(j);
	gs_buf_c(j->out, c);
	assert(j->depth < GS_JSON_MAX_DEPTH - 1);
	j->depth++;
	j->has_item[j->depth / 64] &= ~((uint64_t)1 << j->depth % 64);
}

static void close_level(gs_json *j, char c)
{
	assert(j->depth > 0);
	j->depth--;
	gs_buf_c(j->out, c);
}

void gs_json_object(gs_json *j)
{
	open_level(j, '{');
}

void gs_json_object_end(gs_json *j)
{
	close_level(j, '}');
}

void gs_json_array(gs_json *j)
{
	open_level(j, '[');
}

void gs_json_array_end(gs_json *j)
{
	close_level(j, ']');
}

static void quoted(gs_buf *out, gs_str s)
{
	gs_buf_c(out, '"');
	while (s.n) {
		uint32_t c = gs_utf8_next(&s);

		if (c == '"' || c == '\\') {
			gs_buf_c(out, '\\');
			gs_buf_c(out, (char)c);
		} else if (c == '\n') {
			gs_buf_z(out, "\\n");
		} else if (c == '\t') {
			gs_buf_z(out, "\\t");
		} else if (c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&' || c == 0x2028 ||
			   c == 0x2029) {
			gs_buf_f(out, "\\u%04" PRIx32, c);
		} else {
			gs_utf8_put(out, c);
		}
	}
	gs_buf_c(out, '"');
}

void gs_json_key_str(gs_json *j, gs_str key)
{
	item(j);
	quoted(j->out, key);
	gs_buf_c(j->out, ':');
	j->after_key = true;
}

void gs_json_key(gs_json *j, const char *key)
{
	gs_json_key_str(j, gs_str_of(key));
}

void gs_json_str(gs_json *j, gs_str s)
{
	item(j);
	quoted(j->out, s);
}

void gs_json_i64(gs_json *j, int64_t v)
{
	item(j);
	gs_buf_f(j->out, "%" PRId64, v);
}

void gs_json_u64(gs_json *j, uint64_t v)
{
	item(j);
	gs_buf_f(j->out, "%" PRIu64, v);
}

void gs_json_f64(gs_json *j, double v)
{
	char z[40];

	item(j);
	if (!isfinite(v)) {
		gs_buf_z(j->out, "null");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(z, sizeof(z), "%.*g", digits, v);
		if (strtod(z, NULL) == v)
			break;
	}
	gs_buf_z(j->out, z);
}

void gs_json_bool(gs_json *j, bool v)
{
	item(j);
	gs_buf_z(j->out, v ? "true" : "false");
}

void gs_json_null(gs_json *j)
{
	item(j);
	gs_buf_z(j->out, "null");
}

void gs_json_raw(gs_json *j, gs_str value)
{
	item(j);
	gs_buf_str(j->out, value);
}

void gs_json_kstr(gs_json *j, const char *key, gs_str s)
{
	gs_json_key(j, key);
	gs_json_str(j, s);
}

void gs_json_ki64(gs_json *j, const char *key, int64_t v)
{
	gs_json_key(j, key);
	gs_json_i64(j, v);
}

void gs_json_ku64(gs_json *j, const char *key, uint64_t v)
{
	gs_json_key(j, key);
	gs_json_u64(j, v);
}

void gs_json_kf64(gs_json *j, const char *key, double v)
{
	gs_json_key(j, key);
	gs_json_f64(j, v);
}

void gs_json_kbool(gs_json *j, const char *key, bool v)
{
	gs_json_key(j, key);
	gs_json_bool(j, v);
}
