#ifndef CLV_ENGINE_MODELS_CNBD_H
#define CLV_ENGINE_MODELS_CNBD_H

#include <stdbool.h>

#include "engine/models/process.h"
#include "engine/models/purchases.h"

/** Largest k; model.erlang_k is 1 to this. */
enum { CLV_ERLANG_MOST = 12 };

/** BG/CNBD-k and MBG/CNBD-k, customers integrated out: the BG/NBD and MBG/NBD with Erlang-k gaps (Platzer &
 * Reutterer 2016, Marketing Science 35(5); Reutterer, Platzer & Schroeder 2021, IJRM 38(1)). The density
 * leaves out (k-1) times the sum of log gaps, which no parameter moves and cells do not hold. As
 * clv_purchases_new. @param k  1 to CLV_ERLANG_MOST @param early  customers may leave after the first
 * purchase */
clv_status clv_cnbd_new(int k, bool early, const clv_purchase_data *data, clv_model *out);

/** [k - 1]. Parameters are the four; updated ones have a fifth entry, (T-t_x) / (alpha+T). Conditional
 * forecasts mix over the stage of the gap under way (docs/model_architecture.md). */
extern const clv_process_ops CLV_BG_CNBD_PROCESS[CLV_ERLANG_MOST], CLV_MBG_CNBD_PROCESS[CLV_ERLANG_MOST];

#endif
