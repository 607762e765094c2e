#include "format/pprof/pprof.h"

#include <endian.h>

#include "base/rd.h"

enum {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
	MAX_ROWS = INT32_MAX,
};

/* Field numbers of profile.proto's Profile. */
enum {
	F_SAMPLE_TYPE = 1,
	F_SAMPLE,
	F_MAPPING,
	F_LOCATION,
	F_FUNCTION,
	F_STRING,
	F_DROP_FRAMES,
	F_KEEP_FRAMES,
	F_TIME,
	F_DURATION,
	F_PERIOD_TYPE,
	F_PERIOD,
	F_COMMENT,
	F_DEFAULT_TYPE,
	F_DOC_URL,
};

typedef struct field {
	uint32_t number, wire;
	uint64_t value;
	gs_str bytes;
} field;

typedef struct scan {
	gs_pprof *p;
	gs_err *err;
	const char *base; /* offsets are counted from here */
	const unsigned char *safe; /* before here eight bytes can be read at once, whatever message they belong to */
} scan;

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory while reading a profile");
}

static bool broken(gs_err *err, uint64_t at, const char *what)
{
	return gs_fail(err, GS_ERR_FORMAT, at, "pprof: %s at byte %llu", what, (unsigned long long)at);
}

/* False at the end, or with r->bad. */
static inline bool field_next(gs_rd *r, field *f)
{
	uint64_t tag;

	if (r->p == r->end)
		return false;
	tag = gs_rd_varint(r);
	f->number = tag >> 3 < UINT32_MAX ? (uint32_t)(tag >> 3) : UINT32_MAX;
	f->wire = (uint32_t)(tag & 7);
	switch (f->wire) {
	case WIRE_VARINT:
		f->value = gs_rd_varint(r);
		break;
	case WIRE_BYTES:
		f->bytes = gs_rd_bytes(r, gs_rd_varint(r));
		break;
	case WIRE_FIXED64:
		gs_rd_skip(r, 8);
		break;
	case WIRE_FIXED32:
		gs_rd_skip(r, 4);
		break;
	default: /* groups were never used here */
		r->bad = true;
	}
	if (f->number == 0)
		r->bad = true;
	return !r->bad;
}

static uint64_t at_of(const scan *s, const gs_rd *r)
{
	return (uint64_t)((const char *)r->p - s->base);
}

/* Known field, wrong wire type: the file is damaged or is something else. */
static bool wire_is(scan *s, const gs_rd *r, const field *f, uint32_t wire)
{
	return f->wire == wire || broken(s->err, at_of(s, r), "a field of the wrong kind ends");
}

static bool message_end(scan *s, const gs_rd *r, const char *what)
{
	return !r->bad || broken(s->err, at_of(s, r), what);
}

/* String indexes are checked once the table is known; until then they only have to fit. */
static uint32_t string_index(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static bool read_type(scan *s, gs_str bytes, gs_pprof_type *out)
{
	gs_rd r = gs_rd_of(bytes);
	field f;

	*out = (gs_pprof_type){ 0 };
	while (field_next(&r, &f)) {
		if (f.number > 2)
			continue;
		if (!wire_is(s, &r, &f, WIRE_VARINT))
			return false;
		*(f.number == 1 ? &out->type : &out->unit) = string_index(f.value);
	}
	return message_end(s, &r, "a damaged value type ends");
}

static bool read_mapping(scan *s, gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);
	gs_pprof_mapping *m = gs_vec_push(&s->p->mappings, MAX_ROWS);
	field f;

	if (!m)
		return no_memory(s->err);
	while (field_next(&r, &f)) {
		if (f.number > 10)
			continue;
		if (!wire_is(s, &r, &f, WIRE_VARINT))
			return false;
		switch (f.number) {
		case 1:
			m->id = f.value;
			break;
		case 2:
			m->start = f.value;
			break;
		case 3:
			m->limit = f.value;
			break;
		case 4:
			m->offset = f.value;
			break;
		case 5:
			m->file = string_index(f.value);
			break;
		case 6:
			m->build_id = string_index(f.value);
			break;
		case 7:
			m->has_functions = f.value;
			break;
		case 8:
			m->has_filenames = f.value;
			break;
		case 9:
			m->has_line_numbers = f.value;
			break;
		case 10:
			m->has_inline_frames = f.value;
			break;
		}
	}
	return message_end(s, &r, "a damaged mapping ends");
}

