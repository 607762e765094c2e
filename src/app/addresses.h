/*
 * Addresses as they come by the hundred thousand: read from text on all processors, and put into an order in which a program's
 * tables are read from front to back.
 */
#ifndef GS_APP_ADDRESSES_H
#define GS_APP_ADDRESSES_H

#include "base/buf.h"
#include "base/err.h"

enum { GS_ADDRESSES_MAX = 1 << 27 };

/* All zero is empty. gs_vec_release(&a->list) frees. */
typedef struct gs_addresses {
	GS_VEC(uint64_t) list; /* in the order of the input */
	/* What a line is that is no hexadecimal number; false fills *err. Runs on any thread. */
	bool (*name)(void *ctx, gs_str name, uint64_t *addr, gs_err *err);
	void *ctx;
	uint64_t bias; /* taken off each number */
} gs_addresses;

/* One: "0x4a31f0", "4a31f0", or a name. */
bool gs_addresses_add(gs_addresses *a, gs_str text, gs_err *err);
/* One a line; empty lines are none. The error is that of the first line that has one. */
bool gs_addresses_read(gs_addresses *a, gs_str text, gs_err *err);

/*
 * An address and which of the list it is. Addresses are told from the start of the code, so that four bytes hold them;
 * what lies elsewhere has to be looked up in the list.
 */
typedef uint64_t gs_address_ref; /* offset << 32 | index */
#define GS_ADDRESS_ELSEWHERE UINT32_MAX
static inline uint32_t gs_address_offset(gs_address_ref r)
{
	return (uint32_t)(r >> 32);
}
static inline uint32_t gs_address_index(gs_address_ref r)
{
	return (uint32_t)r;
}

/* Fill `out`, as long as the list: what lies in code [start, end) is near its place in ascending order, which
 * gs_address_refs_sort makes exact for a part; `other` has room for as many. */
void gs_addresses_order(const gs_addresses *a, uint64_t start, uint64_t end, gs_address_ref *out);
void gs_address_refs_sort(gs_address_ref *refs, gs_address_ref *other, size_t n);

#endif
