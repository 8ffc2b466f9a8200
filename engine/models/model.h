#ifndef CLV_ENGINE_MODELS_MODEL_H
#define CLV_ENGINE_MODELS_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "../../comm/status.h" /* relative: a plug-in is compiled without -I, see plugin.h */
#include "../numerics/rng.h"

/** Bumped whenever clv_model_ops changes shape or meaning. */
#define CLV_MODEL_ABI 1u

#define CLV_NAME_MAX 64

/** A reported quantity, such as r, or alpha over segments. */
typedef struct clv_variable {
  char   name[CLV_NAME_MAX];      /* the literature's name */
  char   dimension[CLV_NAME_MAX]; /* "" for a scalar, or the dimension it has, such as "segment" */
  size_t length;                  /* 1 for a scalar */
} clv_variable;

struct clv_model;

/** All that the sampler knows of a model. `self` is the model's own data: constant after its constructor, so
 * every entry is reentrant. No entry may communicate, read a file, or keep state between calls.
 *
 *  phi are unconstrained coordinates [n_dim]; the log-density that `finish` returns is on that scale (with
 * the log-Jacobian). The same phi gives the same bits, whatever the block split and the rank count. */
typedef struct clv_model_ops {
  /* required */
  uint32_t    abi; /* CLV_MODEL_ABI */
  const char *name;
  size_t (*n_dim)(const void *self);
  size_t (*n_sum)(const void *self);   /* width of the reduced vector, per chain; may be 0 */
  size_t (*n_block)(const void *self); /* blocks that this rank holds */
  /** phi [n_chain][n_dim] -> adds to sum [n_chain][n_sum], which arrives zeroed. A NaN or an infinity is
   * allowed: it reaches every rank through the sum and ends that trajectory as a divergence. */
  void (*block)(const void *self, size_t block, size_t n_chain, const double *phi, double *sum);
  /** One chain: reduced sums -> log-density and gradient [n_dim]. Replicated on every rank, off the data
   * path. */
  void (*finish)(const void *self, const double *phi, const double *sum, double *log_density,
                 double *gradient);
  size_t (*n_variable)(const void *self);
  void (*variable)(const void *self, size_t i, clv_variable *out);
  /** phi [n_dim] -> all variables' values, one after the other, on the user's scale [sum of lengths]. */
  void (*constrain)(const void *self, const double *phi, double *value);

  /* optional: NULL means the default beside it */
  void (*start)(const void *self, clv_rng *rng, double *phi);      /* uniform(-1, 1) per coordinate */
  void (*prior_draw)(const void *self, clv_rng *rng, double *phi); /* no prior-predictive draws */
  /** One line of text per prior, "name ~ density, why"; i counts up until it returns 0. NULL: no table. */
  int (*prior_line)(const void *self, size_t i, char *line, size_t size);
  /** The point where the log-likelihood alone is wanted (model comparison, tests): NULL: not offered. */
  double (*log_likelihood)(const void *self, const double *phi, const double *sum);
  /** The same posterior with integrals approximated more finely, to see what the approximation costs; its
   * data are this model's, which must outlive it. NULL, or *out left as it was: nothing is approximated. */
  clv_status (*refined)(const void *self, struct clv_model *out);
  void (*free)(void *self);
} clv_model_ops;

/** A model: its table and its data. A value type; release with clv_model_free. */
typedef struct clv_model {
  const clv_model_ops *ops;
  void                *self; /* owned */
} clv_model;

/** Is a table what the sampler can use? NULL where it is, else what is wrong, as the end of a sentence that
 * begins with "its". Not collective. */
const char *clv_model_ops_fault(const clv_model_ops *ops);

/** Calls ops->free and clears both members. Accepts an empty model. */
void clv_model_free(clv_model *model);

/** Total number of reported values (sum of the variables' lengths). */
size_t clv_model_n_value(const clv_model *model);

/** The start point of a chain: ops->start or its default, from the numbers named (seed, START, chain). */
void clv_model_start(const clv_model *model, uint64_t seed, uint32_t chain, double *phi);

#endif
