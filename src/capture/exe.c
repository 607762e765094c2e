#include "capture/exe.h"

#include <elf.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/rd.h"
#include "base/banned.h"

typedef struct image {
	gs_str bytes;
	uint64_t phoff, shoff;
	unsigned phnum, phentsize, shnum, shentsize, shstrndx;
} image;

static gs_str part(gs_str bytes, uint64_t at, uint64_t n)
{
	if (at > bytes.n || n > bytes.n - at)
		return (gs_str){ 0 };
	return (gs_str){ bytes.p + at, (size_t)n };
}

static bool image_open(gs_str bytes, image *im)
{
	gs_rd r = gs_rd_of(bytes);
	gs_str ident = gs_rd_bytes(&r, EI_NIDENT);

	*im = (image){ .bytes = bytes };
	if (ident.n != EI_NIDENT || memcmp(ident.p, ELFMAG, SELFMAG) != 0 || ident.p[EI_CLASS] != ELFCLASS64 ||
	    ident.p[EI_DATA] != ELFDATA2LSB)
		return false;
	gs_rd_skip(&r, 2 + 2 + 4 + 8); /* type, machine, version, entry */
	im->phoff = gs_rd_u64le(&r);
	im->shoff = gs_rd_u64le(&r);
	gs_rd_skip(&r, 4 + 2); /* flags, size of this header */
	im->phentsize = gs_rd_u16le(&r);
	im->phnum = gs_rd_u16le(&r);
	im->shentsize = gs_rd_u16le(&r);
	im->shnum = gs_rd_u16le(&r);
	im->shstrndx = gs_rd_u16le(&r);
	return !r.bad;
}

static bool phdr(const image *im, unsigned i, Elf64_Phdr *out)
{
	gs_str s = part(im->bytes, im->phoff + (uint64_t)i * im->phentsize, sizeof(*out));

	if (!s.n)
		return false;
	memcpy(out, s.p, sizeof(*out));
	return true;
}

/* File bytes at a virtual address, up to the end of what the segment holds in the file. */
static gs_str at_address(const image *im, uint64_t addr)
{
	Elf64_Phdr p;

	for (unsigned i = 0; i < im->phnum && phdr(im, i, &p); i++)
		if (p.p_type == PT_LOAD && addr >= p.p_vaddr && addr - p.p_vaddr < p.p_filesz)
			return gs_str_skip(part(im->bytes, p.p_offset, p.p_filesz), addr - p.p_vaddr);
	return (gs_str){ 0 };
}

static gs_str section(const image *im, const char *name)
{
	Elf64_Shdr sh;
	gs_str s = part(im->bytes, im->shoff + (uint64_t)im->shstrndx * im->shentsize, sizeof(sh)), names;

	if (!s.n)
		return (gs_str){ 0 };
	memcpy(&sh, s.p, sizeof(sh));
	names = part(im->bytes, sh.sh_offset, sh.sh_size);
	for (unsigned i = 0; i < im->shnum; i++) {
		gs_str n;

		s = part(im->bytes, im->shoff + (uint64_t)i * im->shentsize, sizeof(sh));
		if (!s.n)
			break;
		memcpy(&sh, s.p, sizeof(sh));
		n = gs_str_skip(names, sh.sh_name);
		if (n.n > strlen(name) && memcmp(n.p, name, strlen(name) + 1) == 0)
			return sh.sh_type == SHT_NOBITS ? (gs_str){ 0 } : part(im->bytes, sh.sh_offset, sh.sh_size);
	}
	return (gs_str){ 0 };
}

static const char magic[] = "\xff Go buildinf:";

/* The blob: by its section, else in the first megabyte of the writable segment, where the linker puts it. */
static gs_str find_blob(const image *im)
{
	gs_str s = section(im, ".go.buildinfo"), m = { magic, 14 };
	Elf64_Phdr p;

	if (s.n >= 32 && gs_str_starts(s, m))
		return s;
	for (unsigned i = 0; i < im->phnum && phdr(im, i, &p); i++) {
		if (p.p_type != PT_LOAD || !(p.p_flags & PF_W))
			continue;
		s = part(im->bytes, p.p_offset, p.p_filesz);
		for (size_t at = 0; at + 32 <= s.n && at < 1 << 20; at += 16)
			if (memcmp(s.p + at, magic, 14) == 0)
				return gs_str_skip(s, at);
	}
	return (gs_str){ 0 };
}

