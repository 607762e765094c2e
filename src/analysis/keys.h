/*
 * From frames to keys: what is equal at a query's granularity gets one key. Inside analysis only; see view.h.
 */
#ifndef GS_ANALYSIS_KEYS_H
#define GS_ANALYSIS_KEYS_H

#include "analysis/view.h"

typedef struct gs_key_table {
	uint32_t *slots; /* key + 1 */
	uint32_t n_slots, cap_keys;
} gs_key_table;

/* Keys of all shown frames of one profile, appended to the view's; frame -> key, GS_NO_ID for frames that are not shown.
 * NULL when memory is out. */
uint32_t *gs_keys_of_frames(gs_view *v, const gs_selection *sel, gs_key_table *table, gs_err *err);

void gs_key_table_release(gs_key_table *t);

/* A key that no frame has (transforms make some). Finds it again. GS_NO_ID when memory is out. */
uint32_t gs_key_intern(gs_view *v, gs_key_table *table, const gs_key *k);

#endif
