#ifndef CLV_ENGINE_MODELS_BG_NBD_H
#define CLV_ENGINE_MODELS_BG_NBD_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/model.h"
#include "engine/models/process.h"

/** BG/NBD, customers integrated out (Fader, Hardie & Lee 2005, Marketing Science 24(2), eq. 6).
 *  Collective over `comm`, the ranks that share the cells (histograms and scales are summed once, exactly).
 *  @param cells   borrowed only during the call
 *  @param priors  overrides by name (r, alpha, a, b); may be NULL
 *  @param[out] out  owned by the caller */
clv_status clv_bg_nbd_new(const clv_comm *comm, const clv_cells *cells, const clv_prior_texts *priors,
                          clv_model *out);

extern const clv_process_ops CLV_BG_NBD_PROCESS;

#endif
