/*
 * gs_view_cache: views that questions share. Building one (filtering, merging stacks by name) is the larger part of every
 * answer, and a page asks for the flame graph, the table and the labels of the same view at once: the first to ask builds, the
 * others wait for it. Documents are immutable, so a view stays right until its document is closed. Any number of threads.
 */
#ifndef GS_APP_VIEW_CACHE_H
#define GS_APP_VIEW_CACHE_H

#include "analysis/view.h"
#include "app/trace_index.h"

typedef struct gs_view_cache gs_view_cache;

/* Keeps at most about `max_bytes` of views that nobody uses at the moment; 0: an eighth of this machine's memory. */
gs_view_cache *gs_view_cache_create(uint64_t max_bytes);
/* Nobody may use a view any more. */
void gs_view_cache_free(gs_view_cache *c);

/*
 * As gs_view_build. The view stays for as long as `mem`, the asker's arena, does; *q need not outlive the call. Profiles are known
 * by address and must outlive the cache, or be forgotten before they go.
 */
const gs_view *gs_view_cache_get(gs_view_cache *c, gs_arena *mem, const gs_view_input *in, unsigned n, const gs_query *q,
				 gs_err *err);

/* Frees all that was made of a document that nobody asks about any more. */
void gs_view_cache_forget(gs_view_cache *c, const gs_document *d);

/* What is known of the traces whose views these are; the cache's own. */
gs_trace_indexes *gs_view_cache_traces(gs_view_cache *c);

#endif
