#ifndef CLV_ENGINE_MODELS_WHITENING_FIT_H
#define CLV_ENGINE_MODELS_WHITENING_FIT_H

#include "comm/comm.h"
#include "engine/models/slots.h"
#include "engine/models/whitening.h"

/** The whitening constants of every segment, from the data: a few hundred passes, once. First all segments
 * together are fitted under the default priors, then each for itself under Normal(what was found,
 * CLV_WHITENING_SD²); the score and the curvature there are the constants, coarsely rounded, so that they
 * are the same however the same customers are ordered or merged. Collective over `comm`; a pure function of
 * the data, the same bits on any number of ranks.
 *  @param middle [n]  the default normals  @param[out] out [likelihood->n_segment] */
clv_status clv_whitening_fit(const clv_comm *comm, const clv_likelihood *likelihood,
                             const clv_coordinates *coordinates, const clv_prior *middle, clv_whitening *out);

/** How far from the common fit a segment is looked for: one standard deviation of a coordinate, on the scale
 * of logarithms. */
#define CLV_WHITENING_SD 0.5

#endif
