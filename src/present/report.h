/*
 * gs_report: the text reports of `go tool pprof`, the same bytes. A report is one profile under one query; the kind of report
 * changes some of the query first (a listing is by lines, top is not limited...).
 *
 * Nothing here opens a file: sources and instructions come through callbacks.
 */
#ifndef GS_PRESENT_REPORT_H
#define GS_PRESENT_REPORT_H

#include "analysis/graph.h"
#include "analysis/labels.h"
#include "analysis/view.h"
#include "base/buf.h"
#include "base/re.h"

typedef enum gs_report_kind {
	GS_REPORT_TOP,
	GS_REPORT_TREE,
	GS_REPORT_PEEK,
	GS_REPORT_LIST,
	GS_REPORT_DISASM,
	GS_REPORT_WEBLIST,
	GS_REPORT_TRACES,
	GS_REPORT_TAGS,
	GS_REPORT_COMMENTS,
	GS_REPORT_RAW,
	GS_REPORT_PROTO,
	GS_REPORT_TOPPROTO,
	GS_REPORT_CALLGRIND,
	GS_REPORT_DOT,
} gs_report_kind;

/* Lines of a source file. `open` says why when there is none; *lines and *n live as long as the report. */
typedef struct gs_report_sources {
	bool (*open)(void *ctx, gs_str file, const gs_str **lines, uint32_t *n, gs_err *err);
	void *ctx;
} gs_report_sources;

typedef struct gs_report_instruction {
	uint64_t address; /* as in the profile */
	uint32_t size;
	gs_str text, function, file;
	int64_t line;
	/* In the function itself: where the call is that the instruction was inlined with; and what was inlined, innermost first. */
	gs_str outer_file;
	int64_t outer_line;
	gs_str *inlined; /* "main.leaf leaf.go:3" */
	unsigned n_inline;
} gs_report_instruction;

typedef struct gs_report_symbol {
	gs_str name;
	uint64_t start, end; /* addresses as in the profile, end not included */
	uint64_t offset;     /* of the address in the binary: address - offset */
	uint32_t mapping;
} gs_report_symbol;

typedef struct gs_report_code {
	/* Functions of a mapping's binary whose name matches, or that hold `address` when it is not 0. */
	bool (*symbols)(void *ctx, const gs_profile *p, uint32_t mapping, const gs_re *name, uint64_t address,
			const gs_report_symbol **list, uint32_t *n, gs_err *err);
	bool (*instructions)(void *ctx, const gs_profile *p, const gs_report_symbol *s, bool intel,
			     const gs_report_instruction **list, uint32_t *n, gs_err *err);
	void *ctx;
} gs_report_code;

typedef struct gs_report {
	gs_arena *mem;
	gs_report_kind kind;
	gs_query query;	 /* with the report's own changes */
	gs_query wanted; /* before */
	const gs_profile *profile;
	gs_view *view;
	gs_label_units *units;
	gs_str unit; /* that values are shown in */
	gs_str symbol_text;
	const gs_re *symbol; /* peek, list, disasm */
	const gs_report_sources *sources;
	const gs_report_code *code;
} gs_report;

/* `symbol` for peek, list, disasm and weblist. */
bool gs_report_init(gs_report *r, gs_arena *mem, const gs_profile *p, const gs_query *q, gs_report_kind kind,
		    gs_str symbol, gs_err *err);
/* Every kind but the protos, whose answer is a profile: see gs_report_profile. */
bool gs_report_write(gs_report *r, gs_buf *out, gs_err *err);

/* The profile that is left of the report's, for GS_REPORT_PROTO; or one sample a row, for GS_REPORT_TOPPROTO. */
gs_profile *gs_report_profile(gs_report *r, gs_err *err);

/* Header lines without those about shown nodes: File, Build ID, Type, Time, Duration. */
void gs_report_profile_labels(gs_report *r, gs_buf *out);

/* For the files of this folder. */
void gs_report_value(const gs_report *r, gs_buf *out, int64_t v);
gs_str gs_report_value_str(const gs_report *r, int64_t v);
void gs_report_pad(gs_buf *out, gs_str s, unsigned width);
gs_graph *gs_report_graph(gs_report *r, bool whole, gs_err *err);
void gs_report_labels(gs_report *r, const gs_graph *g, uint32_t n_dropped_edges, bool full, gs_buf *out);
bool gs_report_write_stacks(gs_report *r, gs_buf *out);
bool gs_report_write_tags(gs_report *r, gs_buf *out);
void gs_report_write_raw(gs_report *r, gs_buf *out);
bool gs_report_write_list(gs_report *r, gs_buf *out, gs_err *err);
bool gs_report_write_disasm(gs_report *r, gs_buf *out, gs_err *err);
bool gs_report_write_disasm_json(gs_report *r, gs_buf *out, gs_err *err);
bool gs_report_write_weblist(gs_report *r, gs_buf *out, gs_err *err);
bool gs_report_write_callgrind(gs_report *r, gs_buf *out, gs_err *err);
bool gs_report_write_dot(gs_report *r, gs_buf *out, gs_err *err);

#endif
