#include "format/legacy/legacy.h"

#include "format/legacy/build.h"

static gs_str skip_blanks(gs_str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = gs_str_skip(s, 1);
	return s;
}

bool legacy_take_int(gs_str *s, int64_t *out)
{
	gs_str t = skip_blanks(*s);
	size_t n = t.n && t.p[0] == '-';

	while (n < t.n && t.p[n] >= '0' && t.p[n] <= '9')
		n++;
	if (!gs_str_i64(gs_str_slice(t, 0, n), out))
		return false;
	*s = gs_str_skip(t, n);
	return true;
}

bool legacy_take(gs_str *s, const char *word)
{
	gs_str t = skip_blanks(*s), w = gs_str_of(word);

	if (!gs_str_starts(t, w))
		return false;
	*s = gs_str_skip(t, w.n);
	return true;
}

bool legacy_is_comment(gs_str line)
{
	line = gs_str_trim(line);
	return !line.n || line.p[0] == '#';
}

bool legacy_fail(legacy_builder *b, gs_str line, const char *what)
{
	return gs_fail(b->err, GS_ERR_FORMAT, (uint64_t)(line.p - b->text.p), "%s: \"%.*s\"", what,
		       GS_FMT(gs_str_slice(line, 0, 80)));
}

gs_legacy_sample *legacy_sample(legacy_builder *b)
{
	gs_legacy_sample *s = gs_vec_push(&b->samples, LEGACY_MAX_ITEMS);

	if (!s) {
		b->is_full = true;
		return NULL;
	}
	s->first_address = (uint32_t)b->addresses.n;
	s->first_symbol = (uint32_t)b->symbols.n;
	s->first_label = (uint32_t)b->labels.n;
	return s;
}

bool legacy_addresses(legacy_builder *b, gs_legacy_sample *s, gs_str row)
{
	for (;;) {
		size_t at = gs_str_find(row, GS_S("0x")), n = 2;
		uint64_t v, *fresh;

		if (at == SIZE_MAX)
			break;
		row = gs_str_skip(row, at);
		while (n < row.n && row.p[n] != ' ' && row.p[n] != '\t')
			n++;
		if (!gs_str_u64(gs_str_slice(row, 0, n), 16, &v))
			return legacy_fail(b, row, "no address");
		row = gs_str_skip(row, n);
		/* Fixed-size records of threadcreate are filled up with zeros. */
		if (!v)
			continue;
		fresh = gs_vec_push(&b->addresses, LEGACY_MAX_ITEMS);
		if (!fresh) {
			b->is_full = true;
			return true;
		}
		*fresh = v - 1;
		s->n_addresses++;
	}
	return true;
}

/* `0x5c3b1e\tmain.(*T).receive+0x1e\t\tmain.go:22` */
static void take_symbol(legacy_builder *b, gs_legacy_sample *s, gs_str line)
{
	gs_legacy_symbol sym = { 0 }, *fresh;
	gs_str pc, name, place;
	size_t at;

	gs_str_cut(line, '\t', &pc, &line);
	if (!gs_str_u64(gs_str_trim(pc), 0, &sym.pc))
		return;
	gs_str_cut(line, '\t', &name, &place);
	name = gs_str_trim(name);
	place = gs_str_trim(place);
	at = gs_str_rfind_char(name, '+');
	if (at != SIZE_MAX && gs_str_u64(gs_str_skip(name, at + 1), 0, &sym.offset))
		name.n = at;
	at = gs_str_rfind_char(place, ':');
	if (at != SIZE_MAX && gs_str_u64(gs_str_skip(place, at + 1), 10, &sym.line))
		place.n = at;
	sym.function = name;
	sym.file = place;
	fresh = gs_vec_push(&b->symbols, LEGACY_MAX_ITEMS);
	if (!fresh) {
		b->is_full = true;
		return;
	}
	*fresh = sym;
	s->n_symbols++;
}

