/* What the parsers of this folder share: growing arrays, numbers at the front of a slice, rows of addresses. */
#ifndef GS_FORMAT_LEGACY_BUILD_H
#define GS_FORMAT_LEGACY_BUILD_H

#include "base/buf.h"
#include "format/legacy/legacy.h"

typedef struct legacy_builder {
	gs_arena *mem;
	gs_str text; /* whole input */
	gs_legacy *out;
	GS_VEC(gs_legacy_sample) samples;
	GS_VEC(uint64_t) addresses;
	GS_VEC(gs_legacy_symbol) symbols;
	GS_VEC(gs_text_label) labels;
	GS_VEC(gs_legacy_mapping) mappings;
	bool is_full; /* memory or a maximum is out */
	gs_err *err;
} legacy_builder;

enum { LEGACY_MAX_ITEMS = INT32_MAX };

bool legacy_take_int(gs_str *s, int64_t *out); /* leading blanks, optional minus, digits */
bool legacy_take(gs_str *s, const char *word); /* leading blanks, then the word */
bool legacy_is_comment(gs_str line);	       /* blank or # */
/* All 0x numbers of the row become addresses of the sample, minus 1. */
bool legacy_addresses(legacy_builder *b, gs_legacy_sample *s, gs_str row);
gs_legacy_sample *legacy_sample(legacy_builder *b);
/* A comment line that belongs to the last sample: symbols or labels. */
void legacy_comment(legacy_builder *b, gs_str line);
bool legacy_fail(legacy_builder *b, gs_str line, const char *what);
/* From the rest of the input on: find the memory map sentinel and read what follows. */
void legacy_find_map(legacy_builder *b, gs_str rest);
/* `rest` is the text of a memory map. */
void legacy_parse_map(legacy_builder *b, gs_str rest);
bool legacy_is_map_sentinel(gs_str line);

bool legacy_parse_count(legacy_builder *b);
bool legacy_parse_heap(legacy_builder *b);
bool legacy_parse_contention(legacy_builder *b);
bool legacy_parse_cpu(legacy_builder *b);
/* Word size and byte order of a binary CPU profile: index 0..3, or -1. */
int legacy_cpu_words(gs_str head);

#endif
