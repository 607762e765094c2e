#include "format/elf/buildinfo.h"

#include "base/rd.h"
#include "base/banned.h"

enum {
	PT_LOAD = 1,
	HEADER = 32,
	ALIGN = 16,
	FLAG_BIG = 1,
	FLAG_INLINE = 2,
	MAX_DEPS = 1 << 16,
	MAX_STRING = 16 << 20,
};

static const char magic[] = "\xff Go buildinf:";
#define MAGIC_BYTES (sizeof(magic) - 1)

static uint64_t search(gs_str bytes, uint64_t addr)
{
	uint64_t at = (ALIGN - addr % ALIGN) % ALIGN;

	while (at < bytes.n && gs_peek_has(bytes, at, HEADER)) {
		size_t hit = gs_str_find(gs_str_skip(bytes, at), (gs_str){ magic, MAGIC_BYTES });

		if (hit == SIZE_MAX)
			break;
		at += hit;
		if ((addr + at) % ALIGN == 0 && gs_peek_has(bytes, at, HEADER))
			return at;
		at++;
	}
	return UINT64_MAX;
}

/* The record's place: its section, else the start of the writable data (where the linker puts it first). */
static bool find_record(const gs_elf *e, gs_str *bytes, uint64_t *addr)
{
	const gs_elf_section *s = gs_elf_section_find(e, GS_S(".go.buildinfo"));
	uint64_t at;

	if (s) {
		*bytes = gs_elf_section_raw(e, s);
		at = search(*bytes, s->addr);
		if (at != UINT64_MAX) {
			*addr = s->addr + at;
			*bytes = gs_str_skip(*bytes, at);
			return true;
		}
	}
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *g = &e->segments[i];

		if (g->type != PT_LOAD || !(g->flags & 2))
			continue;
		*bytes = gs_str_slice(gs_elf_at(e, g->addr), 0, 1 << 20);
		at = search(*bytes, g->addr);
		if (at != UINT64_MAX) {
			*addr = g->addr + at;
			*bytes = gs_str_skip(*bytes, at);
			return true;
		}
	}
	return false;
}

/* A Go string header at `addr`: pointer and length. */
static gs_str go_string(const gs_elf *e, uint64_t addr)
{
	uint64_t data, n;
	unsigned w = gs_elf_pointer_size(e);
	gs_str head = gs_elf_at(e, addr), body;

	if (!gs_elf_pointer(e, addr, &data) || head.n < 2 * w)
		return (gs_str){ 0 };
	n = gs_peek_ptr(head.p + w, w, e->is_big);
	body = gs_elf_at(e, data);
	if (n > body.n || n > MAX_STRING)
		return (gs_str){ 0 };
	return (gs_str){ body.p, (size_t)n };
}

static unsigned minor_of(gs_str v)
{
	unsigned n = 0;

	if (!gs_str_starts(v, GS_S("go1.")))
		return 0;
	for (size_t i = 4; i < v.n && v.p[i] >= '0' && v.p[i] <= '9' && n < 1000; i++)
		n = n * 10 + (unsigned)(v.p[i] - '0');
	return n;
}

static gs_go_module module_of(gs_str columns)
{
	gs_go_module m = { 0 };
	gs_str rest;

	gs_str_cut(columns, '\t', &m.path, &rest);
	gs_str_cut(rest, '\t', &m.version, &m.sum);
	return m;
}

/* Go string literals only appear around keys and values with blanks or quotes; strip plain quotes, keep what is inside. */
static gs_str unquote(gs_str s)
{
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '`') && s.p[s.n - 1] == s.p[0])
		return gs_str_slice(s, 1, s.n - 1);
	return s;
}

