#ifndef CLV_ENGINE_SAMPLER_LATENT_ROOM_H
#define CLV_ENGINE_SAMPLER_LATENT_ROOM_H

#include <stdint.h>

#include "comm/status.h"

/** A point of the joint space: the hyperparameters, the same on every rank, and this rank's customers' own
 * parameters, block after block. Also holds a momentum half a step away. */
typedef struct clv_latent_place {
  double *phi; /* [n_phi] */
  double *own; /* [n_own] */
} clv_latent_place;

/** A whitened momentum, or a sum of momenta, for turn tests. */
typedef struct clv_latent_momentum {
  double *phi; /* [n_phi] */
  float  *own; /* [n_own] */
} clv_latent_momentum;

/** Finished part of a trajectory, as turn tests see it. */
typedef struct clv_latent_tree {
  clv_latent_momentum first, last, sum;
} clv_latent_tree;

/** An end of the trajectory: the point one step outside it, and the momentum half a step outside. */
typedef struct clv_latent_end {
  clv_latent_place at, kick;
} clv_latent_end;

/** Deepest tree of the sharded-latent sampler. */
#define CLV_LATENT_DEPTH_MOST 16

/** What one transition works on; chains take turns in it. Views are exchanged, never copied. Trees of depths
 * that are not reached are never written to, and so take no memory. */
typedef struct clv_latent_room {
  size_t              n_phi, n_own;
  int                 most_depth;
  clv_latent_end      end[2]; /* backward and forward */
  clv_latent_place    draw, proposal, spare;
  clv_latent_momentum leaf;                         /* the tree of one point that waits on the stack */
  clv_latent_tree     level[CLV_LATENT_DEPTH_MOST]; /* [1 … most_depth - 1]: trees of 2^level points */
  clv_latent_tree     whole;                        /* in the order of time */
  void               *slab;                         /* owned */
} clv_latent_room;

/** @param n_own  a multiple of 16 @param most_depth  1 … CLV_LATENT_DEPTH_MOST. Not collective. */
clv_status clv_latent_room_new(size_t n_phi, size_t n_own, int most_depth, clv_latent_room *out);
void       clv_latent_room_free(clv_latent_room *self);

/** Bytes of one value of n_own in a room whose trees have reached `depth`. Not collective. */
size_t clv_latent_room_bytes(int depth);

#endif