/*
 * Rows as every writer makes them: known fields of the right kind, numbers of at most eight bytes. Nearly all of a file with many
 * names is these. What is different in any way is left alone and read field by field.
 */
static inline bool plain_number(const scan *s, const unsigned char **p, uint64_t *v)
{
	const unsigned char *at = *p;
	uint64_t w, stop;

	if (at >= s->safe)
		return false;
	memcpy(&w, at, sizeof(w));
	w = le64toh(w);
	stop = ~w & 0x8080808080808080u;
	if (!stop)
		return false;
	*p = at + (__builtin_ctzll(stop) >> 3) + 1;
	w &= (stop ^ (stop - 1)) & 0x7f7f7f7f7f7f7f7fu;
	w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
	w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
	*v = (w & 0x000000000fffffffu) | (w & 0x0fffffff00000000u) >> 4;
	return true;
}

static inline bool plain_line(const scan *s, const unsigned char *p, const unsigned char *end, gs_pprof_line *l)
{
	while (p < end) {
		unsigned tag = *p++;
		uint64_t v;

		if (tag & 7 || tag == 0 || tag > 3 << 3 || !plain_number(s, &p, &v))
			return false;
		if (tag == 1 << 3)
			l->function_id = v;
		else
			*(tag == 2 << 3 ? &l->line : &l->column) = (int64_t)v;
	}
	return p == end;
}

/* False, and nothing has changed, when it has to be read field by field. */
static inline bool plain_location(scan *s, gs_str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n;
	gs_pprof_location l = { .first_line = (uint32_t)s->p->lines.n };
	gs_pprof_location *row;

	while (p < end) {
		unsigned tag = *p++;
		gs_pprof_line line = { 0 }, *to;
		uint64_t v;

		if (!plain_number(s, &p, &v))
			goto not_plain;
		switch (tag) {
		case 1 << 3:
			l.id = v;
			break;
		case 2 << 3:
			l.mapping_id = v;
			break;
		case 3 << 3:
			l.address = v;
			break;
		case 4 << 3 | WIRE_BYTES:
			if (p > end || v > (uint64_t)(end - p) || !plain_line(s, p, p + v, &line))
				goto not_plain;
			p += v;
			to = gs_vec_push(&s->p->lines, MAX_ROWS);
			if (!to)
				goto not_plain;
			*to = line;
			l.n_lines++;
			break;
		case 5 << 3:
			l.is_folded = v;
			break;
		default:
			goto not_plain;
		}
	}
	row = p == end ? gs_vec_push(&s->p->locations, MAX_ROWS) : NULL;
	if (row) {
		*row = l;
		return true;
	}
not_plain:
	s->p->lines.n = l.first_line;
	return false;
}

static inline bool plain_function(scan *s, gs_str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n;
	uint64_t fields[6] = { 0 };
	gs_pprof_function *row;

	while (p < end) {
		unsigned tag = *p++;

		if (tag & 7 || tag == 0 || tag > 5 << 3 || !plain_number(s, &p, &fields[tag >> 3]))
			return false;
	}
	row = p == end ? gs_vec_push(&s->p->functions, MAX_ROWS) : NULL;
	if (row)
		*row = (gs_pprof_function){ .id = fields[1],
					    .name = string_index(fields[2]),
					    .system_name = string_index(fields[3]),
					    .file = string_index(fields[4]),
					    .start_line = (int64_t)fields[5] };
	return row != NULL;
}

