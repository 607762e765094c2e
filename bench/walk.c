/*
 * The limit that bench/run states: inflate a profile and read every varint of it once, nested messages included, keeping nothing.
 * No reader of the same bytes can be faster without skipping some of them.   cc -O2 walk.c -ldeflate
 */
#include <libdeflate.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t sum;

static const uint8_t *varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	unsigned shift = 0;
	for (*v = 0; p < end && shift < 64; shift += 7) {
		uint8_t b = *p++;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return p;
	}
	fprintf(stderr, "walk: bad varint\n");
	exit(1);
}

/* Which length-delimited fields hold messages (m) or packed varints (p), by message. */
static const char *const inside[] = { "     ", " mmmmm     m", " ppm", "    m" };

static void walk(const uint8_t *p, const uint8_t *end, unsigned message)
{
	while (p < end) {
		uint64_t key, v;
		p = varint(p, end, &key);
		p = varint(p, end, &v);
		sum += v;
		if ((key & 7) == 0)
			continue;
		if ((key & 7) != 2 || v > (uint64_t)(end - p)) {
			fprintf(stderr, "walk: not a profile\n");
			exit(1);
		}
		uint64_t field = key >> 3;
		char kind = field < strlen(inside[message]) ? inside[message][field] : ' ';
		const uint8_t *stop = p + v;
		if (kind == 'm') {
			walk(p, stop, message != 1 ? 0 : field == 2 ? 2 : field == 4 ? 3 : 0);
		} else if (kind == 'p') {
			for (const uint8_t *q = p; q < stop; sum += v)
				q = varint(q, stop, &v);
		}
		p = stop;
	}
}

int main(int argc, char **argv)
{
	FILE *f = argc > 1 ? fopen(argv[1], "rb") : NULL;
	if (!f || fseek(f, 0, SEEK_END))
		return fprintf(stderr, "usage: walk FILE\n"), 2;
	size_t n = (size_t)ftell(f);
	rewind(f);
	uint8_t *in = malloc(n);
	if (!in || n < 20 || fread(in, 1, n, f) != n)
		return 1;
	uint8_t *out = in;
	size_t size = n;
	if (in[0] == 0x1f && in[1] == 0x8b) {
		uint32_t isize;
		memcpy(&isize, in + n - 4, 4);
		out = malloc(isize);
		if (!out || libdeflate_gzip_decompress(libdeflate_alloc_decompressor(), in, n, out, isize, &size))
			return 1;
	}
	walk(out, out + size, 1);
	printf("%zu bytes, sum %llu\n", size, (unsigned long long)sum);
	return 0;
}
