#include "service/http/assets.h"

/* The page is not built in. */
const gs_asset gs_assets[] = { { 0 } };
