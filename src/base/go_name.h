/*
 * Go symbol names, taken apart: "net/http.(*Server).ServeHTTP" is package "net/http" and "(*Server).ServeHTTP" within it.
 * Slices of the name given; nothing is copied.
 */
#ifndef GS_BASE_GO_NAME_H
#define GS_BASE_GO_NAME_H

#include "base/str.h"

typedef struct gs_go_name {
	gs_str package; /* import path as the linker writes it ("gopkg.in/yaml%2ev3"); empty for C, kernel, unknown */
	gs_str local;	/* the rest, type arguments included; the whole name when there is no package */
} gs_go_name;

gs_go_name gs_go_name_split(gs_str name);
/* The runtime itself: package runtime or below runtime/ and internal/runtime/, and the names that stand for it in profiles. */
bool gs_go_name_is_runtime(gs_str name);

#endif
