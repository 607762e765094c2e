/*
 * gs_cache: answers that will not change, by their request target. Opened documents are immutable, so an answer about them stays
 * right until one is closed or replaced; going back in the page costs nothing. Any number of threads.
 */
#ifndef GS_SERVICE_HTTP_CACHE_H
#define GS_SERVICE_HTTP_CACHE_H

#include "base/buf.h"

typedef struct gs_cached {
	const char *mime;
	char file_name[128];
	size_t n;
	unsigned users; /* private */
	char bytes[];
} gs_cached;

typedef struct gs_cache gs_cache;

/* Holds at most `max_bytes`; the least recently used go first. */
gs_cache *gs_cache_create(size_t max_bytes);
void gs_cache_free(gs_cache *c);
/* `changes` is gs_session_changes, asked for before the question was looked at: what was answered before the latest change is forgotten. */
void gs_cache_renew(gs_cache *c, uint64_t changes);
/* NULL when it is not there. Give it back with gs_cache_drop. */
gs_cached *gs_cache_get(gs_cache *c, gs_str key, uint64_t changes);
void gs_cache_put(gs_cache *c, gs_str key, uint64_t changes, const char *mime, const char *file_name, gs_str bytes);
void gs_cache_drop(gs_cached *e);

#endif
