#include "format/elf/elf.h"

#include "base/banned.h"

enum { PT_NOTE = 4, SHT_NOTE = 7 };

/* Description of the note {owner, type} among `notes` (records of name size, description size, type, 4-aligned bodies). */
static gs_str note_find(const gs_elf *e, gs_str notes, gs_str owner, uint32_t type)
{
	uint64_t at = 0;

	while (gs_peek_has(notes, at, 12)) {
		uint64_t name_n = gs_peek_u32(notes.p + at, e->is_big);
		uint64_t desc_n = gs_peek_u32(notes.p + at + 4, e->is_big);
		uint32_t kind = gs_peek_u32(notes.p + at + 8, e->is_big);
		uint64_t desc_at = at + 12 + ((name_n + 3) & ~UINT64_C(3));

		if (!gs_peek_has(notes, desc_at, desc_n))
			break;
		/* The owner's size counts its NUL. */
		if (kind == type && name_n == owner.n + 1 && memcmp(notes.p + at + 12, owner.p, owner.n) == 0)
			return (gs_str){ notes.p + desc_at, (size_t)desc_n };
		at = desc_at + ((desc_n + 3) & ~UINT64_C(3));
	}
	return (gs_str){ 0 };
}

static gs_str any_note(const gs_elf *e, gs_str owner, uint32_t type)
{
	gs_str found;

	for (uint32_t i = 0; i < e->n_segments; i++) {
		const gs_elf_segment *s = &e->segments[i];

		if (s->type != PT_NOTE || s->offset >= e->bytes.n)
			continue;
		found = note_find(e, gs_str_slice(e->bytes, s->offset, s->offset + s->file_size), owner, type);
		if (found.n)
			return found;
	}
	for (uint32_t i = 0; i < e->n_sections; i++) {
		if (e->sections[i].type != SHT_NOTE)
			continue;
		found = note_find(e, gs_elf_section_raw(e, &e->sections[i]), owner, type);
		if (found.n)
			return found;
	}
	return (gs_str){ 0 };
}

gs_str gs_elf_gnu_build_id(const gs_elf *e)
{
	return any_note(e, GS_S("GNU"), 3);
}

gs_str gs_elf_go_build_id(const gs_elf *e)
{
	return any_note(e, GS_S("Go\0"), 4);
}

gs_str gs_elf_build_id_hex(const gs_elf *e, gs_arena *mem)
{
	gs_str id = gs_elf_gnu_build_id(e);
	char *hex;

	if (id.n == 0 || id.n > 64)
		return (gs_str){ 0 };
	hex = gs_new(mem, char, 2 * id.n + 1);
	for (size_t i = 0; i < id.n; i++) {
		hex[2 * i] = "0123456789abcdef"[(unsigned char)id.p[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[id.p[i] & 15];
	}
	return (gs_str){ hex, 2 * id.n };
}

gs_str gs_elf_debuglink(const gs_elf *e, uint32_t *crc)
{
	const gs_elf_section *s = gs_elf_section_find(e, GS_S(".gnu_debuglink"));
	gs_str raw, name;
	size_t at;

	*crc = 0;
	if (!s)
		return (gs_str){ 0 };
	raw = gs_elf_section_raw(e, s);
	name = gs_peek_cstr(raw, 0, 4096);
	at = (name.n + 1 + 3) & ~(size_t)3;
	if (name.n == 0 || !gs_peek_has(raw, at, 4))
		return (gs_str){ 0 };
	*crc = gs_peek_u32(raw.p + at, e->is_big);
	return name;
}
