/* gospect symbolize: what is at these addresses of a program? */
#include "app/op.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "load/binary.h"
#include "present/printable.h"

#include "base/banned.h"

#define INPUT_MAX_BYTES ((uint64_t)1 << 30)

static const gs_arg args[] = {
	{ "binary", GS_ARG_STRING, .unit = "file", .short_name = 'e',
	  .help = "the program or library whose addresses these are" },
	{ "load-address", GS_ARG_STRING, .unit = "address", .def = "0",
	  .help = "where its first byte was mapped (first column of /proc/PID/maps), for addresses of a running position-independent program" },
	{ 0 },
};
static const gs_arg_group group = { "Options", args };

typedef struct item {
	uint64_t addr; /* the file's own */
	uint32_t index; /* place in the question */
} item;

/* Where an answer lies until all are put out in the order of the questions. */
typedef struct place {
	uint32_t part;
	uint32_t n;
	size_t at;
} place;

enum {
	MAX_ITEMS = 1 << 27,
	MAX_PARTS = 64,
	PART_MIN = 2000, /* fewer questions than this are not worth another thread */
};

typedef struct work {
	gs_op_call *call;
	gs_binary *binary;
	uint64_t bias;
	bool is_json;
	GS_VEC(item) items;
	place *places;
	gs_buf parts[MAX_PARTS];
	size_t n_parts;
} work;

