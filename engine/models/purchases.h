#ifndef CLV_ENGINE_MODELS_PURCHASES_H
#define CLV_ENGINE_MODELS_PURCHASES_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/model.h"
#include "engine/models/process.h"
#include "engine/models/regression.h"

/** What a purchase model is made of. Borrowed, during the constructor only. */
typedef struct clv_purchase_data {
  const clv_comm  *comm; /* the ranks that share the cells */
  const clv_cells *cells;
  const clv_prior_texts
      *priors; /* overrides by parameter; other names are left to the other parts; may be NULL */
} clv_purchase_data;

/** A collapsed purchase model by its name in the configuration, such as "bg_nbd". Collective over data->comm
 * (histograms and scales are summed once, exactly).
 *  @param[out] out  owned by the caller
 *  @return CLV_EUSAGE for a name or a prior that cannot be read, CLV_EDATA for data the model is not made for
 */
clv_status clv_purchases_new(const char *name, const clv_purchase_data *data, clv_model *out);

/** What a purchase model's regression is made of, all but `make`. Not collective. */
clv_regression_plan clv_purchases_regression(const clv_purchase_data *data, const clv_process_ops *process);

/** The name of a model and of its process, given model.purchases and model.erlang_k: "bg_cnbd_3" for
 * bg_cnbd_k with 3 phases, the model's own otherwise. Not collective. */
void clv_purchases_name(const char *model, int erlang_k, char name[CLV_NAME_MAX]);

#endif
