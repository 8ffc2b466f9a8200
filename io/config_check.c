#include <string.h>

#include "io/config_schema.h"

static bool date_is_iso(const char *text) {
  static const char form[] = "dddd-dd-dd";
  for (size_t i = 0; form[i] != '\0'; i++)
    if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != '-') return false;
  return text[10] == '\0' || text[10] == 'T' || text[10] == ' ';
}

static clv_status dates_check(const clv_config *self, const char *where) {
  const struct {
    const char *key, *text;
  } date[] = {{"data.observation_end", self->data.observation_end},
              {"data.holdout_end", self->data.holdout_end}};
  if (self->data.time_format != NULL) return CLV_OK; /* written as the log writes them; prepare reads them */
  for (size_t i = 0; i < 2; i++)
    if (date[i].text != NULL && !date_is_iso(date[i].text))
      return clv_fail(CLV_EUSAGE, "%s: %s is '%.60s'; expected a date such as 1997-09-30", where, date[i].key,
                      date[i].text);
  if (date[0].text != NULL && date[1].text != NULL && strncmp(date[1].text, date[0].text, 10) <= 0)
    return clv_fail(CLV_EUSAGE, "%s: data.holdout_end %s must be after data.observation_end %s", where,
                    date[1].text, date[0].text);
  return CLV_OK;
}

static bool strings_have(const clv_strings *list, const char *text) {
  for (size_t i = 0; i < list->n; i++)
    if (strcmp(list->item[i], text) == 0) return true;
  return false;
}

static clv_status covariates_check(const clv_config *self, const char *where) {
  const clv_strings *all = &self->customers.covariates, *labels = &self->customers.categorical;
  for (size_t i = 0; i < labels->n; i++)
    if (!strings_have(all, labels->item[i]))
      return clv_fail(CLV_EUSAGE,
                      "%s: customers.categorical names '%.80s', which is not among customers.covariates",
                      where, labels->item[i]);
  for (size_t i = 0; i < all->n; i++)
    for (size_t k = 0; k < i; k++)
      if (strcmp(all->item[i], all->item[k]) == 0)
        return clv_fail(CLV_EUSAGE, "%s: customers.covariates names '%.80s' twice", where, all->item[i]);
  return CLV_OK;
}

/* Names of columns of the table; "all" stands for every one of them. */
static clv_status acting_check(const clv_config *self, const char *where) {
  static const char *const ON[] = {"purchases", "dropout", "spend"};
  for (size_t k = 0; k < sizeof ON / sizeof *ON; k++) {
    const clv_strings *list = &self->model.covariates[k];
    for (size_t i = 0; i < list->n; i++)
      if (strcmp(list->item[i], "all") != 0 && !strings_have(&self->customers.covariates, list->item[i]))
        return clv_fail(CLV_EUSAGE,
                        "%s: model.covariates.%s names '%.80s', which is not among customers.covariates",
                        where, ON[k], list->item[i]);
  }
  return CLV_OK;
}

static clv_status customers_check(const clv_config *self, const char *where) {
  if (self->customers.table != NULL) return CLV_OK;
  if (self->customers.segment != NULL)
    return clv_fail(CLV_EUSAGE,
                    "%s: customers.segment needs customers.table, the CSV file that has the column", where);
  if (self->customers.covariates.n > 0)
    return clv_fail(CLV_EUSAGE,
                    "%s: customers.covariates needs customers.table, the CSV file that has the columns",
                    where);
  return CLV_OK;
}

static clv_status opportunities_check(const clv_config *self, const char *where) {
  if (strcmp(self->model.purchases, "bg_bb") != 0 || clv_config_counts_opportunities(self)) return CLV_OK;
  return clv_fail(
      CLV_EUSAGE,
      "%s: model.purchases bg_bb counts opportunities: data.merge_unit (%s) and data.time_unit (%s) "
      "must be the same unit, day, week, month or year",
      where, clv_merge_unit_name(self->data.merge_unit), clv_time_unit_name(self->data.time_unit));
}

static clv_status integrate_check(const clv_config *self, const char *where) {
  if (self->model.integrate != CLV_INTEGRATE_NONE) return CLV_OK;
  if (self->model.plugin != NULL)
    return clv_fail(CLV_EUSAGE,
                    "%s: a plug-in's table says whether its customers are sampled: remove model.integrate",
                    where);
  if (strcmp(self->model.purchases, "pareto_nbd_lognormal") == 0 ||
      strcmp(self->model.spend, "gamma_value") == 0)
    return CLV_OK;
  return clv_fail(
      CLV_EUSAGE,
      "%s: model.integrate: none samples customers of model.purchases: pareto_nbd_lognormal and of "
      "model.spend: gamma_value; those of %s and %s are integrated out: remove model.integrate",
      where, self->model.purchases, self->model.spend);
}

/* The third dimension of a model of which nothing else is the first two. */
static clv_status dimensions_check(const clv_config *self, const char *where) {
  if (strcmp(self->model.spend, "lognormal") != 0) return CLV_OK;
  if (strcmp(self->model.purchases, "pareto_nbd_lognormal") != 0)
    return clv_fail(CLV_EUSAGE,
                    "%s: model.spend: lognormal is the third dimension of model.purchases: "
                    "pareto_nbd_lognormal; with %s use gamma_gamma, gamma_value or none",
                    where, self->model.purchases);
  if (self->model.integrate == CLV_INTEGRATE_NONE)
    return clv_fail(CLV_EUSAGE,
                    "%s: model.integrate: none samples purchases without model.spend: lognormal; use "
                    "gamma_value or none, or remove model.integrate",
                    where);
  return CLV_OK;
}

clv_status clv_config_check(const clv_config *self, const char *where) {
  clv_status st = CLV_OK;
  CLV_TRY(dates_check(self, where));
  CLV_TRY(customers_check(self, where));
  CLV_TRY(covariates_check(self, where));
  CLV_TRY(acting_check(self, where));
  CLV_TRY(opportunities_check(self, where));
  CLV_TRY(integrate_check(self, where));
  CLV_TRY(dimensions_check(self, where));
  if (self->data.holdout_end != NULL && self->data.observation_end == NULL)
    CLV_TRY(clv_fail(CLV_EUSAGE,
                     "%s: data.holdout_end needs data.observation_end, the last day the model may see",
                     where));
  if (self->data.amount == NULL && strcmp(self->model.spend, "none") != 0)
    CLV_TRY(clv_fail(CLV_EUSAGE, "%s: data.columns.amount is null, so model.spend must be none (it is %s)",
                     where, self->model.spend));
  if (self->sampler.chain_groups > self->sampler.num_chains)
    CLV_TRY(clv_fail(CLV_EUSAGE, "%s: sampler.chain_groups %d must not exceed sampler.num_chains %d", where,
                     self->sampler.chain_groups, self->sampler.num_chains));
out:
  return st;
}
