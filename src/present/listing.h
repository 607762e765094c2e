/*
 * Annotated source for people and for the page: lines of matching functions with their cost, and on request the instructions of
 * each line. Where sources and instructions come from is the caller's business.
 */
#ifndef GS_PRESENT_LISTING_H
#define GS_PRESENT_LISTING_H

#include "present/report.h"
#include "present/tables.h"

typedef struct gs_listing_file {
	gs_str path;
	const gs_str *lines;
	uint32_t n;
	gs_str note;	/* what may be wrong with it, or empty */
	gs_str missing; /* why there is none */
} gs_listing_file;

typedef struct gs_listing_code {
	bool (*lines)(void *ctx, gs_str file, gs_str function, gs_listing_file *out);
	/* Instructions of the function with this name in the mapping's binary. False: not to be had. */
	bool (*instructions)(void *ctx, const gs_profile *p, uint32_t mapping, gs_str function,
			     const gs_report_instruction **list, uint32_t *n);
	void *ctx;
} gs_listing_code;

typedef struct gs_listing_options {
	gs_str function; /* regular expression, or a name */
	bool with_asm, json;
	uint32_t limit; /* functions; 0: all */
	gs_query *query; /* its granularity is changed here */
	const gs_view_input *in;
	unsigned n_in;
} gs_listing_options;

/* GS_ERR_MISSING when no function matches. */
bool gs_listing_write(gs_arena *mem, const gs_listing_options *o, const gs_listing_code *code, const gs_table_style *s,
		      gs_buf *out, gs_err *err);

#endif
