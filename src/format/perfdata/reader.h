/* Inside of format/perfdata: attributes by event id, and the queue that brings records into the order of time. */
#ifndef GS_FORMAT_PERFDATA_READER_H
#define GS_FORMAT_PERFDATA_READER_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rd.h"
#include "format/peek.h"
#include "format/perfdata/perfdata.h"

/*
 * Where things are in the samples of an attribute, as its sample_type has it: offsets behind the record's header, of what comes before
 * the parts whose length varies.
 */
typedef struct perfdata_layout {
	uint8_t ip, pid, time, cpu, period; /* LAYOUT_NONE: not there */
	uint8_t bytes;			    /* of all of it */
	bool has_read, has_chain, has_tail;
} perfdata_layout;

enum { LAYOUT_NONE = 255 };

/* A record waiting for its turn. */
typedef struct perfdata_entry {
	uint64_t time;
	const char *p; /* the record's header; its size was checked */
	uint64_t at;
} perfdata_entry;

typedef struct perfdata_reader {
	gs_arena *mem;
	GS_VEC(gs_perfdata_attr) attrs;
	GS_VEC(perfdata_layout) layouts; /* by attr */
	GS_VEC(gs_perfdata_build_id) build_ids;
	gs_map ids; /* event id -> attr index */
	uint64_t data_at, data_end;
	uint64_t at; /* of the next record to read */
	/* Unpacked records: the rest of a record that straddles two chunks. */
	void *zstd;
	gs_str carry;
	char *chunk_at,
		*chunk_end; /* free part of the chunk that is being filled; `carry` ends at chunk_at */
	uint64_t unpacked; /* bytes so far, for offsets */
	/* The queue: [head, ready) is sorted and goes out, the rest waits for its round. */
	GS_VEC(perfdata_entry) queue;
	size_t head, ready;
	uint64_t limit, max_time; /* of the round before; of all seen */
	bool is_at_end;
} perfdata_reader;

enum { PERFDATA_MAX_ITEMS = INT32_MAX };

uint16_t perfdata_u16(const gs_perfdata *d, gs_rd *r);
uint32_t perfdata_u32(const gs_perfdata *d, gs_rd *r);
uint64_t perfdata_u64(const gs_perfdata *d, gs_rd *r);

/* One perf_event_attr of `bytes.n` bytes. Its index, UINT32_MAX when there are too many. */
uint32_t perfdata_add_attr(gs_perfdata *d, gs_str bytes);
/* What comes of its sample_type. */
perfdata_layout perfdata_layout_of(const gs_perfdata_attr *a);
bool perfdata_add_ids(gs_perfdata *d, uint32_t attr, gs_str words);
/* Names for attributes that have none. */
void perfdata_name_attrs(gs_perfdata *d);
/* One feature section, from the file's table or from a record of pipe mode. */
bool perfdata_feature(gs_perfdata *d, unsigned number, gs_str bytes);
bool perfdata_build_id(gs_perfdata *d, gs_str record);
/* The attr that a sample belongs to; false when it cannot be told. */
bool perfdata_attr_of_sample(const gs_perfdata *d, gs_str body, uint32_t *index);
/* The time in a record: of a sample, or in the trailer of another record. 0 when it has none. */
uint64_t perfdata_time_of(const gs_perfdata *d, uint32_t type, gs_str body);
/* Decode; false when it is of no interest, or broken (then n_broken counts it). */
bool perfdata_decode(gs_perfdata *d, const char *p, gs_perfdata_record *out);

/* Numbers of records. */
enum {
	RECORD_MMAP = 1,
	RECORD_LOST = 2,
	RECORD_COMM = 3,
	RECORD_EXIT = 4,
	RECORD_FORK = 7,
	RECORD_SAMPLE = 9,
	RECORD_MMAP2 = 10,
	RECORD_LOST_SAMPLES = 13,
	RECORD_KSYMBOL = 17,
	RECORD_LAST_OF_KERNEL = 63,
	RECORD_HEADER_ATTR = 64,
	RECORD_TRACING_DATA = 66,
	RECORD_BUILD_ID = 67,
	RECORD_FINISHED_ROUND = 68,
	RECORD_AUXTRACE = 71,
	RECORD_EVENT_UPDATE = 78,
	RECORD_HEADER_FEATURE = 80,
	RECORD_COMPRESSED = 81,
	RECORD_COMPRESSED2 = 83,
};

enum { RECORD_HEADER_BYTES = 8 };

#endif
