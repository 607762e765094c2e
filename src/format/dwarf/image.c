#include "format/dwarf/image.h"

#include "base/banned.h"

enum {
	MAX_SECTIONS = 16,
	SHT_PROGBITS = 1,
	SHT_STRTAB = 3,
};
#define MAX_IMAGE_BYTES ((uint64_t)4 << 30)

/* What libdw needs for names and entries; and what there is beside them, by gs_dwarf_part. */
static const char *const entries[] = { "info", "abbrev", "str", "line_str", "addr", "types", "str_offsets", NULL };
static const char *const more[][5] = {
	[GS_DWARF_ENTRIES] = { NULL },
	[GS_DWARF_LINES] = { "line", "ranges", "rnglists", NULL },
	[GS_DWARF_LOCATIONS] = { "ranges", "rnglists", "loc", "loclists", NULL },
};

typedef struct part {
	gs_str name, data; /* name with its dot */
	uint64_t at;
} part;

static void put(const gs_elf *e, char *p, unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		p[e->is_big ? size - 1 - i : i] = (char)(v >> 8 * i);
}

static bool collect(gs_arena *mem, const gs_elf *e, const char *const *names, part *parts, unsigned *n, gs_err *err)
{
	gs_elf unpack = *e; /* not with the file */

	unpack.mem = mem;
	for (unsigned i = 0; names[i]; i++) {
		gs_str name = gs_strf(mem, ".debug_%s", names[i]);
		const gs_elf_section *s = gs_elf_section_find(e, name);

		if (!s)
			s = gs_elf_section_find(e, gs_strf(mem, ".zdebug_%s", names[i]));
		if (!s) {
			if (*n == 0)
				return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE,
					       "no debug information in this file");
			continue;
		}
		parts[*n].name = name;
		if (!gs_elf_section_data(&unpack, s, &parts[*n].data, err))
			return false;
		if (*n == 0 && parts[*n].data.n == 0)
			return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the debug information of this file is elsewhere");
		(*n)++;
	}
	return true;
}

bool gs_dwarf_image(gs_arena *mem, const gs_elf *e, gs_dwarf_part which, char **image, size_t *size, gs_err *err)
{
	GS_AUTO(arena) *scratch = gs_arena_create(MAX_IMAGE_BYTES);
	part parts[MAX_SECTIONS];
	unsigned n = 0, w = gs_elf_pointer_size(e);
	unsigned head = e->is_64 ? 64 : 52, entry = e->is_64 ? 64 : 40;
	uint64_t at = head, names_at, table_at, name_off = 1;
	char *p;

	if (!collect(scratch, e, entries, parts, &n, err) || !collect(scratch, e, more[which], parts, &n, err))
		return false;
	for (unsigned i = 0; i < n; i++) {
		parts[i].at = at;
		at += (parts[i].data.n + 15) & ~(uint64_t)15;
	}
	names_at = at;
	table_at = at + 512;
	*size = (size_t)(table_at + (uint64_t)(n + 2) * entry);
	if (*size > MAX_IMAGE_BYTES || !(p = gs_try_new(mem, char, *size)))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "%zu bytes of debug information are too many", *size);
	*image = p;
	memcpy(p, "\177ELF", 4);
	p[4] = e->is_64 ? 2 : 1;
	p[5] = e->is_big ? 2 : 1;
	p[6] = 1;
	put(e, p + 16, 2, e->type);
	put(e, p + 18, 2, e->machine);
	put(e, p + 20, 4, 1);
	put(e, p + 24 + 2 * w, w, table_at);
	put(e, p + 28 + 3 * w, 2, head);
	put(e, p + 34 + 3 * w, 2, entry);
	put(e, p + 36 + 3 * w, 2, n + 2);
	put(e, p + 38 + 3 * w, 2, n + 1);
	for (unsigned i = 0; i <= n; i++) {
		char *s = p + table_at + (uint64_t)(i + 1) * entry;
		bool is_names = i == n;

		put(e, s, 4, name_off);
		put(e, s + 4, 4, is_names ? SHT_STRTAB : SHT_PROGBITS);
		put(e, s + 8 + 2 * w, w, is_names ? names_at : parts[i].at);
		put(e, s + 8 + 3 * w, w, is_names ? 512 : parts[i].data.n);
		put(e, s + 16 + 4 * w, w, 1);
		if (is_names)
			break;
		memcpy(p + names_at + name_off, parts[i].name.p, parts[i].name.n);
		name_off += parts[i].name.n + 1;
		if (parts[i].data.n)
			memcpy(p + parts[i].at, parts[i].data.p, parts[i].data.n);
	}
	return true;
}
