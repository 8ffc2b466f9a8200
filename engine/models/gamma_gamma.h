#ifndef CLV_ENGINE_MODELS_GAMMA_GAMMA_H
#define CLV_ENGINE_MODELS_GAMMA_GAMMA_H

#include "comm/comm.h"
#include "engine/models/data.h"
#include "engine/models/likelihood.h"
#include "engine/models/model.h"
#include "engine/models/process.h"

/** Gamma-Gamma spend, customers integrated out (Fader & Hardie 2013, note 025; Fader, Hardie & Lee 2005,
 * JMR). Collective over `comm`. Reports p, q, v in the user's currency. With no repeat purchasers at all it
 * samples the prior, and the caller is expected to say so. */
clv_status clv_gamma_gamma_new(const clv_comm *comm, const clv_spends *spends, const clv_prior_texts *priors,
                               clv_model *out);

extern const clv_coordinates CLV_GAMMA_GAMMA_COORDINATES;

extern const clv_spend_ops CLV_GAMMA_GAMMA_SPEND;

#endif
