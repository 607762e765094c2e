/*
 * Tables of the profile operations as text, JSON (docs/api.md) and CSV. Text is safe for a terminal.
 */
#ifndef GS_PRESENT_TABLES_H
#define GS_PRESENT_TABLES_H

#include "analysis/graph.h"
#include "analysis/labels.h"
#include "analysis/rows.h"
#include "analysis/sample_rows.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/re.h"

typedef struct gs_table_style {
	gs_str unit;	/* "auto" or a unit */
	double divide_by; /* values and totals are shown as so much smaller; 0: as they are */
	uint32_t limit; /* rows; 0: all */
	bool has_state; /* diff: new, removed... and significance */
	bool is_diff_base; /* percentages are of the base */
	bool use_color;
	unsigned width; /* of the terminal; 0: unknown */
} gs_table_style;

void gs_top_json(gs_rows *r, const gs_table_style *s, gs_buf *out);
void gs_top_csv(gs_rows *r, const gs_table_style *s, gs_buf *out);
void gs_top_text(gs_rows *r, const gs_table_style *s, gs_buf *out);

/* Nodes whose name is `function`, or when there is none: matches it as a regular expression. GS_ERR_MISSING when nothing does. */
bool gs_peek_write(gs_graph *g, gs_str function, const gs_table_style *s, bool json, gs_buf *out, gs_err *err);

void gs_tags_write(gs_arena *mem, const gs_view *v, const gs_table_style *s, const char *format, gs_buf *out);

typedef struct gs_traces_page {
	uint32_t offset, limit; /* limit 0: all */
	bool by_value;
} gs_traces_page;
bool gs_traces_write(gs_arena *mem, const gs_view *v, const gs_traces_page *page, const gs_table_style *s, bool json,
		     gs_buf *out, gs_err *err);

typedef struct gs_samples_page {
	uint32_t offset, limit; /* limit 0: all */
	bool with_stacks;
} gs_samples_page;
void gs_samples_write(gs_arena *mem, const gs_sample_rows *r, const gs_samples_page *page, const gs_table_style *s, bool json,
		      gs_buf *out);

/* Share of the stacks that a matching frame is in, each counted once, and the functions that match. */
bool gs_search_write(gs_arena *mem, const gs_view *v, gs_str pattern, const gs_table_style *s, bool json, gs_buf *out,
		     gs_err *err);

/* A tree of a view, each node with its total; nodes below `min` of the total are left out. */
void gs_tree_text(gs_arena *mem, const gs_view *v, uint32_t root, double min, uint32_t max_depth, const gs_table_style *s,
		  gs_buf *out);
void gs_tree_json(gs_arena *mem, const gs_view *v, uint32_t root, double min, uint32_t max_depth, const gs_table_style *s,
		  gs_buf *out);

/* One line over a table: type, total, samples, filters. */
void gs_table_heading(const gs_view *v, double raw_total, const gs_table_style *s, gs_buf *out);

/* For the files of this folder. */
int64_t gs_table_scaled(const gs_table_style *s, int64_t value);
/* Type of the values, "mean delay" with query->mean; JSON has "mean":true beside the type. */
void gs_table_type_json(gs_json *j, const gs_view *v);
void gs_table_value(const gs_view *v, const gs_table_style *s, gs_buf *out, int64_t value);
void gs_table_value_padded(const gs_view *v, const gs_table_style *s, gs_buf *out, int64_t value, unsigned width);
double gs_table_percent(int64_t value, int64_t total);
void gs_table_name_json(gs_json *j, const gs_view *v, const gs_key *k);
void gs_table_csv_field(gs_buf *out, gs_str s);

#endif
