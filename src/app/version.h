#ifndef GS_APP_VERSION_H
#define GS_APP_VERSION_H

/* "0.1.0" */
const char *gs_version(void);

#endif
