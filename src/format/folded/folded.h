/*
 * Folded stacks, the text between stackcollapse-*.pl and flamegraph.pl: `root;caller;leaf 123`, one stack a line.
 * Details and dialects in docs/formats/folded.md.
 */
#ifndef GS_FORMAT_FOLDED_FOLDED_H
#define GS_FORMAT_FOLDED_FOLDED_H

#include "base/err.h"
#include "base/str.h"

enum {
	GS_FOLDED_KERNEL = 1,  /* _[k] */
	GS_FOLDED_INLINED = 2, /* _[i] */
	GS_FOLDED_JIT = 4,     /* _[j] */
	GS_FOLDED_WAKER = 8,   /* _[w] */
};

/* How a whole file is to be read; found in one pass over it. */
typedef struct gs_folded_shape {
	unsigned columns;  /* 1, or 2 for what difffolded.pl writes */
	unsigned decimals; /* of the most precise count: counts are told in units of 10^-decimals */
	uint64_t n_rows;
} gs_folded_shape;

typedef struct gs_folded_row {
	gs_str stack;	   /* root first, without the counts */
	int64_t counts[2]; /* 10^decimals of the shape each; [1] is the later column */
	uint64_t at;
} gs_folded_row;

typedef struct gs_folded_frame {
	gs_str name; /* without annotation and source place */
	gs_str file; /* empty: unknown */
	uint64_t line;
	unsigned flags;
} gs_folded_frame;

/* How many of the first lines look like folded stacks; for recognition. */
bool gs_folded_is(gs_str head);
/* GS_ERR_FORMAT with the place of the first line that is no stack. */
bool gs_folded_look(gs_str text, gs_folded_shape *out, gs_err *err);
/* Take the next row off *rest, skipping blank lines and `#` comments. False at the end or at a broken line (err->code is set). */
bool gs_folded_next(gs_str text, gs_str *rest, const gs_folded_shape *shape, gs_folded_row *out,
		    gs_err *err);
/* One frame's text taken apart. */
gs_folded_frame gs_folded_frame_of(gs_str text);

#endif
