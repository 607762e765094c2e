#include "app/capture_meta.h"

#include <jansson.h>

#include "base/file.h"
#include "base/library.h"

#include "base/banned.h"

enum { MAX_META_BYTES = 16 << 20 };

static gs_str string(gs_arena *mem, const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	return v && json_is_string(v) ? gs_str_dup(mem, (gs_str){ json_string_value(v), json_string_length(v) }) : (gs_str){ 0 };
}

bool gs_capture_meta_read(gs_arena *mem, const gs_document *d, gs_capture_meta *out)
{
	size_t slash = gs_str_rfind_char(d->path, '/');
	gs_str path = gs_strf(mem, "%.*s/capture.json", GS_FMT(slash == SIZE_MAX ? GS_S(".") : gs_str_slice(d->path, 0, slash)));
	GS_AUTO(file) f = { 0 };
	gs_str text = d->capture_json;
	const json_t *process;
	json_t *json;
	bool ok;

	*out = (gs_capture_meta){ 0 };
	if (!d->group.n || !gs_library_load(GS_LIBRARY_JANSSON, NULL) ||
	    (!text.n && !gs_file_read(path.p, MAX_META_BYTES, &f, NULL)))
		return false;
	if (!text.n)
		text = f.bytes;
	json = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
	process = json_object_get(json, "process");
	out->name = string(mem, process, "name");
	out->command = string(mem, process, "command");
	out->module = string(mem, process, "module");
	out->main_package = string(mem, process, "main_package");
	out->go_version = string(mem, process, "go_version");
	out->host = string(mem, json_object_get(json, "host"), "name");
	out->pid = json_integer_value(json_object_get(process, "pid"));
	ok = json_is_object(json);
	json_decref(json);
	return ok;
}
