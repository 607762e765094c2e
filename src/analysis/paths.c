#include "analysis/paths.h"

#include "analysis/names.h"

/* Index just after "/dir/" in the path, or SIZE_MAX. */
static size_t after_dir(gs_str path, gs_str dir)
{
	for (size_t i = 0; i + dir.n + 2 <= path.n; i++)
		if (path.p[i] == '/' && path.p[i + 1 + dir.n] == '/' &&
		    gs_str_eq(gs_str_slice(path, i + 1, i + 1 + dir.n), dir))
			return i + dir.n + 2;
	return SIZE_MAX;
}

static bool take_prefix(gs_str *path, gs_str dir)
{
	bool slash = dir.n && dir.p[dir.n - 1] == '/';

	if (!gs_str_starts(*path, dir) || (!slash && (path->n == dir.n || path->p[dir.n] != '/')))
		return false;
	*path = gs_str_skip(*path, dir.n + !slash);
	return true;
}

gs_str gs_path_trim(gs_str path, gs_str trim_path, gs_str search_path)
{
	gs_str dir;

	if (trim_path.n == 0)
		while (search_path.n) {
			size_t at;

			gs_str_cut(search_path, ':', &dir, &search_path);
			at = after_dir(path, gs_path_base(dir));
			if (at != SIZE_MAX)
				return gs_str_skip(path, at);
		}
	while (trim_path.n) {
		gs_str_cut(trim_path, ':', &dir, &trim_path);
		if (take_prefix(&path, dir))
			return path;
	}
	if (!take_prefix(&path, GS_S("/proc/self/cwd/./")))
		take_prefix(&path, GS_S("/proc/self/cwd/"));
	return path;
}
