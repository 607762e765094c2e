/* A capture's parts as documents: from its folder, or from a zip archive of that. Behind gs_load_input. */
#ifndef GS_LOAD_CAPTURE_PARTS_H
#define GS_LOAD_CAPTURE_PARTS_H

#include "load/load.h"

bool gs_load_folder(const char *path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		    gs_buf *skipped, gs_err *err);
/* `bytes` are the archive's; documents do not need them. */
bool gs_load_zip(gs_str bytes, gs_str path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		 gs_buf *skipped, gs_err *err);

/* ---- what load.c has for it ---- */

/* Last part of a path, or how standard input is called. */
gs_str gs_load_name_of(gs_str path, const gs_load_options *options);
/* As gs_load_parts; documents may take the file's bytes along. */
bool gs_load_parts_of(gs_file *file, gs_str path, const gs_load_options *options, const gs_progress *progress, gs_documents *out,
		      gs_err *err);

#endif
