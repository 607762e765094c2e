#include "base/image.h"

#include "base/banned.h"

const unsigned char *gs_image_at(const gs_image *image, uint64_t addr, uint64_t *n)
{
	uint32_t lo = 0, hi = image->n_pieces;

	while (lo < hi) { /* the last one that begins at or before addr */
		uint32_t mid = lo + (hi - lo) / 2;

		if (image->pieces[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	const gs_image_piece *p = lo ? &image->pieces[lo - 1] : NULL;

	if (!p || addr - p->addr >= p->size) {
		*n = (lo < image->n_pieces ? image->pieces[lo].addr : UINT64_MAX) - addr;
		return NULL;
	}
	*n = p->size - (addr - p->addr);
	return p->bytes + (addr - p->addr);
}

size_t gs_image_read(const gs_image *image, uint64_t addr, void *out, size_t n)
{
	char *to = out;
	size_t done = 0;

	while (done < n) {
		uint64_t have, at;
		const unsigned char *p;

		if (__builtin_add_overflow(addr, done, &at))
			break;
		p = gs_image_at(image, at, &have);
		if (!p)
			break;
		if (have > n - done)
			have = n - done;
		memcpy(to + done, p, (size_t)have);
		done += (size_t)have;
	}
	memset(to + done, 0, n - done);
	return done;
}

const gs_image_segment *gs_image_segment_at(const gs_image *image, uint64_t addr)
{
	uint32_t lo = 0, hi = image->n_segments;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (image->segments[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || addr - image->segments[lo - 1].addr >= image->segments[lo - 1].size)
		return NULL;
	return &image->segments[lo - 1];
}

bool gs_image_aux_value(const gs_image *image, uint64_t type, uint64_t *value)
{
	for (uint32_t i = 0; i < image->n_aux; i++)
		if (image->aux[i].type == type) {
			*value = image->aux[i].value;
			return true;
		}
	return false;
}

void gs_image_close(gs_image *image)
{
	if (image)
		gs_arena_free(image->mem);
}
