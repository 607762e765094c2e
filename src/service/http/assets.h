/* The files of the page: built into the program (see tools/embed-ui), or in a folder while it is being developed. */
#ifndef GS_SERVICE_HTTP_ASSETS_H
#define GS_SERVICE_HTTP_ASSETS_H

#include "base/buf.h"
#include "base/err.h"

typedef struct gs_asset {
	const char *path; /* "/index.html" */
	const char *mime;
	const char *etag; /* with its quotes */
	const unsigned char *gzip;
	size_t gzip_bytes, raw_bytes;
} gs_asset;

/* Ends with a row without a path. Empty when the page is not built in. */
extern const gs_asset gs_assets[];

/* NULL when there is none. "/" is "/index.html". */
const gs_asset *gs_asset_find(gs_str path);
bool gs_asset_unpack(const gs_asset *a, gs_buf *out);

/* A file under `folder`; never one outside, whatever `path` says. False when there is none. */
bool gs_asset_from_folder(const char *folder, gs_str path, gs_buf *out, const char **mime);

#endif
