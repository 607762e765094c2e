/*
 * gs_unpack: undo what inputs come packed in: gzip (RFC 1952, members joined), zlib (RFC 1950), zstd (RFC 8878, frames
 * joined, skippable frames skipped). Whole buffers; libdeflate and libzstd do the work.
 */
#ifndef GS_FORMAT_COMPRESS_UNPACK_H
#define GS_FORMAT_COMPRESS_UNPACK_H

#include "base/buf.h"
#include "base/err.h"

typedef enum gs_packing {
	GS_PACKING_NONE,
	GS_PACKING_GZIP,
	GS_PACKING_ZLIB,
	GS_PACKING_ZSTD,
} gs_packing;

/* By the first bytes alone. */
gs_packing gs_packing_of(gs_str bytes);

typedef struct gs_unpacked {
	gs_packing packing;
	gs_str bytes;	/* the input itself when it was not packed, else a view of `buf` */
	gs_buf buf;
	GS_VEC(uint64_t) member_ends; /* unpacked offset behind each gzip member or zstd frame */
	uint64_t trailing_bytes;      /* after the last member: ignored, as gzip(1) does */
} gs_unpacked;

/* What an input of `packed_bytes` may unpack to unless the caller knows better: enough for any real profile, too little for a
 * bomb to hurt. */
uint64_t gs_unpack_default_max(uint64_t packed_bytes);

/*
 * `max_bytes` 0: the default. Errors, with the packed offset where it means something: GS_ERR_LIMIT (a bomb, or memory is out),
 * GS_ERR_FORMAT (cut short, damaged). *out is released or empty after an error.
 */
bool gs_unpack(gs_str bytes, uint64_t max_bytes, gs_unpacked *out, gs_err *err);
void gs_unpacked_release(gs_unpacked *u);

#define GS_AUTO_TYPE_unpacked gs_unpacked
static inline void gs_auto_unpacked(gs_unpacked *u)
{
	gs_unpacked_release(u);
}

#endif
