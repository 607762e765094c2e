/*
 * Elastic tab stops as Go's text/tabwriter does them, right-aligned with one blank: cells end with a tab, a column is as wide
 * as its widest cell in the lines above and below that have one.
 */
#ifndef GS_PRESENT_TABS_H
#define GS_PRESENT_TABS_H

#include "base/buf.h"

void gs_tabs_align_right(gs_buf *out, gs_str text);

#endif
