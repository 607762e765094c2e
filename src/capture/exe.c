#include "capture/exe.h"

#include "base/buf.h"
#include "base/file.h"
#include "format/elf/buildinfo.h"
#include "base/banned.h"

static void put_module(gs_buf *b, const char *key, const gs_go_module *m)
{
	if (!m->path.n)
		return;
	gs_buf_f(b, "%s\t%.*s\t%.*s\t%.*s\n", key, GS_FMT(m->path), GS_FMT(m->version), GS_FMT(m->sum));
	if (m->new_path.n)
		gs_buf_f(b, "=>\t%.*s\t%.*s\n", GS_FMT(m->new_path), GS_FMT(m->new_version));
}

bool gs_exe_read(gs_arena *mem, const char *path, gs_exe *out, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(256 << 20);
	GS_AUTO(buf) text = { 0 };
	GS_AUTO(file) f = { 0 };
	gs_go_buildinfo info;
	gs_elf e;

	*out = (gs_exe){ 0 };
	if (!gs_file_open(path, 1ull << 40, &f, err) || !gs_elf_open(scratch, f.bytes, &e, err))
		return false;
	out->build_id = gs_elf_build_id_hex(&e, mem);
	if (!out->build_id.n)
		out->build_id = gs_str_dup(mem, gs_elf_go_build_id(&e));
	if (!gs_elf_go_buildinfo(&e, &info, NULL))
		return true;
	out->is_go = true;
	out->go_version = gs_str_dup(mem, info.go_version);
	out->main_package = gs_str_dup(mem, info.package);
	out->module = gs_str_dup(mem, info.main.path);
	out->module_version = gs_str_dup(mem, info.main.version);
	gs_buf_init(&text, 4 << 20);
	put_module(&text, "mod", &info.main);
	for (uint32_t i = 0; i < info.n_deps; i++)
		put_module(&text, "dep", &info.deps[i]);
	for (uint32_t i = 0; i < info.n_settings; i++)
		gs_buf_f(&text, "build\t%.*s=%.*s\n", GS_FMT(info.settings[i].key), GS_FMT(info.settings[i].value));
	out->settings = gs_str_dup(mem, gs_buf_view(&text));
	return true;
}
