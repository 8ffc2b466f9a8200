#include "engine/models/purchases.h"

#include <string.h>

#include "engine/models/bg_family.h"
#include "engine/models/pareto_nbd.h"
#include "engine/models/pareto_nbd_lognormal.h"

typedef struct purchase_model {
  const char *name;
  clv_status (*make)(const clv_purchase_data *data, clv_model *out);
} purchase_model;

static const purchase_model MODEL[] = {{"bg_nbd", clv_bg_nbd_new},
                                       {"mbg_nbd", clv_mbg_nbd_new},
                                       {"pareto_nbd", clv_pareto_nbd_new},
                                       {"pareto_nbd_lognormal", clv_pareto_nbd_lognormal_new}};

clv_status clv_purchases_new(const char *name, const clv_purchase_data *data, clv_model *out) {
  for (size_t i = 0; i < sizeof MODEL / sizeof *MODEL; i++)
    if (strcmp(MODEL[i].name, name) == 0) return MODEL[i].make(data, out);
  return clv_fail(CLV_EUSAGE, "model.purchases: there is no model '%.64s'", name);
}
