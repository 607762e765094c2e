/*
 * Opening inputs: recognise the bytes, decode them, build a document. This is the only place where formats and models meet.
 *
 * To add a format: write src/load/load_<format>.c with one `const gs_recogniser gs_recogniser_<format>`, and list it in
 * src/load/recognisers.c.
 */
#ifndef GS_LOAD_LOAD_H
#define GS_LOAD_LOAD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/progress.h"
#include "format/compress/unpack.h"
#include "model/document.h"

/* All zero is a good choice. */
typedef struct gs_load_options {
	uint64_t max_bytes;  /* of the unpacked input; 0: by its packed size, enough for any real one */
	unsigned threads;    /* 0: as many as there are CPUs */
	const char *format;  /* name of the recogniser to use, whatever the bytes look like; NULL: find out */
	gs_str name; /* of the document; empty: what the path ends with */
	bool is_growing; /* somebody writes to the file, and may cut it short: it is not mapped */
	bool keep_path_name; /* the document's name is the whole path, not its last part */
	bool for_merging;    /* what is only added up (doc->rows) need not be indexed: no report can be made of it */
	bool for_profile; /* of an execution trace nothing but doc->profile is asked for: there need be no doc->timeline */
	const char *executable; /* of a core: the program that it is of; NULL: where the core says that it was */
	/* Of an execution trace: profiles of the same process that were taken meanwhile (gotrace_overlay.c). What does not fit is a
	 * warning of the trace, with must_overlay an error. A capture folder's go over its trace without being named. */
	const gs_document *const *overlays;
	unsigned n_overlays;
	bool must_overlay;
	bool only_goroutines; /* of a core: what its goroutines do, not its heap */
	gs_str kallsyms; /* perf.data: the list that came along; empty: the file of that name beside it */
	gs_str thread_names; /* the same of threads.txt */
	bool keep_addresses; /* perf.data: look for no symbols, the caller will */
} gs_load_options;

/*
 * One input into one document. `path` may be "-" for standard input. gzip, zlib and zstd are undone first.
 * NULL on error: GS_ERR_FORMAT (damaged, or nothing that we know: the text says what it looks like), GS_ERR_LIMIT,
 * and what gs_file_open gives. Two profiles appended to each other are an error that names the way out.
 */
gs_document *gs_load_file(const char *path, const gs_load_options *options, const gs_progress *progress, gs_err *err);
/* `name` is for titles and errors. The bytes need not outlive the call. */
gs_document *gs_load_bytes(gs_str bytes, gs_str name, const gs_load_options *options, const gs_progress *progress,
			   gs_err *err);

/* Documents of one input: a file has one, a capture folder one for each profile in it, an input of appended profiles each. */
typedef struct gs_documents {
	gs_document **list;
	unsigned n;
} gs_documents;

/* Takes `doc` over, also when it fails. GS_ERR_LIMIT. */
bool gs_documents_add(gs_documents *out, gs_document *doc, gs_err *err);
/* The documents of unpacked or packed bytes, appended to *out (also when a later part is then broken). `path` names them. */
bool gs_load_parts(gs_str bytes, gs_str path, const gs_load_options *options, const gs_progress *progress,
		   gs_documents *out, gs_err *err);
/* The same of a file. */
bool gs_load_parts_of_file(gs_str path, const gs_load_options *options, const gs_progress *progress,
			   gs_documents *out, gs_err *err);

/*
 * A file, a capture folder, a zip archive of one, or a file of several appended profiles. Files of a folder that are no profiles are passed over; one
 * that should be a profile and is damaged goes by as well unless nothing else is there, and is named in *skipped (may be NULL)
 * with its reason. Documents are appended to *out. False when nothing could be opened: *out is then as it was.
 */
bool gs_load_input(const char *path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		   gs_buf *skipped, gs_err *err);
/* A file that gs_load_input opens as a capture. */
bool gs_load_is_archive(const char *path);
void gs_documents_close(gs_documents *d);

/* ---- for those who add formats ---- */

typedef struct gs_load_source {
	gs_str bytes; /* unpacked; gone after load: copy what the document keeps, or keep them all with gs_load_keep */
	bool may_discard; /* what was read for good may go by gs_bytes_discard */
	bool is_reread; /* and reads the same again when it is looked at after all: a mapped file */
	gs_str name;
	uint64_t trailing_bytes; /* rubbish after the packed data, worth a warning */
	uint64_t *next_at;	 /* not NULL: the caller can take several; load the first and say where the next begins */
	const gs_load_options *options;
	const gs_progress *progress;
	uint64_t file_bytes; /* of the file, packed as it is; 0: it is none */
	gs_file *file; /* whose the bytes are: both NULL when they are lent */
	gs_unpacked *unpacked;
} gs_load_source;

/* The bytes last as long as `mem`. GS_ERR_LIMIT: they were lent, and there is no memory for a copy. */
bool gs_load_keep(gs_load_source *src, gs_arena *mem, gs_str *bytes, gs_err *err);
/* Whether gs_load_keep makes no copy: slices of the bytes stay good. */
static inline bool gs_load_can_keep(const gs_load_source *src)
{
	return src->file || src->unpacked->packing != GS_PACKING_NONE;
}

/* How sure a probe is. */
enum {
	GS_PROBE_NO = 0,
	GS_PROBE_MAYBE = 20,  /* nothing speaks against it */
	GS_PROBE_LIKELY = 60, /* the structure fits */
	GS_PROBE_SURE = 100,  /* a magic number or an unmistakable first line */
};

typedef struct gs_recogniser {
	const char *name;  /* document.format: "pprof", "folded", ... */
	const char *title; /* for people: "a pprof profile" */
	bool is_text;
	/* The surest wins; among equals the first in the list. `bytes` is the whole unpacked input: look at its head only. */
	int (*probe)(gs_str bytes);
	/* Fill doc->profile (and kind, goroutines) in doc->mem. name, path and format are set already. */
	bool (*load)(gs_load_source *src, gs_document *doc, gs_err *err);
} gs_recogniser;

extern const gs_recogniser *const gs_recognisers[]; /* ends with NULL */

#endif
