#include "service/http/assets.h"

#include <libdeflate.h>
#include <limits.h>

#include "base/file.h"

#include "base/banned.h"

enum { MAX_ASSET_BYTES = 32 << 20 };

const gs_asset *gs_asset_find(gs_str path)
{
	if (gs_str_eq(path, GS_S("/")))
		path = GS_S("/index.html");
	for (const gs_asset *a = gs_assets; a->path; a++)
		if (gs_str_eq(path, gs_str_of(a->path)))
			return a;
	return NULL;
}

bool gs_asset_unpack(const gs_asset *a, gs_buf *out)
{
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	bool ok = d && gs_buf_reserve(out, a->raw_bytes + 1) &&
		  libdeflate_gzip_decompress(d, a->gzip, a->gzip_bytes, out->p + out->n, a->raw_bytes, NULL) ==
			  LIBDEFLATE_SUCCESS;

	if (ok)
		out->n += a->raw_bytes;
	libdeflate_free_decompressor(d);
	return ok;
}

static const char *mime_of(gs_str path)
{
	static const struct {
		const char *suffix, *mime;
	} known[] = {
		{ ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },	 { ".svg", "image/svg+xml" },
		{ ".png", "image/png" },		 { ".woff2", "font/woff2" },
		{ ".json", "application/json" },	 { ".map", "application/json" },
		{ ".ico", "image/x-icon" },
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (gs_str_ends(path, gs_str_of(known[i].suffix)))
			return known[i].mime;
	return "application/octet-stream";
}

/* Plain names only: no "..", no hidden files, nothing to decode. */
static bool is_plain(gs_str path)
{
	for (size_t i = 0; i < path.n; i++) {
		char c = path.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c && strchr("/._-", c))))
			return false;
		if (c == '/' && i + 1 < path.n && (path.p[i + 1] == '.' || path.p[i + 1] == '/'))
			return false;
	}
	return path.n > 1 && path.p[0] == '/';
}

bool gs_asset_from_folder(const char *folder, gs_str path, gs_buf *out, const char **mime)
{
	char full[4096], real[PATH_MAX], root[PATH_MAX];
	GS_AUTO(file) f = { 0 };
	size_t n;

	if (gs_str_eq(path, GS_S("/")))
		path = GS_S("/index.html");
	if (!is_plain(path) || snprintf(full, sizeof(full), "%s%.*s", folder, GS_FMT(path)) >= (int)sizeof(full))
		return false;
	/* A link in the folder may lead out of it. */
	if (!realpath(folder, root) || !realpath(full, real))
		return false;
	n = strlen(root);
	if (strncmp(real, root, n) != 0 || real[n] != '/')
		return false;
	if (!gs_file_read(real, MAX_ASSET_BYTES, &f, NULL))
		return false;
	gs_buf_str(out, f.bytes);
	*mime = mime_of(path);
	return !out->bad;
}
