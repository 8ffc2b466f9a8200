#ifndef CLV_ENGINE_MODELS_SEGMENTS_H
#define CLV_ENGINE_MODELS_SEGMENTS_H

#include "engine/models/likelihood.h"

/** A likelihood seen from unconstrained coordinates, whatever a chain's point phi is made of: `place` finds a
 * segment's u in it. What all hierarchies share. A view: everything is borrowed. */
typedef struct clv_segments {
  const clv_likelihood  *likelihood;
  const clv_coordinates *coordinates;
  const void            *self; /* of place */
  size_t                 n_dim;
  /** phi [n_dim] -> u [coordinates->n] of segment g */
  void (*place)(const void *self, const double *phi, size_t g, double *u);
} clv_segments;

size_t clv_segments_n_sum(const clv_segments *self);
size_t clv_segments_n_block(const clv_segments *self);

/** As clv_model_ops.block: natural parameters are made of those segments only that the block touches. */
void clv_segments_block(const clv_segments *self, size_t block, size_t n_chain, const double *phi,
                        double *sum);

/** Log-likelihood of one segment. @param sum  [n_sum] of all segments  @param[out] gradient [n] in u */
double clv_segments_finish(const clv_segments *self, size_t g, const double *u, const double *sum,
                           double *gradient);

/** Natural parameters of all segments, parameter by parameter. @param[out] value [n][n_segment] */
void clv_segments_constrain(const clv_segments *self, const double *phi, double *value);

/** Log-likelihood over all segments. */
double clv_segments_log_likelihood(const clv_segments *self, const double *phi, const double *sum);

#endif
