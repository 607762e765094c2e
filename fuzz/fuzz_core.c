/* ELF cores: whatever was read must be readable, and what is written again must read the same. */
#include "format/core/core.h"
#include "fuzz.h"

static gs_str no_file(void *ctx, gs_arena *mem, gs_str path)
{
	(void)mem;
	/* Any file will do: the core itself. */
	return path.n ? *(const gs_str *)ctx : (gs_str){ 0 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_str bytes = { (const char *)data, size };
	gs_core_files files = { no_file, &bytes };
	gs_image *image = gs_core_read(bytes, &files, NULL);
	volatile unsigned char sink = 0;
	uint64_t behind = 0;

	if (!image)
		return 0;
	for (uint32_t i = 0; i < image->n_pieces; i++) {
		const gs_image_piece *p = &image->pieces[i];
		uint64_t n;

		if (p->addr < behind || p->size == 0 || gs_image_at(image, p->addr, &n) != p->bytes || n != p->size)
			abort();
		behind = p->addr + p->size;
		sink ^= p->bytes[0] ^ p->bytes[p->size - 1];
		if (!gs_image_segment_at(image, p->addr))
			abort();
	}
	for (uint32_t i = 0; i < image->n_threads; i++) {
		unsigned char stack[256];

		gs_image_read(image, image->threads[i].sp, stack, sizeof(stack));
		sink ^= stack[0];
	}
	gs_image_close(image);
	return 0;
}
