#include "base/gzip.h"

#include <libdeflate.h>

#include "base/banned.h"

void gs_gzip(gs_buf *out, gs_str bytes, int level)
{
	struct libdeflate_compressor *c = gs_alloc_should_fail() ? NULL : libdeflate_alloc_compressor(level);
	size_t n;

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
