#include "jobs/fit_ops.h"

#include <string.h>

#include "engine/models/purchases.h"

clv_status clv_fit_ops_open(const clv_comm *comm, const clv_config *config, const clv_portfolio_facts *facts,
                            clv_fit_ops *out) {
  clv_fit_ops ops = {0};
  char        name[CLV_NAME_MAX];
  clv_status  st = CLV_OK;
  if (config->model.plugin != NULL) CLV_TRY(clv_plugin_load(comm, config->model.plugin, &ops.plugin));
  const unsigned own = clv_plugin_parts(ops.plugin);
  clv_purchases_name(config->model.purchases, config->model.erlang_k, name);
  ops.process =
      (own & CLV_PLUGIN_PURCHASES) != 0 ? clv_plugin_table(ops.plugin)->process : clv_process_find(name);
  ops.has_spend =
      facts->has_spend && ((own & CLV_PLUGIN_SPEND) != 0 || strcmp(config->model.spend, "none") != 0);
  if (ops.has_spend)
    ops.spend = (own & CLV_PLUGIN_SPEND) != 0 ? clv_plugin_table(ops.plugin)->spend
                                              : clv_spend_find(config->model.spend);
  if (ops.spend != NULL && ops.spend->process != NULL) ops.process = ops.spend->process;
  *out = ops;
out:
  return st;
}

void clv_fit_ops_close(clv_fit_ops *self) {
  clv_plugin_unload(&self->plugin);
  *self = (clv_fit_ops){0};
}

clv_status clv_fit_ops_need(const clv_fit_ops *self, const clv_config *config) {
  const unsigned own = clv_plugin_parts(self->plugin);
  if (self->process == NULL && (own & CLV_PLUGIN_PURCHASES) == 0)
    return clv_fail(CLV_EUSAGE, "model.purchases: there are no forecasts for '%s' yet",
                    config->model.purchases);
  if (self->process == NULL || (self->has_spend && self->spend == NULL && (own & CLV_PLUGIN_SPEND) != 0))
    return clv_fail(
        CLV_EUSAGE,
        "model.plugin: %s has no %s table, so there are no forecasts of it; its posterior is in trace.nc",
        clv_plugin_table(self->plugin)->name, self->process == NULL ? "process" : "spend");
  if (self->has_spend && self->spend == NULL)
    return clv_fail(CLV_EUSAGE, "model.spend: there are no forecasts for '%s' yet", config->model.spend);
  return CLV_OK;
}
