#ifndef CLV_ENGINE_SAMPLER_METRIC_H
#define CLV_ENGINE_SAMPLER_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "comm/status.h"
#include "engine/numerics/rng.h"
#include "engine/sampler/moments.h"
#include "engine/sampler/slab.h"

/** Beyond this dimension the metric is diagonal. */
#define CLV_METRIC_DENSE_MOST 256u

/** The Euclidean metric of the kinetic energy p' M^-1 p / 2: a view on a slab. */
typedef struct clv_metric {
  size_t  dim;
  double *inverse; /* dense: M^-1 [dim][dim]; diagonal: [dim] */
  double *factor;  /* dense: L with L L' = M^-1, lower, rows [dim][dim]; diagonal: √ of inverse [dim] */
} clv_metric;

/** Whether this dimension has a dense metric. */
bool clv_metric_is_dense(size_t dim);

/** Cut a metric out of the slab (its values are set later). Not collective. */
void clv_metric_cut(clv_slab *slab, size_t dim, clv_metric *out);
void clv_metric_copy(const clv_metric *from, clv_metric *to);

/** M^-1 = diag(variance). Not collective. @param variance  [dim], > 0 */
void clv_metric_set_diagonal(clv_metric *self, const double *variance);

/** M^-1 as another run had it: dense [dim][dim], or [dim]. Not collective. @return false where it is not
 * positive definite: the metric is then to be set otherwise */
bool clv_metric_set(clv_metric *self, const double *inverse);

/** v = M^-1 p. Not collective. */
void clv_metric_velocity(const clv_metric *self, const double *momentum, double *velocity);

/** p ~ N(0, M): p = L^-T z. Takes exactly dim normals. Not collective. */
void clv_metric_momentum(const clv_metric *self, clv_rng *rng, double *momentum);

/** The same in whitened momenta u = L' p, which are N(0, 1): what a gradient pushes, L' g, and the velocity
 * that u makes, L u = M^-1 p. Not collective. @param[out] push, velocity  [dim], other memory than what is
 * read */
void clv_metric_push(const clv_metric *self, const double *gradient, double *push);
void clv_metric_drift(const clv_metric *self, const double *whitened, double *velocity);

/** Scratch memory of clv_metric_adapt, made beforehand: amid a round no rank may find that it has none. */
typedef struct clv_metric_room clv_metric_room;
clv_status                     clv_metric_room_new(size_t dim, clv_metric_room **out);
void                           clv_metric_room_free(clv_metric_room **self);

/** The Fisher metric of the draws in `moments`: M^-1 = Cov(g)^-1 # Cov(x), the geometric mean of positive
 * definite matrices, with both covariances in coordinates scaled by sigma_i² = √(Var x_i / Var g_i) and there
 * drawn towards the identity with the weight of CLV_METRIC_PRIOR_DRAWS draws. Diagonal form: sigma².
 * Coordinates without spread keep their present scale. Leaves the metric as it is where there are fewer than
 * CLV_METRIC_FEWEST draws. Not collective. Source: Seyboldt, Carlson & Carpenter 2024 (Fisher-divergence
 * preconditioning); Bhatia 2007, Positive Definite Matrices, ch. 4.
 *  @param room  of this dimension @return whether there were enough draws */
bool clv_metric_adapt(clv_metric *self, const clv_moments *moments, clv_metric_room *room);

#define CLV_METRIC_PRIOR_DRAWS 1.0
#define CLV_METRIC_FEWEST 5

#endif
