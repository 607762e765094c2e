/*
 * The stream of records and its order. perf writes each CPU's buffer in turn; FINISHED_ROUND says that all buffers were
 * emptied once, so what is older than the newest record of the round before can go out. Compressed records hold pieces of one zstd
 * stream, whose records may straddle the pieces.
 */
#include <zstd.h>

#include "format/perfdata/reader.h"

static bool fail_memory(gs_err *err)
{
	return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE,
		       "perf.data needs more memory than its budget");
}

static void free_zstd(void *ctx)
{
	ZSTD_freeDStream(ctx);
}

/* A merge of the runs that the buffers are: stable, and fast when there are few. `tmp` has room for n. */
static void sort_entries(perfdata_entry *e, size_t n, perfdata_entry *tmp)
{
	for (;;) {
		size_t at = 0, runs = 0;

		while (at < n) {
			size_t a = at, mid, end, i, k, out = 0;

			for (mid = at + 1; mid < n && e[mid - 1].time <= e[mid].time; mid++)
				;
			runs++;
			if (mid == n)
				break;
			for (end = mid + 1; end < n && e[end - 1].time <= e[end].time; end++)
				;
			i = a;
			k = mid;
			while (i < mid && k < end)
				tmp[out++] = e[i].time <= e[k].time ? e[i++] : e[k++];
			while (i < mid)
				tmp[out++] = e[i++];
			/* What is left of the right run is in place. */
			memcpy(&e[a], tmp, out * sizeof(*e));
			at = end;
		}
		if (runs <= 1)
			return;
	}
}

/* Sort what waits; everything up to `limit` is ready then. */
static bool make_ready(perfdata_reader *q, uint64_t limit)
{
	size_t n = q->queue.n - q->head;
	perfdata_entry *e = q->queue.p, *tmp;
	bool is_sorted = true;

	if (!n)
		return true;
	/* What went out makes room. */
	memmove(e, e + q->head, n * sizeof(*e));
	q->queue.n = n;
	q->head = 0;
	for (size_t i = 1; i < n && is_sorted; i++)
		is_sorted = e[i - 1].time <= e[i].time;
	if (!is_sorted) {
		tmp = gs_alloc_should_fail() ? NULL : malloc(n * sizeof(*tmp));
		if (!tmp)
			return false;
		sort_entries(e, n, tmp);
		free(tmp);
	}
	q->ready = q->head;
	while (q->ready < q->queue.n && q->queue.p[q->ready].time <= limit)
		q->ready++;
	return true;
}

static bool enqueue(gs_perfdata *d, gs_str record, uint64_t at)
{
	perfdata_reader *q = d->reader;
	uint32_t type = gs_peek_u32(record.p, d->is_big);
	perfdata_entry *e;

	e = gs_vec_push(&q->queue, PERFDATA_MAX_ITEMS);
	if (!e)
		return false;
	*e = (perfdata_entry){ perfdata_time_of(d, type, gs_str_skip(record, RECORD_HEADER_BYTES)),
			       record.p, at };
	if (e->time == UINT64_MAX)
		e->time = 0; /* made up by perf, not by the kernel's clock */
	if (e->time > q->max_time)
		q->max_time = e->time;
	return true;
}

/* An attribute of pipe mode: perf_event_attr of the length it tells, then ids. */
static bool read_header_attr(gs_perfdata *d, gs_str record)
{
	gs_str body = gs_str_skip(record, RECORD_HEADER_BYTES);
	uint32_t bytes, index;

	if (body.n < 64)
		return true;
	bytes = gs_peek_u32(body.p + 4, d->is_big);
	if (bytes < 64 || bytes > body.n)
		bytes = 64;
	index = perfdata_add_attr(d, gs_str_slice(body, 0, bytes));
	if (index == UINT32_MAX || !perfdata_add_ids(d, index, gs_str_skip(body, bytes)))
		return false;
	perfdata_name_attrs(d);
	return true;
}

