#include "engine/models/purchases.h"

#include <stdio.h>
#include <string.h>

#include "engine/models/bg_bb.h"
#include "engine/models/bg_family.h"
#include "engine/models/cnbd.h"
#include "engine/models/pareto_nbd.h"
#include "engine/models/pareto_nbd_lognormal.h"

typedef struct purchase_model {
  const char *name;
  clv_status (*make)(const clv_purchase_data *data, clv_model *out);
} purchase_model;

static const purchase_model MODEL[] = {{"bg_nbd", clv_bg_nbd_new},
                                       {"mbg_nbd", clv_mbg_nbd_new},
                                       {"bg_bb", clv_bg_bb_new},
                                       {"pareto_nbd", clv_pareto_nbd_new},
                                       {"pareto_nbd_lognormal", clv_pareto_nbd_lognormal_new}};

clv_status clv_purchases_new(const char *name, const clv_purchase_data *data, clv_model *out) {
  for (size_t i = 0; i < sizeof MODEL / sizeof *MODEL; i++)
    if (strcmp(MODEL[i].name, name) == 0) return MODEL[i].make(data, out);
  for (int k = 1; k <= CLV_ERLANG_MOST; k++) {
    if (strcmp(CLV_BG_CNBD_PROCESS[k - 1].name, name) == 0) return clv_cnbd_new(k, false, data, out);
    if (strcmp(CLV_MBG_CNBD_PROCESS[k - 1].name, name) == 0) return clv_cnbd_new(k, true, data, out);
  }
  return clv_fail(CLV_EUSAGE, "model.purchases: there is no model '%.64s'", name);
}

clv_regression_plan clv_purchases_regression(const clv_purchase_data *data, const clv_process_ops *process) {
  const clv_cells *cells  = data->cells;
  const unsigned   shapes = process->coordinates == NULL ? 0 : process->coordinates->shapes;
  return (clv_regression_plan){.covariates  = cells->covariates,
                               .priors      = data->priors,
                               .n_parameter = process->n_parameter,
                               .n_effect    = process->n_effect,
                               .parameter   = process->parameter,
                               .effect      = process->effect,
                               .data        = {.comm      = data->comm,
                                               .blocks    = cells->blocks,
                                               .n_segment = cells->n_segment,
                                               .segment   = cells->segment,
                                               .x         = cells->x,
                                               .count     = cells->count,
                                               .t_x       = cells->t_x,
                                               .T         = cells->T,
                                               .gradient  = process->gradient,
                                               .shapes    = shapes}};
}

void clv_purchases_name(const char *model, int erlang_k, char name[CLV_NAME_MAX]) {
  const size_t length = strlen(model);
  if (length > 6 && strcmp(model + length - 6, "cnbd_k") == 0)
    snprintf(name, CLV_NAME_MAX, "%.*s%d", (int)length - 1, model, erlang_k);
  else
    snprintf(name, CLV_NAME_MAX, "%s", model);
}
