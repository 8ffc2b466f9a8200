#ifndef CLV_ENGINE_MODELS_CONFORMANCE_FORECAST_H
#define CLV_ENGINE_MODELS_CONFORMANCE_FORECAST_H

#include "engine/models/conformance.h"
#include "engine/models/process.h"

/** Customers to try forecasts on. */
typedef struct clv_forecast_trial {
  const clv_model       *model;   /* the whole, on one rank */
  const clv_process_ops *process; /* NULL: none */
  const clv_spend_ops   *spend;   /* NULL: none */
  const clv_customer    *who;     /* [n] */
  size_t                 n;
  bool                   is_all; /* `who` are all the model's customers */
  double                 length; /* a time over which a customer buys a few times */
} clv_forecast_trial;

/** Do the forecasts' functions belong to the model and to each other? Appends to the report: parameters are
 * variables; gradient against finite differences; likelihood against the model's; P(alive), expected
 * purchases and probabilities against each other. Not collective: `comm` is of one rank. @return CLV_EUSAGE
 * with the first broken promise */
clv_status clv_conformance_forecast(const clv_comm *comm, const clv_forecast_trial *trial,
                                    clv_conformance_report *report);

#endif
