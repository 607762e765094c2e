/* What capture.json beside a document tells about the program that was recorded. */
#ifndef GS_APP_CAPTURE_META_H
#define GS_APP_CAPTURE_META_H

#include "base/arena.h"
#include "model/document.h"

typedef struct gs_capture_meta {
	gs_str name, command, module, main_package, go_version, host;
	int64_t pid;
} gs_capture_meta;

/* Strings are the arena's. False when the document is no part of a capture, or its capture.json is not to be had. */
bool gs_capture_meta_read(gs_arena *mem, const gs_document *d, gs_capture_meta *out);

#endif
