/* A filter expression, as it comes out of a request, over a small profile with labels. */
#include "analysis/filter.h"
#include "load/load.h"

#include "fuzz.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "main.main;main.work;runtime.mallocgc 7\nmain.main;net/http.(*conn).serve 2\n";
	static gs_document *doc;
	GS_AUTO(arena) *mem = gs_arena_create(16 << 20);
	gs_load_options o = { .format = "folded" };
	gs_err err = { 0 };
	gs_filter_bound *b;
	gs_filter *f;

	if (!doc)
		doc = gs_load_bytes(gs_str_of(text), GS_S("small.folded"), &o, NULL, &err);
	if (!doc)
		abort();
	f = gs_filter_parse(mem, (gs_str){ (const char *)data, size }, &err);
	if (!f) {
		if (err.code != GS_ERR_USAGE)
			abort();
		return 0;
	}
	b = gs_filter_bind(mem, f, doc->profile, &err);
	for (uint32_t s = 0; b && s < doc->profile->n_samples; s++)
		/* A sample that matches cannot be ruled out by its stack. */
		if (gs_filter_match(b, s, 0) && !gs_filter_match_node(b, doc->profile->sample_node[s]))
			abort();
	return 0;
}
