#include "format/perfscript/perfscript.h"
#include "fuzz_load.h"

static int look(const uint8_t *data, size_t size)
{
	gs_str bytes = { (const char *)data, size }, text;
	gs_perfscript s = gs_perfscript_of(bytes);
	gs_perfscript_event e;
	gs_perfscript_frame f;
	uint64_t sum =
		gs_perfscript_is(bytes) + gs_str_hash(gs_perfscript_header(bytes, "hostname"));

	while (gs_perfscript_next(&s, &e)) {
		sum += gs_str_hash(e.comm) + gs_str_hash(e.event) + gs_str_hash(e.details);
		gs_perfscript_frame_parse(e.details, &f);
		while (gs_perfscript_frame_text(&e.stack, &text))
			if (gs_perfscript_frame_parse(text, &f))
				sum += gs_str_hash(f.symbol) + gs_str_hash(f.dso) +
				       gs_str_hash(f.file);
	}
	return sum == 1 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_load("perf-script", data, size);
	return look(data, size);
}
