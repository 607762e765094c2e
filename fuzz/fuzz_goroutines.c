#include "format/gotext/dump.h"
#include "fuzz_load.h"

static int look(const uint8_t *data, size_t size)
{
	GS_AUTO(arena) *mem = gs_arena_create((uint64_t)64 << 20);
	gs_str text = { (const char *)data, size };
	gs_dump d;
	gs_err err;
	uint64_t sum = 0;

	gs_dump_is(text);
	if (!gs_dump_parse(mem, text, &d, &err))
		return 0;
	for (uint32_t i = 0; i < d.n_goroutines; i++) {
		const gs_dump_goroutine *g = &d.goroutines[i];

		/* Slices must be readable to their last byte. */
		sum += gs_str_hash(g->state) + gs_str_hash(g->creator.function) +
		       gs_str_hash(g->creator.file);
		for (uint32_t k = 0; k < g->n_frames; k++) {
			const gs_dump_frame *f = &d.frames[g->first_frame + k];

			sum += gs_str_hash(f->function) + gs_str_hash(f->args) +
			       gs_str_hash(f->file);
		}
		for (uint32_t k = 0; k < g->n_labels; k++)
			sum += gs_str_hash(d.labels[g->first_label + k].key) +
			       gs_str_hash(d.labels[g->first_label + k].value);
	}
	sum += gs_str_hash(d.header);
	return sum == 1 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_load("goroutine-dump", data, size);
	return look(data, size);
}
