/*
 * A query's transforms, applied to a view one after the other. Inside analysis only.
 */
#ifndef GS_ANALYSIS_TRANSFORM_H
#define GS_ANALYSIS_TRANSFORM_H

#include "analysis/keys.h"

/* Before the values are summed: nodes are replaced and samples moved. GS_ERR_MISSING for an unknown node id. */
bool gs_view_transform(gs_view *v, gs_key_table *table, gs_err *err);

#endif
