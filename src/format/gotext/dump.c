#include "format/gotext/dump.h"

#include "base/buf.h"
#include "format/gotext/logtext.h"

enum { MAX_ITEMS = INT32_MAX, MAX_LABELS = 256, MAX_HEADER = 16 << 10 };

typedef struct parser {
	gs_arena *mem;
	gs_str text; /* whole */
	gs_str rest; /* from the next line on */
	gs_str prefix; /* the logger's, on the header line of the goroutine being read; empty when later lines have none */
	gs_str first_prefix;
	GS_VEC(gs_dump_goroutine) goroutines;
	GS_VEC(gs_dump_frame) frames;
	GS_VEC(gs_text_label) labels;
	uint64_t n_noise;
	bool is_full;
} parser;

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Leading decimal digits. */
static bool take_number(gs_str *s, uint64_t *out)
{
	size_t n = 0;

	while (n < s->n && n < 20 && is_digit(s->p[n]))
		n++;
	if (!n || !gs_str_u64(gs_str_slice(*s, 0, n), 10, out))
		return false;
	*s = gs_str_skip(*s, n);
	return true;
}

static bool take(gs_str *s, gs_str word)
{
	if (!gs_str_starts(*s, word))
		return false;
	*s = gs_str_skip(*s, word.n);
	return true;
}

static bool take_end(gs_str *s, gs_str word)
{
	if (!gs_str_ends(*s, word))
		return false;
	s->n -= word.n;
	return true;
}

/* Index of the bracket that closes the state: quoted label values may hold brackets. */
static size_t find_state_end(gs_str s)
{
	bool in_quotes = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (in_quotes && c == '\\')
			i++;
		else if (c == '"')
			in_quotes = !in_quotes;
		else if (c == ']' && !in_quotes)
			return i;
	}
	return SIZE_MAX;
}

/* One `, attribute` of the state, or what stands in front of the first comma. */
static void put_attribute(gs_dump_goroutine *g, gs_str a)
{
	uint64_t n;

	if (gs_str_eq(a, GS_S("locked to thread"))) {
		g->is_locked = true;
	} else if (take(&a, GS_S("synctest bubble ")) || take(&a, GS_S("synctest group "))) {
		take_number(&a, &g->bubble);
	} else if (a.n && is_digit(a.p[0]) && take_number(&a, &n) &&
		   gs_str_starts(a, GS_S(" minute"))) {
		g->wait_minutes = n;
	}
}

/* `chan receive (scan), 5 minutes, locked to thread labels:{...}` */
static void parse_state(gs_arena *mem, gs_str s, gs_dump_goroutine *g, gs_text_label *labels,
			size_t *n_labels)
{
	size_t at = gs_str_find(s, GS_S(" labels:{"));
	gs_str list, part;

	if (at != SIZE_MAX) {
		list = gs_str_skip(s, at + 8);
		*n_labels = gs_quoted_labels(mem, &list, labels, MAX_LABELS);
		if (*n_labels == SIZE_MAX)
			*n_labels = 0;
		s.n = at;
	}
	at = gs_str_find(s, GS_S(", "));
	part = gs_str_slice(s, 0, at);
	s = at == SIZE_MAX ? (gs_str){ 0 } : gs_str_skip(s, at + 2);
	g->is_scanned = take_end(&part, GS_S(" (scan)"));
	g->is_leaked = take_end(&part, GS_S(" (leaked)"));
	g->state = part;
	while (s.n) {
		at = gs_str_find(s, GS_S(", "));
		put_attribute(g, gs_str_slice(s, 0, at));
		s = at == SIZE_MAX ? (gs_str){ 0 } : gs_str_skip(s, at + 2);
	}
}

/*
 * A goroutine's header line from the word `goroutine` on:
 *   goroutine 18 [chan receive, 5 minutes]:
 *   goroutine 18 gp=0xc000006a80 m=0 mp=0x5a4ac0 [running, locked to thread] {handler: pay}:
 * The text after the colon is the logger's.
 */
