#ifndef CLV_JOBS_PREDICT_NAMES_H
#define CLV_JOBS_PREDICT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "io/config.h"

/** Names of the forecast quantities and of predictions.csv's columns. */
typedef struct clv_predict_names {
  char **quantity; /* owned [n_quantity]: p_alive, expected_purchases … */
  size_t n_quantity;
  char **column; /* owned [n_column]: frequency, recency, T, monetary_value, then each quantity with its _sd
                    and _qNN */
  size_t n_column;
  size_t n_fact; /* columns before the first quantity */
} clv_predict_names;

/** With several horizons, quantities that have one carry it: clv_39. Not collective. */
clv_status clv_predict_names_make(const clv_config *config, bool has_spend, bool has_forever,
                                  clv_predict_names *out);
void       clv_predict_names_free(clv_predict_names *self);

#endif
