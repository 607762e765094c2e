/* The memory map at the end of a legacy profile: /proc/self/maps, or gperftools' brief form, with `attr=value` lines. */
#include "format/legacy/build.h"

enum { MAX_ATTRIBUTES = 64, MAX_LINE = 16 << 10 };

typedef struct attribute {
	gs_str name, value;
} attribute;

bool legacy_is_map_sentinel(gs_str line)
{
	return gs_str_has(line, GS_S("--- Memory map: ---")) ||
	       gs_str_has(line, GS_S("MAPPED_LIBRARIES:"));
}

void legacy_find_map(legacy_builder *b, gs_str rest)
{
	gs_str line;

	while (gs_str_line(&rest, &line))
		if (legacy_is_map_sentinel(line)) {
			legacy_parse_map(b, rest);
			return;
		}
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool take_hex(gs_str *s, uint64_t *out)
{
	size_t n = 0;

	*s = gs_str_starts(*s, GS_S("0x")) ? gs_str_skip(*s, 2) : *s;
	while (n < s->n && is_hex(s->p[n]))
		n++;
	if (!gs_str_u64(gs_str_slice(*s, 0, n), 16, out))
		return false;
	*s = gs_str_skip(*s, n);
	return true;
}

static gs_str take_word(gs_str *s)
{
	gs_str word;
	size_t n = 0;

	*s = gs_str_trim(*s);
	while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
		n++;
	word = gs_str_slice(*s, 0, n);
	*s = gs_str_skip(*s, n);
	return word;
}

static bool is_all(gs_str s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(set, s.p[i]))
			return false;
	return s.n != 0;
}

/* `00400000-00fcb000 r-xp 00000000 08:01 1234 /bin/x` or `00400000-00fcb000: /bin/x (@ff00) build-id`.
 * 1: a mapping; 0: one that holds no code; -1: something else. */
static int parse_entry(gs_str line, gs_legacy_mapping *m)
{
	gs_str s = gs_str_trim(line), word, rest;
	bool is_exec = true;
	uint64_t v;

	*m = (gs_legacy_mapping){ 0 };
	if (!take_hex(&s, &m->start) || !s.n || (s.p[0] != '-' && s.p[0] != ' ' && s.p[0] != '\t'))
		return -1;
	s = gs_str_trim(s.p[0] == '-' ? gs_str_skip(s, 1) : s);
	if (!take_hex(&s, &m->limit))
		return -1;
	if (s.n && s.p[0] == ':')
		s = gs_str_skip(s, 1);
	if (s.n && s.p[0] != ' ' && s.p[0] != '\t')
		return -1;
	rest = s;
	word = take_word(&rest);
	if (is_all(word, "-rwxp") || is_all(word, "-rwxs")) {
		is_exec = memchr(word.p, 'x', word.n) != NULL;
		s = rest;
	}
	/* offset, device, inode */
	rest = s;
	word = take_word(&rest);
	if (gs_str_u64(word, 16, &v)) {
		gs_str device = take_word(&rest), inode = take_word(&rest), major, minor;
		uint64_t a, c;

		if (gs_str_cut(device, ':', &major, &minor) && gs_str_u64(major, 16, &a) &&
		    gs_str_u64(minor, 16, &a) && gs_str_u64(inode, 10, &c)) {
			m->offset = v;
			m->file = gs_str_trim(rest);
			if (gs_str_ends(m->file, GS_S(" (deleted)")))
				m->file.n -= 10;
			return is_exec;
		}
	}
	m->file = take_word(&s);
	rest = s;
	word = take_word(&rest);
	if (gs_str_starts(word, GS_S("(@")) && gs_str_ends(word, GS_S(")")) &&
	    gs_str_u64(gs_str_slice(word, 2, word.n - 1), 16, &m->offset))
		s = rest;
	word = take_word(&s);
	if (word.n && gs_str_find(word, GS_S("(")) == SIZE_MAX)
		m->build_id = word;
	return is_exec;
}

/* Put values in for `$name`. The line itself when there is none; a line that grows too long is left as it is. */
static gs_str substitute(gs_arena *mem, gs_str line, const attribute *attributes, size_t n)
{
	GS_AUTO(buf) text = { .max = MAX_LINE };
	gs_str rest = line;
	char *copy;

	if (!n || gs_str_find_char(line, '$') == SIZE_MAX)
		return line;
	while (rest.n) {
		size_t i = 0;

		while (i < n && !gs_str_starts(rest, attributes[i].name))
			i++;
		if (i < n) {
			gs_buf_str(&text, attributes[i].value);
			rest = gs_str_skip(rest, attributes[i].name.n);
		} else {
			gs_buf_c(&text, rest.p[0]);
			rest = gs_str_skip(rest, 1);
		}
	}
	copy = text.bad ? NULL : gs_try_new(mem, char, text.n + 1);
	if (!copy)
		return line;
	if (text.n)
		memcpy(copy, text.p, text.n);
	return (gs_str){ copy, text.n };
}

