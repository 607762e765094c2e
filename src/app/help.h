/*
 * Everything that is printed from rows: help texts, the manual page, the docs pages, shell completions. A command of the command
 * line that is no operation (record, ui) is described by a row too, with .run NULL.
 */
#ifndef GS_APP_HELP_H
#define GS_APP_HELP_H

#include "app/op.h"

/* All rows to describe, in order; ends with NULL. */
typedef struct gs_manual {
	const char *version;
	const gs_op *const *commands; /* ways in: record, ui, ... */
	const gs_op *const *ops;
	const gs_op_chapter *chapters;
} gs_manual;

void gs_help_overview(gs_buf *out, const gs_manual *m);
/* `width` columns (at least 40); `use_color` for headings. */
void gs_help_op(gs_buf *out, const gs_op *op, unsigned width, bool use_color);
void gs_help_markdown(gs_buf *out, const gs_op *op);
void gs_help_man(gs_buf *out, const gs_manual *m);
/* docs/commands/README.md: the list of all pages. */
void gs_help_markdown_index(gs_buf *out, const gs_manual *m);

void gs_complete_bash(gs_buf *out, const gs_manual *m);
void gs_complete_zsh(gs_buf *out, const gs_manual *m);
void gs_complete_fish(gs_buf *out, const gs_manual *m);

/* Text of `s` with the line breaks of paragraphs joined and wrapped; lines that begin with two blanks stay. */
void gs_help_wrap(gs_buf *out, gs_str s, unsigned indent, unsigned width);
const char *gs_help_operands(const gs_op *op);
/* Argument groups of a row with the front-end's own behind them. i-th, NULL after the last. */
const gs_arg_group *gs_help_group_at(const gs_op *op, unsigned i);

#endif
