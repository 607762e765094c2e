/* An ELF core of a Go program: its heap. */
#include "format/core/core.h"
#include "format/elf/elf.h"
#include "format/peek.h"
#include "load/heap.h"
#include "load/recognisers.h"

#include "base/banned.h"

static int probe(gs_str bytes)
{
	enum { EI_DATA = 5, E_TYPE = 16 };

	return bytes.n > E_TYPE + 2 && gs_str_starts(bytes, GS_S("\x7f"
								 "ELF")) &&
			       gs_peek_u16(bytes.p + E_TYPE, bytes.p[EI_DATA] == 2) == GS_ELF_CORE ?
		       GS_PROBE_SURE :
		       GS_PROBE_NO;
}

static void free_heap(void *ctx)
{
	gs_heap_free(ctx);
}

/* Who retains what is for later to find out (app/heap_call.h); until then nothing is in the profile. */
static bool empty_profile(gs_document *doc, gs_err *err)
{
	gs_profile_builder *b = gs_profile_builder_create(doc->mem, err);
	gs_profile *p = b ? gs_profile_builder_profile(b) : NULL;

	if (!p)
		return false;
	p->n_types = 1;
	p->types[0] = (gs_value_type){ gs_profile_builder_str(b, GS_S("retained_space")), gs_profile_builder_str(b, GS_S("bytes")) };
	doc->profile = gs_profile_builder_finish(b, err);
	return doc->profile;
}

static bool load(gs_load_source *src, gs_document *doc, gs_err *err)
{
	gs_image *image;
	gs_heap *h;
	gs_str bytes;

	if (!gs_load_keep(src, doc->mem, &bytes, err))
		return false;
	image = gs_core_read(bytes, &gs_core_mapped_files, err);
	if (image && src->options->only_goroutines)
		return gs_goroutines_of_image(image, GS_S("the core"), src->options->executable, (gs_str){ 0 }, doc, src->progress, err);
	if (!image || !empty_profile(doc, err)) {
		gs_image_close(image);
		return false;
	}
	h = gs_heap_of_image(image, GS_S("the core"), src->options->executable, (gs_heap_beside){ 0 }, src->progress, err);
	if (!h)
		return false;
	gs_arena_on_free(doc->mem, free_heap, h);
	doc->kind = GS_DOCUMENT_HEAP;
	doc->heap = h;
	return true;
}

const gs_recogniser gs_recogniser_core = {
	.name = "core",
	.title = "a core of a Go program",
	.probe = probe,
	.load = load,
};