static bool read_line(scan *s, gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);
	gs_pprof_line *l = gs_vec_push(&s->p->lines, MAX_ROWS);
	field f;

	if (!l)
		return no_memory(s->err);
	while (field_next(&r, &f)) {
		if (f.number > 3)
			continue;
		if (!wire_is(s, &r, &f, WIRE_VARINT))
			return false;
		if (f.number == 1)
			l->function_id = f.value;
		else
			*(f.number == 2 ? &l->line : &l->column) = (int64_t)f.value;
	}
	return message_end(s, &r, "a damaged line ends");
}

static bool read_location(scan *s, gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);
	gs_pprof_location *l;
	field f;

	if (plain_location(s, bytes))
		return true;
	l = gs_vec_push(&s->p->locations, MAX_ROWS);
	if (!l)
		return no_memory(s->err);
	l->first_line = (uint32_t)s->p->lines.n;
	while (field_next(&r, &f)) {
		if (f.number > 5)
			continue;
		if (!wire_is(s, &r, &f, f.number == 4 ? WIRE_BYTES : WIRE_VARINT))
			return false;
		switch (f.number) {
		case 1:
			l->id = f.value;
			break;
		case 2:
			l->mapping_id = f.value;
			break;
		case 3:
			l->address = f.value;
			break;
		case 4:
			if (!read_line(s, f.bytes))
				return false;
			l->n_lines++;
			break;
		case 5:
			l->is_folded = f.value;
			break;
		}
	}
	return message_end(s, &r, "a damaged location ends");
}

static bool read_function(scan *s, gs_str bytes)
{
	gs_rd r = gs_rd_of(bytes);
	gs_pprof_function *fn;
	field f;

	if (plain_function(s, bytes))
		return true;
	fn = gs_vec_push(&s->p->functions, MAX_ROWS);
	if (!fn)
		return no_memory(s->err);
	while (field_next(&r, &f)) {
		if (f.number > 5)
			continue;
		if (!wire_is(s, &r, &f, WIRE_VARINT))
			return false;
		switch (f.number) {
		case 1:
			fn->id = f.value;
			break;
		case 2:
			fn->name = string_index(f.value);
			break;
		case 3:
			fn->system_name = string_index(f.value);
			break;
		case 4:
			fn->file = string_index(f.value);
			break;
		case 5:
			fn->start_line = (int64_t)f.value;
			break;
		}
	}
	return message_end(s, &r, "a damaged function ends");
}

static bool add_comment(scan *s, uint64_t v)
{
	uint32_t *c = gs_vec_push(&s->p->comments, MAX_ROWS);

	if (!c)
		return no_memory(s->err);
	*c = string_index(v);
	return true;
}

static bool read_comments(scan *s, const gs_rd *r, const field *f)
{
	gs_rd packed;

	if (f->wire == WIRE_VARINT)
		return add_comment(s, f->value);
	if (!wire_is(s, r, f, WIRE_BYTES))
		return false;
	packed = gs_rd_of(f->bytes);
	while (packed.p < packed.end) {
		uint64_t v = gs_rd_varint(&packed);

		if (packed.bad)
			return message_end(s, &packed, "a damaged comment ends");
		if (!add_comment(s, v))
			return false;
	}
	return true;
}

static bool note_sample(scan *s, uint64_t at, uint64_t end)
{
	gs_pprof *p = s->p;
	gs_pprof_chunk *c;

	if (p->n_samples == MAX_ROWS)
		return gs_fail(s->err, GS_ERR_LIMIT, at, "pprof: more than %d samples", MAX_ROWS);
	if (p->n_samples % GS_PPROF_CHUNK == 0) {
		c = gs_vec_push(&p->chunks, MAX_ROWS);
		if (!c)
			return no_memory(s->err);
		c->start = at;
		c->first_sample = p->n_samples;
	}
	c = &p->chunks.p[p->chunks.n - 1];
	c->end = end;
	c->n_samples++;
	p->n_samples++;
	return true;
}

