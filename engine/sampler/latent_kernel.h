#ifndef CLV_ENGINE_SAMPLER_LATENT_KERNEL_H
#define CLV_ENGINE_SAMPLER_LATENT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/numerics/isa.h"

/* What the sharded-latent sampler does to the coordinates of one block, whatever they mean: n of them, a
 * multiple of 16. Momenta are whitened, u = scale × p with scale² the inverse mass, so that they are N(0, 1),
 * kinetic energies and turn tests are plain dot products, and single precision holds those that only turn
 * tests use. Sums are made in eight lanes in a fixed order: the same bits with every instruction set. */

/** One step of the leapfrog, from half step to half step, at a point whose gradient is known. */
typedef struct clv_latent_step {
  size_t        n;
  double        epsilon; /* signed: < 0 backward in time */
  const float  *scale;
  const double *at, *gradient;
  double       *kick;     /* in: momentum half a step before; out: half a step after */
  double       *next;     /* out: the next point */
  float        *momentum; /* out: momentum at this point */
} clv_latent_step;

/** @return Σ u² at the point */
CLV_KERNEL_DECLARE(double, clv_latent_leap, (const clv_latent_step *step));

/** The beginning of a transition: from fresh momenta, half a kick and a drift both ways in time. */
typedef struct clv_latent_opening {
  size_t        n;
  double        epsilon; /* > 0 */
  const float  *scale;
  const double *at, *gradient, *momentum;
  double       *kick[2], *next[2];  /* out: backward and forward */
  float        *first, *last, *sum; /* out: the momentum, three times: a trajectory of one point */
} clv_latent_opening;

/** @return Σ u² */
CLV_KERNEL_DECLARE(double, clv_latent_open, (const clv_latent_opening *opening));

/** Two stretches of trajectory that are about to be joined, in the order of growth: momenta at their ends and
 * their sums. */
typedef struct clv_latent_joint {
  size_t       n;
  const float *first, *last, *sum;        /* of the older one */
  const float *new_first, *now, *new_sum; /* of the newer one; `now` is its last momentum */
  float       *both;                      /* out: sum + new_sum; may be either of them */
} clv_latent_joint;

enum { CLV_LATENT_DOTS = 6 };

/** Adds to dot: whole·first, whole·now, with whole = sum + new_sum; (sum + new_first)·first and ·new_first;
 * (last + new_sum)·last and ·now: what the three turn tests of a join need. */
CLV_KERNEL_DECLARE(void, clv_latent_join, (const clv_latent_joint *joint, double *dot));

/** Where the random numbers of a block's momenta are named: as clv_rng_at(seed, purpose, customer, chain,
 * draw) names them, with the slot moved by `slot`. */
typedef struct clv_latent_name {
  uint64_t seed, customer; /* the block's first */
  uint32_t purpose, chain, draw, slot;
} clv_latent_name;

/** Standard normals momentum [n_latent][width]: those that clv_rng_normal gives, one after the other, for
 * each customer. Places behind n_customer become 0. */
CLV_KERNEL_DECLARE(void, clv_latent_normals,
                   (const clv_latent_name *name, size_t n_latent, size_t n_customer, size_t width,
                    double *momentum));

/** Running means and centred second moments of draws x and their gradients g (Welford 1962). */
typedef struct clv_latent_moments {
  float *mean_x, *mean_g, *sum_x, *sum_g;
} clv_latent_moments;

/** @param count  draws with this one */
CLV_KERNEL_DECLARE(void, clv_latent_learn,
                   (size_t n, double count, const double *x, const double *g, const clv_latent_moments *to));

#endif
