#ifndef CLV_ENGINE_MODELS_JOINT_H
#define CLV_ENGINE_MODELS_JOINT_H

#include "comm/status.h"
#include "engine/models/model.h"

/** Independent parts under one posterior: coordinates, sums, blocks and variables one after the other. Not
 * collective.
 *  @param part  [n] taken over on success (emptied) @param[out] out  owned by the caller */
clv_status clv_joint_new(clv_model *part, size_t n, clv_model *out);

#endif
