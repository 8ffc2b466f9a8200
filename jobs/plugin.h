#ifndef CLV_JOBS_PLUGIN_H
#define CLV_JOBS_PLUGIN_H

#include "comm/comm.h"
#include "engine/models/plugin.h"

/** A user's model in a shared object, loaded (docs/plugins.md). */
typedef struct clv_plugin_host clv_plugin_host;

/** Load it on every rank and check its table. Collective: every rank reads the file itself, and all must find
 * the same bytes.
 *  @param[out] out  owned by the caller; outlives every model made of it @return CLV_EUSAGE with what is
 * wrong and what to do */
clv_status clv_plugin_load(const clv_comm *comm, const char *path, clv_plugin_host **out);
void       clv_plugin_unload(clv_plugin_host **self); /* accepts NULL */

const clv_plugin *clv_plugin_table(const clv_plugin_host *self);

/** Which parts of the built-in model it takes the place of; 0 without a plug-in. Not collective. */
static inline unsigned clv_plugin_parts(const clv_plugin_host *plugin) {
  return plugin == NULL ? 0 : clv_plugin_table(plugin)->part;
}
/** SHA-256 of the file, in hexadecimal. */
const char *clv_plugin_digest(const clv_plugin_host *self);

/** Make the model; of a table with `latent`, the hyperparameters' face. Not collective.
 *  @param data  lent until the model is freed @param[out] out  owned by the caller
 *  @return CLV_EUSAGE with the plug-in's sentence where it made none */
clv_status clv_plugin_make(const clv_plugin_host *self, const clv_plugin_data *data, clv_model *out);

#endif
