#include "engine/models/plugin_check.h"

#include <string.h>

#include "comm/blocks.h"

_Static_assert(CLV_PLUGIN_BLOCK == CLV_BLOCK_SIZE, "plug-ins see the blocks that clv deals");

static const char *table_fault(const clv_plugin *p) {
  const unsigned parts = CLV_PLUGIN_PURCHASES | CLV_PLUGIN_SPEND,
                 data  = CLV_PLUGIN_CELLS | CLV_PLUGIN_CUSTOMERS;
  if (p->name == NULL || p->name[0] == '\0' || strlen(p->name) >= CLV_NAME_MAX)
    return "table has no name, or one of more than 63 letters";
  if (p->part == 0 || (p->part & ~parts) != 0)
    return "part must be CLV_PLUGIN_PURCHASES, CLV_PLUGIN_SPEND or both";
  if (p->reads == 0 || (p->reads & ~data) != 0)
    return "reads must be CLV_PLUGIN_CELLS, CLV_PLUGIN_CUSTOMERS or both";
  if (p->make == NULL) return "make is NULL";
  if (p->latent == NULL) return clv_model_ops_fault(p->model);
  if (p->model != NULL) return "table has both model and latent: leave the one out (NULL)";
  if ((p->reads & CLV_PLUGIN_CUSTOMERS) == 0)
    return "reads must include CLV_PLUGIN_CUSTOMERS where customers' own parameters are sampled";
  return clv_latent_model_ops_fault(p->latent);
}

static bool process_is_whole(const clv_process_ops *p) {
  return p->n_parameter <= CLV_PARAMETER_MAX && p->n_latent <= CLV_LATENT_MAX && p->parameter != NULL &&
         p->log_likelihood != NULL && p->gradient != NULL && p->p_alive != NULL && p->update != NULL &&
         p->expected != NULL && p->discounted != NULL && p->pmf != NULL && p->expected_new != NULL &&
         p->discounted_new != NULL && p->pmf_new != NULL && p->customer_draw != NULL && p->simulate != NULL &&
         p->simulate_alive != NULL;
}

static bool spend_is_whole(const clv_spend_ops *s) {
  return s->n_parameter <= CLV_PARAMETER_MAX && s->parameter != NULL && s->log_likelihood != NULL &&
         s->gradient != NULL && s->expected != NULL && s->expected_new != NULL && s->customer_draw != NULL &&
         s->simulate != NULL;
}

clv_status clv_plugin_check(const clv_plugin *plugin, const char *path) {
  const clv_plugin_build mine = CLV_PLUGIN_BUILD;
  if (plugin == NULL) return clv_fail(CLV_EUSAGE, "plug-in '%s': %s returned NULL", path, CLV_PLUGIN_SYMBOL);
  if (plugin->build.abi != mine.abi)
    return clv_fail(CLV_EUSAGE,
                    "plug-in '%s': it has ABI version %u, this program has %u; compile it again with this "
                    "version's headers",
                    path, plugin->build.abi, mine.abi);
  if (memcmp(&plugin->build, &mine, sizeof mine) != 0)
    return clv_fail(
        CLV_EUSAGE,
        "plug-in '%s': it was compiled with the headers of another clv; compile it again with this version's",
        path);
  const char *fault = table_fault(plugin);
  if (fault == NULL && plugin->process != NULL && !process_is_whole(plugin->process))
    fault = "process table lacks an entry; leave the table out (NULL) where there are no forecasts";
  if (fault == NULL && plugin->spend != NULL && !spend_is_whole(plugin->spend))
    fault = "spend table lacks an entry; leave the table out (NULL) where there are no forecasts";
  return fault == NULL ? CLV_OK : clv_fail(CLV_EUSAGE, "plug-in '%s': its %s", path, fault);
}
