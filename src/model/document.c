#include "model/document.h"

#define MODEL_BUDGET ((uint64_t)64 << 30)

gs_document *gs_document_create(gs_str name, gs_str path)
{
	gs_arena *mem = gs_arena_create(MODEL_BUDGET);
	gs_document *doc = gs_new(mem, gs_document, 1);

	doc->mem = mem;
	doc->name = gs_str_dup(mem, name);
	doc->path = gs_str_dup(mem, path);
	return doc;
}

const char *gs_document_kind_name(gs_document_kind kind)
{
	switch (kind) {
	case GS_DOCUMENT_PROFILE:
		return "profile";
	case GS_DOCUMENT_GOROUTINES:
		return "goroutines";
	case GS_DOCUMENT_TRACE:
		return "trace";
	case GS_DOCUMENT_HEAP:
		return "heap";
	}
	return "";
}

gs_str gs_document_kinds_text(gs_arena *mem, unsigned kinds)
{
	static const char *const names[] = { [GS_DOCUMENT_PROFILE] = "a profile",
					     [GS_DOCUMENT_GOROUTINES] = "a goroutine dump",
					     [GS_DOCUMENT_TRACE] = "an execution trace",
					     [GS_DOCUMENT_HEAP] = "a heap (a core or snapshot)" };
	gs_str out = { 0 };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (kinds >> i & 1)
			out = gs_strf(mem, "%.*s%s%s", GS_FMT(out), out.n ? " or " : "", names[i]);
	return out;
}
