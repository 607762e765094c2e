#include "format/legacy/legacy.h"
#include "fuzz_load.h"

static int look(const uint8_t *data, size_t size)
{
	GS_AUTO(arena) *mem = gs_arena_create((uint64_t)64 << 20);
	gs_str bytes = { (const char *)data, size };
	gs_legacy l;
	gs_err err;
	uint64_t sum = 0;

	if (!gs_legacy_parse(mem, bytes, &l, &err))
		return 0;
	for (uint32_t i = 0; i < l.n_samples; i++) {
		const gs_legacy_sample *s = &l.samples[i];

		for (uint32_t k = 0; k < s->n_addresses; k++)
			sum += gs_legacy_mapping_of(&l, l.addresses[s->first_address + k]);
		for (uint32_t k = 0; k < s->n_symbols; k++)
			sum += gs_str_hash(l.symbols[s->first_symbol + k].function) +
			       gs_str_hash(l.symbols[s->first_symbol + k].file);
		for (uint32_t k = 0; k < s->n_labels; k++)
			sum += gs_str_hash(l.labels[s->first_label + k].value);
	}
	for (uint32_t i = 0; i < l.n_mappings; i++)
		sum += gs_str_hash(l.mappings[i].file) + gs_str_hash(l.mappings[i].build_id);
	return sum + gs_str_hash(l.memstats) == 1 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_load("legacy", data, size);
	return look(data, size);
}
