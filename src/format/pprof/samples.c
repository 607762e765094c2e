/* The hot half of the reader: samples, nearly all bytes of a big file. */
#include "base/rd.h"
#include "format/pprof/pprof.h"

#include <endian.h>

#include "base/banned.h"

enum {
	/* tags: field number and wire type */
	TAG_SAMPLE = 2 << 3 | 2,
	TAG_LOCATION = 1 << 3 | 0,
	TAG_LOCATIONS = 1 << 3 | 2,
	TAG_VALUE = 2 << 3 | 0,
	TAG_VALUES = 2 << 3 | 2,
	TAG_LABEL = 3 << 3 | 2,
	MAX_ROWS = INT32_MAX,
};

typedef struct reading {
	const gs_pprof *p;
	gs_pprof_batch *out;
	gs_err *err;
	const unsigned char *at; /* the sample being read, for errors */
} reading;

void gs_pprof_batch_release(gs_pprof_batch *b)
{
	gs_vec_release(&b->locations);
	gs_vec_release(&b->ends);
	gs_vec_release(&b->values);
	gs_vec_release(&b->labels);
}

static bool no_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory while reading a profile");
}

static uint64_t offset_of(const gs_pprof *p, const unsigned char *at)
{
	return (uint64_t)(at - (const unsigned char *)p->bytes.p);
}

static bool broken(const reading *r, const char *what)
{
	uint64_t at = offset_of(r->p, r->at);

	return gs_fail(r->err, GS_ERR_FORMAT, at, "pprof: the sample at byte %llu %s", (unsigned long long)at, what);
}

/* Any of the batch's vectors, by its parts: room for `more` elements. */
static bool reserve(void *items, size_t n, size_t *cap, size_t size, size_t more)
{
	void **p = items;
	void *grown;
	size_t want = n + more;

	if (want <= *cap)
		return true;
	want = want < 1024 ? 1024 : want * 2;
	if (want > MAX_ROWS || gs_alloc_should_fail())
		return false;
	grown = realloc(*p, want * size);
	if (!grown)
		return false;
	*p = grown;
	*cap = want;
	return true;
}
#define RESERVE(v, more) reserve(&(v)->p, (v)->n, &(v)->cap, sizeof(*(v)->p), (more))

/* One varint, with no more than the bytes up to `end`. False when it is cut or longer than ten bytes. */
static bool varint(const unsigned char **at, const unsigned char *end, uint64_t *out)
{
	const unsigned char *p = *at;
	uint64_t v = 0, b = 0x80;

	for (unsigned shift = 0; b >= 0x80; shift += 7) {
		if (p == end || shift >= 70)
			return false;
		b = *p++;
		v |= (b & 0x7f) << shift;
	}
	*at = p;
	*out = v;
	return true;
}

/*
 * As varint, for eight readable bytes: lengths of one to four bytes, which is what ids have, are told apart without a branch
 * that the processor would have to guess.
 */
static inline bool varint_fast(const unsigned char **at, const unsigned char *end, uint64_t *out)
{
	uint64_t w, stop;

	memcpy(&w, *at, sizeof(w));
	w = le64toh(w);
	stop = ~w & 0x80808080u;
	if (!stop)
		return varint(at, end, out);
	*at += (__builtin_ctzll(stop) >> 3) + 1;
	w &= stop ^ (stop - 1);
	*out = (w & 0x7f) | (w >> 1 & 0x3f80) | (w >> 2 & 0x1fc000) | (w >> 3 & 0xfe00000);
	return true;
}

static bool unknown_location(const reading *r, uint64_t id)
{
	uint64_t at = offset_of(r->p, r->at);

	return gs_fail(r->err, GS_ERR_FORMAT, at,
		       "pprof: the sample at byte %llu names the location %llu, which the file does not have",
		       (unsigned long long)at, (unsigned long long)id);
}

static inline bool add_location(const reading *r, uint64_t id)
{
	uint32_t position = gs_pprof_ids_find(&r->p->location_ids, id);

	r->out->locations.p[r->out->locations.n++] = position;
	return position != 0 || unknown_location(r, id);
}

static bool read_locations(const reading *r, gs_str packed)
{
	const unsigned char *p = (const unsigned char *)packed.p, *end = p + packed.n;
	uint64_t id;

	if (!RESERVE(&r->out->locations, packed.n)) /* a varint has at least one byte */
		return no_memory(r->err);
	while (end - p >= 8)
		if (!varint_fast(&p, end, &id))
			return broken(r, "has damaged locations");
		else if (!add_location(r, id))
			return false;
	while (p < end)
		if (!varint(&p, end, &id))
			return broken(r, "has damaged locations");
		else if (!add_location(r, id))
			return false;
	return true;
}

static bool add_value(const reading *r, uint64_t v)
{
	if (!RESERVE(&r->out->values, 1))
		return no_memory(r->err);
	r->out->values.p[r->out->values.n++] = (int64_t)v;
	return true;
}

static bool read_values(const reading *r, gs_str packed)
{
	const unsigned char *p = (const unsigned char *)packed.p, *end = p + packed.n;
	uint64_t v;

	while (p < end)
		if (!varint(&p, end, &v))
			return broken(r, "has damaged values");
		else if (!add_value(r, v))
			return false;
	return true;
}

