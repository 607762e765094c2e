/* Whatever could be read can be written, reads back as the same, and can be merged with itself. */
#include "fuzz_load.h"
#include "load/merge.h"
#include "present/pprof_write.h"

static const gs_load_options options = { .format = "pprof", .max_bytes = (uint64_t)16 << 20 };

static gs_document *copy(const gs_document *doc, gs_buf *out)
{
	gs_err err = { 0 };
	gs_document *again;

	gs_buf_init(out, (size_t)1 << 30);
	gs_pprof_write(out, doc->profile, NULL);
	fuzz_expect(!out->bad);
	again = gs_load_bytes(gs_buf_view(out), doc->name, &options, NULL, &err);
	fuzz_expect(again != NULL && again->profile->n_nodes == doc->profile->n_nodes &&
		    again->profile->n_samples == doc->profile->n_samples);
	return again;
}

/* A label with an empty value is there when read and gone when written, in pprof as well: so it is the copy that is copied. */
static void write_and_read(const gs_document *doc)
{
	GS_AUTO(buf) first = { 0 }, once = { 0 }, twice = { 0 };
	GS_AUTO(document) *one = copy(doc, &first), *two = copy(one, &once), *three = copy(two, &twice);

	fuzz_expect(gs_str_eq(gs_buf_view(&once), gs_buf_view(&twice)) && three != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const gs_str name = { "input", 5 };
	gs_str bytes = { (const char *)data, size };
	gs_documents docs = { 0 };
	gs_err err = { 0 };

	if (!gs_load_parts(bytes, name, &options, NULL, &docs, &err))
		fuzz_expect(err.code != GS_ERR_NONE && err.text[0]);
	for (unsigned i = 0; i < docs.n; i++) {
		const gs_document *doc = docs.list[i], *both[] = { doc, doc };
		GS_AUTO(document) *sum = NULL, *nothing = NULL;

		fuzz_walk(doc);
		write_and_read(doc);
		sum = gs_merge_documents(both, 2, NULL, 0, NULL, &err);
		fuzz_expect(sum != NULL);
		fuzz_walk(sum);
		write_and_read(sum);
		nothing = gs_merge_documents(both, 1, both, 1, NULL, &err);
		fuzz_expect(nothing && nothing->profile->n_samples == 0);
	}
	gs_documents_close(&docs);
	return 0;
}
