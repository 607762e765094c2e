/*
 * gs_rows: what a view costs by key, for tables: own and total values of the profile and its base, and raw samples. A recursive
 * function counts once a stack. Made in one walk over the view. With query->mean values are divided by those of the first sample type.
 */
#ifndef GS_ANALYSIS_ROWS_H
#define GS_ANALYSIS_ROWS_H

#include "analysis/graph.h"

typedef enum gs_row_state {
	GS_ROW_SAME,
	GS_ROW_CHANGED,
	GS_ROW_NEW,
	GS_ROW_REMOVED,
} gs_row_state;

typedef struct gs_row {
	uint32_t key;
	bool is_inlined, is_not_inlined; /* somewhere */
	int64_t flat, cum, base_flat, base_cum;
	int64_t flat_div, cum_div; /* query->mean: what flat and cum were divided by */
	double raw_flat, raw_cum, base_raw_flat, base_raw_cum; /* unscaled samples */
	/* gs_rows_compare: */
	gs_row_state state;
	double p; /* that chance alone makes the values differ so much, corrected for the number of rows */
	bool is_significant;
} gs_row;

typedef struct gs_rows {
	const gs_view *view;
	gs_row *list;
	uint32_t n;
	double raw_total, base_raw_total;
	int64_t sum, base_sum; /* of the values in the view, signs kept */
} gs_rows;

typedef enum gs_row_order { GS_ROWS_BY_FLAT, GS_ROWS_BY_CUM, GS_ROWS_BY_NAME } gs_row_order;

gs_rows *gs_rows_build(gs_arena *mem, const gs_view *v, gs_err *err);
/* With a base: by the size of the difference. */
void gs_rows_sort(gs_rows *r, gs_row_order order);

/*
 * State and significance of each row. The test is on raw cumulative samples: of a + b samples of a row, a come from the profile; were
 * its values equal, a would be binomial. Exact below 25 samples, normal above; Benjamini-Hochberg over the rows. It is the values shown
 * that are compared: a heap that doubled is a difference though every share stayed. With normalized sides that means shares.
 */
void gs_rows_compare(gs_rows *r, gs_arena *mem);

/* Smallest relative change of a row with share `p` of the total that would have been found with probability 0.8; 0: unknown. */
double gs_rows_detectable(const gs_rows *r, double share);

#endif
