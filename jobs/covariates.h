#ifndef CLV_JOBS_COVARIATES_H
#define CLV_JOBS_COVARIATES_H

#include "engine/models/process.h"
#include "io/config.h"
#include "io/portfolio.h"

/** Which covariates of a portfolio act on what, as model.covariates says. A value type. */
typedef struct clv_covariate_choice {
  size_t   n_all; /* of the portfolio */
  size_t   n[CLV_ON_N];
  uint32_t column[CLV_ON_N][CLV_COVARIATE_MAX]; /* of the portfolio, ascending */
} clv_covariate_choice;

/** Not collective: the same on every rank.
 *  @return CLV_EUSAGE for a name that no covariate of the portfolio has */
clv_status clv_covariate_choice_make(const clv_config *config, const clv_portfolio *portfolio,
                                     clv_covariate_choice *out);

/** Labels of the dimension "covariate", or "covariate_dropout" and the like; NULL for another dimension. Not
 * collective.
 *  @param[out] label [CLV_COVARIATE_MAX]  borrowed names; returned */
const char *const *clv_covariate_labels(const clv_covariate_choice *choice, const clv_portfolio *portfolio,
                                        const char *dimension, const char **label);

/** The covariates that act on some of `on`, coded for a model: columns that act on nothing there are left
 * out. Owns its values. */
typedef struct clv_coded {
  clv_covariates covariates;              /* arrays inside this struct and `value` */
  double        *value;                   /* owned [rows][n] */
  uint32_t       used[CLV_COVARIATE_MAX]; /* columns of the portfolio */
  double         center[CLV_COVARIATE_MAX], scale[CLV_COVARIATE_MAX];
  uint32_t       column[CLV_ON_N][CLV_COVARIATE_MAX];
} clv_coded;

/** Without values yet. `out` must not be moved afterwards. Not collective.
 *  @param effect [n_effect]  what a model's covariates act on */
void clv_coded_begin(const clv_covariate_choice *choice, const clv_portfolio *portfolio,
                     const clv_effect *effect, size_t n_effect, clv_coded *out);
/** Room for `rows` rows. Not collective. */
clv_status clv_coded_alloc(clv_coded *self, size_t rows);
/** Row i from the portfolio's columns. Not collective. @param w [n_all] */
void clv_coded_set(clv_coded *self, size_t i, const double *w);
void clv_coded_free(clv_coded *self);

#endif
