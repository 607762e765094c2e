/*
 * gs_zip: the files of a zip archive (APPNOTE.TXT of PKWARE, 6.3), read by libzip from bytes in memory; nothing is ever written out.
 * An archive is somebody else's: names that lead elsewhere are refused, and how much comes out is limited, whatever it claims.
 */
#ifndef GS_FORMAT_ZIP_ZIP_H
#define GS_FORMAT_ZIP_ZIP_H

#include "base/buf.h"
#include "base/err.h"

enum { GS_ZIP_MAX_FILES = 100000 };

typedef struct gs_zip_file {
	gs_str name; /* as stored: "capture/cpu.pprof"; UTF-8 */
	uint64_t index;
} gs_zip_file;

typedef struct gs_zip {
	gs_arena *mem;
	struct zip *handle;
	gs_zip_file *files; /* folders left out */
	size_t n;
	uint64_t left_bytes; /* what may still come out */
} gs_zip;

/* By the first bytes alone. */
bool gs_zip_is(gs_str bytes);

/*
 * The bytes must outlive it. `max_bytes`: of all files that will be read together. Errors: GS_ERR_FORMAT (damaged, or a name that
 * is absolute or climbs up by ".."), GS_ERR_LIMIT (too many files), GS_ERR_UNSUPPORTED (no libzip here).
 */
bool gs_zip_open(gs_str bytes, uint64_t max_bytes, gs_zip *out, gs_err *err);
/* One file, appended to *out. GS_ERR_LIMIT: a bomb; GS_ERR_FORMAT: damaged; GS_ERR_UNSUPPORTED: encrypted, or packed in a rare way. */
bool gs_zip_read(gs_zip *z, const gs_zip_file *f, gs_buf *out, gs_err *err);
void gs_zip_close(gs_zip *z);

#define GS_AUTO_TYPE_zip gs_zip
static inline void gs_auto_zip(gs_zip *z)
{
	gs_zip_close(z);
}

#endif
