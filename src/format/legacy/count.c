/* `goroutine profile: total 12`, then rows `3 @ 0x.. 0x..`, each with `# labels:` and symbol comments. */
#include "format/legacy/build.h"

bool legacy_parse_count(legacy_builder *b)
{
	gs_legacy *out = b->out;
	gs_str rest = b->text, line, name;

	while (gs_str_line(&rest, &line) && legacy_is_comment(line))
		;
	gs_str_cut(line, ' ', &name, &line);
	out->types[0] = out->period_type = (gs_legacy_type){ name, GS_S("count") };
	out->n_types = 1;
	out->period = 1;
	while (!b->is_full && gs_str_line(&rest, &line)) {
		gs_legacy_sample *s;
		gs_str row = line;
		int64_t n;

		if (legacy_is_comment(line)) {
			legacy_comment(b, line);
			continue;
		}
		if (gs_str_starts(line, GS_S("---"))) {
			legacy_find_map(b, gs_str_skip(b->text, (size_t)(line.p - b->text.p)));
			break;
		}
		if (!legacy_take_int(&row, &n) || n < 0 || !legacy_take(&row, "@"))
			return legacy_fail(b, line, "no row of a count profile");
		s = legacy_sample(b);
		if (!s)
			break;
		s->values[0] = n;
		if (!legacy_addresses(b, s, row))
			return false;
	}
	return true;
}
