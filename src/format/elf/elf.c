#include "format/elf/elf.h"

#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

enum {
	PT_LOAD = 1,
	PT_DYNAMIC = 2,
	PT_NOTE = 4,
	SHT_NOTE = 7,
	SHT_NOBITS = 8,
	SHF_COMPRESSED = 0x800,
	SHN_XINDEX = 0xffff,
	PN_XNUM = 0xffff,
};
/* A section may not inflate to more than this, nor to more than 1100 times its size (what deflate can do at best). */
#define MAX_INFLATED_BYTES ((uint64_t)4 << 30)

/* One 16/32/64-bit field out of the file; `ok` turns false beyond the end. */
static uint64_t field(const gs_elf *e, uint64_t at, unsigned size, bool *ok)
{
	if (!gs_peek_has(e->bytes, at, size)) {
		*ok = false;
		return 0;
	}
	switch (size) {
	case 2:
		return gs_peek_u16(e->bytes.p + at, e->is_big);
	case 4:
		return gs_peek_u32(e->bytes.p + at, e->is_big);
	default:
		return gs_peek_u64(e->bytes.p + at, e->is_big);
	}
}

static gs_elf_section read_section(const gs_elf *e, uint64_t at, uint32_t *name, bool *ok)
{
	unsigned w = e->is_64 ? 8 : 4;
	gs_elf_section s = { 0 };

	*name = (uint32_t)field(e, at, 4, ok);
	s.type = (uint32_t)field(e, at + 4, 4, ok);
	s.flags = field(e, at + 8, w, ok);
	s.addr = field(e, at + 8 + w, w, ok);
	s.offset = field(e, at + 8 + 2 * w, w, ok);
	s.size = field(e, at + 8 + 3 * w, w, ok);
	s.link = (uint32_t)field(e, at + 8 + 4 * w, 4, ok);
	s.info = (uint32_t)field(e, at + 12 + 4 * w, 4, ok);
	s.entsize = field(e, at + 16 + 5 * w, w, ok);
	return s;
}

static gs_elf_segment read_segment(const gs_elf *e, uint64_t at, bool *ok)
{
	gs_elf_segment s = { .type = (uint32_t)field(e, at, 4, ok) };

	if (e->is_64) {
		s.flags = (uint32_t)field(e, at + 4, 4, ok);
		s.offset = field(e, at + 8, 8, ok);
		s.addr = field(e, at + 16, 8, ok);
		s.file_size = field(e, at + 32, 8, ok);
		s.mem_size = field(e, at + 40, 8, ok);
	} else {
		s.offset = field(e, at + 4, 4, ok);
		s.addr = field(e, at + 8, 4, ok);
		s.file_size = field(e, at + 16, 4, ok);
		s.mem_size = field(e, at + 20, 4, ok);
		s.flags = (uint32_t)field(e, at + 24, 4, ok);
	}
	return s;
}

static bool read_sections(gs_elf *e, uint64_t off, uint64_t n, uint64_t entsize, uint64_t names, gs_err *err)
{
	uint32_t name_at;
	bool ok = true;
	gs_str strtab;

	if (off == 0)
		return true;
	if (entsize < (e->is_64 ? 64 : 40))
		return gs_fail(err, GS_ERR_FORMAT, off, "ELF section headers of %u bytes", (unsigned)entsize);
	if (n == 0 || names == SHN_XINDEX) { /* the real values sit in section 0 */
		gs_elf_section first = read_section(e, off, &name_at, &ok);

		if (n == 0)
			n = first.size;
		if (names == SHN_XINDEX)
			names = first.link;
	}
	if (!ok || off > e->bytes.n || n > (e->bytes.n - off) / entsize)
		return gs_fail(err, GS_ERR_FORMAT, off, "ELF section headers lie beyond the end of the file (truncated?)");
	e->sections = gs_try_new(e->mem, gs_elf_section, (size_t)n);
	uint32_t *name_ats = gs_try_new(e->mem, uint32_t, (size_t)n);
	if (!e->sections || !name_ats)
		return gs_fail(err, GS_ERR_LIMIT, off, "ELF file with %llu sections", (unsigned long long)n);
	for (uint64_t i = 0; i < n; i++)
		e->sections[i] = read_section(e, off + i * entsize, &name_ats[i], &ok);
	e->n_sections = (uint32_t)n;
	if (names < n) {
		strtab = gs_elf_section_raw(e, &e->sections[names]);
		for (uint64_t i = 0; i < n; i++)
			e->sections[i].name = gs_peek_cstr(strtab, name_ats[i], 256);
	}
	return true;
}

