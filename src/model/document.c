#include "model/document.h"

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
