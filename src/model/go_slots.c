#include "model/go_slots.h"

#include "base/banned.h"

enum {
	MAX_SMALL = 32768,
	PAGE = 8192,
	MIN_HEADER = 512, /* objects with pointers beyond this have their type in front, since Go 1.22 */
	HEADER = 8,
};

const uint16_t gs_go_class_bytes[GS_GO_N_CLASSES] = {
	0,    8,    16,	  24,	32,   48,   64,	  80,	96,   112,  128,  144,	160,   176,   192,   208,   224,   240,	  256,	 288,	320,   352,   384,
	416,  448,  480,  512,	576,  640,  704,  768,	896,  1024, 1152, 1280, 1408,  1536,  1792,  2048,  2304,  2688,  3072,	 3200,	3456,  4096,  4864,
	5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};

uint64_t gs_go_slot_bytes(uint64_t bytes, bool has_pointers, unsigned minor)
{
	unsigned lo = 0, hi = GS_GO_N_CLASSES - 1;

	if (bytes > UINT64_MAX - PAGE)
		return bytes;
	if (has_pointers && minor >= 22 && bytes > MIN_HEADER && bytes <= MAX_SMALL - HEADER)
		bytes += HEADER;
	if (bytes > MAX_SMALL)
		return (bytes + PAGE - 1) / PAGE * PAGE;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (gs_go_class_bytes[mid] < bytes)
			lo = mid + 1;
		else
			hi = mid;
	}
	return gs_go_class_bytes[lo];
}