static bool read_type_row(scan *s, gs_str bytes)
{
	gs_pprof_type t;

	if (!read_type(s, bytes, &t))
		return false;
	if (s->p->n_types == GS_PPROF_MAX_TYPES)
		return gs_fail(s->err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "pprof: more than %d sample types",
			       GS_PPROF_MAX_TYPES);
	s->p->types[s->p->n_types++] = t;
	return true;
}

static bool read_string(scan *s, const gs_rd *r, gs_str bytes)
{
	gs_str *str;

	if (s->p->strings.n == 0 && bytes.n)
		return broken(s->err, at_of(s, r), "a string table that does not begin with \"\" stands");
	str = gs_vec_push(&s->p->strings, MAX_ROWS);
	if (!str)
		return no_memory(s->err);
	*str = bytes;
	return true;
}

static bool read_field(scan *s, const gs_rd *r, const field *f, uint64_t at)
{
	gs_pprof *p = s->p;
	uint32_t want = f->number <= F_STRING || f->number == F_PERIOD_TYPE ? WIRE_BYTES : WIRE_VARINT;

	if (f->number == F_COMMENT)
		return read_comments(s, r, f);
	if (f->number > F_DOC_URL)
		return true;
	if (!wire_is(s, r, f, want))
		return false;
	switch (f->number) {
	case F_SAMPLE_TYPE:
		return read_type_row(s, f->bytes);
	case F_SAMPLE:
		return note_sample(s, at, at_of(s, r));
	case F_MAPPING:
		return read_mapping(s, f->bytes);
	case F_LOCATION:
		return read_location(s, f->bytes);
	case F_FUNCTION:
		return read_function(s, f->bytes);
	case F_STRING:
		return read_string(s, r, f->bytes);
	case F_PERIOD_TYPE:
		return read_type(s, f->bytes, &p->period_type);
	case F_TIME:
		p->time_ns = (int64_t)f->value;
		break;
	case F_DURATION:
		p->duration_ns = (int64_t)f->value;
		break;
	case F_PERIOD:
		p->period = (int64_t)f->value;
		break;
	case F_DROP_FRAMES:
		p->drop_frames = string_index(f->value);
		break;
	case F_KEEP_FRAMES:
		p->keep_frames = string_index(f->value);
		break;
	case F_DEFAULT_TYPE:
		p->default_type = string_index(f->value);
		break;
	case F_DOC_URL:
		p->doc_url = string_index(f->value);
		break;
	}
	return true;
}

/*
 * A second profile appended to the first (`cat a.pb.gz b.pb.gz`) decodes as one message of nonsense. It shows by a field that
 * stands once in a profile, or by the empty string that begins every string table. pprof's writer ends with
 * default_sample_type (and doc_url), Go's runtime with the string table: that is where the second one begins.
 */
typedef struct seam {
	uint64_t strings_end, tail_end; /* behind the last string; behind the last 14 or 15 after it */
	uint32_t last;
	bool has_time, has_types;
} seam;

static bool is_second_profile(seam *m, const gs_pprof *p, const field *f, uint64_t end)
{
	bool has_strings = p->strings.n != 0;
	bool is_second = (f->number == F_TIME && m->has_time && f->wire == WIRE_VARINT) ||
			 (f->number == F_SAMPLE_TYPE && m->has_types && m->last != F_SAMPLE_TYPE && has_strings) ||
			 (f->number == F_STRING && has_strings && m->last != F_STRING && f->bytes.n == 0 &&
			  f->wire == WIRE_BYTES);

	if (is_second && has_strings)
		return true;
	m->has_time |= f->number == F_TIME && f->value != 0;
	m->has_types |= f->number == F_SAMPLE_TYPE;
	m->last = f->number;
	if (f->number == F_STRING) {
		m->strings_end = end;
		m->tail_end = 0;
	} else if (f->number == F_DEFAULT_TYPE || f->number == F_DOC_URL) {
		m->tail_end = end;
	}
	return false;
}

