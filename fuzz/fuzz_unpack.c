#include <stdlib.h>

#include "format/compress/unpack.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GS_AUTO(unpacked) u = { 0 };
	gs_err err = { 0 };
	uint64_t last = 0;

	if (!gs_unpack((gs_str){ (const char *)data, size }, (uint64_t)8 << 20, &u, &err)) {
		if (!err.code || !err.text[0] || u.buf.p)
			abort();
		return 0;
	}
	for (size_t i = 0; i < u.member_ends.n; last = u.member_ends.p[i++])
		if (u.member_ends.p[i] < last || u.member_ends.p[i] > u.bytes.n)
			abort();
	return 0;
}
