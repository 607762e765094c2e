/*
 * The runtime's own heap profile, where it is kept: a list of buckets, one for each stack and size that an allocation was sampled with. One allocation in `rate` bytes
 * is. Authority: runtime/mprof.go; docs/formats/goheap.md.
 */
#ifndef GS_FORMAT_GORUNTIME_BUCKETS_H
#define GS_FORMAT_GORUNTIME_BUCKETS_H

#include "format/goruntime/runtime.h"

enum { GS_GO_MAX_STACK = 1024 + 8 }; /* GODEBUG=profstackdepth goes up to 1024 */

/* Counts are of samples, and what a profile that the program wrote at this moment would have: of the last collection. */
typedef struct gs_go_bucket {
	uint64_t addr;
	uint64_t object_bytes; /* of one object's slot */
	uint64_t stack;	       /* address of n_stack return addresses, innermost first */
	uint32_t n_stack;
	uint64_t allocs, frees, alloc_bytes, free_bytes;
} gs_go_bucket;

typedef struct gs_go_buckets {
	gs_go_bucket *list; /* the newest first */
	uint32_t n;
	gs_map index_of;    /* address -> index; to be released */
	int64_t rate;	    /* runtime.MemProfileRate: 0 off; meaningless when not known */
	bool is_rate_known;
	bool is_damaged; /* the list ends in something that is no bucket */
} gs_go_buckets;

/* Where there are none the list is empty. Never fails but for memory (false); `out` is to be released either way. */
bool gs_go_buckets_read(const gs_go_runtime *rt, gs_go_buckets *out);
void gs_go_buckets_release(gs_go_buckets *b);

#endif
