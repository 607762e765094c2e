/* Run a fuzz target over every file of the folders given; every truncation of small files as well. */
#include <dirent.h>

#include "base/file.h"
#include "fuzz.h"

static size_t runs;

static void run_copy(gs_str bytes, size_t n)
{
	/* A copy of the exact size, so that sanitizers see one byte too far. */
	uint8_t *p = malloc(n ? n : 1);

	if (!p)
		abort();
	if (n)
		memcpy(p, bytes.p, n);
	LLVMFuzzerTestOneInput(p, n);
	free(p);
	runs++;
}

static bool run_file(const char *path)
{
	gs_err err;
	GS_AUTO(file) f = { 0 };
	size_t step;

	if (!gs_file_open(path, 64 << 20, &f, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return false;
	}
	run_copy(f.bytes, f.bytes.n);
	step = f.bytes.n / 512 + 1;
	for (size_t n = 0; n < f.bytes.n; n += step)
		run_copy(f.bytes, n);
	return true;
}

int main(int argc, char **argv)
{
	bool ok = true;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		struct dirent *e;

		if (!dir) {
			ok &= run_file(argv[i]);
			continue;
		}
		while ((e = readdir(dir))) {
			char path[4096];

			snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			if (e->d_name[0] != '.')
				ok &= run_file(path);
		}
		closedir(dir);
	}
	printf("%zu inputs\n", runs);
	return ok && runs ? 0 : 1;
}
