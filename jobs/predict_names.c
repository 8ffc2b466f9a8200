#include "jobs/predict_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static clv_status name_add(char ***list, size_t *n, char *name) {
  clv_status st = name == NULL ? clv_fail(CLV_ENOMEM, "no memory for a column's name") : CLV_OK;
  if (st == CLV_OK) st = clv_realloc(*n + 1, sizeof **list, (void **)list);
  if (st < 0) {
    free(name);
    return st;
  }
  (*list)[(*n)++] = name;
  return CLV_OK;
}

static char *joined(const char *name, const char *suffix) {
  char *text = NULL;
  return asprintf(&text, "%s%s", name, suffix) < 0 ? NULL : text;
}

static clv_status per_horizon(const clv_config *config, const char *name, clv_predict_names *out) {
  clv_status st = CLV_OK;
  for (size_t h = 0; h < config->predict.horizon.n; h++) {
    char suffix[32] = "";
    if (config->predict.horizon.n > 1)
      snprintf(suffix, sizeof suffix, "_%g", config->predict.horizon.item[h]);
    CLV_TRY(name_add(&out->quantity, &out->n_quantity, joined(name, suffix)));
  }
out:
  return st;
}

/* _q05, _q50, _q95; _q2.5 where a quantile is no whole percent. */
static void quantile_suffix(double quantile, char *to, size_t size) {
  const double percent = 100.0 * quantile, whole = floor(percent + 0.5);
  if (fabs(percent - whole) < 1e-9)
    snprintf(to, size, "_q%02.0f", whole);
  else
    snprintf(to, size, "_q%g", percent);
}

static clv_status columns_add(const clv_config *config, const char *quantity, clv_predict_names *out) {
  char       suffix[32];
  clv_status st = CLV_OK;
  CLV_TRY(name_add(&out->column, &out->n_column, joined(quantity, "")));
  CLV_TRY(name_add(&out->column, &out->n_column, joined(quantity, "_sd")));
  for (size_t q = 0; q < config->predict.quantiles.n; q++) {
    quantile_suffix(config->predict.quantiles.item[q], suffix, sizeof suffix);
    CLV_TRY(name_add(&out->column, &out->n_column, joined(quantity, suffix)));
  }
out:
  return st;
}

clv_status clv_predict_names_make(const clv_config *config, bool has_spend, bool has_forever,
                                  clv_predict_names *out) {
  static const char *const FACT[] = {"frequency", "recency", "T", "monetary_value"};
  clv_predict_names        names  = {.n_fact = sizeof FACT / sizeof *FACT};
  clv_status               st     = CLV_OK;
  CLV_TRY(name_add(&names.quantity, &names.n_quantity, joined("p_alive", "")));
  CLV_TRY(per_horizon(config, "expected_purchases", &names));
  if (has_spend) {
    CLV_TRY(name_add(&names.quantity, &names.n_quantity, joined("expected_spend", "")));
    CLV_TRY(per_horizon(config, "clv", &names));
    if (has_forever) CLV_TRY(name_add(&names.quantity, &names.n_quantity, joined("clv_forever", "")));
  }
  for (size_t i = 0; i < names.n_fact; i++)
    CLV_TRY(name_add(&names.column, &names.n_column, joined(FACT[i], "")));
  for (size_t i = 0; i < names.n_quantity; i++) CLV_TRY(columns_add(config, names.quantity[i], &names));
  *out  = names;
  names = (clv_predict_names){0};
out:
  clv_predict_names_free(&names);
  return st;
}

void clv_predict_names_free(clv_predict_names *self) {
  for (size_t i = 0; i < self->n_quantity; i++) free(self->quantity[i]);
  for (size_t i = 0; i < self->n_column; i++) free(self->column[i]);
  free(self->quantity);
  free(self->column);
  *self = (clv_predict_names){0};
}
