#ifndef CLV_ENGINE_MODELS_PLUGIN_CHECK_H
#define CLV_ENGINE_MODELS_PLUGIN_CHECK_H

#include "comm/status.h"
#include "engine/models/plugin.h"

/** Was a plug-in made against this program's headers, and is its table complete? Not collective.
 *  @param path  of the shared object, for the message
 *  @return CLV_EUSAGE with what is wrong and what to do */
clv_status clv_plugin_check(const clv_plugin *plugin, const char *path);

#endif
