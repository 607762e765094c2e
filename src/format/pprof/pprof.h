/*
 * profile.proto, the format of Go's profiles (github.com/google/pprof, proto/profile.proto), unpacked bytes.
 *
 * gs_pprof_scan reads everything but the samples into tables; samples, which are nearly all of a big file, are then read from
 * their chunks, in parallel if the caller likes. Ids are the file's own 64-bit numbers, string fields are indexes into
 * `strings`, already checked. Nothing is copied: strings are slices of the input.
 *
 * See docs/formats/pprof.md for what real writers do.
 */
#ifndef GS_FORMAT_PPROF_PPROF_H
#define GS_FORMAT_PPROF_PPROF_H

#include "base/buf.h"
#include "base/err.h"

enum {
	GS_PPROF_MAX_TYPES = 64,
	GS_PPROF_CHUNK = 4096, /* samples in a chunk */
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

typedef struct gs_pprof_label {
	uint32_t key, str, unit;
	int64_t num;
} gs_pprof_label;

/* One sample, in buffers that are used again for the next. */
typedef struct gs_pprof_sample {
	GS_VEC(uint64_t) location_ids; /* leaf first */
	GS_VEC(int64_t) values;
	GS_VEC(gs_str) labels; /* Label messages, for gs_pprof_label_read */
	uint64_t at;
} gs_pprof_sample;

void gs_pprof_sample_release(gs_pprof_sample *s);

typedef struct gs_pprof_samples {
	const gs_pprof *profile;
	const unsigned char *p, *end;
} gs_pprof_samples;

gs_pprof_samples gs_pprof_samples_of(const gs_pprof *p, const gs_pprof_chunk *chunk);
/* False at the end and on error: err->code is then set (clear it first). Values are as many as there are types. */
bool gs_pprof_sample_next(gs_pprof_samples *it, gs_pprof_sample *s, gs_err *err);
bool gs_pprof_label_read(const gs_pprof *p, gs_str message, gs_pprof_label *out, gs_err *err);

#endif
