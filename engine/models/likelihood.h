#ifndef CLV_ENGINE_MODELS_LIKELIHOOD_H
#define CLV_ENGINE_MODELS_LIKELIHOOD_H

#include <stdbool.h>
#include <stddef.h>

#include "comm/status.h"
#include "engine/models/prior.h"

/** Most natural parameters of a segment. */
#define CLV_SEGMENT_PARAMETER_MAX 8

/** Most segments of a model that has parameters for each. */
#define CLV_SEGMENT_MAX 1024

/** A likelihood with customers integrated out, given each segment's natural parameters (r, alpha, …): the
 * part of a model that touches data. Priors, transforms and pooling are the hierarchy's (hierarchy.h). The
 * rules of clv_model_ops hold. */
typedef struct clv_likelihood_ops {
  size_t n_parameter;
  size_t n_term; /* sums per segment that block() makes */
  size_t (*n_block)(const void *self);
  /** theta [n_chain][n_segment][n_parameter] -> adds to sum [n_chain][n_segment][n_term], which arrives
   * zeroed. */
  void (*block)(const void *self, size_t block, size_t n_chain, const double *theta, double *sum);
  /** One chain, one segment: reduced sums [n_term] -> log-likelihood, and its gradient in theta
   * [n_parameter]. */
  double (*finish)(const void *self, size_t segment, const double *theta, const double *sum,
                   double *gradient);
  /** Segments [*first, *last) are all that have customers in the block: theta of the others is not read.
   * NULL: it may be any. */
  void (*touched)(const void *self, size_t block, size_t *first, size_t *last);
  /** The same with integrals approximated more finely, as in clv_model_ops; its data are this one's. NULL:
   * nothing is approximated. */
  clv_status (*refined)(const void *self, void **out);
  void (*free)(void *self);
} clv_likelihood_ops;

typedef struct clv_likelihood {
  const clv_likelihood_ops *ops;
  void                     *self; /* owned */
  size_t                    n_segment;
} clv_likelihood;

/** Unconstrained coordinates u of one segment's natural parameters theta > 0, chosen so that the data move
 * them independently. A prior sits in a slot per coordinate: on u[i] by default, or on theta[i] where the
 * user names it. */
typedef struct clv_coordinates {
  size_t             n;
  const char *const *parameter;  /* [n] natural names */
  const char *const *coordinate; /* [n] what u[i] is, in words */
  /** @param[out] theta [n]  @param[out] jacobian [n][n] d log theta[i] / d u[j]; may be NULL */
  void (*natural)(const double *u, double *theta, double *jacobian);
  /** Bit i of `named` set: slot i holds log theta[i], else u[i]. log |d slots / d u|. @param[out] gradient
   * [n] */
  double (*log_determinant)(unsigned named, const double *u, double *gradient);
  /** The inverse map, for drawing from the prior. False where no u gives these slots (draw again). */
  bool (*from_slots)(unsigned named, const double *slot, double *u);
  unsigned shapes; /* bit i set: theta[i] is a shape, of no unit; see clv_shapes_are_known */
} clv_coordinates;

/** Largest shapes of a segment, and of a customer whom covariates move. One beyond says nothing that one at
 * it does not, but sums over customers then cancel so far that their roundings can outweigh any prior: a
 * chain would stay there for good. */
#define CLV_SHAPE_MOST 0x1p24
#define CLV_SHAPE_MOST_OF_ONE 0x1p32

/** Whether none of the shapes is larger than `most`. Where it is not so the density is NaN, and a trajectory
 * that gets there diverges. Pure. */
bool clv_shapes_are_known(unsigned shapes, size_t n, const double *theta, double most);

#endif
