#include "present/tabs.h"

typedef struct cell {
	gs_str text;
	uint32_t width; /* characters */
} cell;

typedef struct row {
	uint32_t first, n; /* cells; the last one is not part of a column */
} row;

typedef struct table {
	gs_buf *out;
	cell *cells;
	row *rows;
	uint32_t widths[64];
	uint32_t n_widths;
} table;

enum { PADDING = 1, MAX_COLUMNS = 64 };

static void put_rows(const table *t, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		for (uint32_t c = 0; c < t->rows[i].n; c++) {
			const cell *x = &t->cells[t->rows[i].first + c];

			if (c < t->n_widths && t->widths[c] > x->width)
				gs_buf_fill(t->out, ' ', t->widths[c] - x->width);
			gs_buf_str(t->out, x->text);
		}
		gs_buf_c(t->out, '\n');
	}
}

/* Rows [from, to) are in one block of all columns so far. */
static void format(table *t, uint32_t from, uint32_t to)
{
	uint32_t column = t->n_widths, done = from;

	for (uint32_t i = from; i < to && column < MAX_COLUMNS; i++) {
		uint32_t width = 0, first = i;

		if (column + 1 >= t->rows[i].n)
			continue;
		put_rows(t, done, i);
		for (; i < to && column + 1 < t->rows[i].n; i++) {
			uint32_t w = t->cells[t->rows[i].first + column].width + PADDING;

			width = w > width ? w : width;
		}
		t->widths[t->n_widths++] = width;
		format(t, first, i);
		t->n_widths--;
		done = i;
		i--;
	}
	put_rows(t, done, to);
}

static uint32_t count_chars(gs_str s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

void gs_tabs_align_right(gs_buf *out, gs_str text)
{
	GS_VEC(cell) cells = { 0 };
	GS_VEC(row) rows = { 0 };
	table t = { .out = out };
	gs_str line;

	while (text.n) {
		row *r = gs_vec_push(&rows, INT32_MAX);
		bool more;

		gs_str_cut(text, '\n', &line, &text);
		if (!r)
			break;
		r->first = (uint32_t)cells.n;
		do {
			cell *c = gs_vec_push(&cells, INT32_MAX);
			gs_str one;

			more = gs_str_cut(line, '\t', &one, &line);
			if (c)
				*c = (cell){ one, count_chars(one) };
			r->n++;
		} while (more);
	}
	t.cells = cells.p;
	t.rows = rows.p;
	if (cells.p && rows.p)
		format(&t, 0, (uint32_t)rows.n);
	gs_vec_release(&cells);
	gs_vec_release(&rows);
}
