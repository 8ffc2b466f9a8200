#ifndef CLV_PLUGIN_H
#define CLV_PLUGIN_H

/* A model of your own: docs/plugins.md. */
#include "engine/models/plugin.h" /* beside this file, where it is installed */

#endif