/* {type, id, text}: type 2 is the event's name. */
static void read_event_update(gs_perfdata *d, gs_str record)
{
	enum { UPDATE_NAME = 2 };
	gs_rd r = gs_rd_of(gs_str_skip(record, RECORD_HEADER_BYTES));
	uint64_t type = perfdata_u64(d, &r), id = perfdata_u64(d, &r);
	gs_str name = gs_rd_bytes(&r, gs_rd_left(&r));
	uint32_t *known = gs_map_get(&d->reader->ids, id);

	if (!r.bad && known && type == UPDATE_NAME && name.n)
		d->attrs[*known].name = (gs_str){ name.p, strnlen(name.p, name.n) };
}

static bool dispatch(gs_perfdata *d, gs_str record, uint64_t at, gs_err *err);

/* Whole records off `text`; what is left of it is carried over. */
static bool take_unpacked(gs_perfdata *d, gs_str text, gs_err *err)
{
	perfdata_reader *q = d->reader;

	while (text.n >= RECORD_HEADER_BYTES) {
		uint16_t size = gs_peek_u16(text.p + 6, d->is_big);

		if (size < RECORD_HEADER_BYTES) {
			d->n_broken++;
			text.n = 0;
			break;
		}
		if (size > text.n)
			break;
		if (!dispatch(d, gs_str_slice(text, 0, size), q->unpacked, err))
			return false;
		q->unpacked += size;
		text = gs_str_skip(text, size);
	}
	q->carry = text;
	return true;
}

/* Room to unpack into, behind what is carried over. Records point into a chunk until they went out: chunks stay. */
static bool chunk_room(perfdata_reader *q)
{
	enum { CHUNK = 1 << 20 };
	size_t bytes = q->carry.n + CHUNK;
	char *p;

	if (q->chunk_end - q->chunk_at > 4096)
		return true;
	p = gs_try_new(q->mem, char, bytes);
	if (!p)
		return false;
	if (q->carry.n)
		memcpy(p, q->carry.p, q->carry.n);
	q->carry.p = p;
	q->chunk_at = p + q->carry.n;
	q->chunk_end = p + bytes;
	return true;
}

static bool unpack(gs_perfdata *d, gs_str packed, gs_err *err)
{
	perfdata_reader *q = d->reader;
	ZSTD_inBuffer in = { packed.p, packed.n, 0 };
	bool is_full = true;

	if (!q->zstd) {
		q->zstd = ZSTD_createDStream();
		if (!q->zstd)
			return fail_memory(err);
		gs_arena_on_free(q->mem, free_zstd, q->zstd);
		ZSTD_DCtx_setParameter(q->zstd, ZSTD_d_windowLogMax, 27);
	}
	while (in.pos < in.size || is_full) {
		ZSTD_outBuffer out;
		size_t got;

		if (!chunk_room(q))
			return fail_memory(err);
		out = (ZSTD_outBuffer){ q->chunk_at, (size_t)(q->chunk_end - q->chunk_at), 0 };
		got = ZSTD_decompressStream(q->zstd, &out, &in);
		if (ZSTD_isError(got)) {
			d->n_broken++;
			return true;
		}
		is_full = out.pos == out.size;
		if (!q->carry.n)
			q->carry.p = q->chunk_at;
		q->chunk_at += out.pos;
		if (!take_unpacked(d, (gs_str){ q->carry.p, (size_t)(q->chunk_at - q->carry.p) },
				   err))
			return false;
	}
	return true;
}

static bool changes_tables(uint32_t type)
{
	return type == RECORD_HEADER_ATTR || type == RECORD_BUILD_ID || type == RECORD_EVENT_UPDATE ||
	       type == RECORD_HEADER_FEATURE;
}

