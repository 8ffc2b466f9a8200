#ifndef CLV_ENGINE_MODELS_LOGNORMAL_SEGMENTS_H
#define CLV_ENGINE_MODELS_LOGNORMAL_SEGMENTS_H

#include "comm/comm.h"
#include "engine/models/lognormal_population.h"
#include "engine/models/model.h"

/** How segments of log-normal customers share parameters. Without pooling each has all of its own. With
 * partial pooling they share deviations and correlations, and their means are drawn from a population: mean
 * of segment g ~ normal(M, tau), M with the priors of the means, tau half_normal(1) or the user's by
 * "tau_mean_log_lambda". A segment of CLV_LOGNORMAL_CENTRED customers has its means as coordinates, a smaller
 * one its standardised distances from M. A value type but for `is_centred`. */
enum { CLV_LOGNORMAL_CENTRED = 100 };

typedef struct clv_lognormal_segments {
  clv_lognormal_population population;
  size_t                   n_segment;
  bool                     pooled;
  bool                    *is_centred; /* owned [n_segment] */
  clv_prior                tau[CLV_LOGNORMAL_DIMENSIONS];
  unsigned                 tau_named;
} clv_lognormal_segments;

/** @param centre [n]  of the means' default priors  @param cells  of the customers. Collective over `comm`.
 *  @param[out] out  release with clv_lognormal_segments_free */
clv_status clv_lognormal_segments_make(const clv_comm *comm, size_t n, const double *centre,
                                       const clv_cells *cells, const clv_prior_texts *priors,
                                       clv_lognormal_segments *out);
void       clv_lognormal_segments_free(clv_lognormal_segments *self);

size_t clv_lognormal_segments_n_dim(const clv_lognormal_segments *self);

/** The parameters of segment g, by its own coordinates [population.n_parameter]. Pure. */
void clv_lognormal_segments_place(const clv_lognormal_segments *self, const double *phi, size_t g,
                                  double *own);

/** Log density of all priors, with the Jacobian.
 *  @param own  [n_segment][n_parameter] gradients of the log-likelihood in the segments' own coordinates
 *  @param[out] gradient [n_dim] of the log-likelihood and the priors */
double clv_lognormal_segments_prior(const clv_lognormal_segments *self, const double *phi, const double *own,
                                    double *gradient);

size_t clv_lognormal_segments_n_variable(const clv_lognormal_segments *self);
void   clv_lognormal_segments_variable(const clv_lognormal_segments *self, size_t i, clv_variable *out);
void   clv_lognormal_segments_constrain(const clv_lognormal_segments *self, const double *phi, double *value);
void   clv_lognormal_segments_start(const clv_lognormal_segments *self, clv_rng *rng, double *phi);
void   clv_lognormal_segments_draw(const clv_lognormal_segments *self, clv_rng *rng, double *phi);
int    clv_lognormal_segments_line(const clv_lognormal_segments *self, size_t i, char *line, size_t size);

#endif
