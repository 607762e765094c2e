#include "format/goruntime/runtime.h"

#include "base/banned.h"

bool gs_go_read(const gs_go_mem *m, uint64_t addr, void *out, size_t n)
{
	char *to = out;

	while (n) {
		uint64_t have = 0;
		const unsigned char *p = m->at(m->ctx, addr, &have);

		if (!p || have == 0) {
			memset(to, 0, n);
			return false;
		}
		if (have > n)
			have = n;
		memcpy(to, p, (size_t)have);
		to += have;
		addr += have;
		n -= (size_t)have;
	}
	return true;
}

const unsigned char *gs_go_bytes(const gs_go_mem *m, gs_arena *mem, uint64_t addr, uint64_t n)
{
	uint64_t have = 0, left, at;
	const unsigned char *p = m->at(m->ctx, addr, &have);
	unsigned char *copy;

	if (!p || n == 0)
		return NULL;
	if (have >= n)
		return p;
	/* Look before allocating for a count that may be a lie. */
	for (at = addr + have, left = n - have; left; at += have, left -= have) {
		have = 0;
		if (!m->at(m->ctx, at, &have) || have == 0)
			return NULL;
		if (have > left)
			have = left;
	}
	copy = gs_try_new(mem, unsigned char, n);
	if (!copy || !gs_go_read(m, addr, copy, (size_t)n))
		return NULL;
	return copy;
}

uint64_t gs_go_u64(const gs_go_mem *m, uint64_t addr)
{
	uint64_t v;

	gs_go_read(m, addr, &v, sizeof(v));
	return le64toh(v);
}

uint32_t gs_go_u32(const gs_go_mem *m, uint64_t addr)
{
	uint32_t v;

	gs_go_read(m, addr, &v, sizeof(v));
	return le32toh(v);
}

uint8_t gs_go_u8(const gs_go_mem *m, uint64_t addr)
{
	uint8_t v;

	gs_go_read(m, addr, &v, sizeof(v));
	return v;
}

gs_str gs_go_string(const gs_go_mem *m, gs_arena *mem, uint64_t header, size_t max)
{
	uint64_t p = gs_go_u64(m, header), n = gs_go_u64(m, header + 8);
	char *copy;

	if (n > max)
		n = max;
	if (n == 0)
		return (gs_str){ 0 };
	copy = gs_try_new(mem, char, n + 1);
	if (!copy || !gs_go_read(m, p, copy, (size_t)n))
		return (gs_str){ 0 };
	return (gs_str){ copy, (size_t)n };
}
