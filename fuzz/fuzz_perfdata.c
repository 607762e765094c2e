#include "format/perfdata/perfdata.h"
#include "fuzz_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GS_AUTO(arena) *mem = gs_arena_create((uint64_t)64 << 20);
	gs_str bytes = { (const char *)data, size };
	gs_perfdata d;
	gs_perfdata_record r;
	gs_err err;
	uint64_t sum = gs_perfdata_is(bytes);

	if (gs_perfdata_open(mem, bytes, &d, &err)) {
		while (gs_perfdata_next(&d, &r, &err)) {
			sum += gs_str_hash(r.name) + gs_str_hash(r.build_id) +
			       gs_str_hash(r.stack) + gs_str_hash(r.regs) + gs_str_hash(r.branches);
			for (size_t i = 0; i < r.chain.n / 8; i++)
				sum += gs_perfdata_word(&d, r.chain, i);
			fuzz_expect(r.kind != GS_PERFDATA_SAMPLE || r.attr < d.n_attrs);
		}
		for (unsigned i = 0; i < GS_PERFDATA_MAX_FEATURES; i++)
			sum += gs_str_hash(d.features[i]);
		for (uint32_t i = 0; i < d.n_build_ids; i++)
			sum += gs_str_hash(d.build_ids[i].file) + gs_str_hash(d.build_ids[i].id);
	}
	fuzz_load("perf.data", data, size);
	return sum == 1 ? -1 : 0;
}