/* The field behind a tag. False when it does not fit. */
static inline bool field_body(gs_rd *rd, uint64_t tag, uint64_t *v, gs_str *bytes)
{
	switch (tag & 7) {
	case 0:
		*v = gs_rd_varint(rd);
		break;
	case 1:
		gs_rd_skip(rd, 8);
		break;
	case 2:
		*bytes = gs_rd_bytes(rd, gs_rd_varint(rd));
		break;
	case 5:
		gs_rd_skip(rd, 4);
		break;
	default:
		return false;
	}
	return !rd->bad && tag >> 3 != 0;
}

static bool read_sample(reading *r, gs_str message)
{
	gs_rd rd = gs_rd_of(message);
	gs_pprof_batch *out = r->out;
	size_t first_value = out->values.n;
	const unsigned char *labels = NULL, *labels_end = NULL;
	bool ok = true;

	while (ok && rd.p < rd.end) {
		const unsigned char *at = rd.p;
		uint64_t tag = gs_rd_varint(&rd), v = 0;
		gs_str bytes = { 0 };

		if (!field_body(&rd, tag, &v, &bytes))
			return broken(r, "is damaged");
		switch (tag) {
		case TAG_LOCATIONS:
			ok = read_locations(r, bytes);
			break;
		case TAG_LOCATION:
			ok = RESERVE(&out->locations, 1) ? add_location(r, v) : no_memory(r->err);
			break;
		case TAG_VALUE:
			ok = add_value(r, v);
			break;
		case TAG_VALUES:
			ok = read_values(r, bytes);
			break;
		case TAG_LABEL:
			labels = labels ? labels : at;
			labels_end = rd.p;
			break;
		default:
			if (tag >> 3 <= 3)
				return broken(r, "has a field of the wrong kind");
		}
	}
	if (!ok)
		return false;
	if (out->values.n - first_value != r->p->n_types) {
		char what[80];

		snprintf(what, sizeof(what), "has %zu values, but there are %u sample types",
			 out->values.n - first_value, r->p->n_types);
		return broken(r, what);
	}
	out->ends.p[out->ends.n++] = (uint32_t)out->locations.n;
	out->labels.p[out->labels.n++] =
		labels ? (gs_str){ (const char *)labels, (size_t)(labels_end - labels) } : (gs_str){ 0 };
	return true;
}

bool gs_pprof_read_chunk(const gs_pprof *p, const gs_pprof_chunk *chunk, gs_pprof_batch *out, gs_err *err)
{
	reading r = { p, out, err, NULL };
	gs_rd rd = gs_rd_of(gs_str_slice(p->bytes, (size_t)chunk->start, (size_t)chunk->end));

	out->locations.n = out->ends.n = out->values.n = out->labels.n = 0;
	if (!RESERVE(&out->ends, chunk->n_samples) || !RESERVE(&out->labels, chunk->n_samples))
		return no_memory(err);
	while (rd.p < rd.end) {
		uint64_t tag, v;
		gs_str bytes = { 0 };

		r.at = rd.p;
		tag = gs_rd_varint(&rd);
		if (!field_body(&rd, tag, &v, &bytes))
			return broken(&r, "is damaged");
		if (tag == TAG_SAMPLE && !read_sample(&r, bytes))
			return false;
	}
	return true;
}

static bool label_broken(const gs_pprof *p, const gs_rd *rd, const char *what, gs_err *err)
{
	uint64_t at = offset_of(p, rd->p);

	return gs_fail(err, GS_ERR_FORMAT, at, "pprof: %s at byte %llu", what, (unsigned long long)at);
}

static bool read_label(const gs_pprof *p, gs_str message, gs_pprof_label *out, gs_err *err)
{
	gs_rd rd = gs_rd_of(message);

	*out = (gs_pprof_label){ 0 };
	while (rd.p < rd.end) {
		uint64_t tag = gs_rd_varint(&rd), v = 0;
		gs_str bytes;

		if (!field_body(&rd, tag, &v, &bytes) || (tag >> 3 <= 4 && (tag & 7) != 0))
			return label_broken(p, &rd, "a damaged label ends", err);
		if (tag >> 3 == 3)
			out->num = (int64_t)v;
		else if (tag >> 3 <= 4 && v >= p->strings.n)
			return label_broken(p, &rd, "a label with a string outside of the table ends", err);
		else if (tag >> 3 == 1)
			out->key = (uint32_t)v;
		else if (tag >> 3 == 2)
			out->str = (uint32_t)v;
		else if (tag >> 3 == 4)
			out->unit = (uint32_t)v;
	}
	return true;
}

bool gs_pprof_label_next(const gs_pprof *p, gs_str *labels, gs_pprof_label *out, gs_err *err)
{
	gs_rd rd = gs_rd_of(*labels);

	while (rd.p < rd.end) {
		uint64_t tag = gs_rd_varint(&rd), v;
		gs_str bytes = { 0 };

		/* These fields were walked when the sample was read. */
		if (!field_body(&rd, tag, &v, &bytes))
			return label_broken(p, &rd, "a damaged label ends", err);
		*labels = gs_str_skip(*labels, (size_t)gs_rd_at(&rd));
		if (tag == TAG_LABEL)
			return read_label(p, bytes, out, err);
		rd = gs_rd_of(*labels);
	}
	return false;
}
