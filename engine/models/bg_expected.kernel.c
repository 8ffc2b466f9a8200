#include "engine/models/bg_expected_kernel.h"
#include "engine/numerics/vmath.h"

enum { VECTORS_MOST = CLV_BG_TIMES_MOST / CLV_VECTOR, TERMS_MOST = 4096, TERMS_AT_ONCE = 8 };

/* Sums over counts for every time at once. */
typedef struct series {
  size_t     n_vector;
  clv_vector z[VECTORS_MOST], term[VECTORS_MOST], sum[VECTORS_MOST]; /* term: P(N = k) */
} series;

static void series_begin(series *s, const clv_bg_times *times) {
  s->n_vector = (times->n + CLV_VECTOR - 1) / CLV_VECTOR;
  for (size_t v = 0; v < s->n_vector; v++)
    for (size_t l = 0; l < CLV_VECTOR; l++) {
      const size_t i = v * CLV_VECTOR + l < times->n ? v * CLV_VECTOR + l : times->n - 1;
      s->z[v][l]     = times->z[i];
      s->term[v][l]  = times->none[i];
      s->sum[v][l]   = 0.0;
    }
}

/* Beyond k the terms P(N = k) C_k are at most a geometric series: C_(k+1) / C_k <= (k + 1) / k. */
static bool series_is_done(const series *s, double r, double k, double survivors) {
  for (size_t v = 0; v < s->n_vector; v++)
    for (size_t l = 0; l < CLV_VECTOR; l++) {
      const double z = s->z[v][l], ratio = z * (r + k) / (k + 1.0), bound = ratio > z ? ratio : z;
      const double shrink = bound * (k + 1.0) / k;
      if (!(shrink < 1.0) || s->term[v][l] * survivors > 1e-17 * (1.0 - shrink) * s->sum[v][l]) return false;
    }
  return true;
}

bool CLV_KERNEL(clv_bg_expected)(const double *theta, const clv_bg_times *times, double *expected) {
  const double r = theta[0], a = theta[2], b = theta[3];
  double       survivors = 0.0, survived = 1.0, k = 0.0; /* C_k, E[(1 - p)^k] */
  series       s;
  series_begin(&s, times);
  do {
    for (int i = 0; i < TERMS_AT_ONCE; i++, k += 1.0) {
      const double step = (r + k) / (k + 1.0);
      for (size_t v = 0; v < s.n_vector; v++) {
        s.sum[v] += s.term[v] * survivors;
        s.term[v] *= s.z[v] * step;
      }
      survivors += survived;
      survived *= (b + k) / (a + b + k);
    }
    if (k > TERMS_MOST) return false;
  } while (!series_is_done(&s, r, k, survivors));
  for (size_t i = 0; i < times->n; i++) expected[i] = s.sum[i / CLV_VECTOR][i % CLV_VECTOR];
  return true;
}
