#ifndef CLV_JOBS_CUSTOMER_AT_H
#define CLV_JOBS_CUSTOMER_AT_H

#include "engine/models/process.h"
#include "io/portfolio.h"

/** Customer i of columns that were read, as the models see him. Not collective. */
static inline clv_customer customer_at(const clv_customer_columns *c, uint64_t i) {
  return (clv_customer){.x              = c->x[i],
                        .t_x            = c->t_x[i],
                        .T              = c->T[i],
                        .spend          = c->spend[i],
                        .litt           = c->litt[i],
                        .n_spend        = c->n_spend[i],
                        .positive_spend = c->positive_spend[i],
                        .log_spend      = c->log_spend[i],
                        .log_spend_ss   = c->log_spend_ss[i]};
}

/** His covariates; NULL where there are none. Not collective. */
static inline const double *covariates_at(const clv_customer_columns *c, uint64_t i) {
  return c->n_covariate > 0 ? c->covariate + i * c->n_covariate : NULL;
}

#endif
