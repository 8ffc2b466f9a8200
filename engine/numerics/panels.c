#include "engine/numerics/panels.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { N = CLV_PANEL_NODES, QUARTER = N }; /* a quarter of the circle, in steps of pi / 32 */

/* cos(m pi / 32), written out: a library's cosine may differ in its last bit between machines. */
static const double COSINE[QUARTER + 1] = {
    0x1.0000000000000p+0,
    0x1.fd88da3d12526p-1,
    0x1.f6297cff75cb0p-1,
    0x1.e9f4156c62ddap-1,
    0x1.d906bcf328d46p-1,
    0x1.c38b2f180bdb1p-1,
    0x1.a9b66290ea1a3p-1,
    0x1.8bc806b151741p-1,
    0x1.6a09e667f3bcdp-1,
    0x1.44cf325091dd6p-1,
    0x1.1c73b39ae68c8p-1,
    0x1.e2b5d3806f63bp-2,
    0x1.87de2a6aea963p-2,
    0x1.294062ed59f06p-2,
    0x1.8f8b83c69a60bp-3,
    0x1.917a6bc29b42cp-4,
    0.0,
};

static double cosine(size_t m) {
  const size_t round = m % (4 * QUARTER), half = round > 2 * QUARTER ? 4 * QUARTER - round : round;
  return half > QUARTER ? -COSINE[2 * QUARTER - half] : COSINE[half];
}

void clv_panel_find(double u, clv_panel_place *place) {
  const double floor_u = floor(u), x = 2.0 * (u - floor_u) - 1.0;
  place->panel    = (int64_t)floor_u;
  place->basis[0] = 1.0;
  place->basis[1] = x;
  for (size_t k = 2; k < N; k++) place->basis[k] = 2.0 * x * place->basis[k - 1] - place->basis[k - 2];
}

void clv_panel_nodes(int64_t panel, double u[CLV_PANEL_NODES]) {
  for (size_t j = 0; j < N; j++) u[j] = (double)panel + 0.5 * (1.0 + cosine(2 * j + 1));
}

void clv_panel_fit_values(const double value[][CLV_PANEL_FUNCTIONS], clv_panel_fit *fit) {
  memset(fit, 0, sizeof *fit);
  for (size_t k = 0; k < N; k++)
    for (size_t j = 0; j < N; j++) {
      const double weight = (k == 0 ? 1.0 : 2.0) / N * cosine(k * (2 * j + 1));
      for (size_t f = 0; f < CLV_PANEL_FUNCTIONS; f++) fit->coefficient[k][f] += weight * value[j][f];
    }
}

/* The small ones first. */
void clv_panel_values(const clv_panel_fit *fit, const clv_panel_place *place,
                      double value[CLV_PANEL_FUNCTIONS]) {
  double sum[CLV_PANEL_FUNCTIONS] = {0};
  for (size_t k = N; k-- > 0;)
    for (size_t f = 0; f < CLV_PANEL_FUNCTIONS; f++) sum[f] += fit->coefficient[k][f] * place->basis[k];
  memcpy(value, sum, sizeof sum);
}
