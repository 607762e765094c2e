/*
 * Names on a terminal: control characters and broken UTF-8 must neither steer it nor break a line. Every text writer puts
 * input through here.
 */
#ifndef GS_PRESENT_PRINTABLE_H
#define GS_PRESENT_PRINTABLE_H

#include "base/buf.h"

/* C0, C1 and DEL become "\x1b", broken bytes U+FFFD. */
void gs_printable(gs_buf *out, gs_str s);

#endif
