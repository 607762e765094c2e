/*
 * profile.proto, the format of Go's profiles (github.com/google/pprof, proto/profile.proto), unpacked bytes.
 *
 * gs_pprof_scan reads everything but the samples into tables; samples, which are nearly all of a big file, are then read chunk
 * by chunk, in parallel if the caller likes. Ids are the file's own 64-bit numbers, none 0 and none twice; string fields are
 * indexes into `strings`, already checked; every function that a line names is there. Nothing is copied: strings are slices
 * of the input.
 *
 * See docs/formats/pprof.md for what real writers do.
 */
#ifndef GS_FORMAT_PPROF_PPROF_H
#define GS_FORMAT_PPROF_PPROF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

enum {
	GS_PPROF_MAX_TYPES = 64,
	GS_PPROF_CHUNK = 1024, /* samples in a chunk */
};

typedef struct gs_pprof_type {
	uint32_t type, unit;
} gs_pprof_type;

typedef struct gs_pprof_mapping {
	uint64_t id, start, limit, offset;
	uint32_t file, build_id;
	bool has_functions, has_filenames, has_line_numbers, has_inline_frames;
} gs_pprof_mapping;

typedef struct gs_pprof_line {
	uint64_t function_id;
	int64_t line, column;
} gs_pprof_line;

typedef struct gs_pprof_location {
	uint64_t id, mapping_id, address;
	uint32_t first_line, n_lines; /* innermost first */
	bool is_folded;
} gs_pprof_location;

typedef struct gs_pprof_function {
	uint64_t id;
	uint32_t name, system_name, file;
	int64_t start_line;
} gs_pprof_function;

/* A run of bytes with at most GS_PPROF_CHUNK samples in it (and whatever lies between them). */
typedef struct gs_pprof_chunk {
	uint64_t start, end; /* offsets of the input */
	uint32_t first_sample, n_samples;
} gs_pprof_chunk;

/* The file's ids to positions in the table + 1. Nearly every writer counts 1, 2, 3...: then there is no map. */
typedef struct gs_pprof_ids {
	gs_map map;
	uint32_t n;
	bool is_dense;
} gs_pprof_ids;

/* 0 when there is no such id. */
static inline uint32_t gs_pprof_ids_find(const gs_pprof_ids *ids, uint64_t id)
{
	const uint32_t *found;

	if (ids->is_dense)
		return id <= ids->n ? (uint32_t)id : 0;
	found = gs_map_get(&ids->map, id);
	return found ? *found : 0;
}

typedef struct gs_pprof {
	gs_str bytes; /* of this profile only */
	uint64_t next_at; /* where another profile begins in the same input; 0: there is none */
	GS_VEC(gs_str) strings;
	GS_VEC(gs_pprof_mapping) mappings;
	GS_VEC(gs_pprof_location) locations;
	GS_VEC(gs_pprof_line) lines;
	GS_VEC(gs_pprof_function) functions;
	GS_VEC(gs_pprof_chunk) chunks;
	GS_VEC(uint32_t) comments;
	gs_pprof_ids mapping_ids, location_ids, function_ids;
	uint32_t n_samples;
	uint32_t n_types;
	gs_pprof_type types[GS_PPROF_MAX_TYPES];
	gs_pprof_type period_type;
	int64_t time_ns, duration_ns, period;
	uint32_t drop_frames, keep_frames, default_type, doc_url;
} gs_pprof;

/* Could these first bytes (64 are plenty) begin a profile.proto? Cheap, no promise. */
bool gs_pprof_looks_right(gs_str head);

/* Errors: GS_ERR_FORMAT with the offset, GS_ERR_LIMIT when memory is out. Release *out in any case. */
bool gs_pprof_scan(gs_str bytes, gs_pprof *out, gs_err *err);
void gs_pprof_release(gs_pprof *p);

/* Inlined frames make many stack nodes of few bytes; real profiles have some three for a byte at the very most. */
static inline uint64_t gs_pprof_max_nodes(const gs_pprof *p)
{
	return ((uint64_t)1 << 24) + p->bytes.n * 8;
}

/* Do its values stand for more than was seen: a sample each `period` bytes? */
bool gs_pprof_is_heap_sampled(const gs_pprof *p);

/* The samples of a chunk as columns; buffers are used again for the next chunk. */
typedef struct gs_pprof_batch {
	GS_VEC(uint32_t) locations; /* positions in the table + 1, leaf first, one sample behind the other */
	GS_VEC(uint32_t) ends;	    /* by sample: where its locations end */
	GS_VEC(int64_t) values;	    /* n_types for each sample */
	GS_VEC(gs_str) labels;	    /* by sample: for gs_pprof_label_next */
} gs_pprof_batch;

/* Any thread. ends.n is the number of samples. */
bool gs_pprof_read_chunk(const gs_pprof *p, const gs_pprof_chunk *chunk, gs_pprof_batch *out, gs_err *err);
void gs_pprof_batch_release(gs_pprof_batch *b);

typedef struct gs_pprof_label {
	uint32_t key, str, unit;
	int64_t num;
} gs_pprof_label;

/* Take the next label off. False at the end and on error: err->code is then set (clear it first). */
bool gs_pprof_label_next(const gs_pprof *p, gs_str *labels, gs_pprof_label *out, gs_err *err);

#endif
