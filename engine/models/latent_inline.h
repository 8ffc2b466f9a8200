#ifndef CLV_ENGINE_MODELS_LATENT_INLINE_H
#define CLV_ENGINE_MODELS_LATENT_INLINE_H

/* For *.kernel.c files of sharded-latent models. Eight lanes are summed in a fixed order, so the bits do not
 * depend on the vector width. */
#include <stddef.h>

#include "engine/numerics/vmath.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR };

typedef float floats __attribute__((vector_size(4 * CLV_VECTOR), aligned(4), may_alias));

CLV_INLINE clv_vector wide_load(const float *from) {
  return __builtin_convertvector(*(const floats *)from, clv_vector);
}

typedef union lanes {
  clv_vector vector[VECTORS];
  double     lane[LANES];
} lanes;

CLV_INLINE double lanes_sum(const lanes *s) {
  const double *lane = s->lane;
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

#endif