/* As field_next for what stands in a profile in large numbers. */
static inline bool plain_message(const scan *s, gs_rd *r, field *f)
{
	const unsigned char *p = r->p;
	uint64_t n;

	if (p >= s->safe || (*p & 7) != WIRE_BYTES || *p >= 0x80 || *p < 8)
		return false;
	f->number = *p++ >> 3;
	f->wire = WIRE_BYTES;
	if (!plain_number(s, &p, &n) || p > r->end || n > (uint64_t)(r->end - p))
		return false;
	f->bytes = (gs_str){ (const char *)p, (size_t)n };
	r->p = p + n;
	return true;
}

/* 1: read to the end. 0: error. -1: another profile begins at *second. */
static int scan_fields(scan *s, gs_str bytes, uint64_t *second)
{
	gs_rd r = gs_rd_of(bytes);
	seam m = { 0 };
	field f = { 0 };
	uint64_t at = 0;

	for (; plain_message(s, &r, &f) || field_next(&r, &f); at = gs_rd_at(&r)) {
		if (is_second_profile(&m, s->p, &f, gs_rd_at(&r))) {
			*second = m.tail_end ? m.tail_end : m.strings_end;
			return -1;
		}
		if (!read_field(s, &r, &f, at))
			return 0;
	}
	return message_end(s, &r, "cut short or damaged");
}

static bool string_ok(const gs_pprof *p, uint32_t index)
{
	return index < p->strings.n;
}

static bool check_strings(const gs_pprof *p, gs_err *err)
{
	bool ok = p->strings.n && string_ok(p, p->drop_frames) && string_ok(p, p->keep_frames) && string_ok(p, p->default_type) &&
		  string_ok(p, p->doc_url) && string_ok(p, p->period_type.type) &&
		  string_ok(p, p->period_type.unit);

	for (uint32_t i = 0; i < p->n_types; i++)
		ok &= string_ok(p, p->types[i].type) && string_ok(p, p->types[i].unit);
	for (size_t i = 0; i < p->comments.n; i++)
		ok &= string_ok(p, p->comments.p[i]);
	for (size_t i = 0; i < p->mappings.n; i++)
		ok &= string_ok(p, p->mappings.p[i].file) && string_ok(p, p->mappings.p[i].build_id);
	for (size_t i = 0; i < p->functions.n; i++) {
		const gs_pprof_function *f = &p->functions.p[i];

		ok &= string_ok(p, f->name) && string_ok(p, f->system_name) && string_ok(p, f->file);
	}
	return ok || gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
			     "pprof: a name lies outside of the string table (cut short?)");
}

static bool ids_build(gs_pprof_ids *ids, const char *what, const void *rows, size_t row_size, size_t n, gs_err *err)
{
	const char *row = rows;

	/* Each table's rows begin with the id. */
	ids->n = (uint32_t)n;
	ids->is_dense = true;
	for (size_t i = 0; i < n && ids->is_dense; i++) {
		uint64_t id;

		memcpy(&id, row + i * row_size, sizeof(id));
		ids->is_dense = id == i + 1;
	}
	if (ids->is_dense)
		return true;
	if (!gs_map_reserve(&ids->map, ids->n))
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		uint64_t id;
		bool is_new;
		uint32_t *slot;

		memcpy(&id, row + i * row_size, sizeof(id));
		slot = gs_map_put(&ids->map, id, &is_new);
		if (!slot)
			return no_memory(err);
		if (id == 0)
			return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
				       "pprof: %s number %zu has the id 0, which is reserved", what, i + 1);
		if (!is_new)
			return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "pprof: two %ss have the id %llu", what,
				       (unsigned long long)id);
		*slot = (uint32_t)i + 1;
	}
	return true;
}