static bool parse_header(gs_arena *mem, gs_str s, gs_dump_goroutine *g, gs_text_label *labels,
			 size_t *n_labels)
{
	size_t end;

	*g = (gs_dump_goroutine){ 0 };
	*n_labels = 0;
	if (!take(&s, GS_S("goroutine ")) || !take_number(&s, &g->id))
		return false;
	if (take(&s, GS_S(" gp="))) {
		end = gs_str_find(s, GS_S(" ["));
		if (end == SIZE_MAX)
			return false;
		s = gs_str_skip(s, end);
	}
	if (!take(&s, GS_S(" [")))
		return false;
	end = find_state_end(s);
	if (end == SIZE_MAX || end == 0)
		return false;
	parse_state(mem, gs_str_slice(s, 0, end), g, labels, n_labels);
	s = gs_str_skip(s, end + 1);
	if (take(&s, GS_S(" {"))) {
		s.p--, s.n++;
		*n_labels = gs_quoted_labels(mem, &s, labels, MAX_LABELS);
		if (*n_labels == SIZE_MAX)
			*n_labels = 0;
	}
	return s.n && s.p[0] == ':';
}

/* Where a header starts in the line, or SIZE_MAX. Cheap: nearly all lines are not one. */
static size_t find_header(gs_str line)
{
	size_t at = gs_str_find(line, GS_S("goroutine "));

	/* `created by x in goroutine 7` and log text end otherwise. */
	if (at == SIZE_MAX || at + 10 >= line.n || !is_digit(line.p[at + 10]) ||
	    !gs_str_has(line, GS_S("]")))
		return SIZE_MAX;
	return at;
}

/* ` +0x1b fp=0xc00 sp=0xc01 pc=0x45d` off the end of a file line. */
static void parse_file_line(gs_str s, gs_dump_frame *f)
{
	for (;;) {
		size_t at = gs_str_rfind_char(s, ' ');
		gs_str word;

		if (at == SIZE_MAX)
			break;
		word = gs_str_skip(s, at + 1);
		if (take(&word, GS_S("+"))) {
			if (!gs_str_u64(word, 0, &f->entry_offset))
				break;
		} else if (take(&word, GS_S("pc="))) {
			if (!gs_str_u64(word, 0, &f->pc))
				break;
		} else if (!gs_str_starts(word, GS_S("fp=")) && !gs_str_starts(word, GS_S("sp="))) {
			break;
		}
		s.n = at;
	}
	if (take(&s, GS_S("pc="))) { /* a C frame that nobody could name */
		gs_str_u64(s, 0, &f->pc);
		return;
	}
	size_t colon = gs_str_rfind_char(s, ':');
	if (colon != SIZE_MAX && gs_str_u64(gs_str_skip(s, colon + 1), 10, &f->line))
		s.n = colon;
	f->file = s;
}

/* `main.(*T).run(0x1, {0x2?, ...})`; C names have no argument list of Go's. */
static void parse_function(gs_str s, gs_dump_frame *f)
{
	size_t open = gs_str_rfind_char(s, '(');

	f->function = s;
	if (open == SIZE_MAX || open == 0 || s.p[s.n - 1] != ')')
		return;
	f->function = gs_str_slice(s, 0, open);
	f->args = gs_str_slice(s, open + 1, s.n - 1);
	f->is_inlined = gs_str_eq(f->args, GS_S("..."));
}

/* The next line without its logger's prefix; *rest stays where it is when the record is over. */
static bool peek_line(parser *p, gs_str *line, gs_str *after)
{
	size_t skip;

	*after = p->rest;
	if (!gs_str_line(after, line))
		return false;
	skip = gs_log_prefix(p->prefix, *line);
	if (skip == SIZE_MAX)
		skip = 0;
	*line = gs_str_skip(*line, skip);
	return true;
}

static bool is_file_line(gs_str s)
{
	return s.n > 1 && (s.p[0] == '\t' || gs_str_starts(s, GS_S("    "))) &&
	       (gs_str_has(s, GS_S(":")) || gs_str_has(s, GS_S("pc=0x")));
}

/* "...12 frames elided...", "...additional frames elided..." */
static bool parse_elided(gs_str s, gs_dump_frame *f)
{
	if (!take(&s, GS_S("...")) || !gs_str_ends(s, GS_S("frames elided...")))
		return false;
	if (!take_number(&s, &f->n_elided))
		f->n_elided = UINT64_MAX;
	return true;
}

