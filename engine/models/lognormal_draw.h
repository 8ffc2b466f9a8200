#ifndef CLV_ENGINE_MODELS_LOGNORMAL_DRAW_H
#define CLV_ENGINE_MODELS_LOGNORMAL_DRAW_H

#include "engine/models/lognormal_grid.h"
#include "engine/numerics/rng.h"

/** lambda and mu drawn from a term times the prior: proposed from
 * the straight lines between the grid's nodes, first log lambda, then log mu given it, and accepted by the
 * density itself, so that the grid does not show. Not collective.
 *  @param is_plain  without the divisor lambda + mu
 *  @param[out] rate [2] NaN where no grid resolves the prior */
void clv_lognormal_draw(const clv_lognormal_prior *prior, const clv_lognormal_term *term, bool is_plain,
                        clv_rng *rng, double rate[2]);

#endif
