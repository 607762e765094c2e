/*
 * What is at an address, as text: the address, then a line for each frame, innermost first. Made for hundreds of thousands.
 */
#ifndef GS_APP_ADDRESS_TEXT_H
#define GS_APP_ADDRESS_TEXT_H

#include "base/buf.h"
#include "load/binary.h"

/* What is written again and again is copied from where it was written last: a line up to its number. */
typedef struct gs_address_text {
	gs_buf *out;
	struct {
		const char *function, *file;
		size_t at, n;
		bool is_inlined;
	} recent[64];
} gs_address_text;

/* Nobody else may take bytes off `out` again. */
void gs_address_text_init(gs_address_text *w, gs_buf *out);
void gs_address_text_put(gs_address_text *w, uint64_t addr, const gs_symbol *frames, unsigned n);

#endif
