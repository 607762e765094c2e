/*
 * Strings as Go quotes them: fmt's %q and the runtime's own printing of labels. Both are subsets of Go's interpreted string
 * literals (https://go.dev/ref/spec#String_literals).
 */
#ifndef GS_FORMAT_GOTEXT_QUOTED_H
#define GS_FORMAT_GOTEXT_QUOTED_H

#include "base/arena.h"

/*
 * Take a quoted string off the front of *rest; *out is its value: a slice of the input when nothing is escaped, else a copy
 * in `mem`. False when *rest does not start with a whole quoted string (then *rest is as before) or memory is out.
 */
bool gs_quoted_take(gs_arena *mem, gs_str *rest, gs_str *out);

typedef struct gs_text_label {
	gs_str key, value;
} gs_text_label;

/*
 * `{"k":"v", "k2":"v2"}` as debug=1 profiles and traceback headers write labels; keys and values may also be bare words
 * (Go 1.27). Returns how many were written to labels[0..max); *rest is what follows the closing brace. SIZE_MAX when *rest
 * does not start with such a list.
 */
size_t gs_quoted_labels(gs_arena *mem, gs_str *rest, gs_text_label *labels, size_t max);

#endif
