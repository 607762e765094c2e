/* The hot half of the reader: samples and their labels. */
#include "base/rd.h"
#include "format/pprof/pprof.h"

enum { MAX_DEPTH = 1 << 24 }; /* of one stack; the input's size bounds it too */

void gs_pprof_sample_release(gs_pprof_sample *s)
{
	gs_vec_release(&s->location_ids);
	gs_vec_release(&s->values);
	gs_vec_release(&s->labels);
}

gs_pprof_samples gs_pprof_samples_of(const gs_pprof *p, const gs_pprof_chunk *chunk)
{
	const unsigned char *base = (const unsigned char *)p->bytes.p;

	return (gs_pprof_samples){ p, base + chunk->start, base + chunk->end };
}

static bool broken(const gs_pprof *p, const unsigned char *at, const char *what, gs_err *err)
{
	uint64_t offset = (uint64_t)(at - (const unsigned char *)p->bytes.p);

	return gs_fail(err, GS_ERR_FORMAT, offset, "pprof: %s at byte %llu", what, (unsigned long long)offset);
}

/* Varints of a packed field appended to a vector; while ten bytes are left no bound needs asking inside of one. */
static bool read_packed(gs_str packed, uint64_t **items, size_t *n, size_t *cap)
{
	const unsigned char *p = (const unsigned char *)packed.p, *end = p + packed.n;

	if (*cap - *n < packed.n) { /* a varint has at least one byte */
		size_t want = *n + packed.n;
		uint64_t *grown;

		if (want > MAX_DEPTH || gs_alloc_should_fail())
			return false;
		want = want < 256 ? 256 : want * 2;
		grown = realloc(*items, want * sizeof(**items));
		if (!grown)
			return false;
		*items = grown;
		*cap = want;
	}
	while (end - p >= 10) {
		uint64_t v = *p++;

		if (v >= 0x80) {
			unsigned shift = 7;
			uint64_t b;

			v &= 0x7f;
			do {
				b = *p++;
				v |= (b & 0x7f) << shift;
				shift += 7;
			} while (b >= 0x80 && shift < 70);
			if (b >= 0x80)
				return false;
		}
		(*items)[(*n)++] = v;
	}
	while (p < end) {
		uint64_t v = 0, b = 0x80;

		for (unsigned shift = 0; b >= 0x80; shift += 7) {
			if (p == end || shift >= 70)
				return false;
			b = *p++;
			v |= (b & 0x7f) << shift;
		}
		(*items)[(*n)++] = v;
	}
	return true;
}

static bool read_sample(const gs_pprof *p, gs_str message, gs_pprof_sample *s, gs_err *err)
{
	gs_rd r = gs_rd_of(message);

	s->location_ids.n = s->values.n = s->labels.n = 0;
	while (r.p < r.end && !r.bad) {
		uint64_t tag = gs_rd_varint(&r);
		uint64_t v = 0;
		gs_str bytes = { 0 };
		bool ok = true;

		switch (tag & 7) {
		case 0:
			v = gs_rd_varint(&r);
			break;
		case 1:
			gs_rd_skip(&r, 8);
			break;
		case 2:
			bytes = gs_rd_bytes(&r, gs_rd_varint(&r));
			break;
		case 5:
			gs_rd_skip(&r, 4);
			break;
		default:
			r.bad = true;
		}
		if (r.bad)
			break;
		switch (tag) {
		case 1 << 3 | 0: {
			uint64_t *id = gs_vec_push(&s->location_ids, MAX_DEPTH);

			ok = id != NULL;
			if (id)
				*id = v;
			break;
		}
		case 1 << 3 | 2:
			ok = read_packed(bytes, &s->location_ids.p, &s->location_ids.n, &s->location_ids.cap);
			break;
		case 2 << 3 | 0: {
			int64_t *value = gs_vec_push(&s->values, MAX_DEPTH);

			ok = value != NULL;
			if (value)
				*value = (int64_t)v;
			break;
		}
		case 2 << 3 | 2: {
			uint64_t *values = (uint64_t *)s->values.p;

			ok = read_packed(bytes, &values, &s->values.n, &s->values.cap);
			s->values.p = (int64_t *)values;
			break;
		}
		case 3 << 3 | 2: {
			gs_str *label = gs_vec_push(&s->labels, MAX_DEPTH);

			ok = label != NULL;
			if (label)
				*label = bytes;
			break;
		}
		default:
			if (tag >> 3 == 0 || tag >> 3 <= 3)
				return broken(p, r.p, "a sample with a field of the wrong kind", err);
		}
		if (!ok)
			return broken(p, r.p, "a sample with damaged or too many numbers", err);
	}
	if (r.bad)
		return broken(p, r.p, "a damaged sample", err);
	if (s->values.n != p->n_types)
		return gs_fail(err, GS_ERR_FORMAT, s->at,
			       "pprof: the sample at byte %llu has %zu values, but there are %u sample types",
			       (unsigned long long)s->at, s->values.n, p->n_types);
	return true;
}

bool gs_pprof_sample_next(gs_pprof_samples *it, gs_pprof_sample *s, gs_err *err)
{
	const gs_pprof *p = it->profile;

	/* The scan has walked these fields already: they are whole. */
	while (it->p < it->end) {
		gs_rd r = gs_rd_of((gs_str){ (const char *)it->p, (size_t)(it->end - it->p) });
		uint64_t tag = gs_rd_varint(&r);
		gs_str bytes = { 0 };

		s->at = (uint64_t)(it->p - (const unsigned char *)p->bytes.p);
		if ((tag & 7) == 2)
			bytes = gs_rd_bytes(&r, gs_rd_varint(&r));
		else if ((tag & 7) == 0)
			(void)gs_rd_varint(&r);
		else
			gs_rd_skip(&r, (tag & 7) == 1 ? 8 : 4);
		if (r.bad)
			return broken(p, it->p, "a damaged field", err);
		it->p = r.p;
		if (tag == (2 << 3 | 2))
			return read_sample(p, bytes, s, err);
	}
	return false;
}

bool gs_pprof_label_read(const gs_pprof *p, gs_str message, gs_pprof_label *out, gs_err *err)
{
	gs_rd r = gs_rd_of(message);

	*out = (gs_pprof_label){ 0 };
	while (r.p < r.end) {
		uint64_t tag = gs_rd_varint(&r), v = 0;

		if ((tag & 7) == 0)
			v = gs_rd_varint(&r);
		else if ((tag & 7) == 2)
			gs_rd_skip(&r, gs_rd_varint(&r));
		else if ((tag & 7) == 1 || (tag & 7) == 5)
			gs_rd_skip(&r, (tag & 7) == 1 ? 8 : 4);
		else
			r.bad = true;
		if (r.bad || tag >> 3 == 0 || (tag >> 3 <= 4 && (tag & 7) != 0))
			return broken(p, r.p, "a damaged label", err);
		if (tag >> 3 == 3)
			out->num = (int64_t)v;
		else if (tag >> 3 <= 4 && v >= p->strings.n && v != 0)
			return broken(p, r.p, "a label outside of the string table", err);
		else if (tag >> 3 == 1)
			out->key = (uint32_t)v;
		else if (tag >> 3 == 2)
			out->str = (uint32_t)v;
		else if (tag >> 3 == 4)
			out->unit = (uint32_t)v;
	}
	return true;
}
