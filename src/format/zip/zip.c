#include "format/zip/zip.h"

#include <zip.h>

#include "base/library.h"

#include "base/banned.h"

enum { STEP_BYTES = 1 << 20, ENTRY_MIN_BYTES = 46 /* in the list of files */ };

bool gs_zip_is(gs_str b)
{
	return b.n >= 4 && b.p[0] == 'P' && b.p[1] == 'K' && ((b.p[2] == 3 && b.p[3] == 4) || (b.p[2] == 5 && b.p[3] == 6));
}

static bool fail(gs_err *err, const char *what, gs_str name, zip_error_t *why)
{
	int code = zip_error_code_zip(why);
	gs_errc is = code == ZIP_ER_MEMORY ? GS_ERR_LIMIT :
		     code == ZIP_ER_COMPNOTSUPP || code == ZIP_ER_ENCRNOTSUPP || code == ZIP_ER_NOPASSWD ? GS_ERR_UNSUPPORTED :
													   GS_ERR_FORMAT;

	return gs_fail(err, is, GS_ERR_NOWHERE, "%s%.*s: %s", what, GS_FMT(name), zip_error_strerror(why));
}

/* Nothing is written out under these names; yet an archive that tries is not one to trust. */
static bool leads_elsewhere(gs_str name)
{
	gs_str rest = name, part;

	if (gs_str_starts(name, GS_S("/")) || gs_str_find_char(name, '\\') != SIZE_MAX)
		return true;
	while (rest.n) {
		gs_str_cut(rest, '/', &part, &rest);
		if (gs_str_eq(part, GS_S("..")))
			return true;
	}
	return false;
}

static bool list_files(gs_zip *z, gs_str bytes, gs_err *err)
{
	zip_int64_t n = zip_get_num_entries(z->handle, 0);

	if (n < 0 || (uint64_t)n > bytes.n / ENTRY_MIN_BYTES)
		return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "the zip archive says that it has more files than fit into it");
	if (n > GS_ZIP_MAX_FILES)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%lld files in a zip archive, more than %d", (long long)n, (int)GS_ZIP_MAX_FILES);
	z->files = gs_try_new(z->mem, gs_zip_file, (size_t)n);
	if (!z->files)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "out of memory for %lld files of a zip archive", (long long)n);
	for (zip_int64_t i = 0; i < n; i++) {
		const char *p = zip_get_name(z->handle, (zip_uint64_t)i, 0);
		gs_str name = p ? gs_str_of(p) : (gs_str){ 0 };

		if (leads_elsewhere(name))
			return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE, "a zip archive with a file called %.*s, which leads out of it, is not to be trusted",
				       GS_FMT(name));
		if (name.n == 0 || gs_str_ends(name, GS_S("/")))
			continue;
		z->files[z->n++] = (gs_zip_file){ gs_str_dup(z->mem, name), (uint64_t)i };
	}
	return true;
}

bool gs_zip_open(gs_str bytes, uint64_t max_bytes, gs_zip *out, gs_err *err)
{
	zip_error_t why;
	zip_source_t *source;
	bool ok;

	*out = (gs_zip){ .left_bytes = max_bytes };
	if (!gs_library_load(GS_LIBRARY_ZIP, err))
		return false;
	out->mem = gs_arena_create((uint64_t)1 << 30);
	zip_error_init(&why);
	source = zip_source_buffer_create(bytes.p, bytes.n, 0, &why);
	if (source) {
		out->handle = zip_open_from_source(source, ZIP_RDONLY, &why);
		if (!out->handle)
			zip_source_free(source);
	}
	ok = out->handle ? list_files(out, bytes, err) : fail(err, "zip archive", (gs_str){ 0 }, &why);
	zip_error_fini(&why);
	if (!ok)
		gs_zip_close(out);
	return ok;
}

bool gs_zip_read(gs_zip *z, const gs_zip_file *f, gs_buf *out, gs_err *err)
{
	zip_file_t *file = zip_fopen_index(z->handle, f->index, 0);
	zip_int64_t n;
	bool ok;

	if (!file)
		return fail(err, "", f->name, zip_get_error(z->handle));
	for (;;) {
		size_t step = z->left_bytes < STEP_BYTES ? (size_t)z->left_bytes + 1 : STEP_BYTES; /* one more tells a bomb from an end */

		if (step > out->max - out->n)
			step = out->max - out->n;
		if (step == 0 || !gs_buf_reserve(out, step)) {
			ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%.*s: too large, or no memory for it", GS_FMT(f->name));
			break;
		}
		n = zip_fread(file, out->p + out->n, step);
		if (n <= 0) {
			ok = n == 0 || fail(err, "", f->name, zip_file_get_error(file));
			break;
		}
		if ((uint64_t)n > z->left_bytes) {
			ok = gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%.*s: the zip archive unpacks to more than any real capture: a zip bomb?",
				     GS_FMT(f->name));
			break;
		}
		out->n += (size_t)n;
		z->left_bytes -= (uint64_t)n;
	}
	zip_fclose(file);
	return ok;
}

void gs_zip_close(gs_zip *z)
{
	if (z->handle)
		zip_discard(z->handle);
	if (z->mem)
		gs_arena_free(z->mem);
	*z = (gs_zip){ 0 };
}