void legacy_comment(legacy_builder *b, gs_str line)
{
	gs_legacy_sample *s = b->samples.n ? &b->samples.p[b->samples.n - 1] : NULL;
	gs_text_label labels[256];
	size_t n;

	line = gs_str_trim(line);
	if (gs_str_starts(line, GS_S("# runtime.MemStats")) && !b->out->memstats.n)
		b->out->memstats = gs_str_trim(gs_str_skip(b->text, (size_t)(line.p - b->text.p)));
	if (!s || line.n < 3)
		return;
	if (gs_str_starts(line, GS_S("#\t0x"))) {
		take_symbol(b, s, gs_str_skip(line, 2));
		return;
	}
	if (!gs_str_starts(line, GS_S("# labels: ")))
		return;
	line = gs_str_skip(line, 10);
	n = gs_quoted_labels(b->mem, &line, labels, 256);
	for (size_t i = 0; n != SIZE_MAX && i < n; i++) {
		gs_text_label *l = gs_vec_push(&b->labels, LEGACY_MAX_ITEMS);

		if (!l) {
			b->is_full = true;
			return;
		}
		*l = labels[i];
		s->n_labels++;
	}
}

static gs_str first_line(gs_str *rest)
{
	gs_str line = { 0 };

	while (gs_str_line(rest, &line) && legacy_is_comment(line))
		;
	return line;
}

/* `goroutine profile: total 12` */
static bool is_count_header(gs_str line)
{
	size_t at = gs_str_find(line, GS_S(" profile: total "));
	uint64_t n;

	return at != SIZE_MAX && at &&
	       gs_str_find_char(gs_str_slice(line, 0, at), ' ') == SIZE_MAX &&
	       gs_str_u64(gs_str_skip(line, at + 16), 10, &n);
}

gs_legacy_kind gs_legacy_is(gs_str head)
{
	gs_str rest = head, line;

	if (legacy_cpu_words(head) >= 0)
		return GS_LEGACY_CPU;
	line = first_line(&rest);
	if (is_count_header(line))
		return GS_LEGACY_COUNT;
	if (gs_str_starts(line, GS_S("heap profile: ")) && gs_str_has(line, GS_S(" @ ")))
		return GS_LEGACY_HEAP;
	if (gs_str_starts(line, GS_S("--- contention:")) ||
	    gs_str_starts(line, GS_S("--- mutex:")) ||
	    gs_str_starts(line, GS_S("--- contentionz ")))
		return GS_LEGACY_CONTENTION;
	return GS_LEGACY_NONE;
}

static void *keep(legacy_builder *b, const void *p, size_t n, size_t size)
{
	void *q = gs_arena_try(b->mem, size, n);

	if (!q)
		b->is_full = true;
	else if (n)
		memcpy(q, p, n * size);
	return q;
}

bool gs_legacy_parse(gs_arena *mem, gs_str bytes, gs_legacy *out, gs_err *err)
{
	legacy_builder b = { .mem = mem, .text = bytes, .out = out, .err = err };
	bool ok = false;

	*out = (gs_legacy){ .kind = gs_legacy_is(bytes) };
	switch (out->kind) {
	case GS_LEGACY_COUNT:
		ok = legacy_parse_count(&b);
		break;
	case GS_LEGACY_HEAP:
		ok = legacy_parse_heap(&b);
		break;
	case GS_LEGACY_CONTENTION:
		ok = legacy_parse_contention(&b);
		break;
	case GS_LEGACY_CPU:
		ok = legacy_parse_cpu(&b);
		break;
	case GS_LEGACY_NONE:
		gs_fail(err, GS_ERR_FORMAT, 0, "no legacy profile");
		break;
	}
	if (ok) {
#define KEEP(column)                                                                               \
	out->column = keep(&b, b.column.p, b.column.n, sizeof(*b.column.p));                       \
	out->n_##column = (uint32_t)b.column.n
		KEEP(samples);
		KEEP(addresses);
		KEEP(symbols);
		KEEP(labels);
		/* One more, for the mapping that stands for "unknown". */
		if (!gs_vec_push(&b.mappings, LEGACY_MAX_ITEMS))
			b.is_full = true;
		KEEP(mappings);
		if (out->n_mappings)
			out->n_mappings--;
#undef KEEP
	}
	gs_vec_release(&b.samples);
	gs_vec_release(&b.addresses);
	gs_vec_release(&b.symbols);
	gs_vec_release(&b.labels);
	gs_vec_release(&b.mappings);
	if (ok && b.is_full)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
			       "the profile needs more memory than its budget");
	return ok;
}
