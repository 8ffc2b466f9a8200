#ifndef CLV_JOBS_PREDICT_KEPT_H
#define CLV_JOBS_PREDICT_KEPT_H

#include "engine/posterior/forecast.h"
#include "io/config.h"
#include "io/portfolio.h"
#include "io/predictions.h"
#include "jobs/kept_customers.h"
#include "jobs/predict_names.h"

/** Draws of customers that are stored. */
typedef struct clv_predict_kept {
  clv_kept_customers who;           /* owned */
  size_t             n_draw, n_row; /* a customer's matrix: quantities and his own parameters × draws */
  double            *mine;          /* owned: matrices of this rank's customers, in order */
  size_t             n_mine;
} clv_predict_kept;

/** Find predict.keep_customers. Collective. @return CLV_EUSAGE naming an id's place in the list, never the id
 */
clv_status clv_predict_kept_find(const clv_comm *comm, const clv_portfolio *portfolio,
                                 const clv_config *config, clv_predict_kept *out);
void       clv_predict_kept_free(clv_predict_kept *self);

/** Keep the draws of those among these customers, whose covariates are less their centres. Not collective. */
clv_status clv_predict_kept_add(clv_predict_kept *self, clv_forecast *forecast, const clv_customer_columns *c,
                                uint64_t seed);

/** Group /draws of predictions.h5: customer [n], and each quantity [n][draw]. Collective. */
clv_status clv_predict_kept_write(clv_predict_kept *self, const clv_comm *comm, clv_predictions *to,
                                  const clv_forecast *forecast, const clv_predict_names *names);

#endif
