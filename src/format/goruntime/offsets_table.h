/* The rows of offsets_table.c. */
#ifndef GS_FORMAT_GORUNTIME_OFFSETS_TABLE_H
#define GS_FORMAT_GORUNTIME_OFFSETS_TABLE_H

#include "format/goruntime/offsets.h"

typedef struct gs_go_offsets_row {
	unsigned go_minor, machine; /* machine 0: any */
	gs_go_offsets o;
} gs_go_offsets_row;

extern const gs_go_offsets_row gs_go_offsets_rows[];
extern const unsigned gs_go_offsets_n_rows;

#endif
