#include "tap.h"

static tap_test *first, **last = &first;
static int failures;
static const char *skip_reason;

void tap_register(tap_test *t)
{
	*last = t;
	last = &t->next;
}

void tap_check(bool ok, const char *text, const char *file, int line)
{
	if (ok)
		return;
	failures++;
	printf("# %s:%d: %s\n", file, line, text);
}

void tap_check_i64(int64_t got, int64_t want, const char *text, const char *file, int line)
{
	if (got == want)
		return;
	failures++;
	printf("# %s:%d: %s is %" PRId64 ", want %" PRId64 "\n", file, line, text, got, want);
}

void tap_check_str(gs_str got, gs_str want, const char *text, const char *file, int line)
{
	if (gs_str_eq(got, want))
		return;
	failures++;
	printf("# %s:%d: %s is \"%.*s\", want \"%.*s\"\n", file, line, text, GS_FMT(got), GS_FMT(want));
}

void tap_skip(const char *why)
{
	skip_reason = why;
}

const char *tap_data(const char *name)
{
	static char path[4096];
	const char *dir = getenv("GS_TESTS_DIR");

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests", name);
	return path;
}

int main(int argc, char **argv)
{
	int n = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (tap_test *t = first; t; t = t->next) {
		bool is_wanted = argc < 2;

		for (int i = 1; i < argc; i++)
			is_wanted |= strstr(t->name, argv[i]) != NULL;
		if (!is_wanted)
			continue;
		failures = 0;
		skip_reason = NULL;
		t->run();
		n++;
		failed += failures != 0;
		printf("%s %d - %s%s%s\n", failures ? "not ok" : "ok", n, t->name,
		       skip_reason ? " # SKIP " : "", skip_reason ? skip_reason : "");
	}
	printf("1..%d\n", n);
	return failed != 0;
}
