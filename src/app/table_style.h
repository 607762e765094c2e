/* How the tables of a call look: the shared arguments of table operations. */
#ifndef GS_APP_TABLE_STYLE_H
#define GS_APP_TABLE_STYLE_H

#include "app/op.h"
#include "present/tables.h"

/* From unit and, when the row has it, n. */
gs_table_style gs_call_table_style(const gs_op_call *call);

#endif
