/* The header of a perf.data file: 104 bytes and the sections it names, or the 16 bytes of pipe mode. */
#include "format/perfdata/reader.h"

typedef struct section {
	uint64_t at, size;
} section;

/* The second words are those of version 1 (perf before 2.6.36), whose header is laid out alike. */
static bool is_magic(gs_str head, bool *is_big)
{
	*is_big = gs_str_starts(head, GS_S("2ELIFREP")) || gs_str_starts(head, GS_S("ELIFFREP"));
	return *is_big || gs_str_starts(head, GS_S("PERFILE2")) ||
	       gs_str_starts(head, GS_S("PERFFILE"));
}

bool gs_perfdata_is(gs_str head)
{
	bool is_big;

	return is_magic(head, &is_big);
}

uint64_t gs_perfdata_word(const gs_perfdata *d, gs_str words, size_t i)
{
	return gs_peek_u64(words.p + 8 * i, d->is_big);
}

static section read_section(const gs_perfdata *d, gs_rd *r)
{
	section s = { perfdata_u64(d, r), perfdata_u64(d, r) };

	return s;
}

/* What of a section the file has. */
static gs_str section_bytes(const gs_perfdata *d, section s)
{
	return s.at > d->bytes.n ?
		       (gs_str){ 0 } :
		       gs_str_slice(d->bytes, (size_t)s.at,
				    s.size > d->bytes.n - s.at ? d->bytes.n :
								 (size_t)(s.at + s.size));
}

static bool read_attrs(gs_perfdata *d, section attrs, uint64_t entry_bytes, gs_err *err)
{
	gs_str rest = section_bytes(d, attrs);

	/* An entry is a perf_event_attr of any version (the first had 64 bytes) and the section of its ids. */
	if (entry_bytes < 64 + 16 || entry_bytes > 4096 || rest.n < entry_bytes)
		return gs_fail(err, GS_ERR_FORMAT, attrs.at,
			       "perf.data: no event attributes in the header");
	for (; rest.n >= entry_bytes; rest = gs_str_skip(rest, (size_t)entry_bytes)) {
		uint32_t index =
			perfdata_add_attr(d, gs_str_slice(rest, 0, (size_t)entry_bytes - 16));
		gs_rd r =
			gs_rd_of(gs_str_slice(rest, (size_t)entry_bytes - 16, (size_t)entry_bytes));

		if (index == UINT32_MAX ||
		    !perfdata_add_ids(d, index, section_bytes(d, read_section(d, &r))))
			return gs_fail(err, GS_ERR_LIMIT, attrs.at, "perf.data: too many events");
	}
	return true;
}

/* One (offset, size) for each bit that is set, right after the data. */
static bool read_features(gs_perfdata *d, section data, const uint64_t bits[4], gs_err *err)
{
	gs_rd r = gs_rd_of(d->bytes);

	if (__builtin_add_overflow(data.at, data.size, &data.at))
		return true;
	gs_rd_seek(&r, data.at);
	for (unsigned i = 0; i < 256; i++) {
		section s;

		if (!(bits[i / 64] >> i % 64 & 1))
			continue;
		s = read_section(d, &r);
		if (r.bad)
			break;
		if (!perfdata_feature(d, i, section_bytes(d, s)))
			return gs_fail(err, GS_ERR_LIMIT, s.at, "perf.data: too many build ids");
	}
	return true;
}

static bool read_file_header(gs_perfdata *d, gs_rd *r, gs_err *err)
{
	uint64_t entry_bytes = perfdata_u64(d, r), bits[4];
	section attrs = read_section(d, r), data = read_section(d, r);
	perfdata_reader *q = d->reader;

	read_section(d, r); /* event types of old versions */
	for (int i = 0; i < 4; i++)
		bits[i] = perfdata_u64(d, r);
	if (r->bad)
		return gs_fail(err, GS_ERR_FORMAT, d->bytes.n,
			       "perf.data: the file ends inside its header");
	if (data.at > d->bytes.n)
		return gs_fail(err, GS_ERR_FORMAT, data.at,
			       "perf.data: the data lies behind the end of the file");
	if (!read_attrs(d, attrs, entry_bytes, err))
		return false;
	q->data_at = data.at;
	/* perf writes the size last: 0 when it was killed. */
	if (data.size == 0 || data.size > d->bytes.n - data.at) {
		d->is_cut = true;
		q->data_end = d->bytes.n;
		return true;
	}
	q->data_end = data.at + data.size;
	return read_features(d, data, bits, err);
}

static void release(void *ctx)
{
	perfdata_reader *q = ctx;

	gs_vec_release(&q->attrs);
	gs_vec_release(&q->layouts);
	gs_vec_release(&q->build_ids);
	gs_vec_release(&q->queue);
	gs_map_release(&q->ids);
}

bool gs_perfdata_open(gs_arena *mem, gs_str bytes, gs_perfdata *out, gs_err *err)
{
	gs_rd r = gs_rd_of(bytes);
	perfdata_reader *q;
	uint64_t size;

	*out = (gs_perfdata){ .bytes = bytes };
	if (!is_magic(bytes, &out->is_big))
		return gs_fail(err, GS_ERR_FORMAT, 0, "no perf.data: the magic number is missing");
	q = gs_try_new(mem, perfdata_reader, 1);
	if (!q)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for perf.data");
	q->mem = mem;
	out->reader = q;
	gs_arena_on_free(mem, release, q);
	gs_rd_skip(&r, 8);
	size = perfdata_u64(out, &r);
	if (size == 16) {
		out->is_pipe = true;
		q->data_at = 16;
		q->data_end = bytes.n;
	} else if (!read_file_header(out, &r, err)) {
		return false;
	}
	perfdata_name_attrs(out);
	q->at = q->data_at;
	return true;
}
