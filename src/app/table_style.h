/* How the tables of a call look: the shared arguments of table operations. */
#ifndef GS_APP_TABLE_STYLE_H
#define GS_APP_TABLE_STYLE_H

#include "app/op.h"
#include "present/tables.h"

/* From unit and, when the row has it, n. */
gs_table_style gs_call_table_style(const gs_op_call *call);

/* The rows of functions as the call's format has it: text, json or csv. */
void gs_call_write_rows(gs_op_call *call, gs_rows *rows, const gs_table_style *style);

/* A tree of calls as the call's format and its min and depth say: text or json. */
void gs_call_write_tree(gs_op_call *call, const gs_view *v);

#endif
