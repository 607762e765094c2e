/* Text inside SVG and HTML: one place that no name gets around. */
#ifndef GS_PRESENT_MARKUP_H
#define GS_PRESENT_MARKUP_H

#include "base/buf.h"

/* Markup characters and quotes escaped; what XML 1.0 forbids becomes U+FFFD, line ends and tabs stay. */
void gs_markup_text(gs_buf *out, gs_str s);

#endif
