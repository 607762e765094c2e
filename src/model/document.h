/*
 * gs_document: one opened input. Owns its arena; immutable once load returned it; any number of readers.
 */
#ifndef GS_MODEL_DOCUMENT_H
#define GS_MODEL_DOCUMENT_H

#include "model/goroutines.h"
#include "model/heap.h"
#include "model/profile.h"
#include "model/timeline.h"

typedef enum gs_document_kind {
	GS_DOCUMENT_PROFILE,
	GS_DOCUMENT_GOROUTINES, /* a dump with one entry per goroutine; `profile` holds the same stacks with count 1 */
	GS_DOCUMENT_TRACE, /* an execution trace; `profile` holds its stacks with the time spent in them */
	GS_DOCUMENT_HEAP, /* a Go program's memory; `profile` holds who retains how much of it (app/open.h makes it) */
} gs_document_kind;

typedef struct gs_document {
	gs_arena *mem;
	gs_document_kind kind;
	gs_str name;   /* file name or URL, for titles */
	gs_str path;   /* as given by the user */
	gs_str format; /* "pprof", "folded", "perf.data", ... */
	uint64_t file_bytes; /* size of the file at `path` when it was read; 0: it is no file */
	gs_str group;  /* name of the capture that it is part of, or empty */
	gs_str capture_json; /* of an archived capture; of a folder it lies beside `path` */
	gs_profile *profile; /* always there */
	gs_goroutines *goroutines; /* GS_DOCUMENT_GOROUTINES only */
	gs_timeline *timeline; /* GS_DOCUMENT_TRACE only */
	const gs_heap *heap; /* GS_DOCUMENT_HEAP only */
	const struct gs_heap_index *heap_index; /* who holds what of it, once it has been looked at: app/heap_call.h */
	const struct gs_merge_rows *rows; /* loaded for merging: the profile has no trie, see model/merge.h */
} gs_document;

/* "profile", "goroutines", "trace" or "heap": the word that users and the API see. */
const char *gs_document_kind_name(gs_document_kind kind);
/* For people: "a profile or an execution trace", of bits 1 << kind. */
gs_str gs_document_kinds_text(gs_arena *mem, unsigned kinds);

/* Never NULL: one without contents; strings are copied. */
gs_document *gs_document_create(gs_str name, gs_str path);

static inline void gs_document_close(gs_document *d)
{
	if (d)
		gs_arena_free(d->mem); /* the document itself lives there */
}

#define GS_AUTO_TYPE_document gs_document
static inline void gs_auto_document(gs_document **d)
{
	gs_document_close(*d);
}

#endif
