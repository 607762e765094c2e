#include "app/version.h"

const char *gs_version(void)
{
	return GS_VERSION;
}
