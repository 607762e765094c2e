/*
 * gs_gzip: pack bytes as one gzip member. For what goes out: profiles, answers to a browser.
 */
#ifndef GS_BASE_GZIP_H
#define GS_BASE_GZIP_H

#include "base/buf.h"

/*
 * level 1 (fast) to 12 (small); 6 is a good choice. The buffer goes bad when memory or its maximum is out. Level 1 is ISA-L's
 * where the machine has it, twice as fast as libdeflate's and 6 % larger: which bytes come out depends on the machine.
 */
void gs_gzip(gs_buf *out, gs_str bytes, int level);

#endif