static void push_frame(parser *p, gs_dump_goroutine *g, const gs_dump_frame *f)
{
	gs_dump_frame *fresh = gs_vec_push(&p->frames, MAX_ITEMS);

	if (!fresh) {
		p->is_full = true;
		return;
	}
	*fresh = *f;
	g->n_frames++;
}

static void parse_creator(gs_str line, gs_dump_goroutine *g)
{
	size_t at = gs_str_find(line, GS_S(" in goroutine "));
	gs_str id;

	if (at != SIZE_MAX) {
		id = gs_str_skip(line, at + 14);
		take_number(&id, &g->creator_id);
		line.n = at;
	}
	g->creator.function = line;
}

/* What follows the header, to the blank line, the next header or the end. */
static void parse_frames(parser *p, gs_dump_goroutine *g)
{
	gs_str line, after;
	unsigned n_strange = 0;

	while (!p->is_full && peek_line(p, &line, &after)) {
		gs_str here = p->rest, next, after_next;
		gs_dump_frame f = { 0 };

		line = gs_str_ends(line, GS_S(" ")) ? gs_str_trim(line) : line;
		if (find_header(line) != SIZE_MAX && !gs_str_starts(line, GS_S("created by ")) &&
		    !gs_str_starts(line, GS_S("[originating from goroutine ")))
			return;
		p->rest = after;
		if (gs_str_trim(line).n == 0)
			return;
		if (gs_str_starts(line, GS_S("[originating from goroutine "))) {
			/* Stacks of the ancestors (GODEBUG=tracebackancestors) belong to another goroutine. */
			while (peek_line(p, &line, &after) && gs_str_trim(line).n &&
			       find_header(line) == SIZE_MAX)
				p->rest = after;
			return;
		}
		if (gs_str_has(line, GS_S("stack unavailable"))) {
			g->is_unavailable = true;
			continue;
		}
		if (parse_elided(line, &f)) {
			g->is_elided = true;
			push_frame(p, g, &f);
			continue;
		}
		if (peek_line(p, &next, &after_next) && is_file_line(next) && line.p[0] != '\t') {
			p->rest = after_next;
			parse_file_line(gs_str_trim(next), &f);
			if (take(&line, GS_S("created by "))) {
				parse_creator(line, g);
				f.function = g->creator.function;
				g->creator = f;
				continue;
			}
			parse_function(line, &f);
			push_frame(p, g, &f);
			n_strange = 0;
			continue;
		}
		if (take(&line, GS_S("non-Go function at pc="))) {
			f.function = GS_S("non-Go function");
			gs_str_u64(line, 0, &f.pc);
			push_frame(p, g, &f);
			continue;
		}
		if (take(&line, GS_S("created by "))) {
			parse_creator(line, g);
			continue;
		}
		/* Another writer's line in between. Many of them: the goroutine is over. */
		p->n_noise++;
		if (++n_strange > 8) {
			p->rest = here;
			return;
		}
	}
}

/* The message that led to the dump: from the last line that starts one of Go's reports. */
static gs_str find_cause(gs_str before, gs_str prefix)
{
	static const char *const starts[] = { "panic: ",   "fatal error: ",
					      "SIGQUIT: ", "SIGABRT: ",
					      "SIGTRAP: ", "unexpected fault address",
					      "runtime: ", "http: panic serving " };
	size_t floor = before.n > MAX_HEADER ? before.n - MAX_HEADER : 0, best = SIZE_MAX;
	gs_str tail = gs_str_skip(before, floor), rest = tail, line;

	while (gs_str_line(&rest, &line)) {
		size_t at = (size_t)(line.p - tail.p), skip = gs_log_prefix(prefix, line);
		gs_str plain = gs_str_skip(line, skip == SIZE_MAX ? 0 : skip);

		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			gs_str word = gs_str_of(starts[i]);

			if (best == SIZE_MAX &&
			    (gs_str_starts(plain, word) || (i == 7 && gs_str_has(plain, word))))
				best = at;
		}
	}
	return best == SIZE_MAX ? (gs_str){ 0 } : gs_str_trim(gs_str_skip(tail, best));
}

