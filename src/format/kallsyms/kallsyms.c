#include "format/kallsyms/kallsyms.h"

#include "base/banned.h"

enum {
	MAX_LINE = 4096,
	ADDRESS_DIGITS = 16,
	MAX_FUNCTION_BYTES = 1 << 18, /* farther from a symbol than this is a hole (JIT code, unlisted module), not its body */
};

typedef struct entry {
	gs_kallsym sym;
	char type;
	bool is_zero;
} entry;

/* 0 to 15; from 16 on it is no digit. */
static unsigned hex_digit(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The address up to a blank, as a 64-bit kernel prints it, or in any other way. */
static bool parse_address(gs_str line, uint64_t *addr, gs_str *rest)
{
	gs_str hex;
	unsigned worst = 0;

	*addr = 0;
	if (line.n > ADDRESS_DIGITS && line.p[ADDRESS_DIGITS] == ' ') {
		for (unsigned i = 0; i < ADDRESS_DIGITS; i++) {
			unsigned digit = hex_digit(line.p[i]);

			worst |= digit;
			*addr = *addr << 4 | digit;
		}
		*rest = gs_str_skip(line, ADDRESS_DIGITS + 1);
		if (worst < 16)
			return true;
	}
	return gs_str_cut(line, ' ', &hex, rest) && gs_str_u64(hex, 16, addr);
}

/* One line; false when it is not of the form. */
static bool parse_line(gs_str line, entry *out)
{
	gs_str rest, module;

	if (line.n > MAX_LINE || !parse_address(line, &out->sym.addr, &rest) || rest.n < 3 || rest.p[1] != ' ')
		return false;
	out->type = rest.p[0];
	gs_str_cut(gs_str_skip(rest, 2), '\t', &out->sym.name, &module);
	module = gs_str_trim(module);
	if (module.n >= 2 && module.p[0] == '[' && module.p[module.n - 1] == ']')
		module = gs_str_slice(module, 1, module.n - 1);
	out->sym.module = module;
	return out->sym.name.n != 0;
}

static bool is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

static int by_address(const void *a, const void *b)
{
	const gs_kallsym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	/* Aliases at one place: keep them in the order of the text, where the first is what the kernel itself prints. */
	return x->name.p < y->name.p ? -1 : x->name.p > y->name.p;
}

static size_t count_lines(gs_str text)
{
	size_t n = 1;

	for (const char *p = text.p, *end = text.p + text.n; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

bool gs_kallsyms_open(gs_arena *mem, gs_str text, gs_kallsyms *out, gs_err *err)
{
	gs_str rest = text, line;
	size_t max = count_lines(text), n_code = 0, lines = 0, bad = 0, zero = 0;
	bool is_sorted = true;

	*out = (gs_kallsyms){ 0 };
	out->list = gs_try_new(mem, gs_kallsym, max);
	if (!out->list)
		return gs_fail(err, GS_ERR_LIMIT, 0, "kernel symbol list with %zu lines", max);
	while (gs_str_line(&rest, &line)) {
		entry e;

		lines++;
		if (!parse_line(line, &e)) {
			if (line.n && ++bad > 16 && bad > lines / 2) {
				out->n = 0;
				return gs_fail(err, GS_ERR_FORMAT, (uint64_t)(line.p - text.p),
					       "not a kernel symbol list");
			}
			continue;
		}
		zero += e.sym.addr == 0;
		n_code += is_code(e.type);
		if (!is_code(e.type) || e.sym.addr == 0)
			continue;
		if (out->n && e.sym.addr < out->list[out->n - 1].addr)
			is_sorted = false;
		out->list[out->n++] = e.sym;
	}
	if (n_code == 0 || zero > lines / 2)
		out->n = 0;
	if (n_code == 0)
		return gs_fail(err, GS_ERR_FORMAT, 0, "no functions in this kernel symbol list");
	if (zero > lines / 2)
		return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE,
			       "the kernel hides its addresses (kernel.kptr_restrict): run as root with "
			       "kernel.kptr_restrict at 0 or 1 to see names of kernel functions");
	if (!is_sorted)
		qsort(out->list, out->n, sizeof(*out->list), by_address);
	return true;
}

/* The first symbol above the address. */
static size_t upper_bound(const gs_kallsyms *k, uint64_t addr)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->list[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool gs_kallsyms_has(const gs_kallsyms *k, uint64_t addr, gs_str name)
{
	for (size_t i = upper_bound(k, addr); i-- > 0 && k->list[i].addr == addr;)
		if (gs_str_eq(k->list[i].name, name))
			return true;
	return false;
}

const gs_kallsym *gs_kallsyms_at(const gs_kallsyms *k, uint64_t addr)
{
	size_t lo;

	/* Kernels live in the upper half; their per-CPU offsets and constants at the bottom are no code. */
	if (addr < (UINT64_C(1) << 63))
		return NULL;
	lo = upper_bound(k, addr);
	if (lo == 0 || addr - k->list[lo - 1].addr >= MAX_FUNCTION_BYTES)
		return NULL;
	lo--;
	while (lo > 0 && k->list[lo - 1].addr == k->list[lo].addr)
		lo--;
	return &k->list[lo];
}