bool gs_elf_open(gs_arena *mem, gs_str bytes, gs_elf *out, gs_err *err)
{
	gs_elf e = { .mem = mem, .bytes = bytes };
	uint64_t phoff, shoff, phentsize, phnum, shentsize, shnum, shstrndx;
	bool ok = true;
	unsigned w;
	gs_err ignored;

	*out = e;
	if (!gs_elf_is(bytes) || bytes.n < 52)
		return gs_fail(err, GS_ERR_FORMAT, 0, "not an ELF file");
	if ((bytes.p[4] != 1 && bytes.p[4] != 2) || (bytes.p[5] != 1 && bytes.p[5] != 2))
		return gs_fail(err, GS_ERR_FORMAT, 4, "ELF class %d, byte order %d: neither is known", bytes.p[4],
			       bytes.p[5]);
	e.is_64 = bytes.p[4] == 2;
	e.is_big = bytes.p[5] == 2;
	w = e.is_64 ? 8 : 4;
	e.type = (uint16_t)field(&e, 16, 2, &ok);
	e.machine = (uint16_t)field(&e, 18, 2, &ok);
	e.entry = field(&e, 24, w, &ok);
	phoff = field(&e, 24 + w, w, &ok);
	shoff = field(&e, 24 + 2 * w, w, &ok);
	phentsize = field(&e, 30 + 3 * w, 2, &ok);
	phnum = field(&e, 32 + 3 * w, 2, &ok);
	shentsize = field(&e, 34 + 3 * w, 2, &ok);
	shnum = field(&e, 36 + 3 * w, 2, &ok);
	shstrndx = field(&e, 38 + 3 * w, 2, &ok);
	if (!ok)
		return gs_fail(err, GS_ERR_FORMAT, bytes.n, "ELF header is cut short");
	if (phnum == PN_XNUM && shoff != 0) { /* too many for 16 bits: section 0 has the number */
		uint32_t name_at;

		phnum = read_section(&e, shoff, &name_at, &ok).info;
	}
	if (phoff != 0 && phnum != 0) {
		if (phentsize < (e.is_64 ? 56 : 32) || !ok || phoff > bytes.n ||
		    phnum > (bytes.n - phoff) / phentsize)
			return gs_fail(err, GS_ERR_FORMAT, phoff, "ELF program headers lie beyond the end of the file");
		e.segments = gs_try_new(mem, gs_elf_segment, (size_t)phnum);
		if (!e.segments)
			return gs_fail(err, GS_ERR_LIMIT, phoff, "ELF file with %llu segments",
				       (unsigned long long)phnum);
		for (uint64_t i = 0; i < phnum; i++)
			e.segments[i] = read_segment(&e, phoff + i * phentsize, &ok);
		e.n_segments = (uint32_t)phnum;
	}
	/* With segments at hand, lost section headers (cut file, memory dump) are no reason to give up. */
	if (!read_sections(&e, shoff, shnum, shentsize, shstrndx, e.n_segments ? &ignored : err)) {
		e.sections = NULL;
		e.n_sections = 0;
		if (!e.n_segments)
			return false;
	}
	*out = e;
	return true;
}

const gs_elf_section *gs_elf_section_find(const gs_elf *e, gs_str name)
{
	for (uint32_t i = 0; i < e->n_sections; i++)
		if (gs_str_eq(e->sections[i].name, name))
			return &e->sections[i];
	return NULL;
}

/* [off, off + n) of the file, cut at its end. */
static gs_str file_slice(const gs_elf *e, uint64_t off, uint64_t n)
{
	if (off >= e->bytes.n)
		return (gs_str){ 0 };
	if (n > e->bytes.n - off)
		n = e->bytes.n - off;
	return (gs_str){ e->bytes.p + off, (size_t)n };
}

