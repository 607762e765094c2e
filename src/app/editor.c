#include "app/editor.h"

#include <limits.h>

#include "app/op.h"
#include "app/detached.h"
#include "load/source.h"

#include "base/banned.h"

enum { MAX_WORDS = 24 };

/* How a line is named to a program; %f and %l are file and line. */
typedef struct style {
	const char *program;
	const char *words;
	bool needs_terminal;
} style;

static const style styles[] = {
	{ "zed", "%f:%l", false },	    { "zeditor", "%f:%l", false },	  { "code", "--goto %f:%l", false },
	{ "codium", "--goto %f:%l", false }, { "code-insiders", "--goto %f:%l", false }, { "cursor", "--goto %f:%l", false },
	{ "idea", "--line %l %f", false },  { "goland", "--line %l %f", false },	  { "subl", "%f:%l", false },
	{ "kate", "-l %l %f", false },	    { "gedit", "+%l %f", false },	  { "gvim", "+%l %f", false },
	{ "emacsclient", "-n +%l %f", false }, { "hx", "%f:%l", true },
};

/* Names on the wire, and the programs that may be meant. */
static const struct {
	const char *name, *programs;
} known[] = {
	{ "zed", "zed zeditor" },
	{ "vscode", "code codium code-insiders" },
	{ "idea", "idea goland" },
};

static gs_str env_editor(void)
{
	const char *v = getenv("VISUAL");

	return gs_str_trim(gs_str_of(v && *v ? v : getenv("EDITOR")));
}

static bool is_there(const char *programs, gs_arena *mem, const char **found)
{
	gs_str rest = gs_str_of(programs), word;

	while (gs_word_next(&rest, &word)) {
		*found = gs_cstr(mem, word);
		if (gs_program_exists(*found))
			return true;
	}
	return false;
}

/* The desktop, or a terminal multiplexer that we run in, has room for an editor of the terminal. */
static const char *terminal(void)
{
	if (getenv("TMUX") && gs_program_exists("tmux"))
		return "tmux new-window";
	if ((getenv("DISPLAY") || getenv("WAYLAND_DISPLAY")) && gs_program_exists("x-terminal-emulator"))
		return "x-terminal-emulator -e";
	return NULL;
}

static const style *style_of(gs_str command)
{
	static const style common = { "", "+%l %f", true }; /* vi, nano, emacs, micro, ... */
	gs_str program = gs_str_slice(command, 0, gs_str_find_char(command, ' '));

	program = gs_str_skip(program, gs_str_rfind_char(program, '/') + 1); /* SIZE_MAX + 1 is 0 */
	for (unsigned i = 0; i < sizeof(styles) / sizeof(*styles); i++)
		if (gs_str_eq(program, gs_str_of(styles[i].program)))
			return &styles[i];
	return &common;
}

static unsigned add_words(gs_arena *mem, const char **out, unsigned n, gs_str words, gs_str path, uint32_t line)
{
	gs_str word;

	while (n + 1 < MAX_WORDS && gs_word_next(&words, &word)) {
		GS_AUTO(buf) b = { 0 };

		gs_buf_init(&b, 16384);
		for (size_t i = 0; i < word.n; i++) {
			char what = word.p[i] == '%' && i + 1 < word.n ? word.p[i + 1] : 0;

			if (what == 'f')
				gs_buf_str(&b, path);
			else if (what == 'l')
				gs_buf_f(&b, "%u", line);
			else
				gs_buf_c(&b, word.p[i]);
			i += what == 'f' || what == 'l';
		}
		out[n++] = gs_cstr(mem, gs_buf_view(&b));
	}
	return n;
}

const char *const *gs_editor_words(gs_arena *mem, gs_str editor, gs_str path, uint32_t line)
{
	const char **out = gs_new(mem, const char *, MAX_WORDS), *program = NULL;
	gs_str command = { 0 };
	const style *s;
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (gs_str_eq(editor, gs_str_of(known[i].name)) && is_there(known[i].programs, mem, &program))
			command = gs_str_of(program);
	if (gs_str_eq(editor, GS_S("env")))
		command = env_editor();
	if (!command.n)
		return NULL;
	s = style_of(command);
	if (s->needs_terminal) {
		if (!terminal())
			return NULL;
		n = add_words(mem, out, n, gs_str_of(terminal()), (gs_str){ 0 }, 0);
	}
	/* The user's own command is taken as it stands: a '%' in it is his. */
	while (n + 1 < MAX_WORDS && command.n) {
		gs_str word;

		if (!gs_word_next(&command, &word))
			break;
		out[n++] = gs_cstr(mem, word);
	}
	n = add_words(mem, out, n, gs_str_of(s->words), path, line);
	out[n] = NULL;
	return out;
}

static bool is_usable(gs_arena *mem, const char *name)
{
	return gs_editor_words(mem, gs_str_of(name), GS_S("/x"), 1) != NULL;
}

void gs_editors_json(gs_json *j)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);

	gs_json_array(j);
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is_usable(mem, known[i].name))
			gs_json_str(j, gs_str_of(known[i].name));
	if (is_usable(mem, "env"))
		gs_json_str(j, GS_S("env"));
	gs_json_array_end(j);
}

static gs_str first_editor(gs_arena *mem)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is_usable(mem, known[i].name))
			return gs_str_of(known[i].name);
	return GS_S("env");
}

/* A function of the document in that file; 0 when there is none. */
static uint32_t function_in(const gs_profile *p, gs_str file)
{
	uint32_t id = gs_strtab_find(&p->strings, file);

	if (!file.n || id == UINT32_MAX)
		return 0;
	for (uint32_t f = 1; f < p->n_functions; f++)
		if (p->functions[f].file == id)
			return f;
	return 0;
}

static bool find_source(gs_arena *mem, const gs_profile *p, gs_str file, uint32_t function, gs_str *path, gs_err *err)
{
	gs_symbolizer *symbolizer = gs_symbolizer_create(&(gs_symbolizer_options){ 0 });
	gs_source *source = gs_source_create(&(gs_source_options){ 0 });
	const gs_source_file *found;
	char real[PATH_MAX];
	bool ok;

	gs_source_add_profile(source, p, symbolizer);
	found = gs_source_open(source, file, gs_profile_str(p, p->functions[function].name));
	/* Absolute: an editor must not take a name for an option, nor look in a folder of its own. */
	ok = found->path.n && realpath(gs_cstr(mem, found->path), real);
	*path = ok ? gs_str_dup(mem, gs_str_of(real)) : (gs_str){ 0 };
	if (!ok)
		gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "the source %.*s is not on this machine", GS_FMT(file));
	gs_source_free(source);
	gs_symbolizer_free(symbolizer);
	return ok;
}

bool gs_editor_open(const gs_document *d, gs_str file, uint32_t line, gs_str editor, gs_err *err)
{
	GS_AUTO(arena) *mem = gs_arena_create(1 << 20);
	uint32_t function = function_in(d->profile, file);
	const char *const *words;
	gs_str path;

	if (!function)
		return gs_fail(err, GS_ERR_DENIED, GS_ERR_NOWHERE, "%.*s is no file that this profile names", GS_FMT(file));
	if (!find_source(mem, d->profile, file, function, &path, err))
		return false;
	if (!editor.n)
		editor = first_editor(mem);
	words = gs_editor_words(mem, editor, path, line ? line : 1);
	if (!words)
		return gs_fail(err, GS_ERR_MISSING, GS_ERR_NOWHERE, "no editor \"%.*s\" can be started here: set VISUAL, or install zed or code",
			       GS_FMT(editor));
	return gs_spawn_detached(words, err);
}
