#include "base/err.h"

#include <stdarg.h>

#include "base/banned.h"

bool gs_fail(gs_err *err, gs_errc code, uint64_t at, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return false;
	err->code = code;
	err->at = at;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return false;
}

bool gs_err_context(gs_err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;
	int n;

	if (!err)
		return false;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text) - 3)
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %.*s",
			 (int)(sizeof(err->text) - (size_t)n - 3), old);
	return false;
}

const char *gs_errc_name(gs_errc code)
{
	switch (code) {
#define X(c, name, text) \
	case c:          \
		return name;
		GS_ERR_LIST(X)
#undef X
	}
	return "unknown";
}

int gs_err_exit_status(const gs_err *err)
{
	switch (err->code) {
	case GS_ERR_NONE:
		return 0;
	case GS_ERR_USAGE:
		return 2;
	case GS_ERR_FORMAT:
	case GS_ERR_LIMIT:
	case GS_ERR_MISSING:
		return 3;
	case GS_ERR_DENIED:
	case GS_ERR_IO:
	case GS_ERR_UNSUPPORTED:
	case GS_ERR_STOPPED:
		break;
	}
	return 4;
}
