/* Files as a merge of many reads them, without a trie: merged with themselves they give the bytes that whole profiles give. */
#include "fuzz_load.h"
#include "load/merge.h"
#include "present/pprof_write.h"

static void merge(const uint8_t *data, size_t size, bool for_merging, gs_documents *docs, gs_buf *out)
{
	static const gs_str name = { "input", 5 };
	const gs_load_options options = { .format = "pprof", .max_bytes = (uint64_t)4 << 20, .for_merging = for_merging, .threads = 1 };
	gs_err err = { 0 };

	gs_buf_init(out, (size_t)1 << 30);
	if (!gs_load_parts((gs_str){ (const char *)data, size }, name, &options, NULL, docs, &err))
		fuzz_expect(err.code != GS_ERR_NONE && err.text[0]);
	for (unsigned i = 0; i < docs->n; i++) {
		GS_AUTO(buf) again = { 0 };
		const gs_document *twice[] = { docs->list[i], docs->list[i] };
		const gs_merge_options as_rows = { .for_writing = true };
		GS_AUTO(document) *sum = gs_merge_documents(twice, 2, NULL, 0, NULL, &err);
		GS_AUTO(document) *flat = gs_merge_documents(twice, 2, NULL, 0, &as_rows, &err);
		size_t at = out->n;

		fuzz_expect(sum && !sum->rows && flat && flat->rows);
		fuzz_walk(sum);
		gs_pprof_write(out, sum->profile, NULL);
		gs_buf_init(&again, (size_t)1 << 30);
		gs_pprof_write(&again, flat->profile, flat->rows);
		fuzz_expect(gs_str_eq(gs_str_skip(gs_buf_view(out), at), gs_buf_view(&again)));
	}
	fuzz_expect(!out->bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_documents rows = { 0 }, whole = { 0 };
	GS_AUTO(buf) from_rows = { 0 }, from_whole = { 0 };

	merge(data, size, true, &rows, &from_rows);
	merge(data, size, false, &whole, &from_whole);
	fuzz_expect(rows.n == whole.n && gs_str_eq(gs_buf_view(&from_rows), gs_buf_view(&from_whole)));
	gs_documents_close(&rows);
	gs_documents_close(&whole);
	return 0;
}
