/* The index page of an endpoint: whatever it says, the names must be safe as file names. */
#include "capture/http.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gs_str names[16];
	unsigned n;

	(void)gs_pprof_index_goroutines((gs_str){ (const char *)data, size });
	if (!gs_pprof_index_parse((gs_str){ (const char *)data, size }, names, 16, &n))
		return 0;
	for (unsigned i = 0; i < n; i++)
		if (names[i].n == 0 || names[i].p[0] == '.' || memchr(names[i].p, '/', names[i].n) || memchr(names[i].p, 0, names[i].n))
			__builtin_trap();
	return 0;
}
