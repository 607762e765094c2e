#include "format/folded/folded.h"
#include "fuzz_load.h"

static int look(const uint8_t *data, size_t size)
{
	gs_str text = { (const char *)data, size }, rest = text, frame;
	gs_folded_shape shape;
	gs_folded_row row;
	gs_err err;
	uint64_t sum = 0;

	gs_folded_is(text);
	if (!gs_folded_look(text, &shape, &err))
		return 0;
	while (gs_folded_next(text, &rest, &shape, &row, &err))
		while (row.stack.n) {
			gs_folded_frame f;

			gs_str_cut(row.stack, ';', &frame, &row.stack);
			f = gs_folded_frame_of(frame);
			sum += gs_str_hash(f.name) + gs_str_hash(f.file);
		}
	return sum == 1 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_load("folded", data, size);
	return look(data, size);
}
