/* Functions that have a safer way here; using one is a compile error. */
#ifndef GS_BASE_BANNED_H
#define GS_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok strtok_r
#pragma GCC poison atoi atol atoll atof localtime gmtime ctime asctime tmpnam tempnam

#endif
