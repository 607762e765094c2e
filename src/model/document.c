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
