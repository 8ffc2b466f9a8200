#include "engine/numerics/beta_geometric.h"

#include <math.h>

double clv_beta_geometric_discounted(double a, double b, double v) {
  const double c = a + b, tiny = 1e-300;
  double       f = 1.0, up = 1.0, down = 0.0;
  for (int i = 1; i < 100000; i++) {
    const double j = (double)(i / 2);
    const double g = i % 2 == 1 ? (b + j) * (c - 1.0 + j) / ((c + 2.0 * j - 1.0) * (c + 2.0 * j))
                                : j * (c - b + j - 1.0) / ((c + 2.0 * j - 2.0) * (c + 2.0 * j - 1.0));
    const double q = i == 1 ? -b / c * v : -g * v;
    down           = 1.0 + q * down;
    down           = 1.0 / (fabs(down) < tiny ? tiny : down);
    up             = 1.0 + q / up;
    up             = fabs(up) < tiny ? tiny : up;
    f *= up * down;
    if (fabs(up * down - 1.0) < 1e-15) break;
  }
  return 1.0 / f;
}