/* Numbers are much of what is written here, and printf is slow. The digits end at `end`; returns where they begin. */
static char *put_number(char *end, uint64_t v, unsigned base)
{
	do {
		*--end = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	return end;
}

static void add_number(gs_buf *out, uint64_t v, unsigned base)
{
	char b[24], *p = put_number(b + sizeof(b), v, base);

	gs_buf_add(out, p, (size_t)(b + sizeof(b) - p));
}

static void one_text(gs_buf *out, uint64_t addr, const gs_symbol *frames, unsigned n)
{
	gs_buf_str(out, GS_S("0x"));
	add_number(out, addr, 16);
	gs_buf_str(out, n ? GS_S("\n") : GS_S("\n  ?\n"));
	for (unsigned i = 0; i < n; i++) {
		const gs_symbol *f = &frames[i];

		gs_buf_str(out, GS_S("  "));
		gs_printable(out, f->function);
		if (f->is_inlined)
			gs_buf_str(out, GS_S(" (inlined)"));
		if (f->file.n) {
			gs_buf_c(out, ' ');
			gs_printable(out, f->file);
			if (f->line) {
				gs_buf_c(out, ':');
				add_number(out, f->line, 10);
			}
		}
		gs_buf_c(out, '\n');
	}
}

static void one_json(gs_buf *out, uint64_t addr, const gs_symbol *frames, unsigned n)
{
	gs_json json = gs_json_to(out), *j = &json;

	gs_json_object(j);
	gs_json_ku64(j, "address", addr);
	gs_json_key(j, "frames");
	gs_json_array(j);
	for (unsigned i = 0; i < n; i++) {
		const gs_symbol *f = &frames[i];

		gs_json_object(j);
		gs_json_kstr(j, "function", f->function);
		if (!gs_str_eq(f->function, f->linker_name))
			gs_json_kstr(j, "linker_name", f->linker_name);
		gs_json_kstr(j, "file", f->file);
		gs_json_ku64(j, "line", f->line);
		gs_json_ku64(j, "start_line", f->start_line);
		gs_json_kbool(j, "inlined", f->is_inlined);
		gs_json_object_end(j);
	}
	gs_json_array_end(j);
	gs_json_object_end(j);
}

/* Answer one run of the sorted questions. */
static void answer_part(void *ctx, size_t part)
{
	work *w = ctx;
	gs_buf *out = &w->parts[part];
	size_t from = w->items.n * part / w->n_parts, to = w->items.n * (part + 1) / w->n_parts;
	gs_symbol frames[GS_SYMBOL_MAX_DEPTH];
	gs_binary_cursor cursor = { 0 };

	gs_buf_reserve(out, (to - from) * (w->is_json ? 256 : 128)); /* a guess that spares copies */
	for (size_t i = from; i < to; i++) {
		const item *q = &w->items.p[i];
		size_t at = out->n;
		unsigned n = gs_binary_frames_near(w->binary, &cursor, q->addr, frames, GS_SYMBOL_MAX_DEPTH);

		if (w->is_json)
			one_json(out, q->addr + w->bias, frames, n);
		else
			one_text(out, q->addr + w->bias, frames, n);
		w->places[q->index] = (place){ (uint32_t)part, (uint32_t)(out->n - at), at };
	}
}

/* By address, eleven bits at a time: neighbours share functions, and tables are then read from front to back. */
static bool sort_items(work *w)
{
	enum { BITS = 11, N = 1 << BITS };
	size_t n = w->items.n;
	item *from = w->items.p, *to = gs_try_new(w->call->mem, item, n);
	uint64_t lo = UINT64_MAX, hi = 0;
	uint32_t *at = gs_new(w->call->mem, uint32_t, N);

	if (!to)
		return false;
	for (size_t i = 0; i < n; i++) {
		lo = from[i].addr < lo ? from[i].addr : lo;
		hi = from[i].addr > hi ? from[i].addr : hi;
	}
	for (unsigned shift = 0; shift < 64 && (hi - lo) >> shift; shift += BITS) {
		uint32_t sum = 0;
		item *swap;

		memset(at, 0, N * sizeof(*at));
		for (size_t i = 0; i < n; i++)
			at[(from[i].addr - lo) >> shift & (N - 1)]++;
		for (unsigned d = 0; d < N; d++) {
			uint32_t count = at[d];

			at[d] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[at[(from[i].addr - lo) >> shift & (N - 1)]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	if (from != w->items.p)
		memcpy(w->items.p, from, n * sizeof(*from));
	return true;
}

static bool answer(work *w, gs_err *err)
{
	gs_buf *out = w->call->out;
	size_t n = w->items.n, bytes = 0;

	w->places = gs_try_new(w->call->mem, place, n);
	w->n_parts = n / PART_MIN < 1 ? 1 : n / PART_MIN > gs_cpu_count() ? gs_cpu_count() : n / PART_MIN;
	if (w->n_parts > MAX_PARTS)
		w->n_parts = MAX_PARTS;
	if (!w->places || (n > 1 && !sort_items(w)))
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "no room for %zu addresses", n);
	for (size_t i = 0; i < w->n_parts; i++)
		gs_buf_init(&w->parts[i], out->max);
	gs_pool_run((unsigned)w->n_parts, w->n_parts, answer_part, w);
	for (size_t i = 0; i < w->n_parts; i++) {
		out->bad |= w->parts[i].bad;
		bytes += w->parts[i].n + 2;
	}
	gs_buf_reserve(out, bytes + n + 4);
	if (w->is_json)
		gs_buf_c(out, '[');
	for (size_t i = 0; i < n && !out->bad; i++) {
		if (w->is_json && i)
			gs_buf_c(out, ',');
		gs_buf_add(out, w->parts[w->places[i].part].p + w->places[i].at, w->places[i].n);
	}
	if (w->is_json)
		gs_buf_z(out, "]\n");
	for (size_t i = 0; i < w->n_parts; i++)
		gs_buf_release(&w->parts[i]);
	return true;
}

/* "0x4a31f0", "4a31f0", or "main.main": the function's entry. */
static bool ask(work *w, gs_str text, gs_err *err)
{
	gs_str hex = gs_str_starts(text, GS_S("0x")) ? gs_str_skip(text, 2) : text;
	uint64_t addr, end;
	item *q;

	if (gs_str_u64(hex, 16, &addr))
		addr -= w->bias;
	else if (!gs_binary_function(w->binary, text, &addr, &end))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s is neither an address in hexadecimal nor a function of this program", GS_FMT(text));
	q = gs_vec_push(&w->items, MAX_ITEMS);
	if (!q)
		return gs_fail(err, GS_ERR_LIMIT, GS_ERR_NOWHERE, "too many addresses");
	*q = (item){ addr, (uint32_t)(w->items.n - 1) };
	return true;
}

static bool ask_all(work *w, gs_err *err)
{
	GS_AUTO(file) file = { 0 };
	gs_str rest, line;

	if (!gs_file_open("-", INPUT_MAX_BYTES, &file, err))
		return false;
	rest = file.bytes;
	while (gs_str_line(&rest, &line)) {
		line = gs_str_trim(line);
		if (line.n && !ask(w, line, err))
			return false;
	}
	return true;
}

/* Addresses of a running program start where it was loaded; the file's own start at its first segment. */
static bool find_bias(work *w, gs_str text, gs_err *err)
{
	const gs_elf *e = gs_binary_elf(w->binary);
	uint64_t load;

	if (!gs_str_u64(gs_str_starts(text, GS_S("0x")) ? gs_str_skip(text, 2) : text, 16, &load))
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE, "--load-address %.*s is no address", GS_FMT(text));
	for (uint32_t i = 0; load && i < e->n_segments; i++)
		if (e->segments[i].type == 1) {
			w->bias = load - (e->segments[i].addr - e->segments[i].offset);
			break;
		}
	return true;
}

static bool run(gs_op_call *call, gs_err *err)
{
	gs_str path = gs_call_str(call, "binary");
	work w = { .call = call, .is_json = strcmp(call->format, "json") == 0 };
	bool ok;

	if (path.n == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "which program? gospect symbolize --binary FILE ADDRESS... (- reads addresses from standard input)");
	w.binary = gs_binary_open(gs_cstr(call->mem, path), err);
	if (!w.binary)
		return false;
	ok = find_bias(&w, gs_call_str(call, "load-address"), err);
	for (unsigned i = 0; ok && i < call->n_paths; i++)
		ok = gs_str_eq(call->paths[i], GS_S("-")) ? ask_all(&w, err) : ask(&w, call->paths[i], err);
	if (ok && call->n_paths == 0)
		ok = ask_all(&w, err);
	ok = ok && answer(&w, err);
	gs_vec_release(&w.items);
	gs_binary_close(w.binary);
	return ok;
}

extern const gs_op gs_op_symbolize;
const gs_op gs_op_symbolize = {
	.name = "symbolize",
	.summary = "functions, inlined calls and lines at addresses of a program",
	.help = "Answers what addr2line answers, for stripped and position-independent Go programs too, with every inlined call: one\n"
		"block for each address, innermost frame first. Addresses are hexadecimal; a function's name means its entry. Without\n"
		"addresses, or for -, they are read from standard input, one a line.\n"
		"\n"
		"  gospect symbolize --binary ./server 0x4a31f0 main.main\n"
		"  gospect symbolize --binary ./server --format json - < addresses\n",
	.operands = "[ADDRESS...|-]",
	.input = GS_INPUT_PATHS,
	.groups = (const gs_arg_group *const[]){ &group, NULL },
	.formats = "text json",
	.run = run,
};
