/* Opening a line of source in the user's editor. */
#ifndef GS_APP_EDITOR_H
#define GS_APP_EDITOR_H

#include "base/json.h"
#include "model/document.h"

/* ["zed","vscode","env"]: the ones that are there, in the order in which they are offered. */
void gs_editors_json(gs_json *j);

/*
 * Open `file`:`line` in `editor` (empty: the first there is). Only a file that a function of the document names is opened, where
 * it is found on this machine: GS_ERR_DENIED for others, GS_ERR_MISSING when its source is not here.
 */
bool gs_editor_open(const gs_document *d, gs_str file, uint32_t line, gs_str editor, gs_err *err);

/* The words that open it: "code --goto FILE:LINE". `path` is absolute. Ends with NULL; NULL for an unknown editor. */
const char *const *gs_editor_words(gs_arena *mem, gs_str editor, gs_str path, uint32_t line);

#endif
