/* gospect symbolize: what is at these addresses of a program? */
#include "app/op.h"
#include "base/file.h"
#include "base/json.h"
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

typedef struct work {
	gs_op_call *call;
	gs_binary *binary;
	uint64_t bias;
	bool is_json;
	gs_json json;
	gs_symbol frames[GS_SYMBOL_MAX_DEPTH];
} work;

static void one_text(work *w, uint64_t addr, unsigned n)
{
	gs_buf *out = w->call->out;

	gs_buf_f(out, "0x%llx", (unsigned long long)addr);
	gs_buf_z(out, n ? "\n" : "\n  ?\n");
	for (unsigned i = 0; i < n; i++) {
		const gs_symbol *f = &w->frames[i];

		gs_buf_z(out, "  ");
		gs_printable(out, f->function);
		if (f->is_inlined)
			gs_buf_z(out, " (inlined)");
		if (f->file.n) {
			gs_buf_c(out, ' ');
			gs_printable(out, f->file);
			if (f->line)
				gs_buf_f(out, ":%u", f->line);
		}
		gs_buf_c(out, '\n');
	}
}

static void one_json(work *w, uint64_t addr, unsigned n)
{
	gs_json *j = &w->json;

	gs_json_object(j);
	gs_json_ku64(j, "address", addr);
	gs_json_key(j, "frames");
	gs_json_array(j);
	for (unsigned i = 0; i < n; i++) {
		const gs_symbol *f = &w->frames[i];

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

/* "0x4a31f0", "4a31f0", or "main.main": the function's entry. */
static bool one(work *w, gs_str text, gs_err *err)
{
	gs_str hex = gs_str_starts(text, GS_S("0x")) ? gs_str_skip(text, 2) : text;
	uint64_t addr, end;
	unsigned n;

	if (gs_str_u64(hex, 16, &addr)) {
		addr -= w->bias;
	} else if (!gs_binary_function(w->binary, text, &addr, &end)) {
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "%.*s is neither an address in hexadecimal nor a function of this program", GS_FMT(text));
	}
	n = gs_binary_frames(w->binary, addr, w->frames, GS_SYMBOL_MAX_DEPTH);
	if (w->is_json)
		one_json(w, addr + w->bias, n);
	else
		one_text(w, addr + w->bias, n);
	return true;
}

static bool from_file(work *w, const char *path, gs_err *err)
{
	GS_AUTO(file) file = { 0 };
	gs_str rest, line;

	if (!gs_file_open(path, INPUT_MAX_BYTES, &file, err))
		return false;
	rest = file.bytes;
	while (gs_str_line(&rest, &line)) {
		line = gs_str_trim(line);
		if (line.n && !one(w, line, err))
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
	work w = { .call = call, .is_json = strcmp(call->format, "json") == 0, .json = gs_json_to(call->out) };
	bool ok = true;

	if (path.n == 0)
		return gs_fail(err, GS_ERR_USAGE, GS_ERR_NOWHERE,
			       "which program? gospect symbolize --binary FILE ADDRESS... (- reads addresses from standard input)");
	w.binary = gs_binary_open(gs_cstr(call->mem, path), err);
	if (!w.binary)
		return false;
	ok = find_bias(&w, gs_call_str(call, "load-address"), err);
	if (ok && w.is_json)
		gs_json_array(&w.json);
	for (unsigned i = 0; ok && i < call->n_paths; i++)
		ok = gs_str_eq(call->paths[i], GS_S("-")) ? from_file(&w, "-", err) : one(&w, call->paths[i], err);
	if (ok && call->n_paths == 0)
		ok = from_file(&w, "-", err);
	if (ok && w.is_json) {
		gs_json_array_end(&w.json);
		gs_buf_c(call->out, '\n');
	}
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
