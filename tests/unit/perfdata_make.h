/* Making perf.data files for tests, in either byte order. */
#ifndef GS_TESTS_PERFDATA_MAKE_H
#define GS_TESTS_PERFDATA_MAKE_H

#include "base/buf.h"

typedef struct perf_out {
	gs_buf b;
	bool is_big;
} perf_out;

static inline void put(perf_out *o, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		gs_buf_c(&o->b, (char)(v >> 8 * (o->is_big ? bytes - 1 - i : i)));
}

static inline void put_text(perf_out *o, const char *text, size_t bytes)
{
	size_t n = strlen(text);

	gs_buf_add(&o->b, text, n < bytes ? n : bytes);
	gs_buf_fill(&o->b, 0, bytes > n ? bytes - n : 0);
}

/* Set a number that was written before. */
static inline void patch(perf_out *o, size_t at, uint64_t v, unsigned bytes)
{
	size_t n = o->b.n;

	o->b.n = at;
	put(o, v, bytes);
	o->b.n = n;
}

static inline size_t begin(perf_out *o, uint32_t type, uint16_t misc)
{
	size_t at = o->b.n;

	put(o, type, 4);
	put(o, misc, 2);
	put(o, 0, 2);
	return at;
}

static inline void end(perf_out *o, size_t at)
{
	patch(o, at + 6, o->b.n - at, 2);
}

/* perf_event_attr, version 0 (64 bytes): sample_id_all is on. */
static inline void put_attr(perf_out *o, uint32_t type, uint64_t config, uint64_t sample_type)
{
	put(o, type, 4);
	put(o, 64, 4);
	put(o, config, 8);
	put(o, 99, 8);
	put(o, sample_type, 8);
	put(o, 0, 8); /* read_format */
	/* bit 18, and bit 10 (frequency), counted from the low bit of the first byte or from its high bit */
	gs_buf_c(&o->b, 0);
	gs_buf_c(&o->b, o->is_big ? 0x20 : 0x04);
	gs_buf_c(&o->b, o->is_big ? 0x20 : 0x04);
	gs_buf_fill(&o->b, 0, 5);
	gs_buf_fill(&o->b, 0, 16);
}

/* What the files of these tests sample: identifier, ip, tid, time, cpu, period, call chain. */
enum { MADE_SAMPLE_TYPE = 1 << 16 | 1 << 0 | 1 << 1 | 1 << 2 | 1 << 7 | 1 << 8 | 1 << 5 };

static inline void put_trailer(perf_out *o, uint32_t pid, uint64_t time, uint64_t id)
{
	put(o, pid, 4);
	put(o, pid, 4);
	put(o, time, 8);
	put(o, 0, 8); /* cpu */
	put(o, id, 8);
}

static inline void put_sample(perf_out *o, uint64_t id, uint32_t pid, uint32_t tid, uint64_t time,
			      uint64_t period, const uint64_t *chain, size_t n)
{
	size_t at = begin(o, 9, 2);

	put(o, id, 8);
	put(o, n > 1 ? chain[1] : 0, 8);
	put(o, pid, 4);
	put(o, tid, 4);
	put(o, time, 8);
	put(o, 3, 4); /* cpu */
	put(o, 0, 4);
	put(o, period, 8);
	put(o, n, 8);
	for (size_t i = 0; i < n; i++)
		put(o, chain[i], 8);
	end(o, at);
}

static inline void put_mmap2(perf_out *o, uint32_t pid, uint64_t time, uint64_t start,
			     uint64_t size, uint64_t offset, const char *file)
{
	size_t at = begin(o, 10, 2 | 1 << 14);

	put(o, pid, 4);
	put(o, pid, 4);
	put(o, start, 8);
	put(o, size, 8);
	put(o, offset, 8);
	put(o, 20, 1);
	gs_buf_fill(&o->b, 0, 3);
	gs_buf_fill(&o->b, (char)0xab, 20);
	put(o, 5, 4); /* r-x */
	put(o, 2, 4);
	put_text(o, file, (strlen(file) + 8) / 8 * 8);
	put_trailer(o, pid, time, 11);
	end(o, at);
}

static inline void put_comm(perf_out *o, uint32_t pid, uint32_t tid, uint64_t time,
			    const char *name, bool is_exec)
{
	size_t at = begin(o, 3, is_exec ? 1 << 13 : 0);

	put(o, pid, 4);
	put(o, tid, 4);
	put_text(o, name, 16);
	put_trailer(o, pid, time, 11);
	end(o, at);
}

static inline void put_fork(perf_out *o, uint32_t pid, uint32_t parent, uint32_t tid,
			    uint32_t parent_tid, uint64_t time)
{
	size_t at = begin(o, 7, 0);

	put(o, pid, 4);
	put(o, parent, 4);
	put(o, tid, 4);
	put(o, parent_tid, 4);
	put(o, time, 8);
	put_trailer(o, pid, time, 11);
	end(o, at);
}

static inline void put_round(perf_out *o)
{
	end(o, begin(o, 68, 0));
}

/* Header of file mode with two events, ids 11 and 12; the data begins where the buffer ends. */
static inline void put_file_header(perf_out *o)
{
	size_t attrs = 104 + 16;

	gs_buf_add(&o->b, o->is_big ? "2ELIFREP" : "PERFILE2", 8);
	put(o, 104, 8);
	put(o, 64 + 16, 8);
	put(o, attrs, 8);
	put(o, 2 * (64 + 16), 8);
	put(o, attrs + 2 * 80, 8); /* data: its size is patched at 48 */
	put(o, 0, 8);
	gs_buf_fill(&o->b, 0, 16 + 32);
	put(o, 11, 8); /* ids */
	put(o, 12, 8);
	put_attr(o, 0, 0, MADE_SAMPLE_TYPE);
	put(o, 104, 8);
	put(o, 8, 8);
	put_attr(o, 1, 0, MADE_SAMPLE_TYPE);
	put(o, 112, 8);
	put(o, 8, 8);
}

enum { MADE_DATA_AT = 104 + 16 + 2 * 80, MADE_DATA_SIZE_AT = 48, MADE_FEATURES_AT = 72 };

#endif
