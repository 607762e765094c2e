#include "format/goruntime/offsets_table.h"

#include "base/banned.h"

const gs_go_offsets *gs_go_offsets_table(unsigned go_minor, unsigned machine)
{
	for (unsigned i = 0; i < gs_go_offsets_n_rows; i++) {
		const gs_go_offsets_row *r = &gs_go_offsets_rows[i];

		if (r->go_minor == go_minor && (r->machine == machine || r->machine == 0) &&
		    (machine == GS_ELF_X86_64 || machine == GS_ELF_AARCH64))
			return &r->o;
	}
	return NULL;
}

void gs_go_offsets_range(unsigned *oldest, unsigned *newest)
{
	*oldest = gs_go_offsets_rows[0].go_minor;
	*newest = gs_go_offsets_rows[gs_go_offsets_n_rows - 1].go_minor;
}

void gs_go_variables_symbols(const gs_elf *e, gs_go_variables *out)
{
	static const struct {
		const char *name;
		size_t at;
	} wanted[] = {
#define X(field, variable) { variable, offsetof(gs_go_variables, field) },
		GS_GO_VARIABLES(X)
#undef X
	};
	GS_AUTO(arena) *scratch = gs_arena_create((uint64_t)1 << 30);
	gs_elf_symbols all;
	gs_err ignored;

	*out = (gs_go_variables){ 0 };
	if (!gs_elf_symbols_load_all(e, scratch, &all, &ignored))
		return;
	for (size_t i = 0; i < all.n; i++) {
		if (!gs_str_starts(all.list[i].name, GS_S("runtime.")))
			continue;
		for (unsigned k = 0; k < sizeof(wanted) / sizeof(*wanted); k++)
			if (gs_str_eq(all.list[i].name, gs_str_of(wanted[k].name)))
				memcpy((char *)out + wanted[k].at, &all.list[i].addr, sizeof(uint64_t));
	}
}
