/* What a view remembers of itself once it has been asked. Internal to analysis/view*.c. */
#ifndef GS_ANALYSIS_VIEW_SUMS_H
#define GS_ANALYSIS_VIEW_SUMS_H

#include "analysis/view.h"

/* Empty; goes with `mem`. */
gs_view_memo *gs_view_memo_create(gs_arena *mem);

#endif
