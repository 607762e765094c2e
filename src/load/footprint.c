#include "load/footprint.h"

#include <stdlib.h>

#include "base/file.h"
#include "format/compress/unpack.h"
#include "format/gotrace/footprint.h"

#include "base/banned.h"

#define MAX_FILE_BYTES ((uint64_t)1 << 40)

static int largest_first(const void *a, const void *b)
{
	const gs_footprint_kind *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

bool gs_footprint_of_file(const char *path, gs_footprint *out, gs_err *err)
{
	GS_AUTO(file) file = { 0 };
	GS_AUTO(unpacked) u = { 0 };
	gs_gotrace_footprint f;

	*out = (gs_footprint){ 0 };
	if (!gs_file_open(path, MAX_FILE_BYTES, &file, err))
		return false;
	if (!gs_unpack(file.bytes, 0, &u, err) || !gs_gotrace_footprint_count(u.bytes, &f, err))
		return gs_err_context(err, "%s", path);
	out->format_minor = f.version;
	out->total_bytes = u.bytes.n;
	out->header_bytes = f.header_bytes;
	out->lost_bytes = f.lost_bytes;
	out->records = f.records;
	out->damage = f.damage;
	for (unsigned i = 0; i < GS_FOOTPRINT_MAX_KINDS; i++)
		if (f.kinds[i].name)
			out->kinds[out->n_kinds++] = (gs_footprint_kind){ f.kinds[i].name, f.kinds[i].bytes, f.kinds[i].count };
	qsort(out->kinds, out->n_kinds, sizeof(*out->kinds), largest_first);
	return true;
}