static bool parse_modules(gs_arena *mem, gs_str text, gs_go_buildinfo *out, gs_err *err)
{
	gs_str rest = text, line;
	uint32_t deps = 0, settings = 0;
	gs_go_module *last = NULL;

	while (gs_str_line(&rest, &line)) {
		deps += gs_str_starts(line, GS_S("dep\t"));
		settings += gs_str_starts(line, GS_S("build\t"));
	}
	out->deps = gs_try_new(mem, gs_go_module, deps);
	out->settings = gs_try_new(mem, gs_go_setting, settings);
	if (deps > MAX_DEPS || !out->deps || !out->settings)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "build info names %u modules", deps);
	rest = text;
	while (gs_str_line(&rest, &line)) {
		if (gs_str_starts(line, GS_S("path\t"))) {
			out->package = gs_str_skip(line, 5);
		} else if (gs_str_starts(line, GS_S("mod\t"))) {
			out->main = module_of(gs_str_skip(line, 4));
			last = &out->main;
		} else if (gs_str_starts(line, GS_S("dep\t"))) {
			last = &out->deps[out->n_deps++];
			*last = module_of(gs_str_skip(line, 4));
		} else if (gs_str_starts(line, GS_S("=>\t")) && last) {
			gs_go_module m = module_of(gs_str_skip(line, 3));

			last->new_path = m.path;
			last->new_version = m.version;
			last = NULL;
		} else if (gs_str_starts(line, GS_S("build\t"))) {
			gs_go_setting *kv = &out->settings[out->n_settings++];

			gs_str_cut(gs_str_skip(line, 6), '=', &kv->key, &kv->value);
			kv->key = unquote(kv->key);
			kv->value = unquote(kv->value);
		}
	}
	return true;
}

bool gs_elf_go_buildinfo(gs_elf *e, gs_go_buildinfo *out, gs_err *err)
{
	gs_str record, mod = { 0 };
	uint64_t addr;
	gs_elf_symbol sym;

	*out = (gs_go_buildinfo){ 0 };
	if (find_record(e, &record, &addr)) {
		unsigned flags = (unsigned char)record.p[15];

		if (flags & FLAG_INLINE) {
			gs_rd r = gs_rd_of(gs_str_skip(record, HEADER));

			out->go_version = gs_rd_bytes(&r, gs_rd_varint(&r));
			mod = gs_rd_bytes(&r, gs_rd_varint(&r));
			if (r.bad)
				return gs_fail(err, GS_ERR_FORMAT, gs_rd_at(&r), "Go build info is cut short");
		} else {
			unsigned w = (unsigned char)record.p[14];
			uint64_t version = 0, modules = 0;

			if (w != gs_elf_pointer_size(e) || !!(flags & FLAG_BIG) != e->is_big)
				return gs_fail(err, GS_ERR_FORMAT, GS_ERR_NOWHERE,
					       "Go build info does not fit the file's word size or byte order");
			if (!gs_elf_load_relocs(e, err))
				return false;
			gs_elf_pointer(e, addr + 16, &version);
			gs_elf_pointer(e, addr + 16 + w, &modules);
			out->go_version = go_string(e, version);
			mod = go_string(e, modules);
		}
	} else if (gs_elf_symbol_named(e, GS_S("runtime.buildVersion"), &sym)) {
		if (!gs_elf_load_relocs(e, err))
			return false;
		out->go_version = go_string(e, sym.addr);
	}
	if (out->go_version.n == 0)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no Go build info in this file");
	out->minor = minor_of(out->go_version);
	/* The text lies between two 16-byte marks by which a core dump can be searched for it. */
	if (mod.n >= 33 && mod.p[mod.n - 17] == '\n')
		mod = gs_str_slice(mod, 16, mod.n - 16);
	else
		mod = (gs_str){ 0 };
	return parse_modules(e->mem, mod, out, err);
}

bool gs_go_buildinfo_read(gs_arena *mem, gs_str bytes, gs_go_buildinfo *out, gs_err *err)
{
	gs_elf e;

	*out = (gs_go_buildinfo){ 0 };
	return gs_elf_open(mem, bytes, &e, err) && gs_elf_go_buildinfo(&e, out, err);
}

gs_str gs_go_buildinfo_setting(const gs_go_buildinfo *b, gs_str key)
{
	for (uint32_t i = 0; i < b->n_settings; i++)
		if (gs_str_eq(b->settings[i].key, key))
			return b->settings[i].value;
	return (gs_str){ 0 };
}