gs_str gs_elf_section_raw(const gs_elf *e, const gs_elf_section *s)
{
	return s->type == SHT_NOBITS ? (gs_str){ 0 } : file_slice(e, s->offset, s->size);
}

static bool inflate_section(const gs_elf *e, const gs_elf_section *s, gs_str packed, uint64_t size, bool is_zstd,
			    gs_str *out, gs_err *err)
{
	char *p;
	uLongf n = (uLongf)size;

	if (size > MAX_INFLATED_BYTES || (!is_zstd && size / 1100 > packed.n))
		return gs_fail(err, GS_ERR_LIMIT, s->offset, "section %.*s claims to unpack to %llu bytes",
			       GS_FMT(s->name), (unsigned long long)size);
	p = gs_try_new(e->mem, char, (size_t)size);
	if (!p)
		return gs_fail(err, GS_ERR_LIMIT, s->offset, "no room for section %.*s (%llu bytes)",
			       GS_FMT(s->name), (unsigned long long)size);
	if (is_zstd ? ZSTD_decompress(p, (size_t)size, packed.p, packed.n) != size :
		      uncompress((Bytef *)p, &n, (const Bytef *)packed.p, (uLong)packed.n) != Z_OK || n != size)
		return gs_fail(err, GS_ERR_FORMAT, s->offset, "section %.*s does not unpack", GS_FMT(s->name));
	*out = (gs_str){ p, (size_t)size };
	return true;
}

bool gs_elf_section_data(const gs_elf *e, const gs_elf_section *s, gs_str *out, gs_err *err)
{
	gs_str raw = gs_elf_section_raw(e, s);
	unsigned header = e->is_64 ? 24 : 12;

	*out = raw;
	if (s->flags & SHF_COMPRESSED) {
		uint32_t kind;
		uint64_t size;

		if (raw.n < header)
			return gs_fail(err, GS_ERR_FORMAT, s->offset, "compressed section %.*s has no header",
				       GS_FMT(s->name));
		kind = gs_peek_u32(raw.p, e->is_big);
		size = gs_peek_ptr(raw.p + (e->is_64 ? 8 : 4), e->is_64 ? 8 : 4, e->is_big);
		if (kind != 1 && kind != 2)
			return gs_fail(err, GS_ERR_UNSUPPORTED, s->offset, "section %.*s: compression %u is not known",
				       GS_FMT(s->name), kind);
		return inflate_section(e, s, gs_str_skip(raw, header), size, kind == 2, out, err);
	}
	if (gs_str_starts(s->name, GS_S(".zdebug")) && raw.n >= 12 && memcmp(raw.p, "ZLIB", 4) == 0)
		return inflate_section(e, s, gs_str_skip(raw, 12), gs_peek_u64(raw.p + 4, true), false, out, err);
	return true;
}

gs_str gs_elf_at(const gs_elf *e, uint64_t addr)
{
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *s = &e->segments[i];

		if (s->type == PT_LOAD && addr >= s->addr && addr - s->addr < s->file_size)
			return gs_str_skip(file_slice(e, s->offset, s->file_size), addr - s->addr);
	}
	if (e->n_segments)
		return (gs_str){ 0 };
	for (uint32_t i = 0; i < e->n_sections; i++) {
		const gs_elf_section *s = &e->sections[i];

		if (s->addr && addr >= s->addr && addr - s->addr < s->size)
			return gs_str_skip(gs_elf_section_raw(e, s), addr - s->addr);
	}
	return (gs_str){ 0 };
}

bool gs_elf_addr_of_offset(const gs_elf *e, uint64_t offset, uint64_t *addr)
{
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *s = &e->segments[i];

		if (s->type == PT_LOAD && offset >= s->offset && offset - s->offset < s->file_size) {
			*addr = s->addr + (offset - s->offset);
			return true;
		}
	}
	return false;
}

bool gs_elf_offset_of_addr(const gs_elf *e, uint64_t addr, uint64_t *offset)
{
	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *s = &e->segments[i];

		if (s->type == PT_LOAD && addr >= s->addr && addr - s->addr < s->file_size) {
			*offset = s->offset + (addr - s->addr);
			return true;
		}
	}
	return false;
}
