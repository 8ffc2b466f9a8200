#include "jobs/covariates.h"

#include <stdlib.h>
#include <string.h>

/* "channel" is the covariate channel, and channel=web, channel=shop. */
static bool is_of_column(const char *covariate, const char *column) {
  const size_t n = strlen(column);
  return strncmp(covariate, column, n) == 0 && (covariate[n] == '\0' || covariate[n] == '=');
}

static bool is_chosen(const clv_strings *list, const char *covariate) {
  for (size_t i = 0; i < list->n; i++)
    if (strcmp(list->item[i], "all") == 0 || is_of_column(covariate, list->item[i])) return true;
  return false;
}

static clv_status names_check(const clv_strings *list, const char *on, const clv_portfolio *portfolio) {
  const size_t n = (size_t)clv_portfolio_facts_get(portfolio)->n_covariate;
  for (size_t i = 0; i < list->n; i++) {
    size_t k = 0;
    while (k < n && !is_of_column(clv_portfolio_covariate(portfolio, k)->name, list->item[i])) k++;
    if (k == n && strcmp(list->item[i], "all") != 0)
      return clv_fail(CLV_EUSAGE,
                      "model.covariates.%s: the portfolio has no covariate '%.80s'; add it to "
                      "customers.covariates and run clv prepare",
                      on, list->item[i]);
  }
  return CLV_OK;
}

clv_status clv_covariate_choice_make(const clv_config *config, const clv_portfolio *portfolio,
                                     clv_covariate_choice *out) {
  clv_status st = CLV_OK;
  *out          = (clv_covariate_choice){.n_all = (size_t)clv_portfolio_facts_get(portfolio)->n_covariate};
  for (size_t on = 0; on < CLV_ON_N; on++) {
    const clv_strings *list = &config->model.covariates[on];
    CLV_TRY(names_check(list, clv_acts_on_name((clv_acts_on)on), portfolio));
    for (uint32_t k = 0; k < out->n_all; k++)
      if (is_chosen(list, clv_portfolio_covariate(portfolio, k)->name)) out->column[on][out->n[on]++] = k;
  }
out:
  return st;
}

const char *const *clv_covariate_labels(const clv_covariate_choice *choice, const clv_portfolio *portfolio,
                                        const char *dimension, const char **label) {
  const size_t length = strlen(CLV_COVARIATE_DIMENSION);
  size_t       on     = 0;
  if (strncmp(dimension, CLV_COVARIATE_DIMENSION, length) != 0) return NULL;
  if (dimension[length] == '\0') {
    for (size_t k = 0; k < choice->n_all; k++) label[k] = clv_portfolio_covariate(portfolio, k)->name;
    return label;
  }
  while (on < CLV_ON_N && strcmp(dimension + length + 1, clv_acts_on_name((clv_acts_on)on)) != 0) on++;
  if (on == CLV_ON_N) return NULL;
  for (size_t k = 0; k < choice->n[on]; k++)
    label[k] = clv_portfolio_covariate(portfolio, choice->column[on][k])->name;
  return label;
}

/* Where a column of the portfolio stands among those in use, behind them where it is new. */
static uint32_t used_place(clv_coded *self, uint32_t column) {
  uint32_t at = 0;
  while (at < self->covariates.n && self->used[at] != column) at++;
  if (at == self->covariates.n) self->used[self->covariates.n++] = column;
  return at;
}

void clv_coded_begin(const clv_covariate_choice *choice, const clv_portfolio *portfolio,
                     const clv_effect *effect, size_t n_effect, clv_coded *out) {
  *out = (clv_coded){.covariates = {.n_all = choice->n_all, .scale = out->scale}};
  for (size_t e = 0; e < n_effect; e++) {
    const clv_acts_on on         = effect[e].on;
    out->covariates.n_column[on] = choice->n[on];
    out->covariates.column[on]   = out->column[on];
    for (size_t i = 0; i < choice->n[on]; i++) out->column[on][i] = used_place(out, choice->column[on][i]);
  }
  for (size_t k = 0; k < out->covariates.n; k++) {
    const clv_covariate *c = clv_portfolio_covariate(portfolio, out->used[k]);
    out->center[k] = c->center, out->scale[k] = c->scale;
  }
}

clv_status clv_coded_alloc(clv_coded *self, size_t rows) {
  const clv_status st =
      clv_alloc((rows + 1) * (self->covariates.n + 1), sizeof *self->value, (void **)&self->value);
  self->covariates.value = self->value;
  return st;
}

void clv_coded_set(clv_coded *self, size_t i, const double *w) {
  double *to = self->value + i * self->covariates.n;
  for (size_t k = 0; k < self->covariates.n; k++)
    to[k] = (w[self->used[k]] - self->center[k]) / self->scale[k];
}

void clv_coded_free(clv_coded *self) {
  free(self->value);
  self->value = NULL;
}
