#ifndef CLV_TESTS_RANKS_H
#define CLV_TESTS_RANKS_H

#include "comm/topology.h"
#include "engine/sampler/sampler.h"

/** Fits the model and counts, among every `thin`-th draw of every chain, those below the truth.
 *  @param truth [n_value] values as the model reports them  @param[out] rank [n_value] */
clv_status ranks_count(const clv_topology *topology, const clv_model *model, const clv_sampler_plan *plan,
                       int thin, const double *truth, int *rank);

#endif
