#include "present/markup.h"

#include "base/json.h"

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '&' && c != '<' && c != '>' && c != '"';
}

void gs_markup_text(gs_buf *out, gs_str s)
{
	while (s.n) {
		size_t plain = 0;
		uint32_t c;

		while (plain < s.n && is_plain(s.p[plain]))
			plain++;
		gs_buf_add(out, s.p, plain);
		s = gs_str_skip(s, plain);
		if (!s.n)
			break;
		c = gs_utf8_next(&s);

		switch (c) {
		case '&':
			gs_buf_z(out, "&amp;");
			break;
		case '<':
			gs_buf_z(out, "&lt;");
			break;
		case '>':
			gs_buf_z(out, "&gt;");
			break;
		case '"':
			gs_buf_z(out, "&quot;");
			break;
		case '\n':
		case '\t':
			gs_buf_c(out, (char)c);
			break;
		default:
			if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c & 0xfffe) == 0xfffe)
				c = 0xfffd;
			gs_utf8_put(out, c);
		}
	}
}