/* glog's prefix: `W0101 12:00:00.000000 1234 file.cc:12] ` */
static gs_str without_log_prefix(gs_str line)
{
	size_t at = gs_str_find(line, GS_S("] "));
	gs_str head = gs_str_slice(line, 0, at), number;
	size_t colon = gs_str_rfind_char(head, ':');
	uint64_t v;

	if (at == SIZE_MAX || colon == SIZE_MAX || memchr(head.p, '[', head.n))
		return line;
	number = gs_str_skip(head, colon + 1);
	return gs_str_u64(number, 10, &v) ? gs_str_skip(line, at + 2) : line;
}

static bool is_adjacent(const gs_legacy_mapping *a, const gs_legacy_mapping *c)
{
	if ((a->file.n && c->file.n && !gs_str_eq(a->file, c->file)) ||
	    (a->build_id.n && c->build_id.n && !gs_str_eq(a->build_id, c->build_id)) ||
	    a->limit != c->start)
		return false;
	return !a->offset || !c->offset || a->offset + (a->limit - a->start) == c->offset;
}

static bool is_library(gs_str file)
{
	size_t at = gs_str_find(file, GS_S(".so"));

	return gs_str_ends(file, GS_S(".so")) ||
	       (at != SIZE_MAX && at + 4 < file.n &&
		(file.p[at + 3] == '.' || file.p[at + 3] == '_') && file.p[at + 4] >= '0' &&
		file.p[at + 4] <= '9');
}

/* Neighbours that are one file's become one; the program itself goes first; a huge page in front of it goes. */
static void tidy(legacy_builder *b)
{
	gs_legacy_mapping *m = b->mappings.p;
	size_t n = 0;

	for (size_t i = 0; i < b->mappings.n; i++) {
		gs_legacy_mapping *last = n ? &m[n - 1] : NULL;

		if (last && is_adjacent(last, &m[i])) {
			last->limit = m[i].limit;
			last->file = m[i].file.n ? m[i].file : last->file;
			last->build_id = m[i].build_id.n ? m[i].build_id : last->build_id;
			continue;
		}
		m[n++] = m[i];
	}
	for (size_t i = 0; i < n; i++) {
		gs_legacy_mapping main = m[i];

		if (!main.file.n || main.file.p[0] == '[' || is_library(main.file))
			continue;
		m[i] = m[0];
		m[0] = main;
		break;
	}
	if (n > 1 && gs_str_starts(m[0].file, GS_S("/anon_hugepage")) && m[0].limit == m[1].start) {
		memmove(m, m + 1, (n - 1) * sizeof(*m));
		n--;
	}
	if (n && m[0].start - m[0].offset == 0x400000) {
		m[0].start = 0x400000;
		m[0].offset = 0;
	}
	b->mappings.n = n;
}

void legacy_parse_map(legacy_builder *b, gs_str rest)
{
	attribute attributes[MAX_ATTRIBUTES];
	size_t n = 0;
	gs_str line;

	while (!b->is_full && gs_str_line(&rest, &line)) {
		gs_legacy_mapping m, *fresh;
		gs_str key, value;
		int is;

		line = substitute(b->mem, without_log_prefix(line), attributes, n);
		is = parse_entry(line, &m);
		if (is > 0) {
			fresh = gs_vec_push(&b->mappings, LEGACY_MAX_ITEMS);
			b->is_full = !fresh;
			if (fresh)
				*fresh = m;
		} else if (is < 0 && n < MAX_ATTRIBUTES && gs_str_cut(line, '=', &key, &value)) {
			key = gs_str_trim(key);
			attributes[n].name = key.n ? gs_strf(b->mem, "$%.*s", GS_FMT(key)) : key;
			attributes[n].value = gs_str_trim(value);
			n += key.n != 0;
		}
	}
	tidy(b);
}

uint32_t gs_legacy_mapping_of(gs_legacy *l, uint64_t address)
{
	gs_legacy_mapping *m = l->mappings;
	uint32_t n = l->n_mappings - l->has_fake_mapping;

	if (!address)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (m[i].start <= address && address < m[i].limit)
			return i + 1;
	for (uint32_t i = 0; i < n; i++)
		if (m[i].offset && m[i].start - m[i].offset <= address && address < m[i].start) {
			m[i].start -= m[i].offset;
			m[i].offset = 0;
			return i + 1;
		}
	/* The parser left room for it. */
	if (!l->has_fake_mapping) {
		m[l->n_mappings++] = (gs_legacy_mapping){ .limit = UINT64_MAX };
		l->has_fake_mapping = true;
	}
	return l->n_mappings;
}