static bool check_lines(const gs_pprof *p, gs_err *err)
{
	for (size_t i = 0; i < p->locations.n; i++) {
		const gs_pprof_location *l = &p->locations.p[i];

		for (uint32_t k = 0; k < l->n_lines; k++) {
			uint64_t id = p->lines.p[l->first_line + k].function_id;

			if (!gs_pprof_ids_find(&p->function_ids, id))
				return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
					       "pprof: location %llu names the function %llu, which the file does not have",
					       (unsigned long long)l->id, (unsigned long long)id);
		}
	}
	return true;
}

static bool check(gs_pprof *p, gs_err *err)
{
	if (!p->n_types)
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "pprof: no sample types (cut short?)");
	return check_strings(p, err) &&
	       ids_build(&p->mapping_ids, "mapping", p->mappings.p, sizeof(*p->mappings.p), p->mappings.n, err) &&
	       ids_build(&p->function_ids, "function", p->functions.p, sizeof(*p->functions.p), p->functions.n,
			 err) &&
	       ids_build(&p->location_ids, "location", p->locations.p, sizeof(*p->locations.p), p->locations.n,
			 err) &&
	       check_lines(p, err);
}

bool gs_pprof_looks_right(gs_str head)
{
	gs_rd r = gs_rd_of(head);
	field f;
	unsigned known = 0;

	if (head.n == 0)
		return false;
	while (r.p < r.end) {
		uint64_t tag = gs_rd_varint(&r);
		uint32_t number = (uint32_t)(tag >> 3), wire = (uint32_t)(tag & 7);
		bool is_message = number <= F_STRING || number == F_PERIOD_TYPE;

		if (r.bad || number == 0 || tag >> 3 > 100)
			break;
		if (number <= F_DOC_URL && number != F_COMMENT && wire != (is_message ? WIRE_BYTES : WIRE_VARINT))
			return false;
		known += number <= F_DOC_URL;
		f.value = gs_rd_varint(&r);
		if (r.bad)
			return known > 1;
		if (wire == WIRE_BYTES && f.value >= gs_rd_left(&r))
			return f.value < (uint64_t)1 << 40;
		if (wire == WIRE_BYTES)
			gs_rd_skip(&r, f.value);
		else if (wire != WIRE_VARINT)
			return false;
	}
	return !r.bad && r.p == r.end && known > 0;
}

bool gs_pprof_scan(gs_str bytes, gs_pprof *out, gs_err *err)
{
	scan s = { out, err, bytes.p, (const unsigned char *)bytes.p + (bytes.n < 8 ? 0 : bytes.n - 7) };
	uint64_t second = 0;
	int rc;

	*out = (gs_pprof){ .bytes = bytes };
	rc = scan_fields(&s, bytes, &second);
	if (rc < 0) {
		gs_pprof_release(out);
		out->bytes = gs_str_slice(bytes, 0, (size_t)second);
		out->next_at = second;
		/* Cut before the seam there is no second one; a field that says otherwise is damage. */
		rc = scan_fields(&s, out->bytes, &second);
		if (rc < 0)
			return broken(err, second, "a profile inside of another begins");
	}
	return rc > 0 && check(out, err);
}

bool gs_pprof_is_heap_sampled(const gs_pprof *p)
{
	return gs_str_eq(p->strings.p[p->period_type.type], GS_S("space")) &&
	       gs_str_eq(p->strings.p[p->period_type.unit], GS_S("bytes")) && p->period > 1;
}

void gs_pprof_release(gs_pprof *p)
{
	gs_vec_release(&p->strings);
	gs_vec_release(&p->mappings);
	gs_vec_release(&p->locations);
	gs_vec_release(&p->lines);
	gs_vec_release(&p->functions);
	gs_vec_release(&p->chunks);
	gs_vec_release(&p->comments);
	gs_map_release(&p->mapping_ids.map);
	gs_map_release(&p->location_ids.map);
	gs_map_release(&p->function_ids.map);
	*p = (gs_pprof){ 0 };
}
