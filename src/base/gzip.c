#include "base/gzip.h"

#include <libdeflate.h>
#ifdef GS_HAS_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/library.h"

#include "base/banned.h"

#ifdef GS_HAS_ISAL
/* False: not done, nothing has changed. */
static bool gzip_fast(gs_buf *out, gs_str bytes)
{
	struct isal_zstream z;
	size_t room = bytes.n + bytes.n / 8 + 512;
	unsigned char *level;
	bool ok;

	if (room > UINT32_MAX || !gs_library_load(GS_LIBRARY_ISAL, NULL) || !gs_buf_reserve(out, room))
		return false;
	level = gs_alloc_should_fail() ? NULL : malloc(ISAL_DEF_LVL1_DEFAULT);
	if (!level)
		return false;
	isal_deflate_stateless_init(&z);
	z.level = 1;
	z.level_buf = level;
	z.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	z.gzip_flag = IGZIP_GZIP;
	z.end_of_stream = 1;
	memcpy(&z.next_in, &bytes.p, sizeof(z.next_in)); /* not const there, and only read */
	z.avail_in = (uint32_t)bytes.n;
	z.next_out = (uint8_t *)out->p + out->n;
	z.avail_out = (uint32_t)room;
	ok = isal_deflate_stateless(&z) == COMP_OK;
	free(level);
	if (ok)
		out->n += z.total_out;
	return ok;
}
#else
static bool gzip_fast(gs_buf *out, gs_str bytes)
{
	(void)out;
	(void)bytes;
	return false;
}
#endif

void gs_gzip(gs_buf *out, gs_str bytes, int level)
{
	struct libdeflate_compressor *c;
	size_t n;

	if (level == 1 && gzip_fast(out, bytes))
		return;
	c = gs_alloc_should_fail() ? NULL : libdeflate_alloc_compressor(level);
	if (!c) {
		out->bad = true;
		return;
	}
	if (gs_buf_reserve(out, libdeflate_gzip_compress_bound(c, bytes.n))) {
		n = libdeflate_gzip_compress(c, bytes.p, bytes.n, out->p + out->n, out->cap - out->n);
		out->n += n;
		out->bad |= n == 0;
	}
	libdeflate_free_compressor(c);
}
