/* Compiled once per instruction set. Eight lanes are summed in a fixed order, so the bits do not depend on
 * the vector width. */
#include "engine/numerics/vmath.h"
#include "engine/sampler/latent_kernel.h"

enum { LANES = 8, VECTORS = LANES / CLV_VECTOR };

typedef float floats __attribute__((vector_size(4 * CLV_VECTOR), aligned(4), may_alias));

typedef union lanes {
  clv_vector vector[VECTORS];
  double     lane[LANES];
} lanes;

CLV_INLINE double lanes_sum(const lanes *s) {
  const double *lane = s->lane;
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

CLV_INLINE clv_vector wide_load(const float *from) {
  return __builtin_convertvector(*(const floats *)from, clv_vector);
}

CLV_INLINE void narrow_store(float *to, clv_vector value) {
  *(floats *)to = __builtin_convertvector(value, floats);
}

CLV_INLINE void vector_store(double *to, clv_vector value) { *(clv_vector *)to = value; }

double CLV_KERNEL(clv_latent_leap)(const clv_latent_step *step) {
  const double epsilon = step->epsilon, half = 0.5 * epsilon;
  lanes        kinetic = {0};
  for (size_t i = 0; i < step->n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     k     = i + v * CLV_VECTOR;
      const clv_vector scale = wide_load(step->scale + k),
                       push  = half * scale * clv_vector_load(step->gradient + k);
      const clv_vector here = clv_vector_load(step->kick + k) + push, after = here + push;
      kinetic.vector[v] = clv_vector_fma(here, here, kinetic.vector[v]);
      narrow_store(step->momentum + k, here);
      vector_store(step->kick + k, after);
      vector_store(step->next + k, clv_vector_fma(epsilon * scale, after, clv_vector_load(step->at + k)));
    }
  return lanes_sum(&kinetic);
}

double CLV_KERNEL(clv_latent_open)(const clv_latent_opening *o) {
  lanes kinetic = {0};
  for (size_t i = 0; i < o->n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     k     = i + v * CLV_VECTOR;
      const clv_vector scale = wide_load(o->scale + k), at = clv_vector_load(o->at + k);
      const clv_vector push = 0.5 * o->epsilon * scale * clv_vector_load(o->gradient + k);
      const clv_vector here = clv_vector_load(o->momentum + k), drift = o->epsilon * scale;
      kinetic.vector[v] = clv_vector_fma(here, here, kinetic.vector[v]);
      narrow_store(o->first + k, here);
      narrow_store(o->last + k, here);
      narrow_store(o->sum + k, here);
      vector_store(o->kick[0] + k, here - push);
      vector_store(o->kick[1] + k, here + push);
      vector_store(o->next[0] + k, clv_vector_fma(-drift, here - push, at));
      vector_store(o->next[1] + k, clv_vector_fma(drift, here + push, at));
    }
  return lanes_sum(&kinetic);
}

void CLV_KERNEL(clv_latent_join)(const clv_latent_joint *j, double *dot) {
  lanes s[CLV_LATENT_DOTS] = {0};
  for (size_t i = 0; i < j->n; i += LANES)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t     k     = i + v * CLV_VECTOR;
      const clv_vector first = wide_load(j->first + k), last = wide_load(j->last + k),
                       sum       = wide_load(j->sum + k);
      const clv_vector new_first = wide_load(j->new_first + k), now = wide_load(j->now + k),
                       new_sum = wide_load(j->new_sum + k);
      const clv_vector whole = sum + new_sum, early = sum + new_first, late = last + new_sum;
      s[0].vector[v] = clv_vector_fma(whole, first, s[0].vector[v]);
      s[1].vector[v] = clv_vector_fma(whole, now, s[1].vector[v]);
      s[2].vector[v] = clv_vector_fma(early, first, s[2].vector[v]);
      s[3].vector[v] = clv_vector_fma(early, new_first, s[3].vector[v]);
      s[4].vector[v] = clv_vector_fma(late, last, s[4].vector[v]);
      s[5].vector[v] = clv_vector_fma(late, now, s[5].vector[v]);
      narrow_store(j->both + k, whole);
    }
  for (size_t t = 0; t < CLV_LATENT_DOTS; t++) dot[t] += lanes_sum(&s[t]);
}

void CLV_KERNEL(clv_latent_learn)(size_t n, double count, const double *x, const double *g,
                                  const clv_latent_moments *to) {
  const double weight = (count - 1.0) / count, share = 1.0 / count;
  for (size_t k = 0; k < n; k += CLV_VECTOR) {
    const clv_vector mean_x = wide_load(to->mean_x + k), dx = clv_vector_load(x + k) - mean_x;
    const clv_vector mean_g = wide_load(to->mean_g + k), dg = clv_vector_load(g + k) - mean_g;
    narrow_store(to->sum_x + k, wide_load(to->sum_x + k) + weight * dx * dx);
    narrow_store(to->sum_g + k, wide_load(to->sum_g + k) + weight * dg * dg);
    narrow_store(to->mean_x + k, mean_x + share * dx);
    narrow_store(to->mean_g + k, mean_g + share * dg);
  }
}