bool gs_dump_is(gs_str text)
{
	gs_str rest = text;

	for (;;) {
		size_t at = gs_str_find(rest, GS_S("goroutine "));
		gs_dump_goroutine g;
		gs_text_label labels[MAX_LABELS];
		size_t n_labels;
		gs_str line;
		GS_AUTO(arena) *scratch = NULL;

		if (at == SIZE_MAX)
			return false;
		rest = gs_str_skip(rest, at);
		line = gs_str_slice(rest, 0, gs_str_find_char(rest, '\n'));
		if (line.n > 10 && is_digit(line.p[10]) && line.n < 65536) {
			size_t escaped = gs_str_find(line, GS_S(":\\n"));

			if (escaped != SIZE_MAX)
				line.n = escaped + 1;
			if (line.n && line.p[line.n - 1] == '\r')
				line.n--;
			scratch = gs_arena_create(1 << 20);
			if (parse_header(scratch, line, &g, labels, &n_labels))
				return true;
		}
		rest = gs_str_skip(rest, 10);
	}
}

static void *keep(gs_arena *mem, const void *p, size_t n, size_t size, bool *ok)
{
	void *q = gs_arena_try(mem, size, n);

	*ok &= q != NULL;
	if (q && n)
		memcpy(q, p, n * size);
	return q;
}

/* Text before the header is a logger's on every line unless the lines after it begin as the runtime prints them. */
static bool is_prefix_repeated(const parser *p)
{
	gs_str rest = p->rest, line;

	for (int i = 0; i < 2; i++)
		if (!gs_str_line(&rest, &line) || (line.n && line.p[0] == '\t'))
			return false;
	return true;
}

static void parse_all(parser *p)
{
	gs_str line;
	gs_text_label labels[MAX_LABELS];

	while (!p->is_full && p->rest.n) {
		gs_dump_goroutine head, *g;
		size_t n_labels, at;

		gs_str_line(&p->rest, &line);
		at = find_header(line);
		if (at == SIZE_MAX ||
		    !parse_header(p->mem, gs_str_skip(line, at), &head, labels, &n_labels))
			continue;
		p->prefix = is_prefix_repeated(p) ? gs_str_slice(line, 0, at) : (gs_str){ 0 };
		if (!p->goroutines.n)
			p->first_prefix = p->prefix;
		head.at = (uint64_t)(line.p + at - p->text.p);
		head.first_frame = (uint32_t)p->frames.n;
		head.first_label = (uint32_t)p->labels.n;
		for (size_t i = 0; i < n_labels && !p->is_full; i++) {
			gs_text_label *l = gs_vec_push(&p->labels, MAX_ITEMS);

			p->is_full = !l;
			if (l)
				*l = labels[i];
		}
		head.n_labels = (uint32_t)n_labels;
		parse_frames(p, &head);
		g = gs_vec_push(&p->goroutines, MAX_ITEMS);
		p->is_full |= !g;
		if (g)
			*g = head;
	}
}

bool gs_dump_parse(gs_arena *mem, gs_str text, gs_dump *out, gs_err *err)
{
	parser p = { .mem = mem };
	bool ok;

	*out = (gs_dump){ 0 };
	if (!gs_log_plain(mem, text, &p.text, err))
		return false;
	p.rest = p.text;
	parse_all(&p);
	ok = !p.is_full;
	if (ok) {
		out->goroutines =
			keep(mem, p.goroutines.p, p.goroutines.n, sizeof(*p.goroutines.p), &ok);
		out->frames = keep(mem, p.frames.p, p.frames.n, sizeof(*p.frames.p), &ok);
		out->labels = keep(mem, p.labels.p, p.labels.n, sizeof(*p.labels.p), &ok);
		out->n_goroutines = (uint32_t)p.goroutines.n;
		out->n_frames = (uint32_t)p.frames.n;
		out->n_labels = (uint32_t)p.labels.n;
		out->n_noise = p.n_noise;
	}
	gs_vec_release(&p.goroutines);
	gs_vec_release(&p.frames);
	gs_vec_release(&p.labels);
	if (!ok)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "the goroutine dump needs more memory than its budget");
	if (!out->n_goroutines)
		return gs_fail(err, GS_ERR_FORMAT, 0, "no goroutine in this text");
	out->header = find_cause(gs_str_slice(p.text, 0, out->goroutines[0].at), p.first_prefix);
	return true;
}