/* One record of the file or of what was unpacked. */
static bool dispatch(gs_perfdata *d, gs_str record, uint64_t at, gs_err *err)
{
	perfdata_reader *q = d->reader;
	uint32_t type = gs_peek_u32(record.p, d->is_big);
	gs_str body = gs_str_skip(record, RECORD_HEADER_BYTES);
	bool is_unpacked = record.p < d->bytes.p || record.p >= d->bytes.p + d->bytes.n;

	if (type <= RECORD_LAST_OF_KERNEL)
		return enqueue(d, record, at) || fail_memory(err);
	if (d->before_change && changes_tables(type))
		d->before_change(d->before_change_ctx);
	switch (type) {
	case RECORD_HEADER_ATTR:
		return read_header_attr(d, record) || fail_memory(err);
	case RECORD_BUILD_ID:
		return perfdata_build_id(d, record) || fail_memory(err);
	case RECORD_EVENT_UPDATE:
		read_event_update(d, record);
		return true;
	case RECORD_HEADER_FEATURE:
		if (body.n < 8)
			return true;
		return perfdata_feature(d, (unsigned)gs_peek_u64(body.p, d->is_big) & 255,
					gs_str_skip(body, 8)) ||
		       fail_memory(err);
	case RECORD_FINISHED_ROUND:
		if (!make_ready(q, q->limit))
			return fail_memory(err);
		q->limit = q->max_time;
		return true;
	case RECORD_COMPRESSED:
	case RECORD_COMPRESSED2:
		if (is_unpacked)
			return true; /* no bombs inside bombs */
		if (type == RECORD_COMPRESSED2) {
			if (body.n < 8 || gs_peek_u64(body.p, d->is_big) > body.n - 8)
				return true;
			body = gs_str_slice(body, 8, 8 + (size_t)gs_peek_u64(body.p, d->is_big));
		}
		return unpack(d, body, err);
	default:
		d->n_unknown += type > 100;
		return true;
	}
}

/* Bytes after the record that are no records: AUX data, and the tracing data of pipe mode. */
static uint64_t raw_bytes_after(const gs_perfdata *d, gs_str record)
{
	uint32_t type = gs_peek_u32(record.p, d->is_big);
	gs_str body = gs_str_skip(record, RECORD_HEADER_BYTES);

	if (type == RECORD_AUXTRACE && body.n >= 8)
		return gs_peek_u64(body.p, d->is_big);
	if (type == RECORD_TRACING_DATA && d->is_pipe && body.n >= 4)
		return ((uint64_t)gs_peek_u32(body.p, d->is_big) + 7) & ~(uint64_t)7;
	return 0;
}

/* Read records until some are ready or the file ends. */
static bool fill(gs_perfdata *d, gs_err *err)
{
	enum { FETCH_AHEAD = 2048 };
	perfdata_reader *q = d->reader;

	while (q->head == q->ready && !q->is_at_end) {
		uint64_t left = q->data_end - q->at, raw;
		gs_str record;
		uint16_t size;

		if (left < RECORD_HEADER_BYTES) {
			d->is_cut |= left != 0;
			q->is_at_end = true;
			break;
		}
		size = gs_peek_u16(d->bytes.p + q->at + 6, d->is_big);
		if (size < RECORD_HEADER_BYTES || size > left) {
			/* Zeros at the end of a killed recording, or damage: there is no way to find the next record. */
			d->is_cut = true;
			q->is_at_end = true;
			break;
		}
		/* Most records reach over several lines of the cache, and the processor itself looks ahead no farther than the page. */
		__builtin_prefetch(d->bytes.p + q->at + FETCH_AHEAD);
		record = gs_str_slice(d->bytes, (size_t)q->at, (size_t)q->at + size);
		if (!dispatch(d, record, q->at, err))
			return false;
		q->at += size;
		raw = raw_bytes_after(d, record);
		if (raw > q->data_end - q->at) {
			d->is_cut = true;
			raw = q->data_end - q->at;
		}
		q->at += raw;
	}
	if (q->is_at_end && q->head == q->ready && q->ready < q->queue.n &&
	    !make_ready(q, UINT64_MAX))
		return fail_memory(err);
	return true;
}

bool gs_perfdata_next(gs_perfdata *d, gs_perfdata_record *out, gs_err *err)
{
	perfdata_reader *q = d->reader;

	for (;;) {
		const perfdata_entry *e;

		if (q->head == q->ready) {
			if (err)
				*err = (gs_err){ 0 };
			if (!fill(d, err) || q->head == q->ready)
				return false;
		}
		e = &q->queue.p[q->head++];
		if (perfdata_decode(d, e->p, out)) {
			out->at = e->at;
			return true;
		}
	}
}