static gs_str go_string(const image *im, uint64_t addr)
{
	gs_rd r = gs_rd_of(at_address(im, addr));
	uint64_t p = gs_rd_u64le(&r), n = gs_rd_u64le(&r);
	gs_str s = at_address(im, p);

	return r.bad || n > s.n || n > 1 << 20 ? (gs_str){ 0 } : gs_str_slice(s, 0, n);
}

static void read_settings(gs_str text, gs_exe *out)
{
	gs_str line, key, value, rest;

	while (gs_str_line(&text, &line)) {
		if (!gs_str_cut(line, '\t', &key, &value))
			continue;
		if (gs_str_eq(key, GS_S("path"))) {
			out->main_package = value;
		} else if (gs_str_eq(key, GS_S("mod"))) {
			(void)gs_str_cut(value, '\t', &out->module, &rest);
			(void)gs_str_cut(rest, '\t', &out->module_version, &rest);
		}
	}
}

static void read_build_info(const image *im, gs_arena *mem, gs_exe *out)
{
	gs_str blob = find_blob(im), version, mod;
	gs_rd r = gs_rd_of(blob);

	if (blob.n < 32)
		return;
	if (blob.p[15] & 2) {
		gs_rd_skip(&r, 32);
		version = gs_rd_bytes(&r, gs_rd_varint(&r));
		mod = gs_rd_bytes(&r, gs_rd_varint(&r));
	} else {
		gs_rd_skip(&r, 16);
		version = go_string(im, gs_rd_u64le(&r));
		mod = go_string(im, gs_rd_u64le(&r));
	}
	if (version.n == 0 || version.n > 256)
		return;
	out->is_go = true;
	out->go_version = gs_str_dup(mem, version);
	/* The module text stands between two 16-byte marks. */
	if (mod.n >= 33 && mod.p[mod.n - 17] == '\n') {
		out->settings = gs_str_dup(mem, gs_str_slice(mod, 16, mod.n - 16));
		read_settings(out->settings, out);
	}
}

static void read_notes(const image *im, gs_arena *mem, gs_exe *out)
{
	Elf64_Phdr p;
	gs_str gnu = { 0 }, go = { 0 };

	for (unsigned i = 0; i < im->phnum && phdr(im, i, &p); i++) {
		gs_rd r = gs_rd_of(p.p_type == PT_NOTE ? part(im->bytes, p.p_offset, p.p_filesz) : (gs_str){ 0 });

		while (gs_rd_left(&r) >= 12) {
			uint32_t n_name = gs_rd_u32le(&r), n_desc = gs_rd_u32le(&r), type = gs_rd_u32le(&r);
			gs_str name = gs_rd_bytes(&r, ((uint64_t)n_name + 3) & ~3ull);
			gs_str desc = gs_rd_bytes(&r, ((uint64_t)n_desc + 3) & ~3ull);

			if (r.bad)
				break;
			desc = gs_str_slice(desc, 0, n_desc);
			if (type == 3 && gs_str_starts(name, (gs_str){ "GNU", 4 }))
				gnu = desc;
			else if (type == 4 && gs_str_starts(name, (gs_str){ "Go\0", 4 }))
				go = desc;
		}
	}
	if (gnu.n && gnu.n <= 64) {
		GS_AUTO(buf) b = { 0 };

		gs_buf_init(&b, 256);
		for (size_t i = 0; i < gnu.n; i++)
			gs_buf_f(&b, "%02x", (unsigned char)gnu.p[i]);
		out->build_id = gs_str_dup(mem, gs_buf_view(&b));
	} else if (go.n && go.n <= 256) {
		out->build_id = gs_str_dup(mem, go);
	}
}

bool gs_exe_read(gs_arena *mem, const char *path, gs_exe *out, gs_err *err)
{
	GS_AUTO(file) f = { 0 };
	image im;

	*out = (gs_exe){ 0 };
	if (!gs_file_open(path, 1ull << 40, &f, err))
		return false;
	if (!image_open(f.bytes, &im))
		return gs_fail(err, GS_ERR_FORMAT, 0, "%s is not a 64-bit little-endian ELF file", path);
	read_build_info(&im, mem, out);
	read_notes(&im, mem, out);
	return true;
}
